"""OpenAI's Chat Completions API as its reference has it, as far as the assistant uses it.

What it takes and answers: platform.openai.com/docs/api-reference/chat/create; chunks of a stream:
platform.openai.com/docs/api-reference/chat-streaming; errors:
platform.openai.com/docs/guides/error-codes. Groq's: console.groq.com/docs/openai.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.mcp_bridge.assistant.models.loopback import Asked, Scene, events, of_json

PATH = "/chat/completions"
KEY = "gsk_loopback"
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
DONE = "data: [DONE]\n\n"
# what Groq answers with 400 (console.groq.com/docs/openai, “unsupported features”)
NOT_GROQS = ("logprobs", "logit_bias", "top_logprobs")


def error(status: int, headers: dict[str, str] | None = None, message: str = "Told.") -> Scene:
    told = {"message": message, "type": "told", "param": None, "code": None}
    return of_json(status, {"error": told}, headers)


def chunk(delta: dict[str, Any] | None, *, finish: str | None = None) -> str:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    data: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": "loopback",
        "choices": choices,
        "usage": None,
    }
    if delta is None:
        data["usage"] = {"prompt_tokens": 25, "completion_tokens": 15, "total_tokens": 40}
    return f"data: {json.dumps(data)}\n\n"


def said(*parts: str) -> list[str]:
    first = chunk({"role": "assistant", "content": ""})
    return [first, *(chunk({"content": part}) for part in parts)]


def wished(index: int, tool: str, *parts: str, id: str = "call_1") -> list[str]:
    """The id and the name come first, the arguments as pieces of JSON."""
    first = {"index": index, "id": id, "type": "function"}
    function = {"name": tool, "arguments": ""}
    return [
        chunk({"tool_calls": [{**first, "function": function}]}),
        *(
            chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]})
            for part in parts
        ),
    ]


def ended(reason: str) -> list[str]:
    return [chunk({}, finish=reason), chunk(None), DONE]


def reply(*parts: str) -> Scene:
    return events([*said(*parts), *ended("stop")])


def wish(tool: str, arguments: Mapping[str, Any], *, text: str = "") -> Scene:
    written = json.dumps(dict(arguments))
    parts = [*said(*([text] if text else [])), *wished(0, tool, written[:3], written[3:])]
    return events([*parts, *ended("tool_calls")])


def require_right(asked: Asked) -> Scene | None:
    """The error that the reference has for what was asked; None if all of it is right."""
    if asked.path != PATH:
        return error(404)
    if asked.headers.get("authorization") != f"Bearer {KEY}":
        return error(401)
    trouble = _trouble(asked.body)
    return error(400, message=trouble) if trouble else None


def _trouble(body: dict[str, Any]) -> str:
    if not isinstance(body.get("model"), str) or not isinstance(body.get("messages"), list):
        return "model and messages are required"
    if any(name in body for name in NOT_GROQS) or body.get("n", 1) != 1:
        return "unsupported"
    if "tools" in body and not body["tools"]:
        return "[] is too short - 'tools'"
    if "tool_choice" in body and "tools" not in body:
        return "tool_choice needs tools"
    for tool in body.get("tools", []):
        function = tool["function"]
        if tool["type"] != "function" or not TOOL_NAME.fullmatch(function["name"]):
            return f"tools: {function['name']}"
        if function["parameters"].get("type") != "object":
            return f"parameters: {function['name']}"
    return _trouble_of(body["messages"])


def _trouble_of(messages: Sequence[dict[str, Any]]) -> str:
    waited_for: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in waited_for:
                return "'tool' must be a response to a preceding message with 'tool_calls'"
            waited_for.remove(message["tool_call_id"])
            continue
        if waited_for:
            return "'tool_calls' must be followed by messages that respond to each of them"
        calls = message.get("tool_calls", [])
        waited_for = [each["id"] for each in calls]
        if any(not isinstance(each["function"]["arguments"], str) for each in calls):
            return "arguments: must be a string"
        if not calls and not isinstance(message.get("content"), str):
            return "content: required"
    return "'tool_calls' without responses" if waited_for else ""
