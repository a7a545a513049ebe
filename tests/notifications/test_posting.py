"""One POST: where it connects to, what it makes of answers, and how long it waits."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import anyio
import httpcore2
import pytest

from notifications.channels import calling, posting, webhook
from notifications.channels.message import NotSent
from notifications.channels.posting import Answer
from tests.notifications.conftest import NOON
from tests.notifications.receivers import (
    Got,
    Receiver,
    accept,
    always,
    answer,
    certificate,
    in_drops,
    receiving,
    reset,
    ten_megabytes,
)

PUBLIC = "192.0.32.8"


async def post(url: str, *, total: timedelta = timedelta(seconds=5), id: str = "evt_1") -> Answer:
    async with posting.pool() as connections:
        return await posting.post(
            connections, url, headers={"webhook-id": id}, body=b"{}", total=total
        )


@pytest.fixture
def allow(settings: Any) -> Callable[..., None]:
    def allow(*receivers: Receiver) -> None:
        settings.MUSEO_WEBHOOK_ALLOW = frozenset(receiver.place for receiver in receivers)

    return allow


async def test_what_is_sent_arrives_as_it_is(allow: Callable[..., None]) -> None:
    with receiving(always(answer(202, body=b"thanks"))) as receiver:
        allow(receiver)

        told = await post(receiver.url + "?a=b")

    assert told == Answer(202, b"thanks")
    (got,) = receiver.got
    assert (got.path, got.body) == ("/hook?a=b", b"{}")
    assert (got.headers["webhook-id"], got.headers["host"]) == ("evt_1", receiver.place)


# receivers from hell


async def _body_in_drops(_got: Got, writer: asyncio.StreamWriter) -> bytes:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.1)


async def _nonsense(_got: Got, _writer: asyncio.StreamWriter) -> bytes:
    return b"\x00\xff\x00\xff\r\n\r\n"


async def _endless_head(_got: Got, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x-more: " + b"y" * 1000 + b"\r\n")
        await writer.drain()


@pytest.mark.parametrize("behave", [in_drops, reset, _nonsense, _endless_head])
async def test_whoever_does_not_answer_is_unreachable(
    behave: Any, allow: Callable[..., None]
) -> None:
    with receiving(behave) as receiver:
        allow(receiver)
        with pytest.raises(NotSent) as refused:
            await post(receiver.url, total=timedelta(seconds=1))

    assert (refused.value.code, refused.value.permanent) == ("unreachable", False)


async def test_nobody_there_is_unreachable(allow: Callable[..., None]) -> None:
    with receiving() as receiver:
        allow(receiver)
    with pytest.raises(NotSent, match="unreachable"):
        await post(receiver.url)


async def test_of_a_large_answer_the_beginning_is_read(allow: Callable[..., None]) -> None:
    with receiving(ten_megabytes) as receiver:
        allow(receiver)
        told = await post(receiver.url)

    assert (told.status, len(told.body)) == (500, posting.LARGEST_ANSWER)


async def test_a_yes_is_a_yes_though_its_body_never_ends(allow: Callable[..., None]) -> None:
    with receiving(_body_in_drops) as receiver:
        allow(receiver)
        told = await post(receiver.url, total=timedelta(seconds=1))

    assert told.status == 200
    assert set(told.body) == set(b"x")


@pytest.mark.parametrize(
    ("status", "code", "permanent"),
    [
        (301, "refused", False),
        (400, "refused", False),
        (410, "gone", True),
        (429, "too_often", False),
        (500, "unreachable", False),
        (503, "unreachable", False),
    ],
)
def test_only_a_2xx_is_a_yes(status: int, code: str, permanent: bool) -> None:
    with pytest.raises(NotSent) as refused:
        posting.require_yes(Answer(status, b""), now=NOON)

    assert (refused.value.code, refused.value.permanent) == (code, permanent)
    assert refused.value.detail == f"HTTP {status}"
    posting.require_yes(Answer(204, b""), now=NOON)


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("120", timedelta(minutes=2)),
        ("Fri, 20 Nov 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Fri, 20 Nov 2026 11:00:00 GMT", timedelta(0)),
        ("9" * 400, timedelta(days=1)),
        ("soon", None),
        ("-1", None),
        ("", None),
    ],
)
def test_a_pause_is_read_in_seconds_or_as_a_date(value: str, pause: timedelta | None) -> None:
    with pytest.raises(NotSent) as refused:
        posting.require_yes(Answer(429, b"", value), now=NOON)

    assert refused.value.retry_after == pause


async def test_a_redirect_is_not_followed(allow: Callable[..., None]) -> None:
    with receiving() as inside:
        moved = answer(301, f"location: {inside.url}")
        with receiving(always(moved)) as receiver:
            allow(receiver, inside)
            assert (await post(receiver.url)).status == 301

    assert inside.connections == 0


# TLS


async def test_the_certificate_is_that_of_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = certificate(tmp_path, "example.com")
    trusting = ssl.create_default_context(cafile=str(tmp_path / "server.pem"))
    really, connected = anyio.connect_tcp, []
    monkeypatch.setattr(webhook, "_look_up", lambda host, port: [ip_address(PUBLIC)])
    with receiving(accept, tls=tls) as receiver:

        async def connect_tcp(remote_host: str, remote_port: int, **more: Any) -> Any:
            connected.append(remote_host)
            return await really("127.0.0.1", receiver.port, **more)

        monkeypatch.setattr(anyio, "connect_tcp", connect_tcp)
        with pytest.raises(NotSent, match="unreachable"):
            await post("https://example.com/")
        monkeypatch.setattr(calling, "tls", lambda: trusting)
        with pytest.raises(NotSent, match="unreachable"):
            await post("https://example.org/")

        assert (await post("https://example.com/")).status == 200

    assert [got.headers["host"] for got in receiver.got] == ["example.com"]
    assert set(connected) == {PUBLIC}


async def test_no_socket_of_this_machine_is_opened() -> None:
    with pytest.raises(httpcore2.ConnectError):
        await posting.Outside().connect_unix_socket("/run/redis.sock")
