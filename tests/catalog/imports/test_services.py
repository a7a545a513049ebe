"""Products come from a file: as many as are right, and each refused row says why."""

from collections.abc import Callable
from contextlib import AbstractContextManager as ContextManager
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from catalog import drafts, stock
from catalog.imports import downloads, files, problems, services, working
from catalog.imports.models import Import
from catalog.models import (
    ALWAYS,
    Category,
    Master,
    Media,
    Modifier,
    ModifierGroup,
    Price,
    StockItem,
    StockMovement,
    Variant,
)
from catalog.products import detail, listing
from catalog.search import audit as search_audit
from catalog.search import index
from catalog.search.models import SearchEntry, SearchWord
from museo.access import trail
from museo.access.callers import Caller
from notifications.audit import broken
from notifications.models import Event
from orders import baskets, checkout
from orders.details import Details
from orders.models import DeliveryOption
from tests.catalog.imports.conftest import (
    HEADER,
    NOON,
    ImportFile,
    changes,
    clock,
    counts,
    csv_of,
    reasons,
)
from tests.orders.conftest import ADDRESS

pytestmark = pytest.mark.both


def timeline() -> list[tuple[Any, ...]]:
    """What was asked for, and from when until when."""
    names = ("amount", "list_amount", "valid_from", "valid_to")
    return list(Price.objects.order_by("valid_from").values_list(*names))


BOWL = "BOWL-S,bowl,Blue bowl,clay,84.00,5"
LARGE = "BOWL-L,bowl,,,94.00,2"


def test_rows_become_products_with_variants_prices_and_stock(import_file: ImportFile) -> None:
    found = import_file(
        csv_of(
            f"{BOWL},Small",
            f"{LARGE},Large",
            "CUP,cup,Cup,clay,12.5,",
            header=f"{HEADER},option:Size",
        )
    )

    assert (found.state, counts(found)) == ("done", (3, 0, 0, 0))
    bowl = detail("bowl", locale="en", now=NOON)
    assert [
        (each["sku"], each["options"], each["price"]["amount"], each["available"])
        for each in bowl["variants"]
    ] == [("BOWL-S", {"size": "Small"}, 8400, 5), ("BOWL-L", {"size": "Large"}, 9400, 2)]
    assert (bowl["name"], bowl["default_sku"]) == ("Blue bowl", "BOWL-S")
    assert detail("cup", locale="en", now=NOON)["price"]["amount"] == 1250
    moved = StockMovement.objects.order_by("pk").values_list("delta", "kind", "reference")
    assert list(moved) == [(5, "receive", found.reference), (2, "receive", found.reference)]


def test_the_same_file_again_changes_nothing(import_file: ImportFile) -> None:
    import_file(csv_of(BOWL))

    again = import_file(csv_of(BOWL))

    assert counts(again) == (0, 0, 1, 0)
    assert Master.objects.get().revision == 1
    assert StockMovement.objects.count() == 1


def test_a_change_says_what_was_and_what_is(import_file: ImportFile) -> None:
    import_file(csv_of(BOWL))

    found = import_file(csv_of("BOWL-S,,Bowl,,79.00,7"))

    assert counts(found) == (0, 1, 0, 0)
    assert changes(found) == {
        2: {"name:en": ["Blue bowl", "Bowl"], "price:EUR": [8400, 7900], "stock": [5, 7]}
    }
    assert Master.objects.get().revision == 2
    assert timeline() == [(8400, None, ALWAYS, NOON), (7900, None, NOON, None)]
    assert StockItem.objects.get().on_hand == 7
    assert list(StockMovement.objects.values_list("delta", flat=True)) == [5, 2]


def test_a_dry_run_tells_the_same_and_changes_nothing(
    import_file: ImportFile, staff: Caller
) -> None:
    file = csv_of(BOWL, LARGE, "BAD,bad,Bad,clay,-1,1", header=HEADER)

    dry = import_file(file, dry_run=True)

    assert (dry.state, counts(dry)) == ("checked", (1, 0, 0, 2))
    assert not Master.objects.exists()
    told = changes(dry), reasons(dry)

    services.run(staff, dry.public_id, now=NOON)
    working.work_on_next(clock)
    dry.refresh_from_db()

    assert (dry.state, counts(dry)) == ("done", (1, 0, 0, 2))
    assert (changes(dry), reasons(dry)) == told
    assert Variant.objects.get().sku == "BOWL-S"


def test_every_reason_is_told_and_a_refused_row_changes_nothing(import_file: ImportFile) -> None:
    import_file(csv_of(BOWL))

    found = import_file(
        csv_of(
            "A,a,A,clay,1.005,1",
            "B,b,B,clay,-1,1",
            "C,c,C,clay,99999999999,1",
            "D,d,D,nowhere,1,1",
            "E,e,E,clay,1,1.5",
            "F,f,F,clay,1,99999999999999999999",
            ",g,G,clay,1,1",
            "H,h,,clay,1,1",
            "I,i,I,,1,1",
            "J,j,J,clay,,1",
            "BOWL-S,cup,Cup,clay,1,1",
            "BOWL-S,,,,2,1",
            f"K,k,{'k' * 161},clay,1,1",
            "M,m,M,clay,1,1,more",
            "N,n,N,clay,=1+1,1",
        )
    )

    assert reasons(found) == {
        2: [("price", "price_fraction")],
        3: [("price", "price_negative")],
        4: [("price", "price_too_high")],
        5: [("category", "category_unknown")],
        6: [("stock", "number_invalid")],
        7: [("stock", "number_range")],
        8: [("sku", "sku_missing")],
        9: [("name", "required")],
        10: [("category", "required")],
        11: [("price", "required")],
        12: [("sku", "sku_of_another")],
        13: [("sku", "sku_twice")],
        14: [("name:en", "too_long")],
        15: [("", "more_cells")],
        16: [("price", "formula")],
    }
    assert counts(found) == (0, 0, 0, 15)
    assert Variant.objects.get().sku == "BOWL-S"
    assert Price.objects.get().amount == 8400


def test_a_text_may_be_as_long_as_by_hand(import_file: ImportFile) -> None:
    longest = drafts.TEXTS["description"]
    header = f"{HEADER},description"

    found = import_file(
        csv_of(
            f"A,a,A,clay,1,1,{'a' * longest}",
            f"B,b,B,clay,1,1,{'b' * (longest + 1)}",
            header=header,
        )
    )

    assert counts(found) == (1, 0, 0, 1)
    assert reasons(found) == {3: [("description:en", "too_long")]}


def test_a_product_has_as_many_variants_and_options_as_by_hand(import_file: ImportFile) -> None:
    most = drafts.MOST["variants"]
    options = [f"option:O{number}" for number in range(drafts.MOST["options"] + 1)]

    sizes = import_file(
        csv_of(
            *(f"A-{size},a,A,clay,1,1,{size}" for size in range(most + 1)),
            header=f"{HEADER},option:Size",
        )
    )
    many = import_file(
        csv_of(f"B,b,B,clay,1,1{',x' * len(options)}", header=",".join([HEADER, *options]))
    )

    assert counts(sizes) == (most, 0, 0, 1)
    assert reasons(sizes) == {most + 2: [("product", "variants_many")]}
    assert reasons(many) == {2: [("options", "options_many")]}


def test_cells_that_cannot_be_read_do_not_hide_what_else_is_wrong(
    import_file: ImportFile,
) -> None:
    import_file(csv_of(BOWL, "CUP,cup,Cup,clay,4.00,1"))
    header = "sku,product,name,category,price,stock,list_price,gtin"

    found = import_file(
        csv_of(
            "A,a,,,,one,,x",
            "B,b,B,nowhere,free,1,9.00,",
            "BOWL-S,,,,90.00,-5,80.00,x",
            "BOWL-S,cup,,,1,1,,x",
            "CUP,bowl,,,,one,,",
            "C,c,C,clay,1.00,one,0.50,",
            "D,bowl,Plate,clay,1.00,1,,x",
            header=header,
        )
    )

    assert reasons(found) == {
        2: [
            ("stock", "number_invalid"),
            ("gtin", "number_invalid"),
            ("price", "required"),
            ("category", "required"),
            ("name", "required"),
        ],
        # a price before cannot be compared with a price that cannot be read
        3: [("category", "category_unknown"), ("price", "price_invalid")],
        4: [
            ("gtin", "number_invalid"),
            ("list_price:EUR", "list_price_low"),
            ("stock", "number_range"),
        ],
        # of what does not count nothing more is said
        5: [("gtin", "number_invalid"), ("sku", "sku_twice")],
        6: [("stock", "number_invalid"), ("sku", "sku_of_another")],
        7: [("stock", "number_invalid"), ("list_price:EUR", "list_price_low")],
        8: [("gtin", "number_invalid"), ("options", "options_twin")],
    }
    assert Variant.objects.count() == 2


def test_what_nobody_could_buy_is_said_and_is_no_refusal(import_file: ImportFile) -> None:
    DeliveryOption.objects.update(kinds=["physical"])
    header = f"{HEADER},kind,status"
    rows = (
        "A,a,Cup,clay,1,1,physical,active",
        "B,b,Song,clay,1,1,digital,active",
        "C,c,Film,clay,1,1,digital,draft",
    )

    found = import_file(csv_of(*rows, header=header))

    assert counts(found) == (3, 0, 0, 0)
    told = {row.sku: list(row.reasons) for row in found.rows.all()}
    not_carried = {"field": "kind", "code": "not_carried", "kind": "digital"}
    assert told == {"A": [], "B": [not_carried], "C": []}
    assert downloads.warnings(found) == [
        "No way of delivery takes what is of this kind: Digital. Nobody can buy it."
    ]

    again = import_file(csv_of(*rows[:2], rows[2].replace("draft", "active"), header=header))

    told = {row.sku: list(row.reasons) for row in again.rows.all()}
    assert told == {"A": [], "B": [], "C": [not_carried]}


def test_a_row_with_a_null_character_is_refused(import_file: ImportFile) -> None:
    row = {"sku": "A", "name": "a\x00b", "category": "clay", "price": 1, "stock": 2**70}

    found = import_file(
        orjson.dumps([row | {"stock": 1}, row | {"sku": "\x00", "stock": str(2**70)}])
    )

    assert reasons(found) == {
        1: [("name:en", "unreadable")],
        2: [("sku", "unreadable"), ("name:en", "unreadable"), ("stock", "number_range")],
    }


# what a file says of one product


def test_what_rows_of_one_product_say_must_agree(import_file: ImportFile) -> None:
    found = import_file(
        csv_of(
            "A-S,a,Name,clay,1,1,S",
            "A-M,a,Other,clay,1,1,M",
            "A-L,a,Name,clay,1,1,L",
            "A-L2,a,,,1,1,L",
            header=f"{HEADER},option:Size",
        )
    )

    assert reasons(found) == {
        3: [("name:en", "differs_from_row")],
        5: [("options", "options_twin")],
    }
    assert counts(found) == (2, 0, 0, 2)


def test_variants_can_pass_their_options_on(import_file: ImportFile) -> None:
    header = "sku,product,name,category,price,option:Size"
    import_file(csv_of("A,a,N,clay,1,S", "B,a,,,1,M", "C,a,,,1,L", header=header))

    # rows count one after the other: L is free when A asks for it
    found = import_file(csv_of("C,XL", "A,L", header="sku,option:Size"))
    early = import_file(csv_of("A,M", "B,S", header="sku,option:Size"))

    assert counts(found) == (0, 2, 0, 0)
    assert reasons(early) == {2: [("options", "options_twin")]}
    sizes = {
        each["sku"]: each["options"]["size"]
        for each in detail("a", locale="en", now=NOON)["variants"]
    }
    assert sizes == {"A": "L", "B": "S", "C": "XL"}
    keys = set(Variant.objects.values_list("option_key", flat=True))
    assert len(keys) == 3
    assert not any(key.startswith("parked") for key in keys)


def test_names_are_kept_by_language(import_file: ImportFile) -> None:
    header = "sku;product;name:en;name:de;Kategorie;Preis EUR;list_price:EUR;currency"
    found = import_file(
        csv_of("A;a;Bowl;Schale;Clay;84,00;99,90;", "B;b;;Tasse;clay;5;;", header=header)
    )

    assert counts(found) == (2, 0, 0, 0)
    assert detail("a", locale="de", now=NOON)["name"] == "Schale"
    assert detail("a", locale="en", now=NOON)["list_price"]["amount"] == 9990
    assert detail("b", locale="en", now=NOON)["name"] == "Tasse"


def test_a_price_before_is_taken_away_by_a_dash(import_file: ImportFile) -> None:
    header = "sku,product,name,category,price,list_price"
    import_file(csv_of("A,a,N,clay,5,9", header=header))

    found = import_file(csv_of("A,-", header="sku,list_price"))

    assert changes(found) == {2: {"list_price:EUR": [900, None]}}
    assert timeline() == [(500, 900, ALWAYS, NOON), (500, None, NOON, None)]


def test_what_checkouts_hold_stays_on_the_shelf(import_file: ImportFile) -> None:
    import_file(csv_of(BOWL))
    variant = Variant.objects.get()
    stock.reserve(holder="chk_1", wanted={variant.pk: 4}, expires_at=NOON)

    found = import_file(csv_of("BOWL-S,3", header="sku,stock"))

    assert reasons(found) == {2: [("stock", "still_promised")]}
    assert StockItem.objects.get().on_hand == 5
    import_file(csv_of("BOWL-S,4", header="sku,stock"))
    assert StockItem.objects.get().on_hand == 4
    # nobody's open form is out of date for that
    assert Master.objects.get().revision == 1


def test_deleted_products_are_left_alone(import_file: ImportFile) -> None:
    import_file(csv_of(BOWL))
    Master.objects.update(deleted_at=NOON)

    found = import_file(csv_of(BOWL, "NEW,bowl,New bowl,clay,1,1"))

    assert reasons(found) == {2: [("sku", "sku_deleted")]}
    assert counts(found) == (1, 0, 0, 1)
    assert Variant.objects.get(sku="NEW").master.deleted_at is None


def test_a_row_without_a_product_is_one_of_its_own(import_file: ImportFile) -> None:
    import_file(csv_of(BOWL))

    found = import_file(
        csv_of("Cup 1,,Cup,clay,1,1", "CUP-1,,Cup,clay,1,1", "bowl,,Bowl,clay,1,1", "!,,X,clay,1,1")
    )

    assert Variant.objects.get(sku="Cup 1").master.slug == "cup-1"
    assert reasons(found) == {
        3: [("product", "product_taken")],
        4: [("product", "product_taken")],
        5: [("product", "required")],
    }


def test_categories_are_found_by_path_name_and_slug(
    import_file: ImportFile, clay: Category
) -> None:
    for slug, name in (("bowls", "Bowls"), ("cups", "Cups")):
        parent = Category.objects.get(pk=clay.pk)
        Category.objects.add_child(parent, instance=Category(slug=slug, name=name))
    room = Category.objects.add_root(instance=Category(slug="glass", name="Glass"))
    Category.objects.add_child(room, instance=Category(slug="glass-bowls", name="Bowls"))

    found = import_file(
        csv_of(
            "A,a,A,Clay > Bowls,1,1",
            "B,b,B,clay/cups,1,1",
            "C,c,C,glass-bowls,1,1",
            "D,d,D,bowls,1,1",
            "E,e,E,CUPS,1,1",
            "F,f,F,Clay > Nothing,1,1",
        )
    )

    slugs = Master.objects.order_by("slug").values_list("slug", "primary_category__slug")
    assert dict(slugs) == {
        "a": "bowls",
        "b": "cups",
        "c": "glass-bowls",
        "d": "bowls",
        "e": "cups",
    }
    assert reasons(found) == {7: [("category", "category_unknown")]}


def test_pictures_are_kept_by_their_addresses(import_file: ImportFile) -> None:
    header = "sku,name,category,price,pictures"
    import_file(csv_of("A,N,clay,1,https://img.example/a.jpg /media/catalog/b.svg", header=header))
    Media.objects.filter(position=0).update(alt="From above")

    found = import_file(
        csv_of("A,/media/catalog/b.svg https://img.example/a.jpg", header="sku,pictures")
    )
    bad = import_file(csv_of("A,http://img.example/a.jpg javascript:1", header="sku,pictures"))

    assert counts(found) == (0, 1, 0, 0)
    assert detail("a", locale="en", now=NOON)["media"] == [
        {"url": "/media/catalog/b.svg", "alt": ""},
        {"url": "https://img.example/a.jpg", "alt": "From above"},
    ]
    assert reasons(bad) == {2: [("pictures", "picture_invalid")]}


# as an edit by hand would do it


def test_each_product_has_a_row_on_the_trail_that_names_its_fields(
    import_file: ImportFile, staff: Caller
) -> None:
    import_file(
        csv_of(f"{BOWL},S", f"{LARGE},L", "CUP,cup,Cup,clay,5,5", header=f"{HEADER},option:Size")
    )
    again = import_file(csv_of("BOWL-S,,,,79,", "BOWL-L,,Big bowl,,,9", "CUP,cup,Cup,clay,5,5"))

    def left(slug: str) -> list[tuple[str, str, list[str]]]:
        traces = trail.of(Master.objects.get(slug=slug).public_id)
        return [(trace.name, trace.what, trace.fields) for trace in traces]

    made = ["category", "name.en", "variants.CUP", "variants.CUP.on_hand", "variants.CUP.prices"]
    edited = ["name.en", "variants.BOWL-L.on_hand", "variants.BOWL-S.prices"]
    assert left("cup") == [("staff@museo.example", "product.created", made)]
    assert left("bowl")[0] == ("staff@museo.example", "product.changed", edited)
    assert [what for _who, what, _fields in left("bowl")] == ["product.changed", "product.created"]

    services.undo(staff, again.public_id, now=NOON)
    working.work_on_next(clock)

    assert left("bowl")[0] == ("staff@museo.example", "product.changed", edited)
    assert len(left("bowl")) == 3
    assert len(left("cup")) == 1


def test_what_an_import_brings_back_is_told(import_file: ImportFile) -> None:
    import_file(csv_of("BOWL-S,bowl,Blue bowl,clay,84.00,0"))

    import_file(csv_of("BOWL-S,4", header="sku,stock"))

    event = Event.objects.get(type="stock.back")
    assert event.data["sku"] == "BOWL-S"


@pytest.mark.parametrize("header", ["price,currency,price:EUR", "price:EUR,price,currency"])
def test_a_row_with_two_prices_in_one_currency_is_refused(
    import_file: ImportFile, header: str
) -> None:
    def row(sku: str, **cells: str) -> str:
        return ",".join([sku, sku, "clay", *(cells.get(name, "") for name in header.split(","))])

    said = {"price": "84.00", "currency": "EUR"}
    found = import_file(
        "\n".join(
            [
                f"sku,name,category,{header}",
                row("DIFFERS", **said, **{"price:EUR": "85.00"}),
                row("AGREES", **said, **{"price:EUR": "€84"}),
                row("BESIDE", **{**said, "currency": "USD", "price:EUR": "85.00"}),
                row("ALONE", **said),
            ]
        ).encode()
    )

    [(_row, [(field, code)])] = reasons(found).items()
    assert (field.partition(":")[0], code) == ("price", "price_differs")
    assert set(Variant.objects.values_list("sku", flat=True)) == {"AGREES", "BESIDE", "ALONE"}
    [told] = found.rows.get(outcome="refused").reasons
    assert "another price" in problems.words(problems.OF_ROWS, told)


def test_a_currency_that_is_no_money_any_more_is_refused(import_file: ImportFile) -> None:
    header = "sku,product,name,category,price,currency"

    found = import_file(csv_of("A,a,A,clay,5,DEM", header=header))

    assert reasons(found) == {2: [("currency", "currency_unknown")]}


def test_a_price_beyond_what_can_be_kept_is_refused(import_file: ImportFile) -> None:
    header = "sku,product,name,category,price:KWD"

    found = import_file(csv_of("A,a,A,clay,9999999999.999", header=header))

    assert reasons(found) == {2: [("price:KWD", "price_too_high")]}


def test_the_index_follows_prices_names_and_nothing_else(import_file: ImportFile) -> None:
    import_file(csv_of(BOWL, "CUP,cup,Cup,clay,5,5"))
    import_file(csv_of("BOWL-S,,,,79,9", "CUP,,Mug,,,7"))

    def found(query: str) -> list[tuple[str, int]]:
        page = listing(locale="en", now=NOON, query=query)
        return [(row["slug"], row["price"]["amount"]) for row in page.results]

    assert (found("bowl"), found("mug"), found("bowl under 80")) == (
        [("bowl", 7900)],
        [("cup", 500)],
        [("bowl", 7900)],
    )
    assert broken(search_audit.INVARIANTS, now=NOON) == []


def test_new_products_are_found_as_if_the_index_were_made_anew(import_file: ImportFile) -> None:
    header = (
        "sku,product,name,name:de,description:de,category,price,price:USD,brand,tags,status,"
        "attribute:Colour,option:Size,gtin,active"
    )
    import_file(
        csv_of(
            "A-1,a,Blue vase,Blaue Vase,Für Blumen,clay,9,,Studio,round,,Red,Small,4006381333931,",
            "A-2,a,,,,,7,,,,,,Large,,",
            "A-3,a,,,,,3,,,,,,Huge,,no",
            "B-1,b,Bowl,,,clay,,5,,,,,,,",
            "C-1,c,Cup,,,clay,5,,,,draft,,,,",
            header=header,
        )
    )
    made, words = entries(), known_words()

    index.rebuild(now=NOON)

    assert [row["price"] for row in made] == [700, None]
    assert made == entries()
    assert words == known_words()


def entries() -> list[dict[str, Any]]:
    """All there are, the names of each in one order."""
    rows = SearchEntry.objects.order_by("pk").values()
    return [{**row, "names": sorted(row["names"].split("|"))} for row in rows]


def known_words() -> set[str]:
    return set(SearchWord.objects.values_list("word", flat=True))


# ending


def test_undo_restores_what_nobody_changed_since(import_file: ImportFile, staff: Caller) -> None:
    import_file(csv_of(BOWL, "CUP,cup,Cup,clay,5,5"))
    found = import_file(
        csv_of("BOWL-S,,Bowl,,79,9", "CUP,,Mug,,6,6", "NEW,new,New,clay,1,1", "OLD,old,O,clay,1,1")
    )
    Price.objects.filter(variant__sku="CUP").update(amount=700)
    stock.reserve(holder="chk_1", wanted={Variant.objects.get(sku="OLD").pk: 1}, expires_at=NOON)

    services.undo(staff, found.public_id, now=NOON)
    working.work_on_next(clock)

    found.refresh_from_db()
    assert (found.state, found.undone, found.kept) == ("undone", 2, 2)
    kept = found.rows.filter(was_undone=False).order_by("number")
    assert list(kept.values_list("sku", flat=True)) == ["CUP", "OLD"]
    bowl = detail("bowl", locale="en", now=NOON)
    assert (bowl["name"], bowl["price"]["amount"]) == ("Blue bowl", 8400)
    assert StockItem.objects.get(variant__sku="BOWL-S").on_hand == 5
    moved = StockMovement.objects.filter(stock_item__variant__sku="BOWL-S").order_by("pk")
    assert list(moved.values_list("delta", flat=True)) == [5, 4, -4]
    assert detail("cup", locale="en", now=NOON)["price"]["amount"] == 700
    assert not Master.objects.filter(slug="new").exists()
    assert Master.objects.filter(slug="old").exists()


def test_what_was_ordered_meanwhile_stays(import_file: ImportFile, staff: Caller) -> None:
    found = import_file(csv_of(f"{BOWL},no", header=f"{HEADER},track_stock"))
    opened = baskets.add(Caller(), sku="BOWL-S", quantity=1, now=NOON)
    guest = Caller(basket_token=opened.token)
    details = Details(email="maya@example.org", name="Maya Okafor", address=ADDRESS)
    placed = checkout.place(guest, details, now=NOON, speed=1.0)

    services.undo(staff, found.public_id, now=NOON)
    working.work_on_next(clock)

    found.refresh_from_db()
    assert (found.state, found.undone, found.kept) == ("undone", 0, 1)
    assert placed.order.lines.get().variant == Variant.objects.get()


def test_what_is_chosen_with_a_dish_is_no_matter_of_files(
    import_file: ImportFile, staff: Caller
) -> None:
    import_file(csv_of(BOWL))
    bowl = Master.objects.get()
    group = ModifierGroup.objects.create(master=bowl, code="lid", name="Lid", minimum=1)
    Modifier.objects.create(master=bowl, group=group, code="cork", name="Cork", price=300)
    menu = detail("bowl", locale="en", now=NOON)["modifiers"]

    found = import_file(csv_of("BOWL-S,,Soup bowl,,79,9"))

    changed = detail("bowl", locale="en", now=NOON)
    assert (changed["name"], changed["price"]["amount"]) == ("Soup bowl", 7900)
    assert changed["modifiers"] == menu

    services.undo(staff, found.public_id, now=NOON)
    working.work_on_next(clock)

    undone = detail("bowl", locale="en", now=NOON)
    assert (undone["name"], undone["modifiers"]) == ("Blue bowl", menu)


def test_stock_that_is_promised_by_now_is_not_taken_back(
    import_file: ImportFile, staff: Caller
) -> None:
    import_file(csv_of(BOWL))
    found = import_file(csv_of("BOWL-S,9", header="sku,stock"))
    stock.reserve(holder="chk_1", wanted={Variant.objects.get().pk: 8}, expires_at=NOON)

    services.undo(staff, found.public_id, now=NOON)
    working.work_on_next(clock)

    found.refresh_from_db()
    assert (found.state, found.undone, found.kept) == ("undone", 0, 1)
    assert StockItem.objects.get().on_hand == 9


def test_an_undone_file_can_be_imported_again(import_file: ImportFile, staff: Caller) -> None:
    file = csv_of(f"{BOWL},S", f"{LARGE},L", header=f"{HEADER},option:Size")
    found = import_file(file)

    services.undo(staff, found.public_id, now=NOON)
    working.work_on_next(clock)

    assert not Master.objects.exists()
    assert counts(import_file(file)) == (2, 0, 0, 0)


def test_a_cancelled_import_stops_and_can_be_undone(
    staff: Caller, clay: Category, committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "BATCH", dict.fromkeys(working.BATCH, 2))
    content = csv_of(*(f"S{n},p{n},N,clay,1,1" for n in range(8)))
    found = services.start(staff, [content], file_name="a.csv", dry_run=False, now=NOON)

    def cancel_between_batches() -> datetime:
        if Import.objects.filter(done=4, state="running").exists():
            services.cancel(staff, found.public_id, now=NOON)
        return NOON

    working.work_on(found, cancel_between_batches)

    found.refresh_from_db()
    assert (found.state, found.done, Variant.objects.count()) == ("cancelled", 4, 4)
    services.undo(staff, found.public_id, now=NOON)
    working.work_on_next(clock)
    found.refresh_from_db()
    assert (found.state, found.undone, Variant.objects.count()) == ("undone", 4, 0)


def test_only_what_was_imported_is_undone(
    staff: Caller, clay: Category, committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "BATCH", dict.fromkeys(working.BATCH, 2))
    content = csv_of(*(f"S{n},p{n},N,clay,1,1" for n in range(8)))
    found = services.start(staff, [content], file_name="a.csv", dry_run=True, now=NOON)
    working.work_on(found, clock)
    services.run(staff, found.public_id, now=NOON)

    def cancel_between_batches() -> datetime:
        if Import.objects.filter(done=2, state="running").exists():
            services.cancel(staff, found.public_id, now=NOON)
        return NOON

    found.refresh_from_db()
    working.work_on(found, cancel_between_batches)

    assert found.rows.exclude(outcome="").count() == 2
    dry = services.start(staff, [content], file_name="a.csv", dry_run=True, now=NOON)
    services.cancel(staff, dry.public_id, now=NOON)
    with pytest.raises(services.NotNow):
        services.undo(staff, dry.public_id, now=NOON)
    services.undo(staff, found.public_id, now=NOON)
    working.work_on_next(clock)
    found.refresh_from_db()
    assert (found.undone, found.kept, Variant.objects.count()) == (2, 0, 0)


def test_what_is_not_possible_now_is_refused(import_file: ImportFile, staff: Caller) -> None:
    found = import_file(csv_of(BOWL))

    for act in (services.run, services.cancel):
        with pytest.raises(services.NotNow):
            act(staff, found.public_id, now=NOON)
    services.undo(staff, found.public_id, now=NOON)
    with pytest.raises(services.NotNow):
        services.undo(staff, found.public_id, now=NOON)


@pytest.mark.both
def test_what_was_checked_anew_meanwhile_is_not_begun_under_the_former_mapping(
    import_file: ImportFile, staff: Caller
) -> None:
    header = "sku,name,category,Größe,price"
    seen = import_file(csv_of("A,Lamp,clay,L,1.00", header=header), dry_run=True)
    other = ["sku", "name", "category", "option:Größe", "price"]
    services.check(staff, seen.public_id, mapping=other, now=NOON)
    working.work_on_next(clock)

    with pytest.raises(services.NotNow, match="See first what would change"):
        services.begin(seen, by="", mapping=seen.mapping, dry_run=False, now=NOON)

    services.run(staff, seen.public_id, now=NOON)
    working.work_on_next(clock)
    assert Variant.objects.get().option_values.get().label == "L"


def test_a_file_that_fails_in_the_middle_has_changed_nothing(import_file: ImportFile) -> None:
    found = import_file(csv_of(BOWL, *[f"S{n},p,N,clay,1,1" for n in range(10)]) + b'"open\n')

    assert (found.state, found.failure["code"]) == ("failed", "not_csv")
    assert not Master.objects.exists()


def test_what_is_taken_back_is_all_done(import_file: ImportFile, staff: Caller) -> None:
    found = import_file(csv_of(BOWL, "BAD,bad,Bad,clay,-1,1"))
    services.undo(staff, found.public_id, now=NOON)
    working.work_on_next(clock)
    found.refresh_from_db()

    assert (found.undone, found.total, found.progress) == (1, 2, 100)


def test_old_imports_are_forgotten_with_their_files(import_file: ImportFile) -> None:
    found = import_file(csv_of(BOWL), dry_run=True)
    assert files.storage().exists(found.stored_as)

    assert services.forget_old(now=NOON + timedelta(days=29)) == 0
    assert services.forget_old(now=NOON + timedelta(days=31)) == 1

    assert not Import.objects.exists()
    assert not files.storage().exists(found.stored_as)


def test_progress_is_told_to_whoever_may_see_products(import_file: ImportFile) -> None:
    found = import_file(csv_of(BOWL))

    told = Event.objects.filter(topic=found.topic).order_by("position")
    assert {event.type for event in told} == {"import.progress"}
    assert [event.data["state"] for event in told] == ["running", "running", "running", "done"]
    assert told.reverse()[0].data["created"] == 1
    progress = [event.data["progress"] for event in told]
    assert (progress, progress[-1]) == (sorted(progress), 100)


@pytest.mark.parametrize("rows", [10, 400])
def test_a_batch_costs_as_many_queries_for_many_rows_as_for_few(
    import_file: ImportFile,
    staff: Caller,
    clay: Category,
    django_assert_max_num_queries: Callable[[int], ContextManager[object]],
    rows: int,
) -> None:
    content = csv_of(
        *(f"S{n},p{n},N,clay,1,1,S" for n in range(rows)), header=f"{HEADER},option:Size"
    )
    found = services.start(staff, [content], file_name="a.csv", dry_run=False, now=NOON)

    with django_assert_max_num_queries(75):
        working.work_on(found, clock)

    found.refresh_from_db()
    assert counts(found) == (rows, 0, 0, 0)
