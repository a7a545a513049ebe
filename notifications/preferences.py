"""What a person wants to be told, by which channels and when: rules of arguments alone.

An event has a category by its type, and a person says for each category and channel whether to be
told. Quiet hours put a message off, a digest gathers what is not urgent. Programs get all they
subscribe to, at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum

from django.utils.translation import gettext_noop

from notifications import wall_clock
from notifications.wall_clock import Span


class Category(StrEnum):
    PROGRESS = "progress"
    TROUBLE = "trouble"
    MONEY = "money"
    STOCK = "stock"
    SHOP = "shop"
    # always told, at once
    SECURITY = "security"


LABELS: Mapping[Category, str] = {
    Category.PROGRESS: gettext_noop("How an order gets on"),
    Category.TROUBLE: gettext_noop("Delays and trouble"),
    Category.MONEY: gettext_noop("Payments and refunds"),
    Category.STOCK: gettext_noop("Back in stock"),
    Category.SHOP: gettext_noop("Messages from the shop"),
}
# what can be switched; of other types nobody is asked
CHOSEN = tuple(LABELS)
OUT_FOR_DELIVERY, DELIVERED = "order.out_for_delivery", "order.delivered"
# what an event is about: its type, or the beginning of it that ends with a dot
CATEGORIES: Mapping[str, Category] = {
    "order.placed": Category.PROGRESS,
    "order.confirmed": Category.PROGRESS,
    "order.preparing": Category.PROGRESS,
    OUT_FOR_DELIVERY: Category.PROGRESS,
    DELIVERED: Category.PROGRESS,
    "order.eta_changed": Category.TROUBLE,
    "order.cancelled": Category.TROUBLE,
    "order.failed": Category.TROUBLE,
    "order.refunded": Category.MONEY,
    "payment.": Category.MONEY,
    "stock.back": Category.STOCK,
    "notification": Category.SHOP,
    "access.": Category.SECURITY,
}
URGENT = frozenset({OUT_FOR_DELIVERY, DELIVERED, "order.failed", "order.cancelled"})
# what somebody hears of an order who wants to hear only that it is here; what never comes is told
ARRIVAL = frozenset({OUT_FOR_DELIVERY, DELIVERED})
ON_THE_WAY = frozenset({"order.eta_changed"})
# for their own pages and programs: no message says that a message was read
READ = "notification.read"

# why something is told later, or not
NOT_WANTED, QUIET_HOURS, DIGEST = "not_wanted", "quiet_hours", "digest"
FALLBACK, ACKNOWLEDGED = "fallback", "acknowledged"
# quiet hours leave at least so much of a day: more than any clock jumps
LOUD_AT_LEAST = timedelta(hours=4)
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


class Window(StrEnum):
    """For how long a digest gathers."""

    OFF = "off"
    QUARTER = "quarter_hour"
    HOUR = "hour"
    DAY = "day"


LENGTHS = {Window.QUARTER: timedelta(minutes=15), Window.HOUR: timedelta(hours=1)}


@dataclass(frozen=True)
class Preferences:
    """What one person wants; without a word of theirs, everything at once."""

    zone: tzinfo = UTC
    # what was switched off: a category by a channel
    off: frozenset[tuple[str, str]] = frozenset()
    quiet: Span | None = None
    # whether what is urgent also waits for the end of quiet hours
    is_urgent_held: bool = False
    window: Window = Window.OFF
    # of a daily digest
    digest_at: time = time(8)
    is_arrival_only: bool = False
    # channels in turn: the next one if nothing was acknowledged for so long
    ladder: tuple[str, ...] = ()
    patience: timedelta = timedelta(minutes=10)


DEFAULT = Preferences()


@dataclass(frozen=True)
class Plan:
    """When something is told, None for never; why then; and whether together with others."""

    due_at: datetime | None
    reason: str = ""
    is_digest: bool = False


def category_of(event_type: str) -> Category | None:
    """None for what is nobody's in particular: whoever subscribed to it wants it."""
    beginning = event_type.partition(".")[0] + "."
    return CATEGORIES.get(event_type) or CATEGORIES.get(beginning)


def is_urgent(event_type: str) -> bool:
    return event_type in URGENT or category_of(event_type) is Category.SECURITY


def wants(preferences: Preferences, event_type: str, channel: str) -> bool:
    """Whether a person wants to be told of it at all, by this channel."""
    category = category_of(event_type)
    if category is None or category is Category.SECURITY:
        return True
    if preferences.is_arrival_only and _is_underway(event_type, category):
        return False
    return (category, channel) not in preferences.off


def _is_underway(event_type: str, category: Category) -> bool:
    is_progress = category is Category.PROGRESS and event_type not in ARRIVAL
    return is_progress or event_type in ON_THE_WAY


def plan(preferences: Preferences, event_type: str, channel: str, now: datetime) -> Plan:
    """When to tell a person of an event that happens now."""
    if not wants(preferences, event_type, channel):
        return Plan(None, NOT_WANTED)
    if is_urgent(event_type):
        due_at = quiet_until(preferences, now) if preferences.is_urgent_held else now
        return Plan(due_at, QUIET_HOURS if due_at > now else "")
    if preferences.window is not Window.OFF:
        closes_at = window_closes(preferences, now)
        return Plan(quiet_until(preferences, closes_at), DIGEST, is_digest=True)
    due_at = quiet_until(preferences, now)
    return Plan(due_at, QUIET_HOURS if due_at > now else "")


def rung(preferences: Preferences, channel: str, reached: Collection[str]) -> int:
    """How many channels of the ladder come before this one, of those that an event goes to.

    Who has no ladder, or has this channel not on it, is told by it at once.
    """
    if channel not in preferences.ladder:
        return 0
    earlier = preferences.ladder[: preferences.ladder.index(channel)]
    return sum(other in reached for other in earlier)


def plan_rung(
    preferences: Preferences, event_type: str, channel: str, now: datetime, *, rung: int
) -> Plan:
    """As `plan`, but later by the patience for each rung; what is gathered is not urgent."""
    first = plan(preferences, event_type, channel, now)
    if not rung or first.due_at is None or first.is_digest:
        return first
    # each rung waits for the one before, which may have waited for the end of quiet hours
    later = plan(preferences, event_type, channel, first.due_at + rung * preferences.patience)
    return Plan(later.due_at, FALLBACK)


def quiet_until(preferences: Preferences, now: datetime) -> datetime:
    """When quiet hours end; `now` outside of them."""
    if preferences.quiet is None:
        return now
    return wall_clock.first_outside(preferences.quiet, now, preferences.zone)


def window_closes(preferences: Preferences, now: datetime) -> datetime:
    """When the digest that gathers now goes out; after `now`."""
    if preferences.window is Window.DAY:
        return wall_clock.next_at(preferences.digest_at, now, preferences.zone)
    length = LENGTHS[preferences.window]
    return now + length - (now - BEGINNING) % length
