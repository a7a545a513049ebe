"""An import that dies in the middle goes on from there: every right row once, no wrong one."""

import os
import signal
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import Count, Sum

from catalog.imports import services, working
from catalog.imports.models import Import
from catalog.models import Category, Master, StockItem, StockMovement, Variant
from museo.access.callers import Caller
from notifications import log
from notifications.models import Event
from tests.catalog.imports.conftest import HEADER, NOON, counts
from tests.processes import ended, eventually, fork
from tests.together import at_once

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]

LATER = NOON + working.LEASE + timedelta(seconds=1)


def product_file(rows: int, bad: int) -> tuple[bytes, set[int]]:
    """Two variants of each product; `bad` rows of them have a price that is none."""
    every, broken, lines = rows // bad, set(), [f"{HEADER},option:Size"]
    for number in range(rows):
        is_bad = number % every == every // 2
        price = "-1" if is_bad else f"{number % 900 + 1}.50"
        size = "SL"[number % 2]
        lines.append(f"SKU-{number},product-{number // 2},Name {number // 2},clay,{price},3,{size}")
        if is_bad:
            broken.add(number + 2)
    return "\n".join([*lines, ""]).encode(), broken


@pytest.fixture
def start(staff: Caller, clay: Category) -> Callable[[bytes], Import]:
    def start(content: bytes) -> Import:
        return services.start(staff, [content], file_name="many.csv", dry_run=False, now=NOON)

    return start


def require_right_rows_once(found: Import, rows: int, broken: set[int]) -> None:
    found.refresh_from_db()
    good = rows - len(broken)
    assert (found.state, counts(found), found.done) == ("done", (good, 0, 0, len(broken)), rows)
    refused = found.rows.filter(outcome="refused")
    assert set(refused.values_list("number", flat=True)) == broken
    assert {tuple(each["code"] for each in row.reasons) for row in refused} == {("price_negative",)}
    assert Variant.objects.count() == good
    assert not Variant.objects.exclude(prices__isnull=False).exists()
    assert StockItem.objects.aggregate(units=Sum("on_hand"))["units"] == good * 3
    assert StockMovement.objects.filter(reference=found.reference, delta=3).count() == good
    twice = StockMovement.objects.values("stock_item").annotate(times=Count("pk"))
    assert not twice.filter(times__gt=1).exists()
    versions = Event.objects.filter(topic=found.topic).order_by("position")
    assert [*versions.values_list("version", flat=True)] == [*range(1, versions.count() + 1)]
    newest = versions.last()
    assert newest is not None
    assert (newest.data["state"], newest.data["progress"]) == ("done", 100)


@pytest.mark.parametrize(
    ("rows", "bad", "batch"),
    [
        pytest.param(1000, 20, 50, id="short"),
        pytest.param(50_000, 200, None, id="long", marks=pytest.mark.long),
    ],
)
def test_killed_in_the_middle_and_started_again_every_right_row_is_there_once(
    start: Callable[[bytes], Import],
    monkeypatch: pytest.MonkeyPatch,
    rows: int,
    bad: int,
    batch: int | None,
) -> None:
    if batch:
        monkeypatch.setattr(working, "BATCH", dict.fromkeys(working.BATCH, batch))
    content, broken = product_file(rows, bad)
    found = start(content)

    doomed = fork(lambda: working.work_on_next(lambda: NOON))
    eventually(lambda: Variant.objects.count() > rows // 4, seconds=300)
    os.kill(doomed, signal.SIGKILL)
    assert ended(doomed) == -signal.SIGKILL
    assert rows // 4 < Variant.objects.count() < rows - bad
    # the lease of the dead one holds for a while
    early = working.work_on_next(lambda: NOON)
    again = working.work_on_next(lambda: LATER)

    assert (early, again) == (False, True)
    require_right_rows_once(found, rows, broken)


# the file of 40 rows is read in four batches of 10, then worked on in four more
@pytest.mark.parametrize("batches", [1, 2, 5, 7])
@pytest.mark.parametrize("when", ["before commit", "after commit"])
def test_wherever_it_dies_no_row_is_lost_or_done_twice(
    start: Callable[[bytes], Import], monkeypatch: pytest.MonkeyPatch, when: str, batches: int
) -> None:
    monkeypatch.setattr(working, "BATCH", dict.fromkeys(working.BATCH, 10))
    content, broken = product_file(40, 4)
    found = start(content)

    doomed = fork(lambda: work_and_die(when, batches))
    code = ended(doomed)
    working.work_on_next(lambda: LATER)

    assert code == -signal.SIGKILL
    require_right_rows_once(found, 40, broken)


def work_and_die(when: str, batches: int) -> None:
    """Work until so many transactions have told something; of the last one nothing is told."""
    left, append = [batches], log._append

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def count(change: log.Change) -> None:
        left[0] -= 1
        if not left[0] and when == "before commit":
            die()
        if not left[0]:
            transaction.on_commit(die)
        append(change)

    log._append = count
    working.work_on_next(lambda: NOON)


def test_two_workers_do_an_import_once(
    start: Callable[[bytes], Import], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "BATCH", dict.fromkeys(working.BATCH, 20))
    content, broken = product_file(200, 10)
    found = start(content)

    at_once([lambda: working.work_on(found, lambda: NOON)] * 4)

    require_right_rows_once(found, 200, broken)


def test_without_the_lease_two_workers_get_in_each_others_way(
    start: Callable[[bytes], Import], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: the place is read and written without being held."""
    monkeypatch.setattr(working, "BATCH", dict.fromkeys(working.BATCH, 20))
    content, _broken = product_file(200, 10)
    found = start(content)
    working.work_on(found, lambda: NOON)
    Import.objects.update(state="running", done=0, reached="", has_reached=False, created=0)

    def unheld(hold: working.Hold, now: object, **fields: object) -> Import:
        Import.objects.filter(pk=hold.pk).update(**fields)
        return Import.objects.get(pk=hold.pk)

    monkeypatch.setattr(working.Hold, "renew", unheld)
    hold = working.Hold(found.pk, "", "running")
    for _worker in range(2):
        working._batch(hold, working.Progress(), NOON)
        Import.objects.update(has_reached=False)

    found.refresh_from_db()
    assert found.done > found.rows.order_by("product")[:20].count()
    assert Master.objects.count() == 100
