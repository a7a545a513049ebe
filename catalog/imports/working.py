"""Works on imports: reads the file's rows, plans and writes them, takes them back; in batches.

Each batch is one transaction: the products, what became of the rows, and the place reached. So a
worker that dies loses the batch at hand and nothing else, and whoever goes on goes on behind it. A
worker holds an import by a lease, which each batch renews.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import orjson
from django.db import IntegrityError, OperationalError, connection
from django.db.models import F, Q, TextField
from django.db.models.functions import Cast

from catalog.imports import files, planning, tracing, undoing, writing
from catalog.imports.book import Book
from catalog.imports.cells import NO_CHARACTER, plain
from catalog.imports.files import Reading
from catalog.imports.models import Import, ImportRow
from catalog.imports.problems import CannotImport
from catalog.imports.services import forget_plans, tell
from catalog.models import Variant
from museo import ahead, bulk, garbage
from museo.access.tokens import new_token
from notifications import log

logger = logging.getLogger(__name__)

State = Import.State
Outcome = ImportRow.Outcome
BATCH = {"postgresql": 2000, "sqlite": 500}
LEASE = timedelta(seconds=30)
# somebody else made the same product, or held what we wanted: the batch is planned anew
TRIES = 5


class LeaseLost(Exception):
    """The import was cancelled, or another worker has taken it up."""


@dataclass(frozen=True)
class Hold:
    """A worker's right to an import, in the state in which it was taken up."""

    pk: int
    worker: str
    state: str

    def renew(self, now: datetime, **fields: Any) -> Import:
        """First of all in a batch's transaction; raise LeaseLost."""
        mine = Import.objects.filter(pk=self.pk, worker=self.worker, state=self.state)
        if not mine.update(lease_until=now + LEASE, **fields):
            raise LeaseLost
        return Import.objects.get(pk=self.pk)


def work_on_next(clock: Callable[[], datetime]) -> bool:
    """Work on an import that waits or was left; False: there is none."""
    now = clock()
    found = Import.objects.filter(_is_left(now), state__in=Import.AT_WORK).order_by("pk").first()
    if found is None:
        return False
    work_on(found, clock)
    return True


def work_on(found: Import, clock: Callable[[], datetime]) -> None:
    """Take the import up, if nobody has it, and do all that is left of it."""
    now, worker = clock(), new_token()
    free = Import.objects.filter(_is_left(now), pk=found.pk, state=found.state)
    if not free.update(worker=worker, lease_until=now + LEASE):
        return
    hold = Hold(found.pk, worker, found.state)
    try:
        _do(hold, clock)
    except LeaseLost:
        logger.info("import given up", extra={"import": found.public_id})
    except OperationalError:
        # the database is away: whoever finds the lease over goes on
        raise
    except CannotImport as problem:
        _fail(hold, problem.kept(), clock())
    except Exception:
        # it would fail for the next one, too
        logger.exception("import failed", extra={"import": found.public_id})
        _fail(hold, {"code": "interrupted"}, clock())


def _is_left(now: datetime) -> Q:
    return Q(worker="") | Q(lease_until__lte=now)


def _do(hold: Hold, clock: Callable[[], datetime]) -> None:
    found = Import.objects.get(pk=hold.pk)
    if hold.state != State.UNDOING and not found.is_read:
        _read(hold, found, clock)
    progress = Progress()
    while _tried(lambda: _next_batch(hold, progress, clock())):
        pass
    if hold.state == State.RUNNING:
        files.forget(found.stored_as)


def _next_batch(hold: Hold, progress: Progress, now: datetime) -> bool:
    """False when there was nothing left."""
    if hold.state == State.UNDOING:
        return _undo_batch(hold, now)
    return _batch(hold, progress, now)


def _tried(batch: Callable[[], bool]) -> bool:
    """Once more where somebody else was in the way."""
    for _try in range(TRIES - 1):
        try:
            return batch()
        except (IntegrityError, OperationalError):
            logger.info("import batch tried again", exc_info=True)
    return batch()


def _fail(hold: Hold, failure: Mapping[str, Any], now: datetime) -> None:
    with log.change() as change:
        mine = Import.objects.filter(pk=hold.pk, worker=hold.worker, state=hold.state)
        if mine.update(
            state=State.FAILED, failure=dict(failure), lease_until=None, finished_at=now
        ):
            found = Import.objects.get(pk=hold.pk)
            forget_plans(found)
            tell(change, found, now)


def _size() -> int:
    return BATCH[connection.vendor]


# reading


def _read(hold: Hold, found: Import, clock: Callable[[], datetime]) -> None:
    """Bring the file's rows into the database, from the place where it was left."""
    reading = Reading(**found.reading)
    header = files.read_header(found.stored_as, reading)
    rows = files.read(found.stored_as, reading, header)
    left = (row for row in rows if row[0] > found.records_read)
    skus = dict(found.rows.exclude(sku="").filter(twin=None).values_list("sku", "number"))
    batch = list(islice(left, _size()))
    while batch:
        with log.change() as change, ahead.writing():
            last = batch[-1][0]
            now = hold.renew(clock(), total=F("total") + len(batch), records_read=last)
            bulk.insert(ImportRow, STAGED, _staged(batch, found, skus), alike=AS_YET)
            batch = list(islice(left, _size()))
            tell(change, now, clock())
    hold.renew(clock(), is_read=True)


STAGED = ("source_id", "number", "sku", "product", "twin", "cells")
AS_YET: dict[str, Any] = {"outcome": "", "changes": {}, "reasons": []}


def _staged(
    rows: Iterable[tuple[int, list[str]]], found: Import, skus: dict[str, int]
) -> list[tuple[Any, ...]]:
    """The rows as they are kept; `skus` are those seen so far, and where."""
    at_sku, at_product = planning.key_columns(found.mapping)
    read = [
        (number, [plain(cell) for cell in raw] if NO_CHARACTER.search("".join(raw)) else raw)
        for number, raw in rows
    ]
    nameless = [
        cells[at_sku].strip()
        for _number, cells in read
        if at_product is None or not cells[at_product].strip()
    ]
    known = dict(Variant.objects.filter(sku__among=nameless).values_list("sku", "master__slug"))
    staged: list[tuple[Any, ...]] = []
    for number, cells in read:
        sku = cells[at_sku].strip()
        product = "" if at_product is None else cells[at_product].strip()
        twin = skus.setdefault(sku, number) if sku else number
        key = planning.product_key(product or known.get(sku, ""), sku)
        seen_at = None if twin == number else twin
        staged.append((found.pk, number, sku[:64], key, seen_at, cells))
    return staged


# planning and writing


Planned = tuple[list[planning.Plan], Book]


@dataclass(frozen=True)
class Following:
    """The rows behind a batch, read and planned while the database writes that."""

    # the product that they come after
    after: str
    planner: planning.Planner
    read: planning.Read
    # what becomes of them if nothing of them is there yet, and what is there then
    planned: Planned | None = None

    def plans(self, *, is_locked: bool, now: datetime) -> tuple[Planned, bool]:
        """What becomes of the rows, and whether nothing of them is there yet."""
        book = planning.book_of(self.read, is_locked=is_locked, now=now)
        are_new = not book.all
        if self.planned and are_new:
            return self.planned, are_new
        return (planning.plan(self.read, book, now=now), book), are_new


@dataclass
class Progress:
    """What a worker has in hand between two batches, and may do without."""

    following: Following | None = None

    def next_of(self, found: Import, planner: planning.Planner) -> Following:
        """What was read, if it comes next, and once: what is tried again is read anew."""
        following, self.following = self.following, None
        comes_next = following and found.has_reached and found.reached == following.after
        if following and comes_next and following.planner.reads_as(planner):
            return following
        return Following(found.reached, planner, _read_by(planner, _given(found)))

    def go_on(
        self, after: str, planner: planning.Planner, rows: Given, *, are_new: bool, now: datetime
    ) -> None:
        """These rows come next; behind new products there are more of them, as a rule."""
        read = _read_by(planner, rows)
        planned = _planned_as_new(read, now) if are_new else None
        self.following = Following(after, planner, read, planned)


# a batch's one circle, of products and variants, is opened with the book
@garbage.left_alone()
def _batch(hold: Hold, progress: Progress, now: datetime) -> bool:
    """Do the next rows; False when there was nothing left."""
    is_real = hold.state == State.RUNNING
    with log.change() as change:
        found = hold.renew(now)
        planner = _planner(found)
        following = progress.next_of(found, planner)
        if not following.read.rows:
            _finish(change, found, State.DONE if is_real else State.CHECKED, now)
            return False
        (plans, book), are_new = following.plans(is_locked=is_real, now=now)
        outcomes = Counter(each.outcome for each in plans)
        found.has_reached, found.reached = True, plans[-1].row.product
        # asked for before anything is written: it would wait for that
        rows = _given(found)
        with ahead.writing():
            if is_real:
                writing.write(book, by=found.reference, now=now)
                tracing.leave(found.began_by, plans, book, at=now)
            _write_outcomes(plans)
            progress.go_on(found.reached, planner, rows, are_new=are_new, now=now)
            # to let go of all this takes a while, too
            book.close()
            del following, plans, book, rows
            garbage.look_through_the_newest()
        tell(
            change,
            hold.renew(now, **_reached(outcomes.total(), found.reached), **_counted(outcomes)),
            now,
        )
    return True


def _planned_as_new(read: planning.Read, now: datetime) -> Planned:
    book = Book({}, {}, [])
    return planning.plan(read, book, now=now), book


def _write_outcomes(plans: Iterable[planning.Plan]) -> None:
    bulk.update(
        ImportRow,
        ["outcome", "changes", "reasons"],
        [(each.row.pk, each.outcome, each.changes, list(each.reasons)) for each in plans],
    )


def _counted(outcomes: Mapping[str, int]) -> dict[str, Any]:
    return {
        "created": F("created") + outcomes[Outcome.CREATE],
        "changed": F("changed") + outcomes[Outcome.CHANGE],
        "unchanged": F("unchanged") + outcomes[Outcome.UNCHANGED],
        "refused": F("refused") + outcomes[Outcome.REFUSED],
    }


def _planner(found: Import) -> planning.Planner:
    return planning.Planner(planning.columns(found.mapping, found.header), len(found.header))


# the values of `ROW` and the cells as JSON: a model of each would take longer than to read it
Given = Sequence[tuple[Any, ...]]
ROW = ("pk", "number", "sku", "product", "twin")


def _given(found: Import) -> Given:
    """The next rows."""
    rows = _next_rows(found, found.rows.all(), descending=False)
    return list(rows.values_list(*ROW, Cast("cells", TextField())))


def _read_by(planner: planning.Planner, given: Given) -> planning.Read:
    rows = (planning.Row._make((*row, orjson.loads(cells))) for *row, cells in given)
    return planning.read(rows, planner)


def _undo_batch(hold: Hold, now: datetime) -> bool:
    with log.change() as change:
        found = hold.renew(now)
        changed = found.rows.filter(outcome__in=(Outcome.CREATE, Outcome.CHANGE))
        rows = list(_next_rows(found, changed, descending=True).defer("cells", "reasons"))
        if not rows:
            _finish(change, found, State.UNDONE, now)
            return False
        done, book, gone = undoing.take_back(rows, now=now)
        writing.write(book, by=found.reference, now=now)
        undoing.remove(gone, now=now)
        undone = [row for row in rows if done[row.pk]]
        tracing.leave_undone(found.began_by, undone, book, at=now)
        bulk.update(ImportRow, ["was_undone"], done.items())
        counted = {
            "undone": F("undone") + len(undone),
            "kept": F("kept") + len(rows) - len(undone),
        }
        tell(change, hold.renew(now, **_reached(len(rows), rows[-1].product), **counted), now)
    return True


def _next_rows(found: Import, rows: Any, *, descending: bool) -> Any:
    """About a batch of rows after the place reached, with all rows of each product."""
    sign, after, until = ("-", "lt", "gte") if descending else ("", "gt", "lte")
    if found.has_reached:
        rows = rows.filter(**{f"product__{after}": found.reached})
    rows = rows.order_by(f"{sign}product", f"{sign}number")
    products = rows.values_list("product", flat=True)
    last = list(products[_size() - 1 : _size()])
    if last:
        rows = rows.filter(**{f"product__{until}": last[0]})
    return rows


def _reached(count: int, product: str) -> dict[str, Any]:
    return {
        "done": F("done") + count,
        "reached": product,
        "has_reached": True,
    }


def _finish(change: log.Change, found: Import, state: str, now: datetime) -> None:
    Import.objects.filter(pk=found.pk).update(state=state, lease_until=None, finished_at=now)
    found.refresh_from_db()
    tell(change, found, now)
