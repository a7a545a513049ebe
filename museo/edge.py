"""The one wrapper around everything that is served.

It gives the call its name, refuses hosts and origins that are not ours and bodies that are too
large, and puts the same security headers on every answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from museo.access import context, problems
from museo.access.asgi import header

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST_BODY = 1024 * 1024
LARGEST_MCP_BODY = 4 * 1024 * 1024

STRICT = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)
# the admin's theme writes styles and handlers into its pages
ADMIN = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline';"
    " script-src 'self' 'unsafe-inline' 'unsafe-eval'; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)
# pictures that staff upload are documents too: they may do nothing
MEDIA = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


class Refused(problems.Problem):
    """The host or the origin is not one of ours."""

    code = "not_ours"


def edge(app: App) -> App:
    """Wrap `app` for HTTP and WebSocket; lifespan passes through."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await _http(app, scope, receive, send)
        elif scope["type"] == "websocket":
            await _websocket(app, scope, receive, send)
        else:
            await app(scope, receive, send)

    return wrapped


async def _http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    name = context.begin(header(scope, "x-correlation-id"))
    dressed = _dressed(send, scope["path"], name)
    largest = LARGEST_MCP_BODY if scope["path"].startswith("/mcp") else LARGEST_BODY
    too_large = problems.TooLarge(f"Send at most {largest // 1024 // 1024} MB.")
    length = header(scope, "content-length")
    if not _is_our_host(scope):
        problem = Refused("This host is not served here. Check MUSEO_ALLOWED_HOSTS.")
        await _refuse(problem, scope, dressed)
    elif length.isdigit() and int(length) > largest:
        await _refuse(too_large, scope, dressed)
    else:
        await app(scope, _bounded(receive, largest), dressed)


async def _websocket(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    context.begin(header(scope, "x-correlation-id"))
    if _is_our_host(scope) and _is_our_origin(scope):
        await app(scope, receive, send)
    else:
        await receive()
        await send({"type": "websocket.close", "code": 4403})


def _is_our_host(scope: Scope) -> bool:
    domain, _port = split_domain_port(header(scope, "host"))
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def _is_our_origin(scope: Scope) -> bool:
    """Browsers always say where a socket is opened from; programs say nothing."""
    origin = header(scope, "origin")
    if not origin:
        return True
    return urlsplit(origin).netloc == header(scope, "host") or origin in (
        settings.CSRF_TRUSTED_ORIGINS
    )


def _bounded(receive: Receive, largest: int) -> Receive:
    """A body without a length, or with a wrong one, ends as if the client had gone."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return {"type": "http.disconnect"} if seen > largest else message

    return bounded


def _dressed(send: Send, path: str, name: str) -> Send:
    policy = MEDIA if path.startswith("/media/") else STRICT
    if path.startswith("/admin"):
        policy = ADMIN
    own = [
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"x-correlation-id", name.encode()),
    ]

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {key.lower() for key, _value in message.get("headers", [])}
            extra = [(key, value) for key, value in own if key not in given]
            message = {**message, "headers": [*message.get("headers", []), *extra]}
        await send(message)

    return dressed


async def _refuse(problem: problems.Problem, scope: Scope, send: Send) -> None:
    body = orjson.dumps(problem.body(instance=scope["path"]))
    await send(
        {
            "type": "http.response.start",
            "status": problem.status,
            "headers": [
                (b"content-type", problems.CONTENT_TYPE.encode()),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
