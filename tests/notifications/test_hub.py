"""The hub by itself: lost, late and doubled wake-ups, slow clients, and joining in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from redis.asyncio.connection import AbstractConnection as Connection
from redis.exceptions import RedisError

from notifications import log
from notifications.live import outlet, wake
from notifications.live.clients import Client, Start
from notifications.live.consumers import ARRAYS, _close
from notifications.live.frames import Batch, Frame, Message
from notifications.live.hub import RING_SIZE, Hub, in_thread
from tests.notifications.conftest import tell, until

pytestmark = pytest.mark.usefixtures("committed")


@asynccontextmanager
async def started(
    *, redis_url: str = "", poll_seconds: float = 60, ring_size: int = RING_SIZE
) -> AsyncIterator[Hub]:
    hub = Hub(redis_url=redis_url, poll_seconds=poll_seconds, ring_size=ring_size)
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()


@pytest.fixture
def wake_ups(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What would have been published."""
    messages: list[bytes] = []
    monkeypatch.setattr(wake, "wake", messages.append)
    return messages


def listen(hub: Hub, *topics: str) -> list[int]:
    """The positions that are heard."""
    heard: list[int] = []
    hub.join(topics or ("trial.a",), lambda frame: heard.append(frame.position))
    return heard


async def test_wake_ups_in_any_order_and_twice_are_delivered_in_order_once(
    wake_ups: list[bytes],
) -> None:
    async with started() as hub:
        heard = listen(hub)
        for _ in range(4):
            await in_thread(tell)()

        for turn in (1, 0, 0, 3, 2, 1, 3):
            hub.hear(wake_ups[turn])
            await asyncio.sleep(0)

        assert heard == [1, 2, 3, 4]


async def test_a_hole_is_read_from_the_log_in_one_query(
    wake_ups: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[dict[str, int]] = []
    read_all = log.read_all

    def counted(**at: int) -> Any:
        reads.append(at)
        return read_all(**at)

    monkeypatch.setattr(log, "read_all", counted)
    async with started() as hub:
        heard = listen(hub)
        for _ in range(6):
            await in_thread(tell)()

        # 2, 4 and 5 got lost
        for turn in (0, 2, 5):
            hub.hear(wake_ups[turn])
        await until(lambda: len(heard) == 6)

        assert heard == [1, 2, 3, 4, 5, 6]
        assert len(reads) == 1


async def test_a_late_wake_up_fills_a_hole_without_a_query(
    wake_ups: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with started() as hub:
        heard = listen(hub)
        await in_thread(tell)()
        await in_thread(tell)()
        monkeypatch.setattr(log, "read_all", None)
        monkeypatch.setattr(log, "state", None)

        hub.hear(wake_ups[1])
        await asyncio.sleep(0)
        assert heard == []
        hub.hear(wake_ups[0])
        await until(lambda: not hub._hole.is_set())

        assert heard == [1, 2]


async def test_a_wake_up_without_its_events_is_read_from_the_log(wake_ups: list[bytes]) -> None:
    async with started() as hub:
        heard = listen(hub)
        await in_thread(tell)(count=2, text="x" * 20_000)
        assert "events" not in orjson.loads(wake_ups[0])

        hub.hear(wake_ups[0])
        await until(lambda: heard == [1, 2])


@pytest.mark.both
async def test_a_lost_wake_up_is_found_by_looking(wake_ups: list[bytes]) -> None:
    async with started(poll_seconds=0.05) as hub:
        heard = listen(hub)
        await in_thread(tell)(count=3)

        await until(lambda: heard == [1, 2, 3])


async def test_without_looking_a_lost_wake_up_is_lost(wake_ups: list[bytes]) -> None:
    """The twin of the test above, without the protection."""
    async with started(poll_seconds=60) as hub:
        heard = listen(hub)
        await in_thread(tell)(count=3)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await until(lambda: heard == [1, 2, 3])


@pytest.mark.both
async def test_wake_ups_come_through_redis(redis: str) -> None:
    async with started(redis_url=redis, poll_seconds=60) as hub:
        heard = listen(hub)
        await in_thread(tell)()
        await until(lambda: heard == [1])
        await in_thread(tell)(count=2)

        await until(lambda: heard == [1, 2, 3])


async def test_an_unreadable_wake_up_does_not_stop_the_next(redis: str) -> None:
    async with started(redis_url=redis, poll_seconds=60) as hub:
        heard = listen(hub)
        await in_thread(tell)()
        await until(lambda: heard == [1])

        for message in (b"{", b"[]", b"{}", b'{"epoch":"test0000","head":"x"}'):
            await in_thread(wake.wake)(message)
        await in_thread(tell)()

        await until(lambda: heard == [1, 2])


async def test_a_hub_ends_though_its_connection_to_redis_cannot_be_closed(
    redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the client then raises takes the place of the cancellation."""
    hub = Hub(redis_url=redis)
    await hub.start()
    heard = listen(hub)
    await in_thread(tell)()
    await until(lambda: heard == [1])

    disconnect = Connection.disconnect

    async def fail(connection: Connection, **options: Any) -> None:
        await disconnect(connection, **options)
        raise RedisError

    monkeypatch.setattr(Connection, "disconnect", fail)

    async with asyncio.timeout(20):
        await hub.stop()


async def test_a_hub_leaves_a_connection_behind_that_does_not_close(
    redis: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("notifications.live.hub.STOPS_WITHIN_SECONDS", 0.05)
    hub = Hub(redis_url=redis)
    await hub.start()
    heard = listen(hub)
    await in_thread(tell)()
    await until(lambda: heard == [1])
    closed, disconnect = asyncio.Event(), Connection.disconnect

    async def hang(connection: Connection, **options: Any) -> None:
        await closed.wait()
        await disconnect(connection, **options)

    monkeypatch.setattr(Connection, "disconnect", hang)

    async with asyncio.timeout(20):
        await hub.stop()

    assert "the hub leaves tasks behind" in caplog.text
    closed.set()
    await asyncio.gather(*hub._tasks, return_exceptions=True)


class Clock:
    """The hub's own: only what a delivery takes passes, and what is put off waits."""

    def __init__(self, hub: Hub) -> None:
        self.now = 0.0
        self.put_off: list[tuple[float, Callable[[], None]]] = []
        self._advance = hub._advance
        self._loop = asyncio.get_running_loop()
        self._call_later = self._loop.call_later

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return time.time()

    def call_later(self, seconds: float, callback: Any, *given: Any, **more: Any) -> Any:
        if callback == self._advance:
            return self.put_off.append((seconds, callback))
        return self._call_later(seconds, callback, *given, **more)


@pytest.mark.parametrize(
    ("rests", "put_off", "in_writes"),
    [(3, [0.015], [1, 19]), (10, [0.025], [1, 19]), (0, [], [1] * 20)],
)
async def test_what_comes_in_a_burst_goes_out_in_few_writes(
    wake_ups: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
    rests: int,
    put_off: list[float],
    in_writes: list[int],
) -> None:
    """Without a rest after each delivery, each event would be a write of its own."""
    monkeypatch.setattr("notifications.live.hub.RESTS_FOR_WORK", rests)
    writes: list[int] = []

    async with started() as hub:
        clock = Clock(hub)
        monkeypatch.setattr("notifications.live.hub.time", clock)
        monkeypatch.setattr(asyncio.get_running_loop(), "call_later", clock.call_later)

        def take_5_ms(batch: Batch) -> None:
            writes.append(len(batch.frames))
            clock.now += 0.005

        hub.follow(("trial.a",), take_5_ms, lambda: None)
        for _ in range(20):
            await in_thread(tell)()

        for wake_up in wake_ups:
            hub.hear(wake_up)
            await asyncio.sleep(0)
        for _seconds, advance in clock.put_off:
            advance()

        assert [seconds for seconds, _advance in clock.put_off] == pytest.approx(put_off)
        assert writes == in_writes


@pytest.fixture
def no_redis(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An address where nobody answers."""
    settings.REDIS_URL = "unix:///nonexistent/museo.sock?db=0"
    monkeypatch.setattr(wake, "_away_until", 0.0)
    wake._client.cache_clear()
    yield settings.REDIS_URL
    wake._client.cache_clear()


async def test_a_redis_that_is_away_delays_and_loses_nothing(no_redis: str) -> None:
    async with started(redis_url=no_redis, poll_seconds=0.05) as hub:
        heard = listen(hub)
        await in_thread(tell)()

        await until(lambda: heard == [1])


def test_a_redis_that_is_away_is_asked_by_one_commit_a_second(
    no_redis: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        tell()

    assert log.state().head == 5
    assert caplog.text.count("wake-up not published") == 1


async def test_a_log_made_anew_ends_all_clients() -> None:
    ended: list[bool] = []
    async with started() as hub:
        hub.join({"trial.a"}, lambda _frame: None, lambda: ended.append(True))

        hub.hear(b'{"epoch":"00000000","head":1}')
        hub.epoch = "00000000"
        await until(lambda: ended == [True])


async def test_a_reader_that_fails_does_not_stop_the_others(
    wake_ups: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    async with started() as hub:
        ended: list[bool] = []

        def fail(_frame: Frame) -> None:
            raise ValueError

        hub.join({"trial.a"}, fail, lambda: ended.append(True))
        heard = listen(hub)
        await in_thread(tell)()
        hub.hear(wake_ups[0])
        await until(lambda: heard == [1])

    assert ended == [True]
    assert "delivery failed" in caplog.text


# clients


class Wire:
    """The connection of a client: what was written, and whether it takes more."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.takes = asyncio.Event()
        self.takes.set()

    async def send(self, message: Message) -> None:
        if not self.takes.is_set():
            await self.takes.wait()
        self.messages.append(message)

    @property
    def versions(self) -> list[int]:
        frames = [message for message in self.messages if message["type"] == "websocket.send"]
        return [event["version"] for frame in frames for event in orjson.loads(frame["text"])]


def client_on(hub: Hub, wire: Wire, kind: Callable[..., Client] = Client) -> Client:
    return kind(hub, ARRAYS, locale="en", send=wire.send, farewell=_close)


async def test_what_waits_for_a_slow_client_is_one_write(wake_ups: list[bytes]) -> None:
    async with started() as hub:
        wire = Wire()
        client = client_on(hub, wire)
        await client.join({"trial.a"}, None)
        client.release()
        wire.takes.clear()
        for turn in range(5):
            await in_thread(tell)()
            hub.hear(wake_ups[turn])
            await asyncio.sleep(0)
        assert wire.versions == []

        wire.takes.set()
        await until(lambda: len(wire.versions) == 5)

        assert wire.versions == [1, 2, 3, 4, 5]
        assert len(wire.messages) == 2


async def test_a_client_that_takes_nothing_is_ended_at_a_bound_in_bytes(
    wake_ups: list[bytes],
) -> None:
    async with started() as hub:
        wire = Wire()
        client = client_on(hub, wire)
        await client.join({"trial.a"}, None)
        client.release()
        wire.takes.clear()
        for turn in range(14):
            await in_thread(tell)(text="x" * 25_000)
            hub.hear(wake_ups[turn])
            await asyncio.sleep(0)

        assert client._outlet._waiting == []
        assert not hub._followers
        wire.takes.set()
        await until(lambda: wire.messages != [] and wire.messages[-1]["type"] == "websocket.close")
        assert wire.messages[-1]["code"] == 1013
        assert outlet.MOST_WAITING_BYTES == 256 * 1024


class LateClient(Client):
    """Joins after its replay was read."""

    def _listen(self, topics: Any, types: Any) -> None:
        self._late = topics, types

    async def replay(self, topics: Any, start: Start) -> None:
        self._wanted = {}
        await super().replay(topics, start)
        super()._listen(*self._late)


@pytest.mark.both
@pytest.mark.parametrize(("kind", "versions"), [(Client, [1, 2, 3]), (LateClient, [1, 3])])
async def test_an_event_between_replay_and_live_is_heard_by_who_joined_before(
    wake_ups: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Client],
    versions: list[int],
) -> None:
    """The late one is the twin: it reads first and misses."""
    await in_thread(tell)()
    loop, read = asyncio.get_running_loop(), log.read_heard_by_each
    async with started(ring_size=0) as hub:

        async def hear() -> None:
            hub.hear(wake_ups[-1])
            await until(lambda: hub.position == len(wake_ups))

        def read_while_another_commits(*args: Any, **options: Any) -> Any:
            rows = read(*args, **options)
            tell()
            asyncio.run_coroutine_threadsafe(hear(), loop).result()
            return rows

        monkeypatch.setattr(log, "read_heard_by_each", read_while_another_commits)
        wire = Wire()
        client = client_on(hub, wire, kind)
        start = await client.join({"trial.a"}, log.Cursor(0))
        await client.replay({"trial.a"}, start)
        client.release()
        await in_thread(tell)()
        await hear()
        await until(lambda: wire.versions[-1:] == [3])

    assert wire.versions == versions
