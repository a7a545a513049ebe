"""One request and its answer, since 2026-07-28: no session, and nothing that outlives the two.

What a request may say and how an error is said are the SDK's rules (`mcp.shared.inbound`), and its
kernel runs the method; this is how both go over HTTP. The SDK's own way there reads each body
twice, and passes what is told before the answer through two queues and two more tasks.

The answer is JSON. Where more may be told, it becomes a stream of server-sent events with the first
that is told, or once it takes so long that a proxy might lose patience.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from contextlib import AsyncExitStack
from functools import cached_property, lru_cache
from http import HTTPStatus
from typing import Any, NoReturn

import anyio
import mcp_types as types
from mcp.server import Server
from mcp.server.connection import Connection
from mcp.server.runner import ServerRunner, modern_error_data
from mcp.shared.dispatcher import CallOptions
from mcp.shared.exceptions import NoBackChannelError
from mcp.shared.inbound import (
    ERROR_CODE_HTTP_STATUS,
    MCP_PROTOCOL_VERSION_HEADER,
    InboundLadderRejection,
    InboundModernRoute,
    classify_inbound_request,
    find_duplicated_routing_header,
    find_invalid_x_mcp_header,
    unsupported_protocol_version_rejection,
    validate_mcp_param_headers,
    x_mcp_header_map,
)
from mcp.shared.jsonrpc_dispatcher import progress_token_from_params
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from pydantic_core import from_json, to_json
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from mcp_bridge.messages import Refused

LISTEN = "subscriptions/listen"
PING_SECONDS = 15.0
# what clients say of themselves is longer only to be longer
LONGEST_KEPT = 2_000
PING = b": ping\r\n\r\n"
JSON = (b"content-type", b"application/json")
STREAM = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
JSON_KINDS = {"*/*", "application/*", "application/json"}
STREAM_KINDS = {"*/*", "text/*", "text/event-stream"}


async def answer(
    served: Server[Any],
    message: Mapping[str, Any],
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    is_told_more: bool,
) -> None:
    """Answer the one message of a POST, whose body has been read; raise Refused.

    `is_told_more`: before the answer something may be told, which goes on a stream.
    """
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    is_listening = message.get("method") == LISTEN
    _require_accepted(headers.get("accept", ""), message, is_listening=is_listening)
    if "id" not in message:
        # a client cancels by going, and nothing else that it may note concerns one request
        _require_version(headers)
        await _write(send, HTTPStatus.ACCEPTED, b"")
        return
    route = _route(message, scope, headers)
    _require_header_of_arguments(served, message, scope)
    stream = Stream(send)
    exchange = Exchange(message, scope, stream if is_told_more or is_listening else None)
    answering = _outcome(served, route, message, exchange)
    if exchange.stream is None:
        await stream.end(*await answering)
    else:
        await stream.carry(answering, receive)


async def _outcome(
    served: Server[Any], route: InboundModernRoute, message: Mapping[str, Any], exchange: Exchange
) -> tuple[int, dict[str, Any]]:
    """The answer of the method's handler and its status."""
    # what a handler leaves to be done when its connection ends, it leaves to a session's alone
    runner = ServerRunner(served, _connection(route), lifespan_state={})
    answering = runner.on_request
    # kept by the runner, it would keep the runner, until somebody looks for garbage
    vars(runner).pop("on_request")
    about = {"jsonrpc": "2.0", "id": exchange.request_id}
    try:
        result = await answering(exchange, message["method"], message.get("params"))
    except Exception as trouble:
        error = modern_error_data(trouble)
        status = ERROR_CODE_HTTP_STATUS.get(error.code, HTTPStatus.OK)
        return status, {**about, "error": error.model_dump(mode="json", exclude_none=True)}
    return HTTPStatus.OK, {**about, "result": result}


def _connection(route: InboundModernRoute) -> Connection:
    client = to_json([route.client_info, route.client_capabilities])
    read = _connection_of if len(client) <= LONGEST_KEPT else _connection_of.__wrapped__
    # as `copy` does, and three times as fast
    connection = Connection.__new__(Connection)
    vars(connection).update(vars(read(route.protocol_version, client)))
    connection.state, connection.exit_stack = {}, AsyncExitStack()
    return connection


@lru_cache(maxsize=1024)
def _connection_of(version: str, client: bytes) -> Connection:
    """What a client says of itself is the same in all of its requests, and read once."""
    info, capabilities = from_json(client)
    return Connection.from_envelope(version, info, capabilities)


class Exchange:
    """What the SDK's kernel knows of a request, and how a handler tells of it meanwhile."""

    can_send_request = False

    def __init__(self, message: Mapping[str, Any], scope: Scope, stream: Stream | None) -> None:
        self.stream = stream
        self.request_id: types.RequestId = message["id"]
        self.message_metadata = ServerMessageMetadata(request_context=Request(scope))
        self._progress_token = progress_token_from_params(message.get("params"))

    @cached_property
    def transport(self) -> TransportContext:
        headers = self.message_metadata.request_context.headers
        return TransportContext(kind="streamable-http", can_send_request=False, headers=headers)

    @cached_property
    def cancel_requested(self) -> anyio.Event:
        return anyio.Event()

    async def send_raw_request(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> NoReturn:
        raise NoBackChannelError(method)

    async def notify(
        self, method: str, params: Mapping[str, Any] | None, opts: CallOptions | None = None
    ) -> None:
        if self.stream is not None:
            told = {} if params is None else {"params": params}
            await self.stream.tell({"jsonrpc": "2.0", "method": method, **told})

    async def progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        if self._progress_token is not None:
            told = {"progressToken": self._progress_token, "progress": progress}
            more = {"total": total, "message": message}
            told |= {name: value for name, value in more.items() if value is not None}
            await self.notify("notifications/progress", told)


class Stream:
    """The way to the client: JSON if nothing comes before the answer, else events."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._has_begun = False

    async def tell(self, message: Mapping[str, Any]) -> None:
        await self._put(_event(message))

    async def end(self, status: int, message: Mapping[str, Any]) -> None:
        if self._has_begun:
            await self._send({"type": "http.response.body", "body": _event(message)})
        else:
            await _write(self._send, status, to_json(message))

    async def carry(
        self, answering: Awaitable[tuple[int, Mapping[str, Any]]], receive: Receive
    ) -> None:
        """To the end of the answering, which is also that of a client that goes."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch, receive, tasks.cancel_scope)
            await self.end(*await answering)
            tasks.cancel_scope.cancel()

    async def _watch(self, receive: Receive, serving: anyio.CancelScope) -> None:
        while True:
            with anyio.move_on_after(PING_SECONDS):
                while (await receive())["type"] != "http.disconnect":
                    pass
                serving.cancel()
                return
            await self._put(PING)

    async def _put(self, event: bytes) -> None:
        if not self._has_begun:
            self._has_begun = True
            await self._send({"type": "http.response.start", "status": 200, "headers": STREAM})
        await self._send({"type": "http.response.body", "body": event, "more_body": True})


def _require_accepted(accept: str, message: Mapping[str, Any], *, is_listening: bool) -> None:
    takes_json, takes_stream = _takes(accept)
    if not takes_json or (is_listening and not takes_stream):
        raise Refused(
            message.get("id"),
            types.INVALID_REQUEST,
            "Send Accept: application/json, text/event-stream.",
            status=HTTPStatus.NOT_ACCEPTABLE,
        )


@lru_cache(maxsize=256)
def _takes(accept: str) -> tuple[bool, bool]:
    """Whether JSON, and whether events."""
    kinds = {kind.partition(";")[0].strip() for kind in accept.lower().split(",")}
    return not kinds.isdisjoint(JSON_KINDS), not kinds.isdisjoint(STREAM_KINDS)


def _require_version(headers: Mapping[str, str]) -> None:
    rejection = unsupported_protocol_version_rejection(headers[MCP_PROTOCOL_VERSION_HEADER])
    if rejection is not None:
        raise _refused(None, rejection)


def _route(
    message: Mapping[str, Any], scope: Scope, headers: Mapping[str, str]
) -> InboundModernRoute:
    """What the request says of itself, which its headers must say too."""
    if "method" not in message:
        raise Refused(
            None,
            types.INVALID_REQUEST,
            "Send one request or notification; nobody has asked anything.",
            status=HTTPStatus.BAD_REQUEST,
        )
    # most name each header once, which costs less to see
    if len(headers) < len(scope["headers"]) and (twice := _twice(scope)):
        raise _refused(
            message["id"],
            InboundLadderRejection(types.HEADER_MISMATCH, f"{twice} header appears more than once"),
        )
    route = classify_inbound_request(message, headers=headers)
    if isinstance(route, InboundLadderRejection):
        raise _refused(message["id"], route)
    return route


def _twice(scope: Scope) -> str | None:
    """A header that says where the request goes, and is there more than once."""
    return find_duplicated_routing_header(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
    )


def _require_header_of_arguments(
    served: Server[Any], message: Mapping[str, Any], scope: Scope
) -> None:
    """A tool may want some arguments in headers, too, where a proxy can read them."""
    params = message["params"]
    name, arguments = params.get("name"), params.get("arguments") or {}
    is_call = message["method"] == "tools/call" and isinstance(name, str)
    if is_call and isinstance(arguments, Mapping) and (schema := _schema(served, name)):
        rejection = validate_mcp_param_headers(schema, arguments, Headers(scope=scope))
        if rejection is not None:
            raise _refused(message["id"], rejection)


def _schema(served: Server[Any], tool: str) -> Mapping[str, Any] | None:
    """That of a tool which wants arguments in headers."""
    find = served.get_tool_input_schema
    schema = find(tool) if find else None
    return schema if schema and _names_headers(served, tool) else None


@lru_cache(maxsize=1024)
def _names_headers(served: Server[Any], tool: str) -> bool:
    """Whether the schema of a tool does, which is not looked through for each call."""
    schema = served.get_tool_input_schema and served.get_tool_input_schema(tool)
    return find_invalid_x_mcp_header(schema) is None and bool(x_mcp_header_map(schema))


def _refused(id: types.RequestId | None, rejection: InboundLadderRejection) -> Refused:
    return Refused(
        id,
        rejection.code,
        rejection.message,
        rejection.data,
        status=ERROR_CODE_HTTP_STATUS.get(rejection.code, HTTPStatus.OK),
    )


async def _write(send: Send, status: int, body: bytes) -> None:
    headers = [JSON, (b"content-length", b"%d" % len(body))] if body else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _event(message: Mapping[str, Any]) -> bytes:
    return b"event: message\r\ndata: " + to_json(message) + b"\r\n\r\n"
