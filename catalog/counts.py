"""What staff count on the shelves: many at once, all or nothing, and once for each key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from catalog import cursors, drafts, sheets, staff, stock
from catalog.models import StockItem
from museo.access import trail
from museo.access.callers import Caller
from museo.access.idempotency import Answer, Attempt, once
from museo.access.problems import Invalid, field_error
from notifications import log

MOST_AT_ONCE = 1000
BY_SHELF = ("pk",)
SHELVES = cursors.of("shelves")


class BadCount(Invalid):
    """Nothing was counted; `errors` say why."""

    code = "bad_count"


@dataclass(frozen=True)
class Shelves:
    results: list[dict[str, Any]]
    next_cursor: str


def listing(caller: Caller, *, limit: int, cursor: str) -> Shelves:
    """The shelves in the order they were made; two queries."""
    staff.require(caller, "catalog.view_stockitem")
    rows = StockItem.objects.filter(location="main").select_related("variant")
    page, further = cursors.page(rows, BY_SHELF, SHELVES, limit=limit, cursor=cursor)
    return Shelves([sheets.shelf_of(item.variant.sku, item) for item in page], further)


def write_once(
    caller: Caller, rows: Sequence[Mapping[str, Any]], *, key: str, now: datetime
) -> Answer:
    """`write`, and under an Idempotency-Key the same answer again instead of a second time."""
    if not key:
        return Answer(200, write(caller, rows, now=now))

    def work(attempt: Attempt) -> None:
        with log.change():
            attempt.hold()
            attempt.answer(200, write(caller, rows, now=now))

    return once(work, scope=f"{caller.identity} stock", key=key, body=list(rows), now=now)


def write(caller: Caller, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> dict[str, Any]:
    """Count these shelves, `{"sku", "on_hand"}` or `{"sku", "delta"}`; raise and count none."""
    staff.require(caller, "catalog.change_stockitem")
    if faults := list(_faults(rows)):
        raise BadCount(_("This cannot be counted. See errors."), errors=faults)
    wanted = [stock.Count(row["sku"], row.get("on_hand"), row.get("delta")) for row in rows]
    with log.change():
        items = stock.take_stock(wanted, by=caller.who, at=now)
        targets = sorted({item.variant.public_id for item in items})
        trail.leave_many(caller, "stock.counted", targets, fields=["on_hand"], at=now)
    return {"results": [sheets.shelf_of(item.variant.sku, item) for item in items]}


def _faults(rows: Sequence[Mapping[str, Any]]) -> drafts.Faults:
    if not 0 < len(rows) <= MOST_AT_ONCE:
        said = _("Count 1 to %(most)s at once.") % {"most": MOST_AT_ONCE}
        yield field_error("/items", "out_of_range", said)
        return
    seen: set[str] = set()
    for index, row in enumerate(rows):
        at, sku = f"/items/{index}", row["sku"]
        if not drafts.is_sku(sku):
            yield field_error(f"{at}/sku", "invalid", _("This is no SKU."))
        elif sku in seen:
            yield field_error(f"{at}/sku", "twice", _("This SKU is there twice."))
        seen.add(sku)
        numbers = [row.get("on_hand"), row.get("delta")]
        if numbers.count(None) != 1:
            said = _("Write either on_hand or delta.")
            yield field_error(at, "one_of", said)
        for name, least in (("on_hand", 0), ("delta", -stock.MOST_ON_HAND)):
            number = row.get(name)
            if number is not None and not least <= number <= stock.MOST_ON_HAND:
                said = _("Write a whole number between %(least)s and %(most)s.")
                said %= {"least": least, "most": stock.MOST_ON_HAND}
                yield field_error(f"{at}/{name}", "out_of_range", said)
