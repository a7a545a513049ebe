"""The one wrapper around everything that is served.

It gives the call its name, refuses hosts and origins that are not ours and bodies that are too
large, and puts the same security headers on every answer. What it refuses and says, `museo.wsgi`
asks here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, parse_cookie
from django.http.request import split_domain_port, validate_host
from django.template import loader
from django.utils.translation import get_language_from_request, override
from django.utils.translation import gettext as _

from museo.access import context, overload, problems, proxies
from museo.access.asgi import SERVERS_OWN_SEND, header

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Header = tuple[bytes, bytes]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger(__name__)

TOO_LARGE = problems.TooLarge.status
LARGEST_BODY = 1024 * 1024
LARGEST_MCP_BODY = 4 * 1024 * 1024
# pictures
LARGEST_ADMIN_BODY = 8 * 1024 * 1024
# a file of products, and the form around it; it goes to disk as it comes
LARGEST_IMPORT_BODY = 33 * 1024 * 1024

# pictures of products may lie elsewhere
STRICT = (
    "default-src 'self'; img-src 'self' data: https:; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)
# the admin's theme writes styles and handlers into its pages
ADMIN = (
    "default-src 'self'; img-src 'self' data: https:; style-src 'self' 'unsafe-inline';"
    " script-src 'self' 'unsafe-inline' 'unsafe-eval'; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'"
)
# pictures that staff upload are documents too: they may do nothing
MEDIA = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


# a yes or a no goes on to the app that asked; where to is checked before
CONSENT = STRICT.replace(
    "form-action 'self'",
    "form-action 'self' https: http://127.0.0.1:* http://localhost:* "
    + " ".join(
        f"{scheme}:"
        for scheme in settings.OAUTH2_PROVIDER["ALLOWED_REDIRECT_URI_SCHEMES"]
        if scheme not in ("http", "https")
    ),
)


# the house's own pages for staff need nothing of that
OWN = r"/admin/(assistant|board|health|first-run|catalog/import/(add|\d+/change))(/|$)"
POLICIES = tuple(
    (re.compile(pattern), policy)
    for pattern, policy in (
        # called most often
        ("/mcp", STRICT),
        (OWN, STRICT),
        ("/admin", ADMIN),
        ("/media/", MEDIA),
        ("/oauth/authorize", CONSENT),
        ("", STRICT),
    )
)
# all answers, whatever they answer
ALIKE = (("x-content-type-options", "nosniff"), ("referrer-policy", "same-origin"))
MCP = re.compile(r"/mcp(/|$)")
IMPORTS = re.compile(r"/api/v1/admin/imports/?|/admin/catalog/import/add/")
# what opens something does not belong into a log
SECRET_VALUE = re.compile(rb"((?:^|&)[^=&]*(?:ticket|token|key|secret)[^=&]*=)[^&]*", re.IGNORECASE)
SECRET_PATH = re.compile(r"^(/t/|/login/link/|/pay/link/|/api/v1/payment/links/).+")


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


def largest_body(path: str) -> int:
    if MCP.match(path):
        return LARGEST_MCP_BODY
    if IMPORTS.fullmatch(path):
        return LARGEST_IMPORT_BODY
    return LARGEST_ADMIN_BODY if path.startswith("/admin/") else LARGEST_BODY


def too_large(largest: int) -> problems.Problem:
    said = _("Send at most %(most)s MB.") % {"most": largest // 1024 // 1024}
    return problems.TooLarge(said)


@contextmanager
def language_of(cookies: str, accepted: str) -> Iterator[None]:
    """Speak what the pages of whoever calls are in: Django has not seen the call."""
    asked = HttpRequest()
    asked.COOKIES = parse_cookie(cookies)
    asked.META["HTTP_ACCEPT_LANGUAGE"] = accepted
    with override(get_language_from_request(asked)):
        yield


def written(problem: problems.Problem, path: str, accepted: str) -> tuple[str, bytes]:
    """The type and the body of a refusal: a page for a person who sent a form, else as REST's."""
    if problem.status == TOO_LARGE and "text/html" in accepted and path.startswith("/admin/"):
        page = loader.render_to_string("413.html", {"problem": problem, "back": path})
        return "text/html; charset=utf-8", page.encode()
    return problems.CONTENT_TYPE, orjson.dumps(problem.body(instance=path))


def is_our_host(host: str) -> bool:
    return _is_of(tuple(settings.ALLOWED_HOSTS), host)


@lru_cache(maxsize=256)
def _is_of(hosts: tuple[str, ...], host: str) -> bool:
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, hosts)


def another_host() -> problems.Problem:
    return Refused("This host is not served here. Check MUSEO_ALLOWED_HOSTS.")


def own_headers(path: str, name: str) -> list[tuple[str, str]]:
    """What every answer says, unless it says something of its own there; `name`: of the call."""
    return [("content-security-policy", _policy(path)), *ALIKE, ("x-correlation-id", name)]


def _policy(path: str) -> str:
    return next(policy for pattern, policy in POLICIES if pattern.match(path))


@cache
def _in_bytes(policy: str) -> list[Header]:
    """What own headers say under a policy, but for the name of the call."""
    own = [("content-security-policy", policy), *ALIKE]
    return [(name.encode(), text.encode()) for name, text in own]


async def _http(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    _look_behind_proxies(scope)
    answer = _Answer(send, scope["path"], context.begin(header(scope, "x-correlation-id")))
    largest = largest_body(scope["path"])
    length = header(scope, "content-length")
    if not is_our_host(header(scope, "host")):
        await _refuse(another_host(), scope, answer.send)
    elif length.isdigit() and int(length) > largest:
        await _refuse_body(largest, scope, answer.send)
    else:
        body = _Body(receive, largest)
        scope["extensions"] = {**scope.get("extensions", {}), SERVERS_OWN_SEND: send}
        try:
            await app(_hide_secrets(scope), body.receive, answer.send)
        except DatabaseError as error:
            problem = overload.seen_in(error)
            if problem is None or answer.has_begun:
                raise
            await _refuse(problem, scope, answer.send)
        if body.is_too_large and not answer.has_begun:
            await _refuse_body(largest, scope, answer.send)


async def _websocket(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    _look_behind_proxies(scope)
    context.begin(header(scope, "x-correlation-id"))
    if is_our_host(header(scope, "host")) and _is_our_origin(scope):
        await app(_hide_secrets(scope), receive, send)
    else:
        await receive()
        await send({"type": "websocket.close", "code": 4403})


def _look_behind_proxies(scope: Scope) -> None:
    """Put the client's own address in the place of a trusted proxy's.

    What somebody else forwards, they may have made up.
    """
    client = scope.get("client")
    if not client or not proxies.is_trusted(client[0]):
        names = {name for name, _value in scope["headers"]}
        if b"x-forwarded-for" in names:
            warn_of_proxy()
        if b"x-forwarded-proto" in names:
            kept = [pair for pair in scope["headers"] if pair[0] != b"x-forwarded-proto"]
            scope["headers"] = kept
        return
    if found := proxies.client(header(scope, "x-forwarded-for")):
        scope["client"] = (found, 0)


@cache
def warn_of_proxy() -> None:
    """Once: all its clients look like one, who soon has too many streams."""
    logger.warning("X-Forwarded-For came from an address that MUSEO_TRUSTED_PROXIES does not name")


def _is_our_origin(scope: Scope) -> bool:
    """Browsers always say where a socket is opened from; programs say nothing."""
    origin = header(scope, "origin")
    if not origin:
        return True
    return urlsplit(origin).netloc == header(scope, "host") or origin in (
        settings.CSRF_TRUSTED_ORIGINS
    )


def _hide_secrets(scope: Scope) -> Scope:
    """The scope for the app; in the server's own, which it logs, secrets are masked."""
    query, path = scope.get("query_string", b""), scope["path"]
    if not query and not SECRET_PATH.match(path):
        return scope
    masked = SECRET_VALUE.sub(rb"\1***", query), SECRET_PATH.sub(r"\1***", path)
    if masked == (query, path):
        return scope
    for_app = dict(scope)
    scope["query_string"], scope["path"] = masked
    return for_app


class _Body:
    """A body without a length that grows too large ends as if the client had gone."""

    __slots__ = ("_left", "_receive", "is_too_large")

    def __init__(self, receive: Receive, largest: int) -> None:
        self._receive = receive
        self._left = largest
        self.is_too_large = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        self.is_too_large = self._left < 0
        return {"type": "http.disconnect"} if self.is_too_large else message


class _Answer:
    """Puts our headers on the answer where the app has not set them."""

    __slots__ = ("_name", "_path", "_send", "has_begun")

    def __init__(self, send: Send, path: str, name: str) -> None:
        self._send = send
        self._path = path
        self._name = name
        self.has_begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            message = {**message, "headers": self._dressed(message.get("headers", []))}
        await self._send(message)

    def _dressed(self, headers: Iterable[Header]) -> list[Header]:
        given = [(name.lower(), value) for name, value in headers]
        names = {name for name, _value in given}
        own = [*_in_bytes(_policy(self._path)), (b"x-correlation-id", self._name.encode())]
        return [*given, *(header for header in own if header[0] not in names)]


async def _refuse_body(largest: int, scope: Scope, send: Send) -> None:
    with language_of(header(scope, "cookie"), header(scope, "accept-language")):
        await _refuse(too_large(largest), scope, send)


async def _refuse(problem: problems.Problem, scope: Scope, send: Send) -> None:
    # the connection stays open: closed on a client that still sends, it would eat the answer
    kind, body = written(problem, scope["path"], header(scope, "accept"))
    await send(
        {
            "type": "http.response.start",
            "status": problem.status,
            "headers": [
                (b"content-type", kind.encode()),
                (b"content-length", str(len(body)).encode()),
                *(
                    (name.lower().encode(), text.encode())
                    for name, text in problem.headers().items()
                ),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
