"""A cursor tells where a page ended, to nobody but the list that it is of."""

from datetime import UTC, datetime

import pytest
from django.core import signing

from catalog import cursors
from museo.access.problems import BadCursor

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NEWEST = ("-published_at", "-pk")
BY_NAME = ("called", "pk")


def test_a_cursor_leads_back_to_its_place() -> None:
    cursor = cursors.at({"published_at": NOON, "pk": 7, "slug": "vase"}, NEWEST)

    assert cursors.place(cursor, NEWEST) == {"published_at": NOON.isoformat(), "pk": 7}


def test_a_place_may_have_letters_of_any_language() -> None:
    cursor = cursors.at({"called": "Größe «ثلاثة»", "pk": 7}, BY_NAME)

    assert cursor.isascii()
    assert cursors.values(cursor, BY_NAME) == ["Größe «ثلاثة»", 7]


def test_a_cursor_that_django_wrote_is_read() -> None:
    cursor = signing.dumps([list(BY_NAME), ["Größe", 7]], salt="cursor")

    assert cursors.values(cursor, BY_NAME) == ["Größe", 7]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "made up",
        signing.dumps([list(NEWEST), ["x", 7]], salt="cursor"),
        signing.dumps([list(BY_NAME), ["x", 7]], salt="another"),
        signing.TimestampSigner(salt="cursor").sign("no JSON"),
        cursors.at({"called": "x", "pk": 7}, BY_NAME)[:-1],
    ],
)
def test_another_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        cursors.place(cursor, BY_NAME)
