"""Streamable HTTP: what a request must show before it is answered, and who answers it.

Since 2026-07-28 every POST stands alone: `exchange`. Before, three of the SDK's session managers
serve. With a session everything goes to the session, which another process may have
(`neighbours`). Without one a POST is answered as JSON, or as a stream if it tells of progress; JSON
drops what is told before the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import mcp_types as types
import orjson
from django.conf import settings
from django.http.request import validate_host
from django.utils.translation import gettext as _
from mcp.server import Server
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from mcp_bridge import exchange, following, neighbours, push
from mcp_bridge.calls import BEARER_KEY, TOOLSET_KEY, bearer
from mcp_bridge.messages import Refused
from mcp_bridge.neighbours import SessionId
from mcp_bridge.server import server
from mcp_bridge.toolsets import ALL, TOOLSETS
from museo.access import access_tokens, problems
from museo.access.asgi import header
from museo.access.bearers import bearer_token
from museo.access.callers import Caller
from notifications.live.hub import in_thread

SESSION = "mcp-session-id"
DEEPEST = 100
# where the scope says that a request is of a session that is not here any more, and of which
PLACE_OF_KEY = "museo.place_of"
# all tools at an address that asks for a sign-in first: a client that is let in without one never
# asks its person to
SIGNED_IN = "me"
# the edge has checked the host by Django's rules, which know patterns; the origin is checked here
SECURITY = TransportSecuritySettings(enable_dns_rebinding_protection=False)


def _is_streaming(tool: str) -> bool:
    return tool in ALL and ALL[tool].is_streaming


class Transport:
    """One server over HTTP; each of the managers can be run once."""

    def __init__(
        self,
        served: Server[Any] = server,
        is_streaming: Callable[[str], bool] = _is_streaming,
    ) -> None:
        self._served = served
        self.sessions = _manager(served, stateless=False, json_response=False)
        self.streams = _manager(served, stateless=True, json_response=False)
        self.plain = _manager(served, stateless=True, json_response=True)
        self._is_streaming = is_streaming

    @property
    def managers(self) -> tuple[StreamableHTTPSessionManager, ...]:
        return self.sessions, self.streams, self.plain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope = {**scope, "headers": _clean(scope["headers"])}
        try:
            if _is_modern(scope):
                await self._exchange(scope, receive, send)
            else:
                await self._converse(scope, receive, send)
        except Refused as refused:
            await _answer(refused)(scope, receive, send)
        except problems.Problem as problem:
            await _refusal(problem, scope)(scope, receive, send)

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Since 2026-07-28: a request that stands alone."""
        await _admit(scope)
        if scope["method"] != "POST":
            raise _not_allowed()
        if (body := await _read_json(scope, receive)) is None:
            return
        message = _message(body)
        is_told_more = self._is_streamed(scope, message)
        await exchange.answer(
            self._served, message, scope, receive, send, is_told_more=is_told_more
        )

    async def _converse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Before: a request of a session, which may be in another process, or of none."""
        session = neighbours.session_id(header(scope, SESSION))
        if session and session.process != neighbours.process_id():
            body = await _read(receive)
            if body is None or await neighbours.pass_on(
                session.process, scope, _replay(body, receive), send
            ):
                return
            receive, session = _replay(body, receive), None
        scope = _entering(scope, session)
        await _admit(scope)
        if (name := header(scope, SESSION)) and (caller := scope[BEARER_KEY]):
            await push.renew(name, caller)
        answer = self._post if scope["method"] == "POST" else self._of_session
        await answer(scope, receive, send)

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (body := await _read_json(scope, receive)) is None:
            return
        message = _message(body)
        if PLACE_OF_KEY in scope and message.get("method") != "initialize":
            await self._of_none(scope, _replay(body, receive), send)
            return
        if message.get("method") == "initialize" and (named := _named(scope)):
            scope, body = _entering(scope, None), _taking_place(message, named)
        manager = self._manager_for(scope, message)
        if manager is self.sessions:
            send = _with_process(send)
        await manager.handle_request(scope, _replay(body, receive), send)

    async def _of_session(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET opens a session's stream, DELETE ends the session."""
        session = header(scope, SESSION)
        if scope["method"] == "DELETE":
            named = neighbours.session_id(scope.get(PLACE_OF_KEY, ""))
            caller = scope[BEARER_KEY]
            who = caller.speaker if caller else ""
            await in_thread(following.end)(named.session if named else session, who)
        if PLACE_OF_KEY in scope:
            await self._of_none(scope, receive, send)
            return
        if not session or scope["method"] not in {"GET", "DELETE"}:
            raise _not_allowed()
        if scope["method"] == "GET":
            send = _catching_up(session, send)
        await self.sessions.handle_request(scope, receive, _with_process(send))

    async def _of_none(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A session that is not here any more: as the SDK says it, also of somebody else's."""
        named = (SESSION.encode(), scope[PLACE_OF_KEY].encode())
        scope = {**scope, "headers": [*scope["headers"], named]}
        await self.sessions.handle_request(scope, receive, send)

    def _manager_for(
        self, scope: Scope, message: Mapping[str, Any]
    ) -> StreamableHTTPSessionManager:
        # a client that takes no stream gets no session: it could hear nothing on it
        opens_session = message.get("method") == "initialize" and _takes_stream(scope)
        if opens_session or header(scope, SESSION):
            return self.sessions
        return self.streams if self._is_streamed(scope, message) else self.plain

    def _is_streamed(self, scope: Scope, message: Mapping[str, Any]) -> bool:
        """Whether something may come before the answer, to a client that takes it."""
        params = message.get("params", {})
        meta = params.get("_meta")
        if not _takes_stream(scope):
            return False
        if isinstance(meta, dict) and "progressToken" in meta:
            return True
        return message.get("method") == "tools/call" and self._is_streaming(str(params.get("name")))


def _manager(
    served: Server[Any], *, stateless: bool, json_response: bool
) -> StreamableHTTPSessionManager:
    return StreamableHTTPSessionManager(
        served, stateless=stateless, json_response=json_response, security_settings=SECURITY
    )


def _clean(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Without blanks around the values, which not every server takes off; with an Accept."""
    cleaned = [(name.lower(), value.strip(b" \t")) for name, value in headers]
    if not any(name == b"accept" for name, _value in cleaned):
        cleaned.append((b"accept", b"*/*"))
    return cleaned


def _takes_stream(scope: Scope) -> bool:
    return "text/event-stream" in header(scope, "accept")


def _is_modern(scope: Scope) -> bool:
    version = header(scope, "mcp-protocol-version")
    return bool(version) and version not in HANDSHAKE_PROTOCOL_VERSIONS


def _entering(scope: Scope, session: SessionId | None) -> Scope:
    """The scope with the session under its name here; with none, if it is not here any more."""
    named = header(scope, SESSION)
    if not named:
        return scope
    headers = [pair for pair in scope["headers"] if pair[0] != SESSION.encode()]
    if session is None:
        return {**scope, "headers": headers, PLACE_OF_KEY: named}
    return {**scope, "headers": [*headers, (SESSION.encode(), session.session.encode())]}


def _named(scope: Scope) -> str:
    """The session that an `initialize` names: the new one takes its place."""
    if session := header(scope, SESSION):
        return str(SessionId(neighbours.process_id(), session))
    return str(scope.get(PLACE_OF_KEY, ""))


def _taking_place(message: dict[str, Any], named: str) -> bytes:
    params = message.get("params", {})
    meta = params.get("_meta", {})
    if isinstance(meta, dict):
        message = {**message, "params": {**params, "_meta": {**meta, push.PLACE_OF: named}}}
    return orjson.dumps(message)


def _with_process(send: Send) -> Send:
    """Clients are told a session's name with that of this process before it."""

    async def with_process(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [_outside(*pair) for pair in message["headers"]]}
        await send(message)

    return with_process


def _outside(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    if name.lower() != SESSION.encode():
        return name, value
    return name, str(SessionId(neighbours.process_id(), value.decode())).encode()


def _toolset(path: str) -> str:
    toolset = path.removeprefix("/mcp").strip("/")
    if toolset and toolset not in (*TOOLSETS, SIGNED_IN):
        names = ", ".join(f"/mcp/{name}" for name in (*TOOLSETS, SIGNED_IN))
        raise Refused(
            None,
            types.INVALID_REQUEST,
            f"There is /mcp, and of it {names}.",
            status=HTTPStatus.NOT_FOUND,
        )
    return toolset


def _require_our_origin(scope: Scope) -> None:
    """Browsers always name the page that asks; programs name none."""
    origin = header(scope, "origin")
    if not origin or origin in settings.CSRF_TRUSTED_ORIGINS:
        return
    try:
        host = urlsplit(origin).hostname or ""
    except ValueError:
        host = ""
    if not (host and validate_host(host, settings.ALLOWED_HOSTS)):
        raise Refused(
            None,
            types.INVALID_REQUEST,
            "This page's origin is not one of the shop's.",
            status=HTTPStatus.FORBIDDEN,
        )


def _owner(bearer: Caller | None) -> AuthenticatedUser | None:
    """Whose session it is that a request opens; to others the SDK says that there is none."""
    if bearer is None:
        return None
    return AuthenticatedUser(AccessToken(token="", client_id=bearer.speaker, scopes=[]))


def _refusal(problem: problems.Problem, scope: Scope) -> JSONResponse:
    """Authentication is a matter of HTTP here, not of JSON-RPC."""
    headers = problem.headers()
    if challenge := headers.get("WWW-Authenticate"):
        # RFC 9728, section 5.1
        *_whole, resource = access_tokens.resources_at(scope["path"])
        told = access_tokens.metadata_url(resource)
        headers["WWW-Authenticate"] = f'{challenge}, resource_metadata="{told}"'
    return JSONResponse(
        problem.body(instance=scope["path"]),
        status_code=problem.status,
        headers=headers,
        media_type=problems.CONTENT_TYPE,
    )


async def _admit(scope: Scope) -> None:
    """Note which tools the address names, and whoever asks; raise Refused, Problem."""
    toolset = _toolset(scope["path"])
    _require_our_origin(scope)
    token = bearer_token(header(scope, "authorization"))
    scope[BEARER_KEY] = await bearer(token, scope["path"])
    scope[TOOLSET_KEY] = "" if toolset == SIGNED_IN else toolset
    if toolset == SIGNED_IN and scope[BEARER_KEY] is None:
        raise problems.NotSignedIn(_("Sign in to call this address."))
    scope["user"] = _owner(scope[BEARER_KEY])


def _not_allowed() -> Refused:
    return Refused(
        None,
        types.INVALID_REQUEST,
        "Send a JSON-RPC message by POST; GET and DELETE need a session.",
        status=HTTPStatus.METHOD_NOT_ALLOWED,
        allow="POST",
    )


async def _read_json(scope: Scope, receive: Receive) -> bytes | None:
    kind, _semicolon, _charset = header(scope, "content-type").partition(";")
    if kind.strip().lower() != "application/json":
        raise Refused(
            None,
            types.INVALID_REQUEST,
            "Send Content-Type: application/json.",
            status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        )
    return await _read(receive)


async def _read(receive: Receive) -> bytes | None:
    """The whole body, which the edge has bounded; None if the client has gone."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def _message(body: bytes) -> dict[str, Any]:
    """The one JSON-RPC message in the body."""
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _bad(
            types.PARSE_ERROR, "The body is not valid JSON. Send one JSON-RPC message."
        ) from None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise _bad(types.INVALID_REQUEST, 'Send one object with "jsonrpc": "2.0"; no batches.')
    id = message.get("id")
    has_id = "id" in message
    if has_id and (not isinstance(id, str | int) or isinstance(id, bool)):
        raise _bad(types.INVALID_REQUEST, "The id is a string or a whole number.")
    if _is_too_deep(body, message):
        raise _bad(types.INVALID_REQUEST, f"Nest the message at most {DEEPEST} deep.", id)
    is_answer = has_id and ("result" in message or "error" in message)
    if not is_answer and not isinstance(message.get("method"), str):
        raise _bad(types.INVALID_REQUEST, "The method is missing.", id)
    if not isinstance(message.get("params", {}), dict):
        raise _bad(types.INVALID_PARAMS, "The params are one object.", id)
    return message


def _is_too_deep(body: bytes, message: dict[str, Any]) -> bool:
    """Deeper than anybody means it; some of what reads it further on would give up halfway."""
    # almost none opens so many
    if body.count(b"{") + body.count(b"[") <= DEEPEST:
        return False
    level: list[Any] = [message]
    for _depth in range(DEEPEST):
        level = list(chain.from_iterable(map(_inside, level)))
    return bool(level)


def _inside(value: Any) -> Iterable[Any]:
    held = value.values() if isinstance(value, dict) else value
    return [each for each in held if isinstance(each, dict | list)]


def _bad(code: int, detail: str, id: types.RequestId | None = None) -> Refused:
    return Refused(id, code, detail, status=HTTPStatus.BAD_REQUEST)


def _answer(refused: Refused) -> JSONResponse:
    return JSONResponse(
        refused.answer.model_dump(mode="json", exclude_unset=True),
        status_code=refused.status,
        headers={"Allow": refused.allow} if refused.allow else None,
    )


def _replay(body: bytes, receive: Receive) -> Receive:
    is_read = False

    async def replay() -> Message:
        nonlocal is_read
        if is_read:
            return await receive()
        is_read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _catching_up(session: str, send: Send) -> Send:
    """Once the session's stream is open, it is told of what it may have missed without one."""

    async def catching_up(message: Message) -> None:
        await send(message)
        if message["type"] == "http.response.start" and message["status"] == HTTPStatus.OK:
            push.catch_up(session)

    return catching_up
