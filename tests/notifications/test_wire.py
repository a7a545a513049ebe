"""The short way onto uvicorn's transports writes what its `send` would have written."""

import asyncio

import httpx
import pytest

from notifications.live import wire
from notifications.live.hub import in_thread
from tests.notifications.conftest import socket, stream, tell

TEXTS = ["x", "ü" * 100, "y" * 70_000]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What goes the short way."""
    pieces: list[bytes] = []
    for kind in (wire._Chunks, wire._Frames):

        def write(self: object, piece: bytes, *, original: wire.Write = kind.write) -> bool:  # type: ignore[assignment]
            went = original(self, piece)  # type: ignore[arg-type, call-arg]
            if went:
                pieces.append(piece)
            return went

        monkeypatch.setattr(kind, "write", write)
    return pieces


async def test_a_stream_gets_live_events_the_short_way(
    http: httpx.AsyncClient, written: list[bytes]
) -> None:
    async with stream(http, "/api/v1/events?topics=trial.a") as client:
        await client.next()
        for text in TEXTS:
            await in_thread(tell)(text=text)
        told = await client.take(len(TEXTS))

    assert [event["data"]["text"] for event in told] == TEXTS
    assert len(written) == len(TEXTS)


@pytest.mark.parametrize(("compression", "short"), [(None, 3), ("deflate", 0)])
async def test_a_socket_gets_live_events_the_short_way_if_nothing_is_compressed(
    address: str, written: list[bytes], compression: str | None, short: int
) -> None:
    async with socket(address, "?topics=trial.a", compression=compression) as client:
        await client.take(2)
        written.clear()
        for text in TEXTS:
            await in_thread(tell)(text=text)
        told = await client.take(len(TEXTS))

    assert [event["data"]["text"] for event in told] == TEXTS
    assert len(written) == short


def test_any_other_send_has_no_short_way() -> None:
    async def send(message: object) -> None: ...

    assert wire.short_way(send) is None
    assert wire.short_way(asyncio.Event().wait) is None
