"""Anthropic's Messages API as its reference has it, as far as the assistant uses it.

What it takes and answers: docs.anthropic.com/en/api/messages; tools and their results:
docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use; events of a stream:
docs.anthropic.com/en/docs/build-with-claude/streaming; errors: docs.anthropic.com/en/api/errors;
versions: platform.claude.com/docs/en/api/versioning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.mcp_bridge.assistant.models.loopback import Asked, Scene, events, of_json

PATH = "/v1/messages"
KEY = "sk-ant-loopback"
TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}
VERSIONS = ("2023-06-01", "2026-10-21")
# those that the newer version has no more
REMOVED = ("temperature", "top_p", "top_k")
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def error(status: int, headers: dict[str, str] | None = None, message: str = "Told.") -> Scene:
    told = {"type": TYPES[status], "message": message}
    return of_json(status, {"type": "error", "error": told, "request_id": "req_1"}, headers)


def event(name: str, **data: Any) -> str:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n"


def begun(tokens: int = 25) -> str:
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [],
        "model": "loopback",
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": tokens, "output_tokens": 1},
    }
    return event("message_start", message=message)


def said(index: int, *parts: str) -> list[str]:
    start = {"type": "text", "text": ""}
    return [
        event("content_block_start", index=index, content_block=start),
        event("ping"),
        *(
            event("content_block_delta", index=index, delta={"type": "text_delta", "text": part})
            for part in parts
        ),
        event("content_block_stop", index=index),
    ]


def thought(index: int, text: str) -> list[str]:
    start = {"type": "thinking", "thinking": "", "signature": ""}
    deltas = [
        {"type": "thinking_delta", "thinking": text},
        {"type": "signature_delta", "signature": "EqQBCgIYAhIM"},
    ]
    return [
        event("content_block_start", index=index, content_block=start),
        *(event("content_block_delta", index=index, delta=each) for each in deltas),
        event("content_block_stop", index=index),
    ]


def wished(index: int, tool: str, *parts: str, id: str = "toolu_1") -> list[str]:
    """The arguments arrive as pieces of JSON."""
    start = {"type": "tool_use", "id": id, "name": tool, "input": {}}
    return [
        event("content_block_start", index=index, content_block=start),
        *(
            event(
                "content_block_delta",
                index=index,
                delta={"type": "input_json_delta", "partial_json": part},
            )
            for part in ("", *parts)
        ),
        event("content_block_stop", index=index),
    ]


def ended(reason: str, tokens: int = 15) -> list[str]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [
        event("message_delta", delta=delta, usage={"output_tokens": tokens}),
        event("message_stop"),
    ]


def reply(*parts: str) -> Scene:
    return events([begun(), *said(0, *parts), *ended("end_turn")])


def wish(tool: str, arguments: Mapping[str, Any], *, text: str = "") -> Scene:
    written = json.dumps(dict(arguments))
    before = said(0, text) if text else []
    parts = wished(len(before) and 1, tool, written[:3], written[3:])
    return events([begun(), *before, *parts, *ended("tool_use")])


def require_right(asked: Asked) -> Scene | None:
    """The error that the reference has for what was asked; None if all of it is right."""
    if asked.path != PATH:
        return error(404)
    given = (asked.headers.get("x-api-key"), asked.headers.get("authorization"))
    if given not in ((KEY, None), (None, f"Bearer {KEY}")):
        return error(401)
    trouble = _trouble(asked)
    return error(400, message=trouble) if trouble else None


def _trouble(asked: Asked) -> str:
    body = asked.body
    if asked.headers.get("anthropic-version") not in VERSIONS:
        return "anthropic-version: required"
    if any(name in body for name in REMOVED):
        return "removed"
    for name, kind in (("model", str), ("max_tokens", int), ("messages", list)):
        if not isinstance(body.get(name), kind):
            return f"{name}: required"
    tools = body.get("tools", [])
    for tool in tools:
        if not TOOL_NAME.fullmatch(tool["name"]) or tool["input_schema"].get("type") != "object":
            return f"tools: {tool['name']}"
    if len({tool["name"] for tool in tools}) < len(tools):
        return "tools: names must be unique"
    return _trouble_of(body["messages"], has_tools=bool(tools))


def _trouble_of(messages: Sequence[dict[str, Any]], *, has_tools: bool) -> str:
    if not messages or messages[0]["role"] != "user":
        return "messages: first message must use the user role"
    asked_for: list[str] = []
    for message in messages:
        content = message["content"]
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
        if not blocks or any(each["type"] == "text" and not each["text"] for each in blocks):
            return "messages: text content blocks must be non-empty"
        results = [each["tool_use_id"] for each in blocks if each["type"] == "tool_result"]
        if sorted(results) != sorted(asked_for):
            return "messages: each tool_use must have a tool_result in the next message"
        asked_for = [each["id"] for each in blocks if each["type"] == "tool_use"]
        if asked_for and (message["role"] != "assistant" or not has_tools):
            return "messages: tool_use"
    return "messages: tool_use without tool_result" if asked_for else ""
