"""JSON-RPC messages, and what is answered in the place of the server."""

from __future__ import annotations

from collections.abc import AsyncIterable
from http import HTTPStatus
from typing import Any

import mcp_types as types
from mcp.shared._stream_protocols import WriteStream
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

NOT_AVAILABLE = -32000
API_ERROR = -32001
NOT_AUTHENTICATED = -32002
RATE_LIMITED = -32003

# what a client says, and what is wrong with what it says
Incoming = AsyncIterable[SessionMessage | Exception]
Outgoing = WriteStream[SessionMessage]


class Refused(Exception):
    """What is answered instead, with a JSON-RPC error; `status` and `allow` are of HTTP."""

    def __init__(
        self,
        id: types.RequestId | None,
        code: int,
        message: str,
        data: Any = None,
        *,
        status: int = HTTPStatus.OK,
        allow: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.allow = allow
        known = {} if data is None else {"data": data}
        error = types.ErrorData(code=code, message=message, **known)
        self.answer = types.JSONRPCError(jsonrpc="2.0", id=id, error=error)


def require_first_page(params: types.PaginatedRequestParams | None) -> None:
    """No list of the shop's is so long that it has another."""
    if params and params.cursor:
        raise MCPError(types.INVALID_PARAMS, "There is only one page. Leave the cursor out.")


def message(text: str | bytes) -> SessionMessage | Exception:
    """One message as it was sent, or what is wrong with it."""
    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(text, by_name=False))
    except ValidationError as error:
        return error


def id_of(message: types.JSONRPCMessage) -> types.RequestId | None:
    """The id of a request; None for what is not answered."""
    return message.id if isinstance(message, types.JSONRPCRequest) else None


def unreadable(error: Exception) -> Refused:
    """What is answered to something that was no message."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, ValidationError) and error.errors()[0]["type"] != "json_invalid":
        return Refused(None, types.INVALID_REQUEST, "Send one JSON-RPC 2.0 message; no batches.")
    return Refused(None, types.PARSE_ERROR, "This is not valid JSON. Send one JSON-RPC message.")
