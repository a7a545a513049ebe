"""Models behind OpenAI's Chat Completions API, which Groq and many others speak, too.

Streamed as https://platform.openai.com/docs/api-reference/chat-streaming has it: a reply is whole
once its `finish_reason` has come, and not before. Of what differs between those who speak it, only
what all of them take is sent (https://console.groq.com/docs/openai).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from mcp_bridge.assistant.providers import wire
from mcp_bridge.assistant.providers.talk import (
    ModelTrouble,
    Offer,
    Reply,
    Request,
    Tell,
    Turn,
    Wish,
)
from museo.lazy import Lazy

library: Any = Lazy("openai")
# who needs no key wants one to be sent all the same
NO_KEY = "none"


class Completions:
    """One model, at one address."""

    def __init__(self, *, name: str, model: str, url: str, key: str) -> None:
        self.name = name
        self.model = model
        self._url = url
        self._key = key
        self._clients = wire.Clients("openai.resources.chat", self._client)

    def _client(self) -> Any:
        return library.AsyncOpenAI(
            api_key=self._key or NO_KEY,
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
            stream = await client.chat.completions.create(
                model=self.model,
                messages=[
                    {"role": "system", "content": request.instructions},
                    *_messages(request.turns),
                ],
                max_tokens=request.most_tokens,
                stream=True,
                stream_options={"include_usage": True},
                **_offered(request),
            )
            async with stream:
                return await _heard(stream, tell)


def _offered(request: Request) -> dict[str, Any]:
    if not request.offers:
        return {}
    tools = [_tool(each) for each in request.offers]
    return {"tools": tools, "tool_choice": "auto" if request.may_wish else "none"}


def _tool(offer: Offer) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": offer.name,
            "description": offer.description,
            "parameters": dict(offer.schema),
        },
    }


def _messages(turns: Sequence[Turn]) -> Iterator[dict[str, Any]]:
    for turn in turns:
        if turn.whose == "model":
            yield _said(turn)
        elif turn.whose == "person":
            yield {"role": "user", "content": turn.text}
        else:
            for each in turn.results:
                yield {"role": "tool", "tool_call_id": each.id, "content": each.text}


def _said(turn: Turn) -> dict[str, Any]:
    if not turn.wishes:
        return {"role": "assistant", "content": turn.text}
    calls = [
        {
            "id": each.id,
            "type": "function",
            "function": {
                "name": each.tool,
                "arguments": orjson.dumps(dict(each.arguments)).decode(),
            },
        }
        for each in turn.wishes
    ]
    return {"role": "assistant", "content": turn.text or None, "tool_calls": calls}


async def _heard(stream: Any, tell: Tell) -> Reply:
    calls: dict[int, dict[str, str]] = {}
    text, ended, tokens = "", "", 0
    async for chunk in stream:
        if chunk.usage:
            tokens = chunk.usage.total_tokens
        for choice in chunk.choices or ():
            ended = choice.finish_reason or ended
            for part in choice.delta.tool_calls or ():
                _add(calls, part)
            if choice.delta.content:
                text += choice.delta.content
                await tell(text)
    if not ended:
        raise ModelTrouble("cut_off")
    is_cut = ended == "length"
    wishes = [_wish(calls[index], is_cut=is_cut) for index in sorted(calls)]
    return Reply(text=text, wishes=[each for each in wishes if each], tokens=tokens, is_cut=is_cut)


def _add(calls: dict[int, dict[str, str]], part: Any) -> None:
    call = calls.setdefault(part.index, {"id": "", "name": "", "json": ""})
    call["id"] = part.id or call["id"]
    if part.function:
        call["name"] += part.function.name or ""
        call["json"] += part.function.arguments or ""


def _wish(call: dict[str, str], *, is_cut: bool) -> Wish | None:
    """None for what was cut within its arguments."""
    try:
        given = orjson.loads(call["json"] or "{}")
    except orjson.JSONDecodeError:
        if is_cut:
            return None
        raise
    if not (isinstance(given, dict) and call["id"] and call["name"]):
        raise ModelTrouble("malformed")
    return Wish(call["id"], call["name"], given)
