"""One POST to an address that somebody named: where it may go, how long it may take.

The host is looked up when it is connected to, all that is found is checked, and the connection
goes to what was checked: a name that leads elsewhere a moment later leads nowhere. TLS and the
Host header stay those of the name. Nothing is followed, and of the answer little is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpcore2
from httpcore2 import AnyIOBackend

from notifications.channels import calling, webhook
from notifications.channels.message import NotSent

# for all of it: the look-up, the connection, the answer
TOTAL = timedelta(seconds=15)
LARGEST_ANSWER = 64 * 1024
MOST_CONNECTIONS = 256
MOST_KEPT = 64
KEPT_SECONDS = 5
# of the addresses that a host has, so many are tried
MOST_ADDRESSES = 3


@dataclass(frozen=True)
class Answer:
    """What came back, and the beginning of its body."""

    status: int
    body: bytes = field(repr=False)
    retry_after: str = ""


class Outside(AnyIOBackend):
    """Connects to addresses of the world outside, and to what development has excepted."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  as the library calls it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        target = webhook.target(host, port)
        refused = httpcore2.ConnectError("no address")
        for address in (await webhook.addresses_now(target))[:MOST_ADDRESSES]:
            try:
                return await super().connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore2.ConnectError as error:
                refused = error
        raise refused

    async def connect_unix_socket(self, *_given: Any, **_more: Any) -> httpcore2.AsyncNetworkStream:
        raise httpcore2.ConnectError("a socket of this machine")


def pool() -> httpcore2.AsyncConnectionPool:
    """The connections of one event loop; close it there."""
    return httpcore2.AsyncConnectionPool(
        ssl_context=calling.tls(),
        max_connections=MOST_CONNECTIONS,
        max_keepalive_connections=MOST_KEPT,
        keepalive_expiry=KEPT_SECONDS,
        network_backend=Outside(),
    )


async def post(
    connections: httpcore2.AsyncConnectionPool,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes,
    total: timedelta,
) -> Answer:
    """The answer, whatever it says; raise NotSent if there is none."""
    status, read, retry_after = 0, bytearray(), ""
    seconds = total.total_seconds()
    request: dict[str, Any] = {
        "headers": list(headers.items()),
        "content": body,
        "extensions": {"timeout": {"connect": seconds / 3}},
    }
    try:
        webhook.read(url)
        async with (
            asyncio.timeout(seconds),
            connections.stream("POST", url, **request) as answer,
        ):
            status = answer.status
            retry_after = _header(answer, b"retry-after")
            async for piece in answer.aiter_stream():
                read += piece[: LARGEST_ANSWER - len(read)]
                if len(read) >= LARGEST_ANSWER:
                    break
    except (webhook.BadWebhook, webhook.NoSuchHost) as error:
        raise NotSent("bad_address", permanent=False, detail=error.code) from error
    except (TimeoutError, OSError, *_TROUBLE) as error:
        # once it has said yes or no, the rest of what it says matters to nobody
        if not status:
            raise NotSent("unreachable", permanent=False, detail=type(error).__name__) from error
    return Answer(status, bytes(read), retry_after)


_TROUBLE = (
    httpcore2.NetworkError,
    httpcore2.TimeoutException,
    httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol,
    httpcore2.ConnectionNotAvailable,
)


def require_yes(answer: Answer, *, now: datetime) -> None:
    """Raise NotSent unless it was accepted: a 2xx, and nothing else."""
    status = answer.status
    if 200 <= status < 300:
        return
    detail = f"HTTP {status}"
    if status == HTTPStatus.GONE:
        raise NotSent("gone", permanent=True, detail=detail)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        # it does not become smaller
        raise NotSent("too_large", permanent=True, detail=detail)
    pause = calling.retry_after(answer.retry_after, now=now)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise NotSent("too_often", permanent=False, retry_after=pause, detail=detail)
    code = "unreachable" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "refused"
    raise NotSent(code, permanent=False, retry_after=pause, detail=detail)


def _header(answer: httpcore2.Response, name: bytes) -> str:
    found = (value for key, value in answer.headers if key.lower() == name)
    return next(found, b"").decode("latin-1")
