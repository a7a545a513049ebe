"""Follows a Museo shop's events. One file to copy; it needs Python 3.10 and httpx.

    with Museo("http://127.0.0.1:8000", ticket="…") as museo:
        for event in museo.follow_order("ORD-7K4Q2M9X"):
            print(event.data["status_message"])

`AsyncMuseo` is the same for `async with` and `async for`. Both come back by themselves after a
cut, a restart or a silence, go on after the last event, and give each event once and in order.
They prove it: events carry the gap-free version of their topic. A gap is asked for again; if the
server does not have it either, ContinuityBroken says what is missing.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

ENDED = frozenset({"delivered", "cancelled", "failed", "refunded"})
FIRST_WAIT = 0.5
LONGEST_WAIT = 15.0
# the server says something every 15 s; a connection that is silent for longer was cut
PATIENCE = 30.0
# a stream that ends sooner has not worked
SETTLED = 5.0


@dataclass(frozen=True)
class Event:
    """One fact: the n-th (`version`) of its topic; `cursor` is where to go on after it."""

    id: str
    type: str
    timestamp: datetime
    topic: str
    position: int
    version: int
    data: Mapping[str, Any]
    cursor: str


@dataclass(frozen=True)
class Reset:
    """The log does not reach back to the cursor: forget what you know, this is how things stand."""

    snapshots: Mapping[str, Mapping[str, Any]]
    cursor: str


class MuseoError(Exception):
    """What ends an iteration."""


class Refused(MuseoError):
    """The server has understood and said no; `problem` is its RFC 9457 body."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(problem.get("detail") or f"HTTP {status}")
        self.status = status
        self.problem = problem


class Away(MuseoError):
    """The server did not answer as often as `tries` allowed."""


class ContinuityBroken(MuseoError):
    """Versions from `expected` to before `version` were not given, though asked for again."""

    def __init__(self, topic: str, expected: int, version: int) -> None:
        super().__init__(f"{topic}: expected version {expected}, was given {version}")
        self.topic = topic
        self.expected = expected
        self.version = version


@dataclass(frozen=True)
class Settings:
    """How to reach a shop. `ticket` opens an order, `token` is a bearer token; both may be missing.

    `tries` is how often in a row the server may stay away; None: for ever.
    """

    address: str
    ticket: str = ""
    token: str = ""
    locale: str = ""
    tries: int | None = None
    patience: float = PATIENCE
    # False only in a test that shows what the check is for
    is_checking: bool = True

    @property
    def options(self) -> dict[str, Any]:
        """For httpx's clients."""
        headers = {"Accept": "text/event-stream"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        elif self.ticket:
            headers["Authorization"] = f"Ticket {self.ticket}"
        if self.locale:
            headers["Accept-Language"] = self.locale
        timeout = httpx.Timeout(10, read=self.patience)
        return {"base_url": self.address, "headers": headers, "timeout": timeout}


class Museo:
    """A shop, asked from ordinary code."""

    def __init__(self, address: str, **settings: Any) -> None:
        self.settings = Settings(address, **settings)
        self._http = httpx.Client(**self.settings.options)

    def __enter__(self) -> Museo:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def follow_order(self, number: str, *, after: str | None = None) -> Iterator[Event | Reset]:
        """An order's events from its first, or after a cursor, until it has ended."""
        reading = _Reading.of_order(number, after, self.settings)
        for told in self._follow(reading):
            yield told
            if has_ended(told):
                return

    def follow(
        self, *topics: str, types: Collection[str] = (), after: str | None = None
    ) -> Iterator[Event | Reset]:
        """The events of topics from now on, or after a cursor, for ever."""
        return self._follow(_Reading.of_topics(topics, types, after, self.settings))

    def _follow(self, reading: _Reading) -> Iterator[Event | Reset]:
        while True:
            try:
                with self._http.stream("GET", reading.path, params=reading.params) as answer:
                    if answer.is_error:
                        answer.read()
                    reading.begin(answer)
                    for piece in answer.iter_bytes():
                        yield from reading.feed(piece)
            except _AskAgain:
                continue
            except httpx.TransportError as error:
                reading.fail(error)
            time.sleep(reading.wait())


class AsyncMuseo:
    """A shop, asked from an event loop."""

    def __init__(self, address: str, **settings: Any) -> None:
        self.settings = Settings(address, **settings)
        self._http = httpx.AsyncClient(**self.settings.options)

    async def __aenter__(self) -> AsyncMuseo:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def follow_order(
        self, number: str, *, after: str | None = None
    ) -> AsyncIterator[Event | Reset]:
        """An order's events from its first, or after a cursor, until it has ended."""
        reading = _Reading.of_order(number, after, self.settings)
        async for told in self._follow(reading):
            yield told
            if has_ended(told):
                return

    def follow(
        self, *topics: str, types: Collection[str] = (), after: str | None = None
    ) -> AsyncIterator[Event | Reset]:
        """The events of topics from now on, or after a cursor, for ever."""
        return self._follow(_Reading.of_topics(topics, types, after, self.settings))

    async def _follow(self, reading: _Reading) -> AsyncIterator[Event | Reset]:
        while True:
            try:
                async with self._http.stream("GET", reading.path, params=reading.params) as answer:
                    if answer.is_error:
                        await answer.aread()
                    reading.begin(answer)
                    async for piece in answer.aiter_bytes():
                        for told in reading.feed(piece):
                            yield told
            except _AskAgain:
                continue
            except httpx.TransportError as error:
                reading.fail(error)
            await asyncio.sleep(reading.wait())


def has_ended(told: Event | Reset) -> bool:
    """Whether an order will have no further step after this."""
    if isinstance(told, Event):
        return told.data.get("status") in ENDED
    return any(stand.get("status") in ENDED for stand in told.snapshots.values())


class _AskAgain(Exception):
    """There is a gap: the stream is opened again from before it."""


class _Reading:
    """What was read so far, and so where to go on; knows no network."""

    def __init__(
        self, path: str, topics: Collection[str], after: str | None, settings: Settings
    ) -> None:
        self.path = path
        self.topics = tuple(topics)
        self.types: Collection[str] = ()
        self.cursor = after
        self._settings = settings
        self._is_of_one_order = False
        # by topic: the last version and the cursor after it
        self._known: dict[str, tuple[int, str]] = {}
        # by topic: the version after which was asked again
        self._asked_again: dict[str, int] = {}
        self._epoch = ""
        self._tries = 0
        self._began_at = 0.0
        # in seconds, as the server wishes
        self._pause: float | None = None
        self._buffer = b""

    @classmethod
    def of_order(cls, number: str, after: str | None, settings: Settings) -> _Reading:
        path = f"/api/v1/orders/{number}/events"
        reading = cls(path, [f"order.{number}"], after, settings)
        reading._is_of_one_order = True
        return reading

    @classmethod
    def of_topics(
        cls,
        topics: Collection[str],
        types: Collection[str],
        after: str | None,
        settings: Settings,
    ) -> _Reading:
        reading = cls("/api/v1/events", topics, after, settings)
        reading.types = types
        return reading

    # connections

    @property
    def params(self) -> dict[str, str]:
        gaps = [self._known[topic][1] for topic in self._asked_again]
        after = min(gaps, key=_position) if gaps else self.cursor
        asked = {"after": after, "types": ",".join(self.types), "locale": self._settings.locale}
        if not self._is_of_one_order:
            asked["topics"] = ",".join(self.topics)
        return {name: value for name, value in asked.items() if value}

    def begin(self, answer: httpx.Response) -> None:
        """Raise Refused for a no, a transport error for a server in trouble."""
        self._buffer = b""
        if answer.status_code == 429 or answer.status_code >= 500:
            wish = answer.headers.get("retry-after", "")
            self._pause = float(wish) if wish.isdigit() else None
            raise httpx.ReadError(f"HTTP {answer.status_code}")
        if answer.status_code != 200:
            try:
                problem = answer.json()
            except ValueError:
                problem = {}
            raise Refused(answer.status_code, problem)
        self._began_at = time.monotonic()

    def fail(self, error: httpx.TransportError) -> None:
        """Raise Away if that was once too often."""
        if self._settings.tries is not None and self._tries >= self._settings.tries:
            raise Away(f"no answer after {self._tries} tries: {error}") from error

    def wait(self) -> float:
        """Seconds until the next try: growing and uneven, or what the server wished."""
        was_settled = self._began_at and time.monotonic() - self._began_at > SETTLED
        self._began_at = 0.0
        self._tries = 0 if was_settled else self._tries + 1
        wish, self._pause = self._pause, None
        grown = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** max(0, self._tries - 1))
        # not a secret, only uneven
        return max(wish or 0.0, grown * random.uniform(0.7, 1.3))  # noqa: S311

    # what is read

    def feed(self, piece: bytes) -> Iterator[Event | Reset]:
        """What these bytes of the stream complete."""
        *frames, self._buffer = (self._buffer + piece).split(b"\n\n")
        for frame in frames:
            yield from self._hear(frame)

    def _hear(self, frame: bytes) -> Iterator[Event | Reset]:
        fields = dict(_field(line) for line in frame.split(b"\n"))
        if "retry" in fields:
            self._pause = int(fields["retry"]) / 1000
        if "data" not in fields or "event" in fields:
            return
        message = json.loads(fields["data"])
        if message["type"] == "connected":
            self._connect(message)
        elif message["type"] == "reset":
            yield self._reset(message)
        elif "version" in message and self._is_next(message):
            self.cursor = self._known[message["topic"]][1]
            if message["type"] != "skip":
                yield _event(message, self.cursor)

    def _connect(self, message: Mapping[str, Any]) -> None:
        # its `retry:` is for browsers, which have no back-off of their own
        self._pause = None
        if not self._epoch and self.cursor is None:
            self._start(message)
        self._epoch = message["epoch"]

    def _start(self, message: Mapping[str, Any]) -> None:
        """The first connection without a cursor: an order from its first event, others from now."""
        self.cursor = f"{message['epoch']}-{message['position']}"
        if self._is_of_one_order:
            self.cursor = None
            self._known = dict.fromkeys(self.topics, (0, f"{message['epoch']}-0"))
        else:
            self._know(self._snapshots(message), self.cursor)

    def _reset(self, message: Mapping[str, Any]) -> Reset:
        self._epoch = message["epoch"]
        self.cursor = f"{message['epoch']}-{message['position']}"
        self._asked_again.clear()
        self._known.clear()
        snapshots = self._snapshots(message)
        self._know(snapshots, self.cursor)
        return Reset(snapshots, self.cursor)

    def _snapshots(self, message: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
        snapshot = message["snapshot"] or {}
        return {self.topics[0]: snapshot} if self._is_of_one_order else snapshot

    def _know(self, snapshots: Mapping[str, Mapping[str, Any]], cursor: str) -> None:
        for topic, stand in snapshots.items():
            if "version" in stand:
                self._known[topic] = (stand["version"], cursor)

    def _is_next(self, message: Mapping[str, Any]) -> bool:
        """Whether it is news; raise at a gap. A topic counts from the first that is seen of it."""
        topic, version = message["topic"], message["version"]
        cursor = f"{self._epoch}-{message['position']}"
        known, _after = self._known.get(topic, (version - 1, cursor))
        if version <= known:
            return False
        if version > known + 1 and self._settings.is_checking:
            if self._asked_again.get(topic) == known:
                raise ContinuityBroken(topic, known + 1, version)
            self._asked_again[topic] = known
            raise _AskAgain
        self._asked_again.pop(topic, None)
        self._known[topic] = (version, cursor)
        return True


def _event(message: Mapping[str, Any], cursor: str) -> Event:
    return Event(
        id=message["id"],
        type=message["type"],
        timestamp=datetime.fromisoformat(message["timestamp"].replace("Z", "+00:00")),
        topic=message["topic"],
        position=message["position"],
        version=message["version"],
        data=message["data"],
        cursor=cursor,
    )


def _field(line: bytes) -> tuple[str, str]:
    name, _, value = line.decode().partition(":")
    return name, value.removeprefix(" ")


def _position(cursor: str) -> int:
    return int(cursor.rpartition("-")[2])
