"""Models behind Anthropic's Messages API, by Anthropic's own library.

Streamed as https://docs.anthropic.com/en/docs/build-with-claude/streaming has it: a reply is whole
once `message_stop` has come, and not before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from mcp_bridge.assistant.providers import wire
from mcp_bridge.assistant.providers.talk import (
    ModelTrouble,
    Reply,
    Request,
    Result,
    Tell,
    Turn,
    Wish,
)
from museo.lazy import Lazy

library: Any = Lazy("anthropic")


class Messages:
    """One model, at one address."""

    def __init__(self, *, name: str, model: str, url: str, key: str) -> None:
        self.name = name
        self.model = model
        self._url = url
        self._key = key
        self._clients = wire.Clients("anthropic.resources.messages", self._client)

    def _client(self) -> Any:
        return library.AsyncAnthropic(
            api_key=self._key,
            base_url=self._url,
            max_retries=0,
            http_client=wire.http(),
        )

    async def close(self) -> None:
        """The connections of this event loop."""
        await self._clients.close()

    async def reply(self, request: Request, tell: Tell) -> Reply:
        client = await self._clients.here()
        async with wire.troubles(library):
            stream = await client.messages.create(
                model=self.model,
                system=request.instructions,
                messages=list(_messages(request.turns)),
                max_tokens=request.most_tokens,
                stream=True,
                **_offered(request),
            )
            async with stream:
                return await _heard(stream, tell)


def _offered(request: Request) -> dict[str, Any]:
    if not request.offers:
        return {}
    tools = [
        {"name": each.name, "description": each.description, "input_schema": dict(each.schema)}
        for each in request.offers
    ]
    return {"tools": tools, "tool_choice": {"type": "auto" if request.may_wish else "none"}}


def _messages(turns: Sequence[Turn]) -> Iterator[dict[str, Any]]:
    for turn in turns:
        if turn.whose == "model":
            yield {"role": "assistant", "content": turn.own or _blocks(turn)}
        elif turn.whose == "person":
            yield {"role": "user", "content": turn.text}
        else:
            yield {"role": "user", "content": [_result(each) for each in turn.results]}


def _blocks(turn: Turn) -> Any:
    """Of what another provider's model has said."""
    if not turn.wishes:
        return turn.text
    said = [{"type": "text", "text": turn.text}] if turn.text else []
    return said + [
        {"type": "tool_use", "id": each.id, "name": each.tool, "input": dict(each.arguments)}
        for each in turn.wishes
    ]


def _result(result: Result) -> dict[str, Any]:
    return {
        "type": "tool_result",
        "tool_use_id": result.id,
        "content": result.text,
        "is_error": result.is_error,
    }


async def _heard(stream: Any, tell: Tell) -> Reply:
    blocks: dict[int, dict[str, Any]] = {}
    tokens, ended, text = {"input": 0, "output": 0}, "", ""
    is_whole = False
    async for event in stream:
        if event.type == "message_start":
            tokens["input"] = _input_tokens(event.message.usage)
        elif event.type == "content_block_start":
            blocks[event.index] = {**event.content_block.to_dict(), "json": ""}
        elif event.type == "content_block_delta":
            _add(blocks[event.index], event.delta)
            if event.delta.type == "text_delta":
                text += event.delta.text
                await tell(text)
        elif event.type == "message_delta":
            ended = event.delta.stop_reason or ended
            tokens["output"] = event.usage.output_tokens
        elif event.type == "message_stop":
            is_whole = True
    if not is_whole:
        raise ModelTrouble("cut_off")
    closed = (_closed(blocks[index], is_cut=ended == "max_tokens") for index in sorted(blocks))
    own = [each for each in closed if each is not None]
    wishes = [Wish(each["id"], each["name"], each["input"]) for each in own if _is_wish(each)]
    return Reply(
        text=text,
        wishes=wishes,
        tokens=sum(tokens.values()),
        is_cut=ended in ("max_tokens", "model_context_window_exceeded"),
        own=own,
    )


def _input_tokens(usage: Any) -> int:
    cached = (usage.cache_creation_input_tokens, usage.cache_read_input_tokens)
    return int(usage.input_tokens + sum(each or 0 for each in cached))


def _add(block: dict[str, Any], delta: Any) -> None:
    if delta.type == "text_delta":
        block["text"] += delta.text
    elif delta.type == "input_json_delta":
        block["json"] += delta.partial_json
    elif delta.type == "thinking_delta":
        block["thinking"] += delta.thinking
    elif delta.type == "signature_delta":
        block["signature"] = delta.signature


def _closed(block: dict[str, Any], *, is_cut: bool) -> dict[str, Any] | None:
    """As it is given back; None for what was cut within its arguments."""
    written = block.pop("json")
    if not _is_wish(block):
        return block
    try:
        given = orjson.loads(written or "{}")
    except orjson.JSONDecodeError:
        if is_cut:
            return None
        raise
    if not isinstance(given, dict):
        raise ModelTrouble("malformed")
    return {**block, "input": given}


def _is_wish(block: dict[str, Any]) -> bool:
    return bool(block["type"] == "tool_use")
