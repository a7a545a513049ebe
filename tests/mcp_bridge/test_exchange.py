"""A request and its answer since 2026-07-28, with a server of three tools and no network."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import mcp_types as types
import pytest
from mcp.server import Server
from mcp.server.context import ServerRequestContext

from mcp_bridge import exchange
from mcp_bridge.messages import Refused
from mcp_bridge.push import Untold
from tests.mcp_bridge.raw import META, modern

Context = ServerRequestContext[Any, Any]
SCHEMA = {
    "type": "object",
    "properties": {"region": {"type": "string", "x-mcp-header": "Region"}},
}


class Shop:
    """What its tools have done."""

    def __init__(self) -> None:
        self.goes_on = asyncio.Event()
        self.has_begun = asyncio.Event()
        self.was_left = False

    async def call(self, ctx: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        self.has_begun.set()
        if params.name == "fail":
            raise RuntimeError("a secret")
        if params.name == "tell":
            await ctx.session.report_progress(1, 2, "half")
        if params.name == "wait":
            await self._wait()
        said = types.TextContent(type="text", text="done")
        return types.CallToolResult(content=[said], structured_content={"big": 2**70})

    async def _wait(self) -> None:
        try:
            await self.goes_on.wait()
        except asyncio.CancelledError:
            self.was_left = True
            raise


class Wire:
    """One POST; what comes back, as it comes."""

    def __init__(self, shop: Shop, message: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        self.has_gone = asyncio.Event()
        self.parts: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._message = dict(message)
        self.headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._served: Server[Any] = Server(
            "three", version="1", on_call_tool=shop.call, get_tool_input_schema=_schema
        )

    async def post(self, *, is_told_more: bool = True) -> None:
        await exchange.answer(
            self._served,
            self._message,
            {"type": "http", "headers": self.headers},
            self._receive,
            self._send,
            is_told_more=is_told_more,
        )

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(60):
            return await self.parts.get()

    async def _receive(self) -> dict[str, Any]:
        await self.has_gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, part: Any) -> None:
        self.parts.put_nowait(part)


def _schema(name: str) -> dict[str, Any] | None:
    return SCHEMA if name == "tell" else None


def wire(shop: Shop, tool: str, **more: Any) -> Wire:
    """A call of a tool that wants to hear of its progress."""
    meta = {**META, "progressToken": "p"}
    params = {"name": tool, "arguments": more.pop("arguments", {}), "_meta": meta}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return Wire(shop, message, {**modern("tools/call", tool), **more})


async def test_an_answer_is_json_unless_something_is_told_before_it() -> None:
    quiet, telling, deaf = (wire(Shop(), tool) for tool in ("plain", "tell", "tell"))
    await quiet.post()
    await telling.post()
    await deaf.post(is_told_more=False)

    start, body = await quiet.next(), await quiet.next()
    assert (start["status"], start["headers"][0][1]) == (200, b"application/json")
    assert json.loads(body["body"])["result"]["structuredContent"] == {"big": 2**70}
    start, told, end = [await telling.next() for _part in range(3)]
    assert start["headers"][0][1] == b"text/event-stream"
    assert b'"params":{"progressToken":"p","progress":1,"total":2,"message":"half"}' in told["body"]
    assert (told["more_body"], end.get("more_body", False)) == (True, False)
    assert b'"text":"done"' in end["body"]
    assert (await deaf.next())["headers"][0][1] == b"application/json"


async def test_a_client_that_goes_ends_its_call() -> None:
    shop = Shop()
    left = wire(shop, "wait")
    calling = asyncio.create_task(left.post())
    async with asyncio.timeout(60):
        await shop.has_begun.wait()
        left.has_gone.set()
        await calling

    assert shop.was_left
    assert left.parts.empty()


async def test_a_long_silence_is_broken_before_a_proxy_loses_patience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exchange, "PING_SECONDS", 0.01)
    shop = Shop()
    slow = wire(shop, "wait")
    calling = asyncio.create_task(slow.post())

    start, first, second = [await slow.next() for _part in range(3)]
    shop.goes_on.set()
    async with asyncio.timeout(60):
        await calling

    assert start["headers"][0][1] == b"text/event-stream"
    assert first["body"] == second["body"] == b": ping\r\n\r\n"
    *_pings, end = [slow.parts.get_nowait() for _part in range(slow.parts.qsize())]
    assert b'"text":"done"' in end["body"]


async def test_what_went_wrong_inside_stays_inside(caplog: pytest.LogCaptureFixture) -> None:
    failing = wire(Shop(), "fail")
    await failing.post()

    start, body = await failing.next(), await failing.next()
    assert (start["status"], json.loads(body["body"])["error"]["code"]) == (200, -32603)
    assert b"secret" not in body["body"]
    assert "a secret" in caplog.text


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"accept": "text/html"}, 406, -32600),
        ({"mcp-method": "tools/list"}, 400, -32020),
        ({"mcp-name": "other"}, 400, -32020),
        ({"mcp-protocol-version": "2099-01-01"}, 400, -32020),
        ({"mcp-param-region": "eu"}, 400, -32020),
    ],
)
async def test_headers_that_say_something_else_are_refused(
    headers: dict[str, str], status: int, code: int
) -> None:
    shop = Shop()
    with pytest.raises(Refused) as caught:
        await wire(shop, "tell", **headers).post()

    assert (caught.value.status, caught.value.answer.error.code) == (status, code)
    assert caught.value.answer.id == 1
    assert not shop.has_begun.is_set()


async def test_an_argument_and_its_header_say_the_same() -> None:
    shop = Shop()
    arguments = {"region": "eu"}
    with pytest.raises(Refused):
        await wire(shop, "tell", arguments=arguments).post()
    assert not shop.has_begun.is_set()

    await wire(shop, "tell", arguments=arguments, **{"mcp-param-region": "eu"}).post()
    assert shop.has_begun.is_set()


async def test_a_header_may_not_be_sent_twice() -> None:
    twice = wire(Shop(), "plain")
    twice.headers.append((b"mcp-name", b"plain"))
    with pytest.raises(Refused) as caught:
        await twice.post()

    assert caught.value.answer.error.code == -32020


async def test_notes_are_taken_and_answers_refused() -> None:
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {}}
    noted = Wire(Shop(), note, modern("notifications/cancelled"))
    await noted.post()
    strange = {**modern(""), "mcp-protocol-version": "2099-01-01"}
    with pytest.raises(Refused) as unknown:
        await Wire(Shop(), note, strange).post()
    with pytest.raises(Refused) as unasked:
        await Wire(Shop(), {"jsonrpc": "2.0", "id": 1, "result": {}}, modern("")).post()

    assert (await noted.next())["status"] == 202
    assert (unknown.value.status, unknown.value.answer.error.code) == (400, -32022)
    assert (unasked.value.status, unasked.value.answer.error.code) == (400, -32600)


async def test_equal_news_that_wait_are_one() -> None:
    untold = Untold[str]()
    for uri in ("a", "b", "a"):
        untold.add([uri])
    untold.end()

    assert [uri async for uri in untold] == ["a", "b"]
