"""The life of an order, as plain data and pure functions: statuses, plans, due times."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

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
ENDED = frozenset({DELIVERED, CANCELLED, FAILED, REFUNDED})

# who may bring an order to an end of its own, and from where
BY_CUSTOMERS: dict[str, frozenset[str]] = {CANCELLED: frozenset({PLACED, CONFIRMED})}
BY_STAFF: dict[str, frozenset[str]] = {
    CANCELLED: frozenset({PLACED, CONFIRMED, PREPARING, OUT_FOR_DELIVERY}),
    FAILED: frozenset({PLACED, CONFIRMED, PREPARING, OUT_FOR_DELIVERY}),
    REFUNDED: frozenset({DELIVERED}),
}
# the goods have not left the house
STILL_HERE = frozenset({PLACED, CONFIRMED, PREPARING})

# late is what a person would call late, however fast the clock runs
GRACE = timedelta(seconds=30)


@dataclass(frozen=True)
class PlannedStep:
    """A status that an order reaches `after` it was placed."""

    status: str
    after: timedelta


@dataclass(frozen=True)
class DueStep:
    """A planned step of one order: the `index`-th, due at a time."""

    index: int
    status: str
    due_at: datetime


def _plan(**seconds: int) -> tuple[PlannedStep, ...]:
    return tuple(PlannedStep(status, timedelta(seconds=after)) for status, after in seconds.items())


DEFAULT_PLAN = "courier"
PLANS: dict[str, tuple[PlannedStep, ...]] = {
    "courier": _plan(confirmed=120, preparing=240, out_for_delivery=480, delivered=720),
    "pickup": _plan(confirmed=60, preparing=180, delivered=600),
    "digital": _plan(confirmed=5, delivered=10),
}


def timetable(plan: str, *, placed_at: datetime, speed: float) -> list[DueStep]:
    """When each step of a plan is due on a clock that runs `speed` times as fast."""
    return [
        DueStep(index, step.status, placed_at + step.after / speed)
        for index, step in enumerate(PLANS[plan], 1)
    ]


def is_late(*, status: str, eta: datetime, now: datetime) -> bool:
    """The promised time has passed by more than the grace, and the order has not ended."""
    return status not in ENDED and now > eta + GRACE


def next_status(taken: int, statuses: Sequence[str]) -> str | None:
    """The status after the steps already taken; None at the end of the plan."""
    return statuses[taken] if taken < len(statuses) else None


def text_key(status: str, kind: str) -> str:
    """The text of a status: kind is `label`, `headline`, `message`, or `chat` (with emoji)."""
    return f"order.{status}.{kind}"
