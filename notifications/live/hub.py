"""Hears of every event once per process and hands it to all who follow one of its topics.

A commit wakes the hub by one Redis message (`wake`), which carries the events. The hub delivers
them in order of position without a gap: at a hole it waits 10 ms for the missing wake-up, then
reads the log. It also looks at the log every second, so a lost wake-up, or a Redis that is away,
costs a second and never an event.

Whoever wants to hear joins from inside the event loop:

    hub = await here()
    subscription = hub.join({"order.ORD-7K4Q2M9X"}, deliver, closed)
    ...
    hub.leave(subscription)

`deliver(frame)` is called for every event after `subscription.joined_at`, in order, once, without
waiting: it must be quick and not await. `frame.render(locale)` is the envelope, `frame.topics`
are all topics that hear it. `closed()` is called at most once: the hub stops, the log was made
anew or access was revoked; the subscription is then over. `follow` is the same by batches.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import orjson
import redis
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError
from redis.asyncio import Redis

from museo import broker
from notifications import access_changes, erasure, log, topics
from notifications.live import stats, wake
from notifications.live.frames import Batch, Frame
from notifications.live.ring import Ring
from notifications.live.together import Together

logger = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")

HOLE_SECONDS = 0.01
POLL_SECONDS = 1.0
POLL_SECONDS_WITHOUT_REDIS = 0.25
FIRST_BACK_OFF_SECONDS = 0.1
LONGEST_BACK_OFF_SECONDS = 5.0
RING_SIZE = 4096
STOPS_WITHIN_SECONDS = 2.0
# after a delivery the hub rests this many times as long as it took: what comes in a burst goes out
# in few writes, and the process has time for others
RESTS_FOR_WORK = 3
LONGEST_REST_SECONDS = 0.025
SHORTEST_REST_SECONDS = 0.001
# more than this above a hole is dropped and read from the log
MOST_AHEAD = 10_000


def in_thread(function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """`function` with its queries, in a thread of its own beside the event loop."""
    return database_sync_to_async(function, thread_sensitive=False)


class Subscription:
    """A standing wish to hear topics; made by `Hub.join` and `Hub.follow`."""

    __slots__ = ("closed", "deliver", "joined_at", "topics", "who")

    def __init__(
        self,
        deliver: Callable[[Batch], None],
        closed: Callable[[], None],
        joined_at: int,
        who: str,
    ) -> None:
        self.deliver = deliver
        self.closed = closed
        self.joined_at = joined_at
        # whose it is, so that it ends when their access does
        self.who = who
        self.topics: set[str] = set()


class Hub:
    """One per event loop; `here()` finds it."""

    def __init__(
        self,
        *,
        redis_url: str,
        poll_seconds: float = POLL_SECONDS,
        ring_size: int = RING_SIZE,
    ) -> None:
        self.epoch = ""
        # every event up to here has been delivered
        self.position = 0
        self._floor = 0
        self._head = 0
        self._ring_size = ring_size
        self._ring = Ring(ring_size, after=0)
        # frames above a hole
        self._ahead: dict[int, Frame] = {}
        self._followers: dict[str, set[Subscription]] = defaultdict(set)
        self._subscriptions: set[Subscription] = set()
        self._redis_url = redis_url
        self._log_channel = broker.channel(redis_url, wake.CHANNEL)
        self._counts_channel = broker.channel(redis_url, wake.COUNTS_CHANNEL)
        self._poll_seconds = poll_seconds
        self._hole = asyncio.Event()
        self._looking = asyncio.Lock()
        self._will_advance = False
        self._rests_until = 0.0
        self._is_outdated = False
        self._is_closed = False
        self._tasks: list[asyncio.Task[None]] = []
        self.connections = stats.Connections()
        # how often access was revoked: who was admitted meanwhile is looked at again
        self.revocations = 0
        # what joining clients ask the database
        self.readable = Together(in_thread(topics.readable_by_each))
        self.snapshots = Together(in_thread(topics.snapshots_for_each))
        self.missed = Together(self._read_missed)
        self.state = Together(self._look_for)

    # for those who hear

    def join(
        self,
        topics: Collection[str],
        deliver: Callable[[Frame], None],
        closed: Callable[[], None] = lambda: None,
        *,
        who: str = "",
    ) -> Subscription:
        """Hear every event of `topics` after the hub's position, frame by frame."""

        def deliver_each(batch: Batch) -> None:
            for frame in batch.frames:
                deliver(frame)

        return self.follow(topics, deliver_each, closed, who=who)

    def follow(
        self,
        topics: Collection[str],
        deliver: Callable[[Batch], None],
        closed: Callable[[], None] = lambda: None,
        *,
        who: str = "",
    ) -> Subscription:
        """Hear every event of `topics` after the hub's position, as many at once as there are."""
        subscription = Subscription(deliver, closed, self.position, who)
        if self._is_closed:
            asyncio.get_running_loop().call_soon(closed)
            return subscription
        self._subscriptions.add(subscription)
        self.widen(subscription, topics)
        return subscription

    def widen(self, subscription: Subscription, topics: Collection[str]) -> None:
        """Hear these topics too, from the hub's position on."""
        if subscription in self._subscriptions:
            subscription.topics.update(topics)
            for topic in topics:
                self._followers[topic].add(subscription)

    def narrow(self, subscription: Subscription, topics: Collection[str]) -> None:
        """Hear these topics no longer."""
        subscription.topics.difference_update(topics)
        for topic in topics:
            followers = self._followers.get(topic)
            if followers is not None:
                followers.discard(subscription)
                if not followers:
                    del self._followers[topic]

    def leave(self, subscription: Subscription) -> None:
        """Hear nothing any more."""
        self.narrow(subscription, tuple(subscription.topics))
        self._subscriptions.discard(subscription)

    def reaches(self, cursor: log.Cursor) -> bool:
        """Whether all events after the cursor are in memory, up to the hub's position."""
        is_this_log = cursor.epoch in (None, self.epoch)
        return is_this_log and cursor.position <= self.position and self.has_since(cursor.position)

    def has_since(self, position: int) -> bool:
        return self._ring.reaches(position)

    def has_all_of(self, topic: str) -> bool:
        """Whether the topic's whole history is in memory."""
        return self._ring.begins(topic)

    def since(self, topics: Collection[str], position: int) -> list[Frame]:
        """What is in memory of these topics after `position`."""
        return self._ring.since(topics, position)

    # its life

    async def start(self) -> None:
        self._begin(await in_thread(log.state)())
        await self._fill_ring()
        self._tasks.append(asyncio.create_task(self._tend()))
        self._tasks.append(asyncio.create_task(self._count()))
        if self._redis_url:
            self._tasks.append(asyncio.create_task(self._listen()))

    def close(self) -> None:
        """End every subscription; nobody can join any more."""
        self._is_closed = True
        self._end_all()

    async def stop(self) -> None:
        self.close()
        stats.pulse.stop()
        for task in self._tasks:
            task.cancel()
        ending = asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            # one whose connection does not close is left behind
            await asyncio.wait_for(asyncio.shield(ending), STOPS_WITHIN_SECONDS)
        except TimeoutError:
            deaf = [task.get_name() for task in self._tasks if not task.done()]
            logger.warning("the hub leaves tasks behind", extra={"tasks": deaf})

    async def look(self) -> log.State:
        """Compare with the log itself and deliver what is missing."""
        async with self._looking:
            self._is_outdated = False
            reached = self.position
            state = await in_thread(log.state)()
            if state.epoch != self.epoch or state.head < reached:
                # another log, or an older copy of this one
                self._begin_anew(state)
            self._head = max(self._head, state.head)
            await self._read_holes(state)
            stats.pulse.beat()
            stats.BEHIND.set(self._head - self.position)
            return state

    async def _look_for(self, cursors: Sequence[log.Cursor]) -> list[log.State]:
        state = await self.look()
        return [state] * len(cursors)

    def _begin(self, state: log.State) -> None:
        self.epoch = state.epoch
        self.position = self._head = state.head
        self._floor = state.floor
        self._ring = Ring(self._ring_size, after=state.head)
        self._ahead.clear()

    async def _fill_ring(self) -> None:
        """Who comes back after a restart has missed only the newest events."""
        after = max(self._floor, self.position - self._ring_size)
        if after == self.position:
            return
        rows = await in_thread(log.read_all)(
            after=after, until=self.position, limit=self._ring_size
        )
        if rows and rows[-1][0].position == self.position:
            self._ring = Ring(self._ring_size, after=rows[0][0].position - 1)
            self._ring.add(Frame(event, also, epoch=self.epoch) for event, also in rows)

    def _begin_anew(self, state: log.State) -> None:
        """Positions have lost their meaning; clients come back with a cursor and are told so."""
        logger.warning("log begins anew", extra={"epoch": state.epoch, "head": state.head})
        self._begin(state)
        self._end_all()

    def _end_all(self) -> None:
        for subscription in list(self._subscriptions):
            self.leave(subscription)
            subscription.closed()

    async def _tend(self) -> None:
        """Look at the log when there is a hole, and every so often in any case."""
        is_answering = True
        while not self._is_closed:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._hole.wait()
                    await asyncio.sleep(HOLE_SECONDS)
                    self._hole.clear()
                    if self.position >= self._head and not self._is_outdated:
                        continue
            self._hole.clear()
            try:
                await self.look()
                is_answering = True
            except DatabaseError:
                if is_answering:
                    logger.warning("log cannot be read", exc_info=True)
                is_answering = False
                await asyncio.sleep(self._poll_seconds)

    async def _read_holes(self, state: log.State) -> None:
        while self.position < state.head:
            before = self.position
            rows = await in_thread(log.read_all)(after=before, until=state.head)
            self._put_ahead(Frame(event, also, epoch=self.epoch) for event, also in rows)
            self._advance()
            stats.HEALED.inc(self.position - before)
            if self.position == before:
                # pruned away before it was read
                self._begin_anew(state)

    async def _count(self) -> None:
        """Tell the other processes, and those clients who want it, how many are connected."""
        client = _redis(self._redis_url) if self._redis_url else None
        try:
            while not self._is_closed:
                await asyncio.sleep(stats.STATUS_SECONDS)
                self.connections.tell()
                if client:
                    with suppress(redis.RedisError, OSError):
                        await client.publish(self._counts_channel, self.connections.report())
        finally:
            if client:
                await client.aclose()

    async def _read_missed(
        self, wanted: Sequence[tuple[Collection[str], int, int]]
    ) -> list[tuple[list[Frame], int]]:
        """For each of `(topics, after, until)` what was missed, and how far that is complete."""
        rows, complete = await in_thread(log.read_heard_by_each)(
            [(names, after) for names, after, _until in wanted],
            until=max(until for _names, _after, until in wanted),
        )
        frames = [Frame(event, also, epoch=self.epoch) for event, also in rows]
        by_topic: dict[str, list[Frame]] = defaultdict(list)
        for frame in frames:
            for name in frame.topics:
                by_topic[name].append(frame)
        return [
            (_between(by_topic, names, after, until), min(complete, until))
            for names, after, until in wanted
        ]

    async def _listen(self) -> None:
        """Hear the wake-ups; while Redis is away, looking at the log must do."""
        back_off = FIRST_BACK_OFF_SECONDS
        client = _redis(self._redis_url)
        try:
            # the client's own trouble in closing takes the place of a cancellation
            while not self._is_closed:
                try:
                    async with client.pubsub() as channel:
                        await channel.subscribe(self._log_channel, self._counts_channel)
                        async for message in channel.listen():
                            back_off = FIRST_BACK_OFF_SECONDS
                            self._hear(message)
                except (redis.RedisError, OSError) as problem:
                    logger.warning("no wake-ups", extra={"reason": str(problem)})
                await asyncio.sleep(back_off)
                back_off = min(back_off * 2, LONGEST_BACK_OFF_SECONDS)
        finally:
            await client.aclose()

    def _hear(self, message: Mapping[str, Any]) -> None:
        if message["type"] != "message":
            # subscribed: what was published before is in the log
            self._look_soon()
            return
        try:
            if message["channel"] == self._counts_channel.encode():
                self.connections.hear(message["data"])
            else:
                self.hear(message["data"])
        except (ValueError, TypeError, LookupError):
            logger.warning("wake-up not understood", exc_info=True)
            self._look_soon()

    def hear(self, message: bytes) -> None:
        """Take a wake-up in; what is contiguous goes out in this turn of the event loop."""
        told = orjson.loads(message)
        if told["epoch"] != self.epoch:
            self._look_soon()
            return
        frames = [
            Frame.of_wake_up(row, epoch=self.epoch)
            for row in told.get("events", ())
            if row["position"] > self.position
        ]
        self._head = max(self._head, told["head"])
        if frames:
            stats.DELAY.observe(max(0.0, time.time() - frames[-1].event.at.timestamp()))
        self._put_ahead(frames)
        if not self._will_advance:
            # what else has arrived by then goes out in the same write
            self._will_advance = True
            loop = asyncio.get_running_loop()
            if (rest := self._rests_until - time.monotonic()) > SHORTEST_REST_SECONDS:
                loop.call_later(rest, self._advance)
            else:
                loop.call_soon(self._advance)

    def _look_soon(self) -> None:
        self._is_outdated = True
        self._hole.set()

    def _put_ahead(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            if frame.position > self.position:
                self._ahead.setdefault(frame.position, frame)
        if len(self._ahead) > MOST_AHEAD and self.position + 1 not in self._ahead:
            self._ahead.clear()

    def _advance(self) -> None:
        """Deliver up to the next hole."""
        self._will_advance = False
        frames = []
        while (frame := self._ahead.pop(self.position + 1, None)) is not None:
            frames.append(frame)
            self.position += 1
        if frames:
            began_at = time.monotonic()
            self._ring.add(frames)
            self._deliver(frames)
            ended_at = time.monotonic()
            self._rests_until = ended_at + min(
                RESTS_FOR_WORK * (ended_at - began_at), LONGEST_REST_SECONDS
            )
            stats.EVENTS.inc(len(frames))
            if logger.isEnabledFor(logging.DEBUG):
                calls = {frame.position: frame.event.call for frame in frames}
                logger.debug("pushed", extra={"positions": calls})
            for frame in frames:
                if frame.event.topic == access_changes.TOPIC:
                    self._revoke(frame.event.data)
                elif frame.event.topic == erasure.TOPIC:
                    # the log's texts are those that are left
                    self._ring = Ring(self._ring_size, after=self.position)
        if self.position < self._head:
            self._hole.set()

    def _revoke(self, data: Mapping[str, Any]) -> None:
        """End what access was taken from; whoever still has it comes back."""
        self.revocations += 1
        ended = set().union(*(self._followers.get(name, ()) for name in data["topics"]))
        if data["who"]:
            ended |= {each for each in self._subscriptions if each.who == data["who"]}
        for subscription in ended:
            self.leave(subscription)
            subscription.closed()
        stats.REVOKED.inc(len(ended))

    def _deliver(self, frames: Sequence[Frame]) -> None:
        """Each subscription gets what it follows in one batch; equal batches are one object."""
        groups = _by_audience(frames)
        if len(groups) == 1:
            for subscription in self._audience(groups[0]):
                self._hand(subscription, groups[0])
            return
        heard: dict[Subscription, list[Batch]] = defaultdict(list)
        for batch in groups:
            for subscription in self._audience(batch):
                heard[subscription].append(batch)
        for subscription, batches in heard.items():
            self._hand(subscription, batches[0] if len(batches) == 1 else _merged(batches))

    def _audience(self, batch: Batch) -> set[Subscription]:
        return set().union(*(self._followers.get(name, ()) for name in batch.frames[0].topics))

    def _hand(self, subscription: Subscription, batch: Batch) -> None:
        try:
            subscription.deliver(batch)
        except Exception:
            logger.exception("delivery failed")
            self.leave(subscription)
            subscription.closed()


def _redis(url: str) -> Redis:
    options: dict[str, Any] = {"socket_connect_timeout": 2}
    if not url.startswith("unix:"):
        options["socket_keepalive"] = True
    return broker.async_client(url, **options)


def _by_audience(frames: Sequence[Frame]) -> list[Batch]:
    groups: dict[tuple[str, ...], list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[frame.topics].append(frame)
    return [Batch(group) for group in groups.values()]


def _between(
    by_topic: Mapping[str, Sequence[Frame]], names: Collection[str], after: int, until: int
) -> list[Frame]:
    found = {
        frame.position: frame
        for name in names
        for frame in by_topic.get(name, ())
        if after < frame.position <= until
    }
    return [found[position] for position in sorted(found)]


def _merged(batches: Iterable[Batch]) -> Batch:
    frames = [frame for batch in batches for frame in batch.frames]
    return Batch(sorted(frames, key=lambda frame: frame.position))


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[Hub]] = WeakKeyDictionary()


async def here() -> Hub:
    """The hub of this event loop, started by whoever asks first."""
    loop = asyncio.get_running_loop()
    starting = _hubs.get(loop)
    if starting is None or (starting.done() and starting.exception()):
        starting = _hubs[loop] = loop.create_task(_start())
    if starting.done():
        return starting.result()
    return await asyncio.shield(starting)


def running() -> Hub | None:
    """The hub of this event loop, if anybody has asked for it."""
    starting = _hubs.get(asyncio.get_running_loop())
    if starting is None or not starting.done() or starting.exception():
        return None
    return starting.result()


async def _start() -> Hub:
    has_redis = bool(settings.REDIS_URL)
    poll_seconds = POLL_SECONDS if has_redis else POLL_SECONDS_WITHOUT_REDIS
    hub = Hub(redis_url=settings.REDIS_URL, poll_seconds=poll_seconds)
    await hub.start()
    return hub
