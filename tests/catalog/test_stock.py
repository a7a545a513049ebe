"""Stock is what its movements add up to, and what comes back is told."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from catalog import audit, counts, stock
from catalog.models import Category, Master, StockItem, StockMovement, Variant
from museo.access.callers import Caller, caller_for_user
from museo.access.models import IdempotencyKey, Trail, User
from museo.access.problems import NotAllowed, NotSignedIn
from notifications import log, topics
from notifications.audit import broken
from notifications.models import Event

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
pytestmark = [pytest.mark.django_db, pytest.mark.both]

Shelve = Callable[..., Variant]


@pytest.fixture
def shelve() -> Shelve:
    """Puts a variant on sale: sku, units."""
    room = Category.objects.add_root(instance=Category(slug="clay", name="Clay"))

    def shelve(sku: str = "BOWL", units: int = 5) -> Variant:
        master = Master.objects.create(
            slug=sku.lower(), primary_category=room, status="active", name=sku
        )
        variant = Variant.objects.create(master=master, sku=sku)
        stock.receive(variant, units, at=NOON)
        return variant

    return shelve


@pytest.fixture
def staff() -> Caller:
    return caller_for_user(User.objects.create_superuser("staff@museo.example"), locale="en")


def test_a_count_becomes_a_difference_with_a_movement_and_a_trail(
    shelve: Shelve, staff: Caller
) -> None:
    bowl, vase = shelve("BOWL", 5), shelve("VASE", 5)

    rows = [{"sku": "VASE", "delta": 2}, {"sku": "BOWL", "on_hand": 3}]
    answer = counts.write(staff, rows, now=NOON)

    assert [(row["sku"], row["on_hand"], row["available"]) for row in answer["results"]] == [
        ("VASE", 7, 7),
        ("BOWL", 3, 3),
    ]
    moved = StockMovement.objects.filter(kind="adjust").order_by("stock_item_id")
    assert list(moved.values_list("delta", "reference")) == [(-2, staff.who), (2, staff.who)]
    assert set(Trail.objects.values_list("target", flat=True)) == {bowl.public_id, vase.public_id}
    assert broken(audit.INVARIANTS, now=NOON) == []


def test_the_same_count_twice_moves_nothing_the_second_time(shelve: Shelve, staff: Caller) -> None:
    shelve("BOWL", 5)

    for _time in range(2):
        counts.write(staff, [{"sku": "BOWL", "on_hand": 9}], now=NOON)

    assert list(StockMovement.objects.values_list("delta", flat=True)) == [5, 4]


def test_a_difference_under_one_key_is_made_once(shelve: Shelve, staff: Caller) -> None:
    shelve("BOWL", 5)
    rows = [{"sku": "BOWL", "delta": 2}]

    first, again = (counts.write_once(staff, rows, key="k", now=NOON) for _time in range(2))

    assert (first.body, first.is_replay, again.is_replay) == (again.body, False, True)
    assert StockItem.objects.get().on_hand == 7


def test_a_refused_count_frees_its_key_and_counts_nothing(shelve: Shelve, staff: Caller) -> None:
    shelve("BOWL", 5)
    shelve("VASE", 5)
    StockItem.objects.filter(variant__sku="VASE").update(reserved=4)

    rows = [{"sku": "BOWL", "on_hand": 9}, {"sku": "VASE", "on_hand": 3}]
    with pytest.raises(stock.StillPromised):
        counts.write_once(staff, rows, key="k", now=NOON)

    assert list(StockItem.objects.values_list("on_hand", flat=True)) == [5, 5]
    assert not IdempotencyKey.objects.exists()
    assert not Trail.objects.exists()


@pytest.mark.parametrize(
    ("rows", "pointer"),
    [
        ([], "/items"),
        ([{"sku": "BOWL"}], "/items/0"),
        ([{"sku": "BOWL", "on_hand": 1, "delta": 1}], "/items/0"),
        ([{"sku": "BOWL", "on_hand": -1}], "/items/0/on_hand"),
        ([{"sku": "BOWL", "on_hand": 2**70}], "/items/0/on_hand"),
        ([{"sku": "BOWL", "delta": -(2**70)}], "/items/0/delta"),
        ([{"sku": "BO\x00WL", "delta": 1}], "/items/0/sku"),
        ([{"sku": "BOWL", "delta": 1}, {"sku": "BOWL", "delta": 1}], "/items/1/sku"),
        ([{"sku": "BOWL", "delta": 1}] * 1001, "/items"),
    ],
)
def test_a_bad_count_is_refused(
    shelve: Shelve, staff: Caller, rows: list[dict[str, Any]], pointer: str
) -> None:
    shelve("BOWL", 5)

    with pytest.raises(counts.BadCount) as refused:
        counts.write(staff, rows, now=NOON)

    assert pointer in {error["pointer"] for error in refused.value.errors}
    assert StockItem.objects.get().on_hand == 5


def test_a_sku_that_nobody_sells_is_named(shelve: Shelve, staff: Caller) -> None:
    shelve("BOWL", 5)

    rows = [{"sku": "BOWL", "delta": 1}, {"sku": "NONE", "delta": 1}]
    with pytest.raises(stock.UnknownSku) as refused:
        counts.write(staff, rows, now=NOON)

    assert refused.value.facts["skus"] == ["NONE"]
    assert StockItem.objects.get().on_hand == 5


def test_only_staff_with_the_right_count(shelve: Shelve) -> None:
    shelve("BOWL", 5)
    helper = User.objects.create_user("helper@museo.example", is_staff=True)

    rows = [{"sku": "BOWL", "delta": 1}]
    with pytest.raises(NotSignedIn):
        counts.write(Caller(), rows, now=NOON)
    with pytest.raises(NotAllowed):
        counts.write(caller_for_user(helper, locale="en"), rows, now=NOON)

    assert StockItem.objects.get().on_hand == 5


def test_what_was_sold_out_and_comes_back_is_told_once(shelve: Shelve, staff: Caller) -> None:
    bowl = shelve("BOWL", 0)

    counts.write(staff, [{"sku": "BOWL", "delta": 2}], now=NOON)
    counts.write(staff, [{"sku": "BOWL", "delta": 2}], now=NOON)

    event = Event.objects.get()
    assert (event.topic, event.type) == (f"stock.{bowl.public_id}", "stock.back")
    assert event.data == {"sku": "BOWL", "variant_id": bowl.public_id}


def test_a_reservation_that_is_given_back_is_told_too(shelve: Shelve) -> None:
    bowl = shelve("BOWL", 2)
    later = NOON + timedelta(minutes=15)

    with log.change():
        stock.reserve(holder="chk_1", wanted={bowl.pk: 1}, expires_at=later)
        stock.reserve(holder="chk_2", wanted={bowl.pk: 1}, expires_at=later)
    with log.change():
        stock.release(holder="chk_1", at=later)
    with log.change():
        stock.release(holder="chk_2", at=later)

    assert list(Event.objects.values_list("type", flat=True)) == ["stock.back"]


def test_everybody_may_hear_of_stock_on_sale_and_nobody_of_a_draft(shelve: Shelve) -> None:
    bowl, draft = shelve("BOWL", 2), shelve("DRAFT", 2)
    Master.objects.filter(pk=draft.master_id).update(status="draft")
    names = [f"stock.{bowl.public_id}", f"stock.{draft.public_id}", "stock.var_none"]

    assert topics.readable(Caller(), names) == {names[0]}
    assert topics.snapshots(names, "en") == {names[0]: {"sku": "BOWL", "available": 2}}


def test_a_movement_is_never_changed(shelve: Shelve) -> None:
    shelve("BOWL", 5)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        StockMovement.objects.update(delta=1)

    assert StockMovement.objects.get().delta == 5


def test_stock_that_was_changed_by_hand_is_found(shelve: Shelve) -> None:
    shelve("BOWL", 5)
    StockItem.objects.update(on_hand=6)

    [finding] = broken(audit.INVARIANTS, now=NOON)

    assert finding.offenders[0].endswith("6 on hand, 5 moved")


def test_counting_a_hundred_costs_as_many_statements_as_counting_one(
    shelve: Shelve, staff: Caller, django_assert_max_num_queries: Any
) -> None:
    rows = [{"sku": shelve(f"S{index}", 5).sku, "delta": 1} for index in range(100)]

    with django_assert_max_num_queries(20):
        counts.write(staff, rows, now=NOON)

    assert set(StockItem.objects.values_list("on_hand", flat=True)) == {6}
    assert broken(audit.INVARIANTS, now=NOON) == []


def test_no_shelf_holds_more_than_it_is_made_for(shelve: Shelve, staff: Caller) -> None:
    shelve("BOWL", 5)
    bowl, most = Variant.objects.get(), stock.MOST_ON_HAND

    for said in (stock.Count("BOWL", on_hand=most + 1), stock.Count("BOWL", delta=most)):
        with pytest.raises(stock.TooMany), log.change():
            stock.count({bowl.pk: said}, by="user:1", at=NOON)

    assert StockItem.objects.get().on_hand == 5


def test_shelves_are_listed_by_cursor(shelve: Shelve, staff: Caller) -> None:
    for index in range(3):
        shelve(f"S{index}", index)

    page = counts.listing(staff, limit=2, cursor="")
    rest = counts.listing(staff, limit=2, cursor=page.next_cursor)

    assert [row["sku"] for row in page.results + rest.results] == ["S0", "S1", "S2"]
    assert rest.next_cursor == ""
