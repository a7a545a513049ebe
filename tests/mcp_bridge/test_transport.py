"""`/mcp` over HTTP, as programs without an SDK call it."""

import asyncio
import json
import logging
from typing import Any

import httpx
import pytest

from catalog.models import Variant
from mcp_bridge import asgi
from mcp_bridge.toolsets import ALL, TOOLSETS
from museo.access.callers import Caller
from tests.mcp_bridge.conftest import SKU
from tests.mcp_bridge.raw import INITIALIZE, LEGACY, META, modern, raw

SEARCH = {"name": "search_products", "arguments": {"query": "iphone"}}
LOUD = {"io.modelcontextprotocol/logLevel": "loud"}
NOBODY: dict[str, Any] = {"io.modelcontextprotocol/clientInfo": {}}
NESTED = json.loads("[" * 100 + "]" * 100)


def rpc(method: str, params: Any = None, id: Any = "1") -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params or {}}


async def test_the_source_documents_curl_lines_work(phone: Variant, address: str) -> None:
    """POSTs with nothing but a content type: no Accept, no session, no `initialized`."""
    async with raw(address) as http:
        hello = await http.post(rpc("initialize", INITIALIZE))
        status = await http.post(
            rpc("tools/call", {"name": "connection_status", "arguments": {}}, id="4")
        )
        order = await http.buy({})

    assert hello.headers["content-type"] == "application/json"
    assert hello.json()["result"]["protocolVersion"] == "2025-06-18"
    assert hello.json()["result"]["serverInfo"]["name"] == "museo-mcp-orchestrator"
    assert status.json()["id"] == "4"
    assert status.json()["result"]["structuredContent"]["sse_enabled"] is True
    assert order["status"] == "placed"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{broken", 400, -32700),
        (b"", 400, -32700),
        (b'{"a":"\xff"}', 400, -32700),
        (b"[" * 100_000, 400, -32700),
        (rpc("ping", {"more": NESTED}), 400, -32600),
        (b'"text"', 400, -32600),
        (b"[]", 400, -32600),
        ([rpc("ping")], 400, -32600),
        ({"id": 1, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": 5}, 400, -32600),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": {}, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]}, 400, -32602),
        (rpc("no/such"), 200, -32601),
        (rpc("tools/call", {"arguments": {}}), 200, -32602),
        (rpc("tools/call", {"name": "search_products", "arguments": "x"}), 200, -32602),
        (rpc("tools/call", {"name": "no_such"}), 200, -32602),
        (rpc("tools/list", {"cursor": "2"}), 200, -32602),
        (rpc("resources/subscribe", {"uri": "museo://orders/ORD-1"}), 200, -32602),
        (rpc("initialize", {"protocolVersion": 5}), 200, -32602),
    ],
)
async def test_bad_messages_get_the_protocols_errors(
    committed: None,
    address: str,
    caplog: pytest.LogCaptureFixture,
    body: Any,
    status: int,
    code: int,
) -> None:
    async with raw(address) as http:
        answer = await http.post(body)
        alive = await http.post(rpc("ping"))

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["message"]
    assert alive.json()["result"] == {}
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize(
    ("headers", "params", "status", "code"),
    [
        (modern("no/such"), {}, 404, -32601),
        (modern("tools/call", "no_such"), {"name": "no_such", "arguments": {}}, 400, -32602),
        (modern("tools/call", "other"), SEARCH, 400, -32020),
        (modern("tools/call", "search_products"), {**SEARCH, "more": NESTED}, 400, -32600),
        (modern("tools/call", "search_products"), {**SEARCH, "arguments": []}, 400, -32602),
        (modern("tools/call", "search_products"), {**SEARCH, "_meta": LOUD}, 400, -32602),
        (modern("tools/call", "search_products"), {**SEARCH, "_meta": NOBODY}, 400, -32602),
    ],
)
async def test_the_modern_era_has_its_own_errors(
    committed: None,
    address: str,
    headers: dict[str, str],
    params: dict[str, Any],
    status: int,
    code: int,
) -> None:
    async with raw(address) as http:
        message = rpc(
            headers.get("mcp-method", "ping"),
            {**params, "_meta": {**META, **params.get("_meta", {})}},
        )
        answer = await http.post(message, **headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_a_version_that_nobody_speaks_yet_is_told_which_are_spoken(
    committed: None, address: str
) -> None:
    meta = {**META, "io.modelcontextprotocol/protocolVersion": "2099-01-01"}
    headers = {**modern("ping"), "mcp-protocol-version": "2099-01-01"}

    async with raw(address) as http:
        answer = await http.post(rpc("ping", {"_meta": meta}), **headers)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, -32022)
    assert "2026-07-28" in error["data"]["supported"]


async def test_an_answer_is_plain_json_and_a_stream_only_when_more_is_told(
    phone: Variant, address: str
) -> None:
    async with raw(address) as http:
        headers = modern("tools/call", "search_products")
        plain = await http.post(rpc("tools/call", {**SEARCH, "_meta": META}), **headers)
        named = {**META, "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"}}
        of_named = await http.post(rpc("tools/call", {**SEARCH, "_meta": named}), **headers)
        old = await http.post(rpc("tools/call", SEARCH), **LEGACY)
        order = await http.buy({})
        track = {
            "name": "track_order",
            "arguments": {
                "order_id": order["number"],
                "ticket": order["ticket"],
                "wait_seconds": 1,
            },
        }
        meta = {**META, "progressToken": "p"}
        streamed = await http.post(
            rpc("tools/call", {**track, "_meta": meta}), **modern("tools/call", "track_order")
        )

    assert plain.headers["content-type"] == old.headers["content-type"] == "application/json"
    assert plain.json()["result"]["structuredContent"]["results"][0]["default_sku"] == SKU
    # the SDK shapes the answers of the others
    assert of_named.json() == plain.json()
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert "notifications/progress" in streamed.text


async def test_blanks_around_header_values_do_no_harm(phone: Variant, address: str) -> None:
    """httptools leaves them in."""
    body = (
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{'
        b'"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
        b'"io.modelcontextprotocol/clientCapabilities":{}}}}'
    )
    answer = await say(
        address,
        b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json \r\n"
        b"Accept: application/json\t\r\nMCP-Protocol-Version: 2026-07-28  \r\n"
        b"Mcp-Method: tools/list \t\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body),
    )

    assert answer == b"HTTP/1.1 200"


@pytest.mark.parametrize("toolset", [*TOOLSETS, *(f"{name}/" for name in TOOLSETS), ""])
async def test_each_toolset_has_its_address(committed: None, address: str, toolset: str) -> None:
    async with raw(f"{address}/{toolset}") as http:
        tools = (await http.ask("tools/list", {}))["tools"]

    served = TOOLSETS.get(toolset.rstrip("/"), ALL)
    guest = Caller()
    assert [tool["name"] for tool in tools] == [
        name for name, tool in served.items() if tool.is_open_to(guest)
    ]
    assert bool(tools) is (toolset.rstrip("/") not in ("admin", "notifications"))


async def test_a_tool_of_another_toolset_is_unknown(phone: Variant, address: str) -> None:
    async with raw(f"{address}/realtime") as http:
        answer = await http.post(rpc("tools/call", SEARCH))

    assert answer.json()["error"]["code"] == -32602


async def test_what_is_not_served_says_so(committed: None, address: str) -> None:
    async with raw(address) as http:
        client = http.client
        answers = {
            "no toolset": await client.post(f"{address}/coffee", json=rpc("ping")),
            "bare stream": await client.get(address, headers={"accept": "text/event-stream"}),
            "put": await client.put(address, json=rpc("ping")),
            "not json": await client.post(address, content=b"a=1"),
            "almost json": await http.post(rpc("ping"), content_type="application/json-seq"),
            "unknown session": await http.post(rpc("ping"), mcp_session_id="none", **LEGACY),
            "no json taken": await http.post(rpc("ping"), accept="text/html"),
        }

    assert {name: answer.status_code for name, answer in answers.items()} == {
        "no toolset": 404,
        "bare stream": 405,
        "put": 405,
        "not json": 415,
        "almost json": 415,
        "unknown session": 404,
        "no json taken": 406,
    }
    for answer in answers.values():
        assert answer.json()["error"]["message"]
    assert answers["bare stream"].headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:3000", 200),
        ("http://localhost", 200),
        ("https://evil.example", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
async def test_pages_of_other_sites_may_not_call(
    committed: None, address: str, origin: str, status: int
) -> None:
    async with raw(address) as http:
        answer = await http.post(rpc("ping"), origin=origin)

    assert answer.status_code == status


async def test_a_host_that_is_not_ours_is_refused(committed: None, address: str) -> None:
    async with raw(address) as http:
        answer = await http.post(rpc("ping"), host="evil.example")

    assert answer.status_code == 400


async def test_a_body_that_is_too_large_is_refused(
    committed: None, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def chunks() -> Any:
        for _number in range(10):
            yield b" " * 1024 * 1024

    async with raw(address) as http:
        answer = await http.client.post(
            address, content=chunks(), headers={"content-type": "application/json"}
        )
        alive = await http.post(rpc("ping"))

    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"
    assert alive.status_code == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_body_that_says_it_is_too_large_is_not_even_read(
    committed: None, address: str
) -> None:
    answer = await say(
        address,
        b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: 10485760\r\n\r\n",
    )

    assert answer == b"HTTP/1.1 413"


async def say(address: str, request: bytes) -> bytes:
    """Version and status of what comes back for these very bytes."""
    url = httpx.URL(address)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        writer.write(request)
        async with asyncio.timeout(60):
            return await reader.readexactly(12)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_the_language_comes_with_the_request(phone: Variant, address: str) -> None:
    async with raw(address) as http:
        found = await http.call(
            "search_products", {"query": "iphone"}, accept_language="de-AT,en;q=0.5"
        )

    assert found["interpretation"]["locale"] == "de"


async def test_a_ticket_may_come_in_the_header(phone: Variant, address: str) -> None:
    async with raw(address) as http:
        order = await http.buy({})
        track = await http.call(
            "track_order",
            {"order_id": order["number"]},
            authorization=f"Ticket {order['ticket']}",
        )

    assert track["order_id"] == order["number"]


async def test_the_bridge_starts_by_its_first_request_too(phone: Variant, hub_ends: None) -> None:
    """Some servers, daphne among them, say nothing of their start."""
    transport = httpx.ASGITransport(app=asgi.application)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        first, second = await asyncio.gather(
            *(client.post("/mcp", json=rpc("tools/call", SEARCH)) for _number in range(2))
        )
    await asgi.shutdown()

    assert first.json() == second.json()
    assert first.json()["result"]["isError"] is False
