"""Makes deliveries of events: a reader of the log, so each is made once, whoever dies.

The deliveries of a batch and the moved cursor are one transaction, and the batch costs as many
statements as it would for one subscription. What a subscription does not ask for has no delivery;
what cannot be sent now, or what the person does not want to be told, has one that says why.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, Min, OuterRef, Q, RowRange, Window

from museo import bulk
from notifications import audiences, preferences, preferring, readers
from notifications.models import Delivery, Event, EventTopic, Reader, Subscription
from notifications.preferences import DEFAULT, Plan, Preferences
from notifications.wishes import wants

NAME = "dispatcher"
FIELDS = (
    "subscription_id",
    "position",
    "topic",
    "state",
    "reason",
    "due_at",
    "leased_by",
    "attempts_made",
    "created_at",
    "ended_at",
)
# what is asked of subscriptions
ASKED = (
    *("topic", "types", "filter", "channel", "address", "who"),
    *("after", "is_once", "until", "state"),
)
# whose receivers want every event; to people the newest says all
IN_FULL = (Subscription.Channel.WEBHOOK,)
# whose service accounts are
PROGRAM = "service:"
# of the other states, what a delivery says
REASONS: Mapping[str, str] = {
    Subscription.State.PAUSED: "paused",
    Subscription.State.DISABLED: "disabled",
    Subscription.State.UNCONFIRMED: "unconfirmed",
}

Pair = tuple[Subscription, Event]
# by who and position, channels
Reached = dict[tuple[str, int], set[str]]
# by who, channel, address and position, the id of the subscription that tells it
Tellers = dict[tuple[str, str, str, int], int]
# why not by this subscription: another one of theirs tells it at this address
SAME_ADDRESS = "same_address"
# why not to a person: it says nothing that could be read
WITHOUT_WORDS = "without_words"


def position() -> int:
    """How far deliveries have been made."""
    found = Reader.objects.filter(name=NAME).values_list("position", flat=True).first()
    return found or 0


def dispatch(*, now: datetime, limit: int = 500) -> int:
    """Make the deliveries of the next events; return how many events there were."""
    if readers.has_read_all(NAME):
        return 0
    with readers.batch(NAME, now=now, limit=limit) as events:
        if events:
            make(events, now=now)
    return len(events)


def make(events: Sequence[Event], *, now: datetime) -> None:
    """A delivery for everybody who wants one of the events."""
    heard = _heard([event.position for event in events])
    by_position = {event.position: event for event in events}
    topics = _topics(list(heard), events, now=now)
    subscriptions = sorted(topics, key=lambda each: each.pk)
    of_people = [each for each in subscriptions if is_of_person(each)]
    wishes = preferring.of_each({each.who for each in of_people})
    pairs = [
        (subscription, event)
        for subscription in subscriptions
        for event in _wanted(subscription, _merged(topics[subscription], heard), by_position)
    ]
    reached = _reached(pairs, wishes)
    tellers = _tellers(pairs)
    plans = [_plan(*pair, wishes, reached, tellers, now=now) for pair in pairs]
    _end_once([pair for pair, plan in zip(pairs, plans, strict=True) if plan.due_at])
    rows = (row(*pair, plan, now=now) for pair, plan in zip(pairs, plans, strict=True))
    bulk.insert(Delivery, FIELDS, rows)
    if of_people:
        leave_out_older([each.pk for each in of_people], now=now)


def _topics(
    heard: Collection[str], events: Sequence[Event], *, now: datetime
) -> dict[Subscription, list[str]]:
    """The subscriptions that are told of a topic that heard something, each with those topics."""
    wanted = Subscription.objects.filter(after__lt=events[-1].position)
    running = wanted.exclude(until__lt=events[0].position).exclude(expires_at__lte=now)
    first = running.filter(topic__in=heard).annotate(heard_on=F("topic"))
    further = running.filter(further__topic__in=heard).annotate(heard_on=F("further__topic"))
    # one statement, and either half has its index
    rows: Any = first.only(*ASKED).union(further.only(*ASKED), all=True)
    topics: dict[Subscription, list[str]] = defaultdict(list)
    for row in rows:
        topics[row].append(row.heard_on)
    return topics


def _merged(topics: Collection[str], heard: Mapping[str, list[int]]) -> Sequence[int]:
    """The positions that any of the topics heard, each once, in order."""
    if len(topics) == 1:
        return heard[next(iter(topics))]
    return sorted({position for topic in topics for position in heard[topic]})


def _end_once(told: Collection[Pair]) -> None:
    """Those that wanted one event have it, and are told of no more."""
    ends = {wish.pk: event.position for wish, event in told if wish.is_once}
    if ends:
        # in the order in which those lock them who write results
        rows = Subscription.objects.filter(pk__in=ends).order_by("pk")
        locked = list(rows.select_for_update(no_key=True).values_list("pk", flat=True))
        bulk.update(Subscription, ["until"], [(pk, ends[pk]) for pk in locked])


def is_of_person(subscription: Subscription) -> bool:
    """Programs are told all that they ask for, at once."""
    return subscription.channel not in IN_FULL and not subscription.who.startswith(PROGRAM)


def _reached(pairs: Collection[Pair], wishes: Mapping[str, Preferences]) -> Reached:
    """By which channels an event reaches those who are told by one after the other."""
    reached: Reached = defaultdict(set)
    for subscription, event in pairs:
        wanted = wishes.get(subscription.who, DEFAULT)
        is_active = subscription.state == Subscription.State.ACTIVE
        if wanted.ladder and is_active and is_of_person(subscription):
            channel = subscription.channel
            if preferences.wants(wanted, event.type, channel):
                reached[subscription.who, event.position].add(channel)
    return reached


def _tellers(pairs: Collection[Pair]) -> Tellers:
    """A person hears of an event once at an address: by the oldest of their subscriptions there."""
    tellers: Tellers = {}
    for subscription, event in pairs:
        if subscription.state == Subscription.State.ACTIVE and is_of_person(subscription):
            tellers.setdefault(_place(subscription, event), subscription.pk)
    return tellers


def _place(subscription: Subscription, event: Event) -> tuple[str, str, str, int]:
    return (subscription.who, subscription.channel, subscription.address, event.position)


def _plan(
    subscription: Subscription,
    event: Event,
    wishes: Mapping[str, Preferences],
    reached: Reached,
    tellers: Tellers,
    *,
    now: datetime,
) -> Plan:
    if reason := REASONS.get(subscription.state):
        return Plan(None, reason)
    if not is_of_person(subscription):
        return Plan(now)
    if not event.texts:
        return Plan(None, WITHOUT_WORDS)
    if tellers[_place(subscription, event)] != subscription.pk:
        return Plan(None, SAME_ADDRESS)
    wanted, channel = wishes.get(subscription.who, DEFAULT), subscription.channel
    others = reached.get((subscription.who, event.position), ())
    rung = preferences.rung(wanted, channel, others)
    return preferences.plan_rung(wanted, event.type, channel, now, rung=rung)


def row(subscription: Subscription, event: Event, plan: Plan, *, now: datetime) -> tuple[Any, ...]:
    """The delivery of an event as it is inserted, the values of FIELDS."""
    ids = (subscription.pk, event.position, event.topic)
    if plan.due_at is None:
        return (*ids, str(Delivery.State.SKIPPED), plan.reason, now, "", 0, now, now)
    state = Delivery.State.GATHERING if plan.is_digest else Delivery.State.PENDING
    return (*ids, str(state), plan.reason, plan.due_at, "", 0, now, None)


def _heard(positions: Sequence[int]) -> dict[str, list[int]]:
    """The positions that each topic hears, in order."""
    rows = EventTopic.objects.filter(position__range=(positions[0], positions[-1]))
    heard: dict[str, list[int]] = defaultdict(list)
    for topic, position in rows.order_by("position").values_list("topic", "position"):
        heard[topic].append(position)
    return heard


def _wanted(
    subscription: Subscription, positions: Collection[int], events: dict[int, Event]
) -> Iterator[Event]:
    for position in positions:
        event = events.get(position)
        if event is None or not subscription.runs_at(position):
            continue
        if wants(event.type, event.data, types=subscription.types, where=subscription.filter):
            yield event
            if subscription.is_once:
                return


def leave_out_older(subscriptions: Collection[int], *, now: datetime) -> None:
    """What has not gone out yet and has a newer one of its topic behind it never does.

    But what is due goes out before a newer one that waits for later, a digest tells of other
    topics, too, and on topics of messages none says what the one before did.
    """
    messages = Q(*(("topic__startswith", each) for each in audiences.OF_MESSAGES), _connector=Q.OR)
    waiting = Delivery.objects.waiting().filter(~messages, subscription__in=subscriptions)
    soonest_of_newer = Window(
        Min("due_at"),
        partition_by=["subscription_id", "topic"],
        order_by="position",
        frame=RowRange(start=1, end=None),
    )
    replaced = waiting.annotate(newer_due_at=soonest_of_newer).filter(
        Q(newer_due_at__lte=now) | Q(newer_due_at__lte=F("due_at"))
    )
    ids = list(replaced.values_list("pk", flat=True))
    tells_of_others = Exists(Delivery.objects.filter(told_by=OuterRef("pk")))
    # one that was claimed meanwhile is on its way
    unclaimed = Delivery.objects.waiting().filter(~tells_of_others, pk__in=ids, leased_by="")
    if held := unclaimed.lock():
        Delivery.objects.filter(pk__in=held).update(
            state=Delivery.State.SUPERSEDED, reason="newer", ended_at=now
        )
