"""What each server is asked, as it goes over the wire, and whether it answered rightly."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bench.shop import load
from bench.shop.load import Answer

VERSION = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
}
# so many different ones, in turn
SENTENCES = 200
WORDS = ("mug", "lamp", "bowl", "notebook", "scarf", "vase", "tray", "clock")


class Wrong(Exception):
    """An answer is not the one that was asked for."""


@dataclass(frozen=True)
class Asked:
    """Requests, and what says whether the answer to the one at an index is right."""

    requests: Sequence[bytes]
    is_right: Callable[[int, Any], bool]

    def check(self, answers: Sequence[Answer]) -> None:
        if not answers:
            raise Wrong("no answer came")
        for answer in answers:
            if answer.status != 200:
                raise Wrong(f"status {answer.status}: {answer.body[:200]!r}")
            if not self.is_right(answer.index, json.loads(answer.body)):
                raise Wrong(f"not what was asked for: {answer.body[:200]!r}")


def echo(port: int) -> Asked:
    texts = [f"Order {number} is on its way." for number in range(SENTENCES)]
    return Asked(
        [tool(port, "echo", {"text": text}) for text in texts],
        lambda index, body: _data(body) == {"text": texts[index]},
    )


def search(port: int) -> Asked:
    return Asked(
        [tool(port, "search_products", {"query": words, "limit": 20}) for words in WORDS],
        lambda _index, body: bool(_data(body)["results"]),
    )


def rest_search(port: int) -> Asked:
    paths = (f"/api/v1/search?q={quote(words)}&limit=20" for words in WORDS)
    return Asked(
        [load.request("GET", path, port=port) for path in paths],
        lambda _index, body: bool(body["results"]),
    )


def track(port: int, orders: Sequence[Sequence[str]]) -> Asked:
    return Asked(
        [
            tool(port, "track_order", {"order_id": number, "ticket": ticket})
            for number, ticket in orders
        ],
        lambda index, body: _data(body)["order_id"] == orders[index][0],
    )


def tool(port: int, name: str, arguments: Mapping[str, Any]) -> bytes:
    return post(port, "tools/call", {"name": name, "arguments": arguments}, name=name)


def post(port: int, method: str, params: Mapping[str, Any], *, name: str = "") -> bytes:
    """A JSON-RPC message since 2026-07-28."""
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}
    body = json.dumps(message).encode()
    lines = [
        "POST /mcp HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Accept: application/json, text/event-stream",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"MCP-Protocol-Version: {VERSION}",
        f"Mcp-Method: {method}",
        *([f"Mcp-Name: {name}"] if name else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _data(body: Any) -> Any:
    return body["result"]["structuredContent"]
