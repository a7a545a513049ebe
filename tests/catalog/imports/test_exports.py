"""What is exported comes back the same, and no spreadsheet takes a text for a formula."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.imports import exports, formulas, workbooks
from catalog.imports.models import Import
from catalog.models import Category, Master, Media, Price, Variant
from museo.access.callers import Caller
from museo.access.problems import NotAllowed
from tests.catalog.imports.conftest import NOON, ImportFile, counts, csv_of

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00\ufffe\uffff"), max_size=40)
STARTS = st.sampled_from(["", "'", "''", "=", "+", "-", "@", "\t", "\r", "'=", "''=", "_x000D_"])


@given(start=STARTS, rest=TEXT)
def test_a_neutralised_text_is_no_formula_and_comes_back(start: str, rest: str) -> None:
    text = start + rest

    out = formulas.neutralise(text)

    assert not out.startswith(tuple(formulas.STARTS))
    assert formulas.restore(out) == text


@given(start=STARTS, rest=TEXT)
def test_a_workbooks_text_comes_back(start: str, rest: str) -> None:
    text = start + rest

    out = workbooks.escape(text)

    assert workbooks.unescape(out) == text
    assert not any(ord(letter) < 32 and letter not in "\t\n" for letter in out)


NAMES = (
    "=HYPERLINK(1)",
    "'=2",
    "-5",
    "@cmd",
    "\ttab",
    "a\r\nb",
    "_x000D_",
    'say "hi"; <b>, ok',
    "\u202eright to left 🏺",
)


@pytest.mark.parametrize("kind", ["csv", "xlsx", "jsonl"])
@pytest.mark.both
def test_an_exported_shop_imported_again_is_unchanged(
    import_file: ImportFile, staff: Caller, clay: Category, kind: str
) -> None:
    for number, name in enumerate(NAMES):
        master = Master.objects.create(
            slug=f"p-{number}",
            name=name,
            subtitle="=1+1",
            primary_category=clay,
            status="active",
            published_at=NOON,
            brand="+Brand",
            tags=["=a", "b, c"],
            attributes={"Height": 12, "-x": ["a", {"b": None}]},
        )
        for size in ("=S", "'L"):
            variant = Variant.objects.create(
                master=master, sku=f"{number}{size}", option_key=size, max_per_order=3
            )
            Price.objects.create(variant=variant, amount=8405, list_amount=9000)
            Price.objects.create(variant=variant, amount=1200, currency="JPY")
        Media.objects.create(master=master, url="https://img.example/a%20b.jpg?x=1")
        Media.objects.create(master=master, file="catalog/bowl 1.svg", position=1)
    content = b"".join(exports.export(staff, kind=kind, now=NOON))

    found = import_file(content)

    refused = list(found.rows.filter(outcome="refused").values_list("sku", "reasons"))
    assert refused == []
    changed = [(row.sku, row.changes) for row in found.rows.filter(outcome="change")]
    assert changed == []
    assert counts(found) == (0, 0, len(NAMES) * 2, 0)


@pytest.mark.parametrize("kind", ["csv", "xlsx", "jsonl"])
def test_an_exported_shop_can_be_built_again(
    import_file: ImportFile, staff: Caller, kind: str
) -> None:
    header = "sku,product,name,name:de,category,price,stock,option:Size,attribute:Glaze"
    rows = ("B-S,bowl,Bowl,Schale,clay,84.00,5,Small,Blue", "B-L,bowl,,,,94.00,0,Large,")
    import_file(csv_of(*rows, header=header))
    content = b"".join(exports.export(staff, kind=kind, now=NOON))
    Master.objects.all().delete()

    found = import_file(content)

    assert counts(found) == (2, 0, 0, 0)
    again = b"".join(exports.export(staff, kind=kind, now=NOON))
    # the time is in a workbook
    assert kind == "xlsx" or again == content


@pytest.mark.parametrize("products", [1, 30])
def test_an_export_costs_as_many_queries_for_many_products_as_for_few(
    import_file: ImportFile,
    staff: Caller,
    django_assert_num_queries: Callable[[int], AbstractContextManager[object]],
    products: int,
) -> None:
    import_file(csv_of(*(f"S{n},p{n},N,clay,1,1" for n in range(products))))

    with django_assert_num_queries(17):
        parts = list(exports.export(staff, kind="csv", now=NOON))

    assert b"".join(parts).count(b"\r\n") == products + 1


def test_only_staff_who_may_see_products_export(db: None) -> None:
    with pytest.raises(NotAllowed):
        exports.export(Caller(), kind="csv", now=NOON)

    assert not Import.objects.exists()
