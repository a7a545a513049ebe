"""Streamable HTTP: which of the SDK's ways of answering a request is taken.

Three session managers serve one server. With a session (before 2026-07-28) everything goes to the
session. Without one every POST stands alone: it is answered as JSON, or as a stream if it listens
or tells of progress. JSON is the faster by half, but drops what is told before the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import mcp_types as types
import orjson
from django.conf import settings
from django.http.request import validate_host
from django.utils import timezone
from django.utils.translation import gettext as _
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from mcp_bridge import push
from mcp_bridge.calls import BEARER_KEY, TOOLSET_KEY
from mcp_bridge.server import server
from mcp_bridge.toolsets import ALL, TOOLSETS
from museo.access import access_tokens, problems
from museo.access.asgi import header
from museo.access.bearers import bearer_token, caller_from_bearer
from museo.access.callers import Caller
from notifications.live.hub import in_thread

SESSION = "mcp-session-id"
# all tools at an address that asks for a sign-in first: a client that is let in without one never
# asks its person to
SIGNED_IN = "me"
# the edge has checked the host by Django's rules, which know patterns; the origin is checked here
SECURITY = TransportSecuritySettings(enable_dns_rebinding_protection=False)


class Refused(Exception):
    """A JSON-RPC error that is known before the SDK is asked."""

    def __init__(
        self, status: int, code: int, message: str, *, id: Any = None, allow: str = ""
    ) -> None:
        super().__init__(message)
        error = {"code": code, "message": message}
        self.response = JSONResponse(
            {"jsonrpc": "2.0", "id": id, "error": error},
            status_code=status,
            headers={"Allow": allow} if allow else None,
        )


class Transport:
    """The managers of one running bridge; each can be run once."""

    def __init__(self) -> None:
        self.sessions = _manager(stateless=False, json_response=False)
        self.streams = _manager(stateless=True, json_response=False)
        self.plain = _manager(stateless=True, json_response=True)

    @property
    def managers(self) -> tuple[StreamableHTTPSessionManager, ...]:
        return self.sessions, self.streams, self.plain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope = {**scope, "headers": _clean(scope["headers"])}
        try:
            toolset = _toolset(scope["path"])
            _require_our_origin(scope)
            scope[BEARER_KEY] = await _bearer(scope)
            scope[TOOLSET_KEY] = "" if toolset == SIGNED_IN else toolset
            if toolset == SIGNED_IN and scope[BEARER_KEY] is None:
                raise problems.NotSignedIn(_("Sign in to call this address."))
            if scope["method"] == "POST":
                return await self._post(scope, receive, send)
            await self._of_session(scope, receive, send)
        except Refused as refused:
            await refused.response(scope, receive, send)
        except problems.Problem as problem:
            await _refusal(problem, scope)(scope, receive, send)

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not header(scope, "content-type").lower().startswith("application/json"):
            raise Refused(415, types.INVALID_REQUEST, "Send Content-Type: application/json.")
        body = await _read(receive)
        if body is not None:
            manager = self._manager_for(scope, _message(body))
            await manager.handle_request(scope, _replay(body, receive), send)

    async def _of_session(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET opens a session's stream, DELETE ends the session."""
        session = header(scope, SESSION)
        if not session or scope["method"] not in {"GET", "DELETE"}:
            raise Refused(
                405,
                types.INVALID_REQUEST,
                "Send a JSON-RPC message by POST; GET and DELETE need a session.",
                allow="POST",
            )
        if scope["method"] == "GET":
            send = _catching_up(session, send)
        await self.sessions.handle_request(scope, receive, send)

    def _manager_for(
        self, scope: Scope, message: Mapping[str, Any]
    ) -> StreamableHTTPSessionManager:
        takes_stream = "text/event-stream" in header(scope, "accept")
        version = header(scope, "mcp-protocol-version")
        is_modern = bool(version) and version not in HANDSHAKE_PROTOCOL_VERSIONS
        if not is_modern:
            # a client that takes no stream gets no session: it could hear nothing on it
            opens_session = message.get("method") == "initialize" and takes_stream
            if opens_session or header(scope, SESSION):
                return self.sessions
        return self.streams if takes_stream and _is_told_more(message) else self.plain


def _manager(*, stateless: bool, json_response: bool) -> StreamableHTTPSessionManager:
    return StreamableHTTPSessionManager(
        server, stateless=stateless, json_response=json_response, security_settings=SECURITY
    )


def _clean(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Without blanks around the values, which not every server takes off; with an Accept."""
    cleaned = [(name.lower(), value.strip(b" \t")) for name, value in headers]
    if not any(name == b"accept" for name, _value in cleaned):
        cleaned.append((b"accept", b"*/*"))
    return cleaned


def _toolset(path: str) -> str:
    toolset = path.removeprefix("/mcp").strip("/")
    if toolset and toolset not in (*TOOLSETS, SIGNED_IN):
        names = ", ".join(f"/mcp/{name}" for name in (*TOOLSETS, SIGNED_IN))
        raise Refused(404, types.INVALID_REQUEST, f"There is /mcp, and of it {names}.")
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
        raise Refused(403, types.INVALID_REQUEST, "This page's origin is not one of the shop's.")


async def _bearer(scope: Scope) -> Caller | None:
    """Whoever the request's token speaks for, None without one; raise InvalidToken."""
    token = bearer_token(header(scope, "authorization"))
    if not token:
        return None
    resources = access_tokens.resources_at(scope["path"])
    return await in_thread(caller_from_bearer)(token, resources, now=timezone.now())


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
        raise Refused(
            400, types.PARSE_ERROR, "The body is not valid JSON. Send one JSON-RPC message."
        ) from None
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise Refused(
            400, types.INVALID_REQUEST, 'Send one object with "jsonrpc": "2.0"; no batches.'
        )
    id = message.get("id")
    has_id = "id" in message
    if has_id and (not isinstance(id, str | int) or isinstance(id, bool)):
        raise Refused(400, types.INVALID_REQUEST, "The id is a string or a whole number.")
    is_answer = has_id and ("result" in message or "error" in message)
    if not is_answer and not isinstance(message.get("method"), str):
        raise Refused(400, types.INVALID_REQUEST, "The method is missing.", id=id)
    if not isinstance(message.get("params", {}), dict):
        raise Refused(400, types.INVALID_PARAMS, "The params are one object.", id=id)
    return message


def _is_told_more(message: Mapping[str, Any]) -> bool:
    """Whether something may come before the answer."""
    params = message.get("params", {})
    meta = params.get("_meta")
    if isinstance(meta, dict) and "progressToken" in meta:
        return True
    if message.get("method") == "subscriptions/listen":
        return True
    tool = ALL.get(str(params.get("name"))) if message.get("method") == "tools/call" else None
    return tool is not None and tool.is_streaming


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
