"""Sends deliveries: at least once, those of a topic in order, and nobody waits for the slow ones.

Whoever sends claims deliveries by a lease, sends outside of any transaction, and writes what came
of it if the lease is still theirs. A lease that is over is as good as none: the next one who
claims takes the delivery up, under the same name (`webhook-id`, `Message-ID`). An earlier delivery
that is pending holds the later ones of its topic to the same subscription, and no others; a person
is told the newest alone. What goes out by which channel is the business of `parcels`.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any, Self
from uuid import uuid4

import httpcore2
from django.db import connection, transaction
from django.db.models import Q

from museo import bulk
from museo.access import context
from notifications import bounces, dispatcher, log, parcels, retries
from notifications.channels import posting
from notifications.channels.message import NotSent
from notifications.dispatcher import is_of_person
from notifications.models import Attempt, Delivery, Subscription
from notifications.parcels import NOT_ALLOWED, Outcome, Parcel
from notifications.subscriptions import disable

logger = logging.getLogger(__name__)
LEASE = timedelta(seconds=60)
# what is begun is over before its lease is
MARGIN = timedelta(seconds=5)
MOST_OPEN = 200
# to one address; so many more wait in line for it
MOST_AT_ONCE = 2
MOST_IN_LINE = 16
# of what waits for those who are gone, in one go
MOST_LEFT_OUT = 5000
# how long one run takes up new ones, and how often it looks
CLAIMING_SECONDS = 8.0
LOOKS_EVERY_SECONDS = 0.1
# what is tried meanwhile is written together
GATHERS_SECONDS = 0.03
ATTEMPT_FIELDS = (
    "delivery_id",
    "at",
    "duration",
    "status",
    "code",
    "detail",
    "request",
    "response",
)


@dataclass(frozen=True)
class Tried:
    """What came of a parcel. Without an `at` it was not tried at all."""

    parcel: Parcel
    at: datetime | None = None
    duration: timedelta = timedelta(0)
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def refusal(self) -> NotSent | None:
        return self.outcome.refusal


@dataclass(frozen=True)
class Settled:
    sent: int = 0
    failed: int = 0
    disabled: int = 0


# claiming

# The first of each topic is sent or holds the rest. Of the first ones of an address, and of a
# channel of people's, those come first that somebody sends already, and so count. Subscriptions of
# which nothing is due or held cost nothing: all that waits for a morning is not looked at.
CLAIM = """
WITH heads AS (
    SELECT id, subscription_id, due_at, leased_by,
           ROW_NUMBER() OVER (PARTITION BY subscription_id, topic ORDER BY position) AS place
    FROM notifications_delivery
    WHERE state = 'pending' AND subscription_id {among}
        SELECT DISTINCT subscription_id FROM notifications_delivery
        WHERE state = 'pending' AND due_at <= %(until)s
          AND (due_at <= %(now)s OR leased_by <> '')
      {these}
),
turns AS (
    SELECT h.id, s.channel, s.failing_since,
           ROW_NUMBER() OVER (
               PARTITION BY s.channel, s.address
               ORDER BY CASE WHEN h.due_at > %(now)s THEN 0 ELSE 1 END, h.due_at, h.id
           ) AS turn,
           ROW_NUMBER() OVER (
               PARTITION BY s.channel
               ORDER BY CASE WHEN h.due_at > %(now)s THEN 0 ELSE 1 END, h.due_at, h.id
           ) AS turn_of_channel
    FROM heads h JOIN notifications_subscription s ON s.id = h.subscription_id
    WHERE h.place = 1
      AND (h.due_at <= %(now)s OR h.leased_by <> '')
      AND s.state = 'active'
      AND (s.rests_until IS NULL OR s.rests_until <= %(now)s)
),
chosen AS (
    SELECT d.id
    FROM notifications_delivery d
    WHERE d.id {among}
        SELECT t.id FROM turns t
        WHERE t.turn <= CASE WHEN t.failing_since IS NULL THEN %(most)s ELSE %(most_failing)s END
          AND (t.channel = 'webhook' OR t.turn_of_channel <= %(most_of_channel)s)
      {these}
      AND d.state = 'pending' AND d.due_at <= %(now)s
    ORDER BY d.due_at, d.id
    LIMIT %(limit)s
    {lock}
)
UPDATE notifications_delivery SET leased_by = %(sender)s, due_at = %(until)s
WHERE id {among} SELECT id FROM chosen {these} AND state = 'pending' AND due_at <= %(now)s
RETURNING id
"""
LOCK = {"postgresql": "FOR UPDATE OF d SKIP LOCKED"}
# asked once; a join is planned by what was counted before all this waited, and looks at each pair
AMONG = {"postgresql": ("= ANY(ARRAY(", "))")}


def claim(*, sender: str, now: datetime, limit: int = MOST_OPEN) -> list[Parcel]:
    """Take up to `limit` deliveries that are due and that nobody holds, in the order of sending."""
    until = now + LEASE
    moment = connection.ops.adapt_datetimefield_value
    among, these = AMONG.get(connection.vendor, ("IN (", ")"))
    with connection.cursor() as cursor:
        cursor.execute(
            CLAIM.format(lock=LOCK.get(connection.vendor, ""), among=among, these=these),
            {
                "now": moment(now),
                "until": moment(until),
                "sender": sender,
                "limit": limit,
                "most": MOST_IN_LINE,
                "most_failing": MOST_AT_ONCE,
                "most_of_channel": parcels.MOST_OF_A_CHANNEL,
            },
        )
        ids = [pk for (pk,) in cursor.fetchall()]
    if not ids:
        return []
    rows = Delivery.objects.filter(pk__in=ids).select_related("subscription")
    rows = rows.prefetch_related("subscription__further")
    return parcels.pack(list(rows.order_by("position")), until=until, now=now)


# sending


async def send(
    connections: httpcore2.AsyncConnectionPool,
    parcel: Parcel,
    *,
    clock: Callable[[], datetime],
) -> Tried:
    """Try a parcel once, as a part of the call that it came of."""
    context.begin(parcel.call)
    now, begun = clock(), time.monotonic()
    if parcel.cargo is None or now + posting.TOTAL + MARGIN > parcel.leased_until:
        return Tried(parcel)
    try:
        outcome = await parcel.cargo.send(connections, now=now)
    except Exception:
        # one that nobody thought of is this delivery's trouble, and nobody else's
        logger.exception("delivery failed", extra={"delivery": parcel.delivery_id})
        outcome = Outcome(NotSent("unreachable", permanent=False, detail="internal"))
    return Tried(parcel, now, timedelta(seconds=time.monotonic() - begun), outcome)


# what came of it


def settle(tried: Sequence[Tried], *, sender: str, now: datetime, dice: Random) -> Settled:
    """Write what came of parcels, of those whose lease is still the sender's."""
    with log.change() as change:
        ids = {each.parcel.subscription_id for each in tried}
        rows = Subscription.objects.filter(pk__in=ids).order_by("pk")
        subscriptions = {row.pk: row for row in rows.select_for_update(no_key=True)}
        held = _held([each.parcel.delivery_id for each in tried], sender)
        mine = [each for each in tried if each.parcel.delivery_id in held]
        real = [each for each in mine if each.at and not each.parcel.reason]
        sent = [each for each in real if not each.refusal]
        failed = [each for each in real if each.refusal]
        _leave_out([each.parcel for each in mine if each.parcel.reason], now=now)
        _give_back([each for each in mine if not each.at and not each.parcel.reason], now=now)
        _note_attempts([each for each in mine if each.at])
        _note_sent(change, sent, now=now)
        _note_failed(failed, now=now, dice=dice)
        _leave_out_older(subscriptions, failed, now=now)
        well = {each.parcel.subscription_id for each in sent}
        disabled = _judge(change, subscriptions, well, failed, now=now)
        disabled += _end_lost(change, subscriptions, mine, now=now)
    return Settled(len(sent), len(failed), disabled)


def _held(ids: Collection[int], sender: str) -> set[int]:
    """Those that are still this sender's, locked."""
    return Delivery.objects.held_by(sender).filter(pk__in=ids).lock()


def _give_back(tried: Iterable[Tried], *, now: datetime) -> None:
    ids = [each.parcel.delivery_id for each in tried]
    if ids:
        Delivery.objects.filter(pk__in=ids).update(leased_by="", due_at=now)


def _leave_out(packed: Iterable[Parcel], *, now: datetime) -> None:
    """What must not go out says why, and is not asked about again."""
    by_reason: dict[str, list[int]] = defaultdict(list)
    for parcel in packed:
        by_reason[parcel.reason].append(parcel.delivery_id)
    for reason, ids in by_reason.items():
        Delivery.objects.filter(pk__in=ids).update(
            state=Delivery.State.SKIPPED, reason=reason, leased_by="", ended_at=now
        )


def _note_attempts(tried: Iterable[Tried]) -> None:
    bulk.insert(
        Attempt,
        ATTEMPT_FIELDS,
        (
            (
                each.parcel.delivery_id,
                each.at,
                each.duration,
                each.outcome.status,
                each.refusal.code if each.refusal else "",
                each.refusal.detail if each.refusal else "",
                each.outcome.request,
                each.outcome.response,
            )
            for each in tried
        ),
    )


def _note_sent(change: log.Change, sent: Iterable[Tried], *, now: datetime) -> None:
    bulk.update(
        Delivery,
        ("state", "reason", "leased_by", "attempts_made", "ended_at", "reference"),
        [
            (
                each.parcel.delivery_id,
                str(Delivery.State.SENT),
                "",
                "",
                each.parcel.attempts_made + 1,
                now,
                each.outcome.reference,
            )
            for each in sent
        ],
    )
    references = [each.outcome.reference for each in sent if each.outcome.reference]
    if references:
        # a provider may have told before we knew of what
        change.afterwards(partial(bounces.obey, references, now=now))


def _note_failed(failed: Iterable[Tried], *, now: datetime, dice: Random) -> None:
    bulk.update(
        Delivery,
        ("state", "reason", "leased_by", "attempts_made", "due_at", "ended_at"),
        [_after_failure(each, each.refusal, now=now, dice=dice) for each in failed if each.refusal],
    )


def _after_failure(
    tried: Tried, refusal: NotSent, *, now: datetime, dice: Random
) -> tuple[Any, ...]:
    tries = tried.parcel.attempts_made + 1
    pause = (
        None if refusal.permanent else retries.pause(tries, asked=refusal.retry_after, dice=dice)
    )
    known = (tried.parcel.delivery_id,)
    if pause is None:
        return (*known, str(Delivery.State.FAILED), refusal.code, "", tries, now, now)
    return (*known, str(Delivery.State.PENDING), refusal.code, "", tries, now + pause, None)


def _leave_out_older(
    subscriptions: dict[int, Subscription], failed: Iterable[Tried], *, now: datetime
) -> None:
    """What a person was not told in time is not told at all once there is something newer."""
    ids = {each.parcel.subscription_id for each in failed}
    of_people = [pk for pk in ids & subscriptions.keys() if is_of_person(subscriptions[pk])]
    if of_people:
        dispatcher.leave_out_older(of_people, now=now)


def _judge(
    change: log.Change,
    subscriptions: dict[int, Subscription],
    well: Collection[int],
    failed: Iterable[Tried],
    *,
    now: datetime,
) -> int:
    """Note how receivers are, and disable those that have gone; return how many.

    One that took anything at all is well.
    """
    Subscription.objects.filter(pk__in=well).exclude(failing_since=None, rests_until=None).update(
        failing_since=None, rests_until=None
    )
    refusals: dict[int, list[NotSent]] = defaultdict(list)
    for each in failed:
        if each.refusal:
            refusals[each.parcel.subscription_id].append(each.refusal)
    disabled = 0
    for pk, of_it in sorted(refusals.items()):
        if subscription := subscriptions.get(pk):
            disabled += _note_refusals(change, subscription, of_it, is_well=pk in well, now=now)
    return disabled


def _end_lost(
    change: log.Change,
    subscriptions: Mapping[int, Subscription],
    tried: Iterable[Tried],
    *,
    now: datetime,
) -> int:
    """A callback whose subscriber may no longer read was told so, and is told no more."""
    lost = {each.parcel.subscription_id for each in tried if each.parcel.reason == NOT_ALLOWED}
    found = [subscriptions[pk] for pk in sorted(lost & subscriptions.keys())]
    callbacks = [each for each in found if each.shape == Subscription.Shape.EVENT]
    return disable(change, callbacks, NOT_ALLOWED, now=now)


def _note_refusals(
    change: log.Change,
    subscription: Subscription,
    refusals: Sequence[NotSent],
    *,
    is_well: bool,
    now: datetime,
) -> int:
    for each in refusals:
        if each.code == "gone" or (each.code == "bad_address" and each.permanent):
            return disable(change, [subscription], each.code, now=now)
    if is_well or subscription.channel not in dispatcher.IN_FULL:
        # the trouble of one thing, or of their provider, is not theirs
        return 0
    mine = Subscription.objects.filter(pk=subscription.pk)
    since = subscription.failing_since or now
    pauses = [each.retry_after for each in refusals if each.retry_after]
    rests_until = now + max(pauses) if pauses else subscription.rests_until
    if (since, rests_until) != (subscription.failing_since, subscription.rests_until):
        mine.update(failing_since=since, rests_until=rests_until)
    if retries.is_hopeless(failing_since=since, now=now):
        return disable(change, [subscription], "failing", now=now)
    return 0


def leave_out_disabled(*, now: datetime) -> int:
    """What waits for a receiver that was disabled is not sent; return how many."""
    free = Delivery.objects.pending().filter(Q(leased_by="") | Q(due_at__lte=now))
    waiting = free.filter(subscription__state=Subscription.State.DISABLED)
    ids = list(waiting.values_list("pk", flat=True)[:MOST_LEFT_OUT])
    if not ids:
        return 0
    with transaction.atomic():
        held = free.filter(pk__in=ids).lock()
        return Delivery.objects.filter(pk__in=held).update(
            state=Delivery.State.SKIPPED, reason="disabled", leased_by="", ended_at=now
        )


# one run of a work process


class Line:
    """Sends parcels on an event loop in a thread of its own, two at once to an address."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._started = threading.Event()
        self._tried: queue.SimpleQueue[Tried] = queue.SimpleQueue()
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._thread = threading.Thread(target=asyncio.run, args=[self._work()], name="line")
        self.is_closing = False

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *_error: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def send(self, parcels: Iterable[Parcel]) -> None:
        for parcel in parcels:
            asyncio.run_coroutine_threadsafe(self._send(parcel), self._loop)

    def collect(self, *, within: float) -> list[Tried]:
        """What was tried since; waits a while for the first, and a moment for more."""
        found: list[Tried] = []
        with suppress(queue.Empty):
            found.append(self._tried.get(timeout=within))
            time.sleep(GATHERS_SECONDS)
            while True:
                found.append(self._tried.get_nowait())
        return found

    async def _work(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with posting.pool() as self._connections:
            self._started.set()
            await self._over.wait()

    async def _send(self, parcel: Parcel) -> None:
        turn = self._turns.setdefault(parcel.address, asyncio.Semaphore(MOST_AT_ONCE))
        async with turn:
            if self.is_closing:
                tried = Tried(parcel)
            else:
                tried = await send(self._connections, parcel, clock=self._clock)
        self._tried.put(tried)


# one run at a time takes up new ones
_claiming = threading.Lock()
# somebody has come since the last look
_asked = threading.Event()


def run(*, clock: Callable[[], datetime], dice: Random) -> Settled:
    """Send what is due until nothing is, or for a while; return what came of it.

    While another thread of this process takes up new ones there is nothing to do: it looks once
    more before it ends.
    """
    total, deadline = Settled(), time.monotonic() + CLAIMING_SECONDS
    _asked.set()
    while _asked.is_set() and time.monotonic() < deadline and _claiming.acquire(blocking=False):
        _asked.clear()
        release = _once(_claiming.release)
        try:
            run = _run(uuid4().hex, clock=clock, dice=dice, stop_claiming=release)
        finally:
            release()
        total = _sum(total, run)
    return total


def _run(
    sender: str, *, clock: Callable[[], datetime], dice: Random, stop_claiming: Callable[[], None]
) -> Settled:
    leave_out_disabled(now=clock())
    parcels = claim(sender=sender, now=clock())
    if not parcels:
        return Settled()
    total, under_way = Settled(), 0
    deadline = time.monotonic() + CLAIMING_SECONDS
    with Line(clock) as line:
        while parcels or under_way:
            line.send(parcels)
            under_way += len(parcels)
            tried = line.collect(within=LOOKS_EVERY_SECONDS)
            under_way -= len(tried)
            if tried:
                total = _sum(total, settle(tried, sender=sender, now=clock(), dice=dice))
            parcels = []
            if time.monotonic() > deadline:
                line.is_closing = True
                stop_claiming()
            elif under_way < MOST_OPEN:
                parcels = claim(sender=sender, now=clock(), limit=MOST_OPEN - under_way)
    return total


def _once(act: Callable[[], None]) -> Callable[[], None]:
    left = [act]
    return lambda: left.pop()() if left else None


def _sum(one: Settled, other: Settled) -> Settled:
    return Settled(one.sent + other.sent, one.failed + other.failed, one.disabled + other.disabled)
