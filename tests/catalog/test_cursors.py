"""A cursor tells where a page ended, to nobody but the list that it is of."""

from datetime import UTC, datetime

import pytest
from django.core import signing

from catalog import cursors
from museo.access.problems import BadCursor

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NEWEST = ("-published_at", "-pk")
BY_NAME = ("called", "pk")
VASES = cursors.of("products", category="vases")


def test_a_cursor_leads_back_to_its_place() -> None:
    cursor = cursors.at({"published_at": NOON, "pk": 7, "slug": "vase"}, NEWEST, VASES)

    assert cursors.place(cursor, NEWEST, VASES) == {"published_at": NOON.isoformat(), "pk": 7}


def test_a_place_may_have_letters_of_any_language() -> None:
    cursor = cursors.at({"called": "Größe «ثلاثة»", "pk": 7}, BY_NAME, VASES)

    assert cursor.isascii()
    assert cursors.values(cursor, BY_NAME, VASES) == ["Größe «ثلاثة»", 7]


def test_a_list_has_the_same_name_however_its_filters_are_left_out() -> None:
    assert cursors.of("products", query="", category="vases", price_min=None) == VASES
    assert cursors.of("products", query="vases") != VASES


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "made up",
        cursors.at({"published_at": "x", "pk": 7}, NEWEST, VASES),
        cursors.at({"called": "x", "pk": 7}, BY_NAME, cursors.of("products")),
        cursors.at({"called": "x", "pk": 7}, BY_NAME, cursors.of("products", category="lamps")),
        signing.dumps(["x", 7], salt="cursor"),
        signing.TimestampSigner(salt=f"cursor called pk {VASES}").sign("no JSON"),
        cursors.at({"called": "x", "pk": 7}, BY_NAME, VASES)[:-1],
    ],
)
def test_another_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        cursors.place(cursor, BY_NAME, VASES)
