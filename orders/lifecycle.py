"""The life of an order, as plain data and pure functions: statuses, plans, due times."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

PLACED = "placed"
CONFIRMED = "confirmed"
PREPARING = "preparing"
OUT_FOR_DELIVERY = "out_for_delivery"
DELIVERED = "delivered"
CANCELLED = "cancelled"
FAILED = "failed"
REFUNDED = "refunded"

STATUS_CHOICES = [
    (PLACED, "Placed"),
    (CONFIRMED, "Confirmed"),
    (PREPARING, "Preparing"),
    (OUT_FOR_DELIVERY, "Out for delivery"),
    (DELIVERED, "Delivered"),
    (CANCELLED, "Cancelled"),
    (FAILED, "Failed"),
    (REFUNDED, "Refunded"),
]
STATUSES = tuple(status for status, _label in STATUS_CHOICES)
ENDED = frozenset({DELIVERED, CANCELLED, FAILED, REFUNDED})
# the statuses that a plan may lead through, in this order
PROGRESS = (PLACED, CONFIRMED, PREPARING, OUT_FOR_DELIVERY, DELIVERED)

# who may bring an order to an end of its own, and from where
BY_CUSTOMERS: dict[str, frozenset[str]] = {CANCELLED: frozenset({PLACED, CONFIRMED})}
BY_STAFF: dict[str, frozenset[str]] = {
    CANCELLED: frozenset({PLACED, CONFIRMED, PREPARING, OUT_FOR_DELIVERY}),
    FAILED: frozenset({PLACED, CONFIRMED, PREPARING, OUT_FOR_DELIVERY}),
    REFUNDED: frozenset({DELIVERED}),
}
# an order whose delivery failed begins anew
BY_STAFF_AGAIN = frozenset({FAILED})
# until then the address and the note of an order can be changed
AMENDED_BY_CUSTOMERS = BY_CUSTOMERS[CANCELLED]
AMENDED_BY_STAFF = BY_STAFF[CANCELLED]
# the goods have not left the house
STILL_HERE = frozenset({PLACED, CONFIRMED, PREPARING})

# how long after it was delivered an order can be sent back
RETURN_WINDOW = timedelta(days=30)
# what is further away is counted in hours, and in days
MOST_MINUTES, MOST_HOURS = 90, 36
# late is what a person would call late, however fast the clock runs: real time
GRACE = timedelta(seconds=30)


@dataclass(frozen=True)
class PlannedStep:
    """A status that an order reaches `after` it was placed; one that waits, not by the clock."""

    status: str
    after: timedelta
    waits: bool = False


@dataclass(frozen=True)
class DueStep:
    """A planned step of one order: the `index`-th, due at a time."""

    index: int
    status: str
    due_at: datetime
    waits: bool = False


class BadPlan(ValueError):
    """Steps that no order could take one after the other."""


class StepsOutOfOrder(BadPlan):
    """They do not follow each other, or do not end delivered."""


class StepsOutOfTime(BadPlan):
    """One is not later than the one before."""


def _plan(**seconds: int) -> tuple[PlannedStep, ...]:
    return tuple(PlannedStep(status, timedelta(seconds=after)) for status, after in seconds.items())


HOUR, DAY = 3600, 86_400
DEFAULT_PLAN = "courier"
# the plans that a shop begins with
PLANS: dict[str, tuple[PlannedStep, ...]] = {
    "courier": _plan(confirmed=120, preparing=240, out_for_delivery=480, delivered=720),
    "parcel": _plan(confirmed=HOUR, preparing=4 * HOUR, out_for_delivery=DAY, delivered=3 * DAY),
    "pickup": _plan(confirmed=60, preparing=180, delivered=600),
    "digital": _plan(confirmed=5, delivered=10),
}


def check_plan(steps: Sequence[PlannedStep]) -> None:
    """Raise BadPlan unless the steps go forward, in status and in time, and end delivered."""
    places = [PROGRESS.index(step.status) for step in steps if step.status in PROGRESS[1:]]
    if len(places) != len(steps) or not _rises(places) or steps[-1].status != DELIVERED:
        raise StepsOutOfOrder(places)
    if not _rises([timedelta(0), *(step.after for step in steps)]):
        raise StepsOutOfTime([step.after for step in steps])


def _rises(values: Sequence[Any]) -> bool:
    return bool(values) and all(one < other for one, other in pairwise(values))


def timetable(
    steps: Iterable[PlannedStep],
    *,
    placed_at: datetime,
    speed: float,
    wait: timedelta = timedelta(0),
) -> list[DueStep]:
    """When each step is due on a clock that runs `speed` times as fast.

    An order is confirmed at once, whatever it has to `wait` for; the rest comes later by that.
    """
    return [
        DueStep(
            index,
            step.status,
            placed_at + step.after / speed + (timedelta(0) if step.status == CONFIRMED else wait),
            step.waits,
        )
        for index, step in enumerate(steps, 1)
    ]


def misses_promise(*, eta: datetime, promised_at: datetime) -> bool:
    """What is expected now is later than what was promised, by more than the grace."""
    return eta > promised_at + GRACE


def left(eta: datetime, *, now: datetime) -> tuple[int, str]:
    """What people count that is still to come: so many `min`, `h` or `d`, rounded up."""
    minutes = max(0, -(-(eta - now) // timedelta(minutes=1)))
    if minutes <= MOST_MINUTES:
        return minutes, "min"
    hours = -(-minutes // 60)
    return (hours, "h") if hours <= MOST_HOURS else (-(-hours // 24), "d")


def next_status(taken: int, statuses: Sequence[str]) -> str | None:
    """The status after the steps already taken; None at the end of the plan."""
    return statuses[taken] if taken < len(statuses) else None


def text_key(status: str, kind: str) -> str:
    """The text of a status: kind is `label`, `headline`, `message`, or `chat` (with emoji)."""
    return f"order.{status}.{kind}"


# why an order is refunded of which nothing had been paid: less is asked for, which is nothing
WAIVED = "waived"
# why an order is expected at another time; the texts are those of `eta_changed`
OVERDUE, HELD, RESUMED, REVISED = NEW_TIMES = ("overdue", "held", "resumed", "revised")
