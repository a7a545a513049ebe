"""Answers are given again while the catalogue stands as it did, and never after that.

On both databases, with real commits: what a transaction has not committed is nobody's edition.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client

from catalog import answers, editions, products, shop
from catalog.models import (
    CatalogWrite,
    Category,
    EditionNumber,
    Master,
    Media,
    Modifier,
    ModifierGroup,
    OptionValue,
    Price,
    ProductOption,
    Question,
    Review,
    StockItem,
    Variant,
)
from catalog.search import index
from museo.access import limits
from tests.together import at_once

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]
LIST = "/api/v1/catalog/products"
VASE = f"{LIST}/vase"
CALLS = (LIST, VASE, "/api/v1/search?q=vase", "/api/v1/catalog/categories")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> datetime:
    at(monkeypatch, NOON)
    return NOON


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: moment)


@pytest.fixture
def vase(noon: datetime) -> Master:
    room = Category.objects.add_root(instance=Category(slug="clay", name="Clay"))
    master: Master = Master.objects.create(
        name="Vase",
        slug="vase",
        status=Master.Status.ACTIVE,
        published_at=noon - timedelta(days=1),
        primary_category=room,
    )
    variant = Variant.objects.create(master=master, sku="VASE")
    Price.objects.create(variant=variant, amount=1000)
    StockItem.objects.create(variant=variant, on_hand=5)
    index.rebuild(now=noon)
    return master


def asked(call: str = VASE, **headers: str) -> Any:
    response = Client().get(call, headers=headers)
    assert response.status_code == 200, response.content
    return response


def amount() -> int:
    return int(asked().json()["price"]["amount"])


# what makes another edition


def _option(vase: Master) -> None:
    option = ProductOption.objects.create(master=vase, code="glaze", name="Glaze")
    value = OptionValue.objects.create(option=option, code="white")
    vase.variants.get().option_values.add(value)


def _ask(vase: Master) -> None:
    Question.objects.create(master=vase, question="Is it tight?", locale="en", asked_at=NOON)


def _review(vase: Master) -> None:
    Review.objects.create(master=vase, rating=5, locale="en", at=NOON)


WRITES: dict[str, Callable[[Master], object]] = {
    "a name": lambda vase: (
        vase._translations_cache.clear() or vase.translations.update(name="Amphora")
    ),
    "a product": lambda vase: Master.objects.update(brand="Halla"),
    "a price": lambda vase: Price.objects.update(amount=900),
    "stock": lambda vase: StockItem.objects.update(on_hand=4),
    "a picture": lambda vase: Media.objects.create(master=vase, url="https://a.example/a.png"),
    "a category": lambda vase: Category.objects.update(room="light"),
    "its name": lambda vase: Category._parler_meta.root_model.objects.update(name="Ton"),
    "an option": _option,
    "a modifier": lambda vase: Modifier.objects.create(
        master=vase, group=ModifierGroup.objects.create(master=vase, code="lid"), code="cork"
    ),
    "a question": _ask,
    "a review": _review,
    "a deletion": lambda vase: Price.objects.all().delete(),
    "the index": lambda vase: index.rebuild(now=NOON),
}


@pytest.mark.parametrize("what", WRITES)
def test_every_write_makes_another_edition(vase: Master, what: str) -> None:
    before = editions.current(now=NOON)
    assert editions.current(now=NOON) is before

    WRITES[what](vase)

    after = editions.current(now=NOON)
    assert after
    assert before
    assert after.number != before.number


def test_every_table_that_answers_are_made_of_says_that_it_was_written() -> None:
    models = (Category, Master, Media, OptionValue, Price, ProductOption, Question, Review)
    tables = {
        *(model._meta.db_table for model in (*models, Modifier, ModifierGroup, StockItem, Variant)),
        *(model._parler_meta.root_model._meta.db_table for model in (Category, Master)),
        Variant.option_values.through._meta.db_table,
        "catalog_searchentry",
        "catalog_searchword",
    }
    catalogue = (
        "SELECT event_object_table, event_manipulation FROM information_schema.triggers"
        " WHERE trigger_name LIKE '%%_is_written'"
        if connection.vendor == "postgresql"
        else "SELECT tbl_name, name FROM sqlite_master"
        " WHERE type = 'trigger' AND name LIKE '%%_is_written'"
    )
    with connection.cursor() as cursor:
        cursor.execute(catalogue, [])
        found = [table for table, _event in cursor.fetchall()]

    assert {table: found.count(table) for table in found} == dict.fromkeys(tables, 3)


def test_what_was_rolled_back_was_never_an_edition(vase: Master) -> None:
    before = asked().content

    with transaction.atomic():
        Price.objects.update(amount=1)
        assert editions.current(now=NOON) is None
        assert amount() == 1
        transaction.set_rollback(True)

    assert asked().content == before


# what is given again


@pytest.mark.parametrize("call", CALLS)
def test_what_is_given_again_is_the_same_to_the_byte(
    vase: Master, call: str, settings: Any
) -> None:
    first, again = asked(call), asked(call)
    settings.MUSEO_ANSWERS_MB = 0
    anew = asked(call)

    assert first.content == again.content == anew.content
    moving = {"RateLimit-Remaining", "RateLimit-Reset"}
    told = [
        {name: value for name, value in each.items() if name not in moving}
        for each in (first, again, anew)
    ]
    assert told[0] == told[1] == told[2]


@pytest.mark.parametrize("call", CALLS)
def test_a_second_call_asks_the_database_once(
    vase: Master, call: str, django_assert_num_queries: Any
) -> None:
    asked(call)
    with django_assert_num_queries(1):
        asked(call)


@pytest.mark.parametrize(("call", "most"), [(LIST, 3), (VASE, 4)])
def test_a_guest_costs_few_queries_and_none_of_who_they_are(
    vase: Master, call: str, most: int, django_assert_max_num_queries: Any
) -> None:
    for say in (_option, _ask, _review):
        say(vase)
    Question.objects.update(answer="Yes.", state="published")
    Review.objects.update(state="published")
    Master.objects.update(rating_sum=5, rating_count=1)

    with django_assert_max_num_queries(most) as made:
        answer = asked(call)

    for query in made.captured_queries:
        assert "session" not in query["sql"]
        assert "access_user" not in query["sql"]
    shown = answer.json()
    if call == VASE:
        counts = [len(shown[name]) for name in ("variants", "options", "reviews", "questions")]
        assert counts == [1, 1, 1, 1]


def test_a_new_price_is_shown_at_once(vase: Master) -> None:
    assert [amount(), amount()] == [1000, 1000]

    Price.objects.update(amount=900)

    assert amount() == 900


def test_without_the_edition_in_its_place_the_old_price_would_stay(
    vase: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editions, "_number", lambda: (1, 1))
    assert amount() == 1000

    Price.objects.update(amount=900)

    assert amount() == 1000


@pytest.fixture
def sale(vase: Master) -> Price:
    """From one o'clock until two."""
    ends = {"valid_from": NOON + timedelta(hours=1), "valid_to": NOON + timedelta(hours=2)}
    return Price.objects.create(variant=vase.variants.get(), amount=700, **ends)


def amounts_by_the_hour(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    amounts = []
    for hours in range(3):
        at(monkeypatch, NOON + timedelta(hours=hours))
        amounts += [amount(), amount()]
    return amounts


def test_a_price_begins_and_ends_by_time_alone(
    sale: Price, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert amounts_by_the_hour(monkeypatch) == [1000, 1000, 700, 700, 1000, 1000]


def test_an_edition_without_an_end_would_keep_the_price_of_before(
    sale: Price, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editions, "_next_moment", lambda _now: None)

    assert set(amounts_by_the_hour(monkeypatch)) == {1000}


def test_a_product_appears_when_its_time_has_come(
    vase: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    Master.objects.update(published_at=NOON + timedelta(hours=1))
    assert asked(LIST).json()["results"] == []

    at(monkeypatch, NOON + timedelta(hours=1))

    assert [row["slug"] for row in asked(LIST).json()["results"]] == ["vase"]


def test_answers_are_kept_by_language_host_query_and_currency(vase: Master) -> None:
    texts = Master._parler_meta.root_model.objects
    texts.create(master=vase, language_code="de", name="Krug")
    named = [asked(**{"Accept-Language": code}).json()["name"] for code in ("en", "de", "en")]
    assert named == ["Vase", "Krug", "Vase"]
    assert asked(f"{LIST}?limit=1").json() == asked(LIST).json()
    assert len(asked(f"{LIST}?in_stock=yes&price_min=5000").json()["results"]) == 0

    shop.keep(replace(shop.current(), currency="SEK"), seconds=60)
    assert Client().get(VASE).status_code == 404


def test_an_unchanged_answer_is_304_and_the_same_when_it_is_given_again(vase: Master) -> None:
    etag = asked()["ETag"]
    first = Client().get(VASE, headers={"If-None-Match": etag})
    editions.forget()
    anew = Client().get(VASE, headers={"If-None-Match": etag})

    for told in (first, anew):
        assert (told.status_code, told.content, told["ETag"]) == (304, b"", etag)
        assert "Content-Length" not in told
    assert set(first.headers) == set(anew.headers)

    StockItem.objects.update(on_hand=1)
    assert Client().get(VASE, headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize("headers", [{"Accept": "text/html"}, {"Accept": "application/xml"}])
def test_who_asks_for_something_else_gets_what_they_always_got(
    vase: Master, headers: dict[str, str]
) -> None:
    asked()

    assert Client().get(VASE, headers=headers).status_code == 406
    assert Client().head(VASE).content == b""
    assert Client().post(VASE).status_code == 405


def test_what_went_wrong_is_not_kept(vase: Master) -> None:
    assert Client().get(f"{LIST}/bowl").status_code == 404
    Master.objects.update(slug="bowl")

    assert Client().get(f"{LIST}/bowl").status_code == 200


def test_limits_count_what_is_given_again(vase: Master, settings: Any) -> None:
    cache.clear()
    limits._buckets.forget()
    settings.REDIS_URL = ""
    settings.MUSEO_CALLS_PER_MINUTE = 3

    codes = [Client().get(VASE).status_code for _ in range(4)]

    assert codes == [200, 200, 200, 429]
    limits._buckets.forget()


def test_no_more_is_kept_than_there_is_room_for(vase: Master, settings: Any) -> None:
    settings.MUSEO_ANSWERS_MB = 1
    edition = editions.Edition((1, 1), NOON, None)
    for number in range(10):
        edition.keep(number, editions.Answer(b"x" * 200_000, ()))
        edition.answer(0)

    assert [number for number in range(10) if edition.answer(number)] == [0, 6, 7, 8, 9]


# at once


class Paused:
    """Reads, then waits until somebody else has written."""

    def __init__(self, read: Callable[..., Any]) -> None:
        self.has_read, self.may_go_on = Event(), Event()
        self._read = read

    def __call__(self, *args: Any, **named: Any) -> Any:
        found = self._read(*args, **named)
        if not self.has_read.is_set():
            self.has_read.set()
            assert self.may_go_on.wait(10)
        return found


def fill_while_somebody_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader has read the old price and has not kept it yet when the new one is committed."""
    paused = Paused(products.detail)
    monkeypatch.setattr("catalog.products.detail", paused)

    def write() -> None:
        assert paused.has_read.wait(10)
        Price.objects.update(amount=900)
        paused.may_go_on.set()

    results = at_once([amount, write])
    assert results == [1000, None]


def test_a_write_while_an_answer_is_made_is_seen_by_the_next_caller(
    vase: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_while_somebody_writes(monkeypatch)

    assert amount() == 900


def test_an_edition_asked_for_too_late_would_keep_the_old_price(
    vase: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = answers._keep

    def keep_late(_edition: Any, key: Any, response: Any) -> None:
        edition = editions.current(now=NOON)
        assert edition
        keep(edition, key, response)

    monkeypatch.setattr(answers, "_keep", keep_late)
    fill_while_somebody_writes(monkeypatch)

    assert amount() == 1000


@pytest.mark.parametrize("rounds", [20, pytest.param(500, marks=pytest.mark.long)])
def test_who_asks_after_a_commit_never_sees_what_was_before(vase: Master, rounds: int) -> None:
    committed = [1000]

    def write() -> None:
        for number in range(1, rounds + 1):
            Price.objects.update(amount=1000 + number)
            committed.append(1000 + number)

    def read() -> list[tuple[int, int]]:
        seen = []
        while committed[-1] < 1000 + rounds:
            least = committed[-1]
            seen.append((least, amount()))
        return seen

    _wrote, *readers = at_once([write, read, read, read])

    for seen in readers:
        assert isinstance(seen, list)
        assert [pair for pair in seen if pair[1] < pair[0]] == []
    assert amount() == 1000 + rounds


# PostgreSQL's rows


def test_counting_writes_makes_no_other_edition(vase: Master) -> None:
    if connection.vendor != "postgresql":
        assert editions.fold() == 0
        return
    CatalogWrite.objects.bulk_create(CatalogWrite(writer=number) for number in range(1, 200))
    before = editions.current(now=NOON)
    rows = CatalogWrite.objects.count()

    assert editions.fold() == rows

    assert not CatalogWrite.objects.exists()
    assert EditionNumber.objects.get().number >= rows
    assert editions.current(now=NOON) is before


def test_writers_wait_for_nobody_and_all_of_them_count(vase: Master) -> None:
    before = editions.current(now=NOON)

    at_once([partial(Price.objects.update, amount=number) for number in range(8)])

    after = editions.current(now=NOON)
    assert after
    assert before
    assert after.number[0] == before.number[0] + 8
