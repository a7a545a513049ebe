"""Lists, details and search of what is on sale."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from catalog import products
from catalog.models import (
    Category,
    Master,
    OptionValue,
    Price,
    ProductOption,
    StockItem,
    Variant,
)
from catalog.search import index

pytestmark = [pytest.mark.django_db, pytest.mark.both]
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

Sell = Callable[..., Master]


@pytest.fixture
def sell() -> Sell:
    """Puts a product on sale: name, price, on_hand, category slug; newer than those before."""
    ages = iter(range(10_000))

    def sell(
        name: str, *, price: int = 1000, on_hand: int = 5, category: str = "things", **fields: Any
    ) -> Master:
        slug = name.lower().replace(" ", "-")
        at = NOON - timedelta(days=30) + timedelta(minutes=next(ages))
        master: Master = Master.objects.create(
            name=name,
            slug=slug,
            status=Master.Status.ACTIVE,
            published_at=at,
            primary_category=room(category),
            **fields,
        )
        variant = Variant.objects.create(master=master, sku=slug.upper())
        Price.objects.create(variant=variant, amount=price)
        StockItem.objects.create(variant=variant, on_hand=on_hand)
        return master

    return sell


def room(slug: str) -> Category:
    found: Category | None = Category.objects.filter(slug=slug).first()
    return found or Category.objects.add_root(instance=Category(slug=slug, name=slug.title()))


def names(*, locale: str = "en", **asked: Any) -> list[str]:
    index.rebuild(now=NOON)
    page = products.listing(locale=locale, now=NOON, **asked)
    return [row["name"] for row in page.results]


def translate(master: Master, language: str, name: str) -> None:
    translations = Master._parler_meta.root_model.objects
    translations.create(master=master, language_code=language, name=name)


def test_a_row_has_what_a_card_shows(sell: Sell) -> None:
    master = sell("Amphora vase", price=8400, on_hand=3, subtitle="Stoneware")

    row = products.listing(locale="en", now=NOON).results[0]

    assert row == {
        "id": master.public_id,
        "slug": "amphora-vase",
        "name": "Amphora vase",
        "subtitle": "Stoneware",
        "price": {"amount": 8400, "currency": "EUR"},
        "list_price": None,
        "in_stock": True,
        "available": 3,
        "image": "",
        "category": "things",
        "room": "clay",
        "default_sku": "AMPHORA-VASE",
    }


def test_drafts_and_what_was_deleted_or_has_no_price_are_not_listed(sell: Sell) -> None:
    sell("Kept")
    Master.objects.filter(pk=sell("Draft").pk).update(status=Master.Status.DRAFT)
    Master.objects.filter(pk=sell("Deleted").pk).update(deleted_at=NOON)
    Price.objects.filter(variant__master=sell("Priceless")).delete()

    assert names() == ["Kept"]


def test_what_is_not_published_yet_is_not_shown(sell: Sell) -> None:
    master = sell("Tomorrow")
    Master.objects.filter(pk=master.pk).update(published_at=NOON + timedelta(days=1))

    assert names() == names(query="tomorrow") == []
    with pytest.raises(products.UnknownProduct):
        products.detail("tomorrow", locale="en", now=NOON)


def test_pages_go_on_past_what_has_no_date(sell: Sell) -> None:
    for number in range(3):
        sell(f"Dated {number}")
    Master.objects.filter(pk=sell("Undated").pk).update(published_at=None)

    first = products.listing(locale="en", now=NOON, limit=2)
    second = products.listing(locale="en", now=NOON, limit=2, cursor=first.next_cursor)

    assert [row["name"] for row in second.results] == ["Dated 0"]
    assert names(query="undated") == ["Undated"]


@pytest.mark.parametrize("sort", ["", "newest", "price", "-price"])
def test_pages_go_on_where_they_ended(sell: Sell, sort: str) -> None:
    for number in range(7):
        sell(f"Thing {number}", price=1000 + number % 3)
    whole = names(sort=sort)

    seen, cursor = [], ""
    while True:
        page = products.listing(locale="en", now=NOON, sort=sort, limit=3, cursor=cursor)
        seen += [row["name"] for row in page.results]
        cursor = page.next_cursor
        if not cursor:
            break

    assert seen == whole
    assert len(seen) == 7


def test_lists_are_narrowed(sell: Sell) -> None:
    sell("Cheap", price=500)
    sell("Dear", price=5000, category="light")
    sell("Gone", price=2000, on_hand=0)

    assert names(category="light") == ["Dear"]
    assert names(price_min=1000) == ["Gone", "Dear"]
    assert names(price_max=2000) == ["Gone", "Cheap"]
    assert names(in_stock=True) == ["Dear", "Cheap"]


def test_a_category_holds_what_is_below_it(sell: Sell) -> None:
    parent = room("electronics")
    Category.objects.add_child(parent, instance=Category(slug="phones", name="Phones"))
    sell("Phone", category="phones")

    assert names(category="electronics") == ["Phone"]


def test_the_name_that_begins_with_the_words_comes_first(sell: Sell) -> None:
    sell("iPhone 15")
    sell("Case for iPhone 15")
    sell("Charger", description="For the iPhone 15 and others")
    sell("iPhone 14")

    assert names(query="iphone 15") == ["iPhone 15", "Case for iPhone 15", "Charger"]
    assert names(query="100%") == []
    assert names(query=".*") == names(query="\\") == []
    assert names(query="(15") == names(query="15\\") == names(query="15")
    assert names(query="iphone\x00 15 \x00") == ["iPhone 15", "Case for iPhone 15", "Charger"]


def test_words_are_found_whatever_their_case_and_accents(sell: Sell) -> None:
    sell("Café crème")
    sell("Écharpe")

    for query in ("cafe creme", "CAFÉ", "crème café"):
        assert names(query=query) == ["Café crème"]
    assert names(query="écharpe") == names(query="ECHARPE") == ["Écharpe"]


def test_words_are_found_in_sku_options_brand_tags_and_categories(sell: Sell) -> None:
    lamp = sell("Lamp", brand="Halla", tags=["gift"], category="light")
    option = ProductOption.objects.create(master=lamp, code="colour", name="Colour")
    red = OptionValue.objects.create(option=option, code="red", label="Vermilion")
    lamp.variants.get().option_values.add(red)
    sell("Vase")

    for query in ("LAMP", "vermilion", "halla", "gift", "light", "halla gift"):
        assert names(query=query) == ["Lamp"]
    assert names(query="halla vase") == []


def test_a_parent_category_finds_what_is_below_it(sell: Sell) -> None:
    parent = room("electronics")
    Category.objects.add_child(parent, instance=Category(slug="phones", name="Phones"))
    sell("Model 15", category="phones")

    assert names(query="electronics model") == ["Model 15"]


def test_words_of_the_callers_language_come_before_those_of_others(sell: Sell) -> None:
    translate(sell("Vase"), "de", "Amphore")
    sell("Amphore without a stand")

    assert names(query="amphore", locale="de-AT") == ["Amphore", "Amphore without a stand"]
    assert names(query="vase", locale="de") == ["Amphore"]
    assert names(query="amphore", locale="fr") == ["Amphore without a stand", "Vase"]


def test_a_whole_sku_is_the_best_match(sell: Sell) -> None:
    sell("Lamp 2", description="Goes with LAMP-1")
    sell("Lamp 1")
    sell("Shade for LAMP-1")

    assert names(query="lamp-1")[0] == "Lamp 1"


def test_a_language_without_a_text_falls_back(sell: Sell) -> None:
    translate(sell("Vase"), "de", "Die Vase")

    assert products.detail("vase", locale="de", now=NOON)["name"] == "Die Vase"
    assert products.detail("vase", locale="fr", now=NOON)["name"] == "Vase"


def test_a_product_whose_default_is_sold_out_offers_the_next(sell: Sell) -> None:
    master = sell("Phone", price=700, on_hand=0)
    other = Variant.objects.create(master=master, sku="PHONE-2", option_key="2", position=1)
    Price.objects.create(variant=other, amount=900)
    StockItem.objects.create(variant=other, on_hand=1)

    card = products.listing(locale="en", now=NOON).results[0]

    assert (card["default_sku"], card["price"]["amount"]) == ("PHONE-2", 900)
    assert card["in_stock"] is True


def test_options_come_in_their_order_and_only_those_that_can_be_bought(sell: Sell) -> None:
    master = sell("Phone")
    colour = ProductOption.objects.create(master=master, code="colour", name="Colour", position=1)
    storage = ProductOption.objects.create(master=master, code="storage", name="Storage")
    blue, red = (
        OptionValue.objects.create(option=colour, code=code, label=code.title(), position=position)
        for position, code in enumerate(("blue", "red"))
    )
    large = OptionValue.objects.create(option=storage, code="large", label="Large")
    master.variants.get().option_values.set([blue, large])
    gone = Variant.objects.create(master=master, sku="GONE", option_key="g", is_active=False)
    gone.option_values.set([red, large])

    detail = products.detail("phone", locale="en", now=NOON)

    assert list(detail["variants"][0]["options"].items()) == [
        ("storage", "Large"),
        ("colour", "Blue"),
    ]
    assert detail["options"] == [
        {"code": "storage", "name": "Storage", "values": [{"code": "large", "label": "Large"}]},
        {"code": "colour", "name": "Colour", "values": [{"code": "blue", "label": "Blue"}]},
    ]


def test_a_product_is_found_by_id_slug_and_sku(sell: Sell) -> None:
    master = sell("Vase")

    for key in (master.public_id, "vase", "VASE"):
        assert products.detail(key, locale="en", now=NOON)["slug"] == "vase"
    with pytest.raises(products.UnknownProduct):
        products.detail("nothing", locale="en", now=NOON)


def test_a_list_costs_the_same_queries_for_two_and_for_twenty(
    sell: Sell, django_assert_num_queries: Any
) -> None:
    for number in range(20):
        sell(f"Thing {number}")
    index.rebuild(now=NOON)
    lists: tuple[tuple[int, dict[str, Any]], ...] = (
        (1, {}),
        (2, {"sort": "name"}),
        (3, {"category": "things"}),
    )
    for queries, asked in lists:
        for limit in (2, 20):
            with django_assert_num_queries(queries):
                products.listing(locale="en", now=NOON, limit=limit, **asked)


@pytest.mark.parametrize(
    "query",
    [
        "limit=many",
        "price_min=-1",
        "price_max=1e9",
        "sort=best",
        "in_stock=perhaps",
        "cursor=text",
        "cursor=%00",
        "price_min=99999999999999999999",
    ],
)
def test_bad_values_are_refused_and_pointed_at(client: Client, query: str) -> None:
    response = client.get(f"/api/v1/catalog/products?{query}")

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["errors"][0]["pointer"] == f"/{query.partition('=')[0]}"


@pytest.mark.parametrize(
    "another", ["", "category=clay&in_stock=true", "category=glass", "q=thing&sort=newest"]
)
def test_a_cursor_leads_on_in_its_own_list_alone(client: Client, sell: Sell, another: str) -> None:
    for number in range(3):
        sell(f"Thing {number}", category="clay")
    sell("Vase", category="glass")
    index.rebuild(now=NOON)
    path = "/api/v1/catalog/products?limit=2&"
    cursor = client.get(f"{path}category=clay").json()["next"].rpartition("cursor=")[2]

    own, other = (client.get(f"{path}{of}&cursor={cursor}") for of in ("category=clay", another))

    assert [row["slug"] for row in own.json()["results"]] == ["thing-0"]
    assert (other.status_code, other.json()["code"]) == (400, "bad_cursor")


def test_unknown_products_and_categories_are_404(client: Client) -> None:
    for path in ("catalog/products/nothing", "catalog/products?category=nowhere"):
        response = client.get(f"/api/v1/{path}")
        assert response.status_code == 404
        assert response.json()["code"] in {"unknown_product", "unknown_category"}


def test_an_unchanged_product_is_304(client: Client, sell: Sell) -> None:
    sell("Vase")
    first = client.get("/api/v1/catalog/products/vase")

    again = client.get("/api/v1/catalog/products/vase", headers={"If-None-Match": first["ETag"]})
    weak = {"If-None-Match": f'"other", W/{first["ETag"]}'}
    past_a_proxy = client.get("/api/v1/catalog/products/vase", headers=weak)
    Price.objects.update(amount=1)
    changed = client.get("/api/v1/catalog/products/vase", headers={"If-None-Match": first["ETag"]})

    codes = [answer.status_code for answer in (again, past_a_proxy, changed)]
    assert codes == [304, 304, 200]


def test_next_leads_through_the_list(client: Client, sell: Sell) -> None:
    for number in range(3):
        sell(f"Thing {number}")
    index.rebuild(now=NOON)

    first = client.get("/api/v1/catalog/products?limit=2&q=thing").json()
    second = client.get(first["next"]).json()

    assert [row["name"] for row in [*first["results"], *second["results"]]] == [
        "Thing 2",
        "Thing 1",
        "Thing 0",
    ]
    assert second["next"] is None


def test_the_tree_of_categories(client: Client) -> None:
    Category.objects.add_child(room("electronics"), instance=Category(slug="phones", name="Phones"))

    tree = client.get("/api/v1/catalog/categories").json()["results"]

    assert [(row["slug"], row["children"][0]["slug"]) for row in tree] == [
        ("electronics", "phones")
    ]


def test_nothing_hangs_below_a_closed_room(client: Client) -> None:
    room("cafe")
    closed = room("electronics")
    Category.objects.add_child(closed, instance=Category(slug="phones", name="Phones"))
    Category.objects.filter(slug="electronics").update(is_active=False)

    tree = client.get("/api/v1/catalog/categories").json()["results"]

    assert tree == [{"slug": "cafe", "name": "Cafe", "room": "clay", "children": []}]


def test_search_says_how_it_understood_the_words(client: Client, sell: Sell) -> None:
    sell("Amphora vase")
    index.rebuild(now=NOON)

    answer = client.get("/api/v1/search?q=vase%20amphora").json()

    assert [row["name"] for row in answer["results"]] == ["Amphora vase"]
    assert answer["interpretation"]["words"] == ["vase", "amphora"]
    assert answer["next"] is None


@pytest.mark.parametrize("path", ["catalog/products/%00", "catalog/products?category=%00&q=%00"])
def test_a_null_character_is_nothing_that_exists(client: Client, path: str) -> None:
    assert client.get(f"/api/v1/{path}").status_code == 404


def test_a_language_that_is_none_is_the_shops(sell: Sell) -> None:
    translate(sell("Vase"), "de", "Die Vase")

    assert names(locale="tlh") == ["Vase"]
    assert names(locale="de-CH") == names(locale="DE") == ["Die Vase"]
    assert products.detail("vase", locale="", now=NOON)["name"] == "Vase"


def test_a_detail_costs_the_same_queries_for_one_variant_and_for_ten(
    sell: Sell, django_assert_num_queries: Any
) -> None:
    master = sell("Phone")
    with django_assert_num_queries(1):
        products.detail("phone", locale="en", now=NOON)
    option = ProductOption.objects.create(master=master, code="colour", name="Colour")
    for number in range(9):
        variant = Variant.objects.create(master=master, sku=f"P{number}", option_key=str(number))
        variant.option_values.add(OptionValue.objects.create(option=option, code=str(number)))
        Price.objects.create(variant=variant, amount=1)

    with django_assert_num_queries(1):
        found = products.detail("phone", locale="en", now=NOON)
    assert len(found["variants"]) == 10
    assert len(found["options"][0]["values"]) == 9


def test_the_best_rated_come_first_and_the_unrated_last(sell: Sell) -> None:
    for name, stars, count in (("Good", 9, 2), ("Best", 5, 1), ("Unrated", 0, 0), ("Poor", 2, 2)):
        master = sell(name)
        Master.objects.filter(pk=master.pk).update(rating_sum=stars, rating_count=count)
    index.rebuild(now=NOON)

    first = products.listing(locale="en", now=NOON, sort="rating", limit=3)
    rest = products.listing(locale="en", now=NOON, sort="rating", limit=3, cursor=first.next_cursor)

    called = [row["name"] for row in first.results + rest.results]
    assert called == ["Best", "Good", "Poor", "Unrated"]


def test_names_sort_in_the_readers_language(sell: Sell) -> None:
    translate(sell("Bowl"), "de", "Schale")
    sell("Lamp")
    translate(sell("Vase"), "de", "Amphore")
    index.rebuild(now=NOON)

    first = products.listing(locale="de", now=NOON, sort="name", limit=2)
    rest = products.listing(locale="de", now=NOON, sort="name", limit=2, cursor=first.next_cursor)

    assert [row["name"] for row in first.results + rest.results] == ["Amphore", "Lamp", "Schale"]
    assert names(sort="name") == ["Bowl", "Lamp", "Vase"]


def test_each_text_falls_back_by_itself(sell: Sell) -> None:
    master = sell("Bowl", subtitle="Stoneware")
    translate(master, "de", "Schale")
    option = ProductOption.objects.create(
        master=master, code="colour", name="Colour", names={"de": "Farbe"}
    )
    red = OptionValue.objects.create(option=option, code="red", label="Red", labels={"de": "Rot"})
    master.variants.get().option_values.add(red)

    def shown(locale: str) -> tuple[str, str, str, dict[str, str]]:
        body = products.detail("bowl", locale=locale, now=NOON)
        [choice] = body["options"]
        return body["name"], body["subtitle"], choice["name"], body["variants"][0]["options"]

    assert shown("de") == ("Schale", "Stoneware", "Farbe", {"colour": "Rot"})
    assert shown("fr") == ("Bowl", "Stoneware", "Colour", {"colour": "Red"})
