"""A chat in a real browser that shows a card of the shop; its page is `host.html`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FrameLocator, Locator, Page

from tests.processes import eventually

PAGE = Path(__file__).parent / "host.html"
CAPABILITIES: dict[str, Any] = {
    "serverTools": {},
    "openLinks": {},
    "updateModelContext": {"text": {}},
}
CONTEXT = {"locale": "en-GB", "theme": "light", "timeZone": "UTC"}


@dataclass
class Chat:
    """`trouble` lists errors, and requests to other hosts."""

    page: Page
    address: str
    trouble: list[str] = field(default_factory=list)

    @property
    def card(self) -> FrameLocator:
        return self.page.frame_locator("#card")

    @property
    def headline(self) -> Locator:
        return self.card.locator("h1")

    def button(self, name: str) -> Locator:
        return self.card.get_by_role("button", name=name, exact=True)

    def show(
        self,
        uri: str,
        tool: str,
        *,
        capabilities: Any = CAPABILITIES,
        context: Any = CONTEXT,
        **arguments: Any,
    ) -> Any:
        """Call a tool, and show what it answered; its data."""
        more = {"context": context, "capabilities": capabilities}
        given = [uri, tool, arguments, more]
        return self.page.evaluate("(given) => callAndShow(...given)", given)

    def tell(self, method: str, **params: Any) -> None:
        self.page.evaluate("(given) => tell(...given)", [method, params])

    def asked(self, method: str) -> list[dict[str, Any]]:
        """What the card has asked for by a method, oldest first."""
        found: list[dict[str, Any]] = self.page.evaluate(
            "(method) => asked.filter((one) => one.method === method).map((one) => one.params)",
            method,
        )
        return found

    def asks(self, method: str) -> dict[str, Any]:
        """What it asks for by a method, as soon as it does."""
        eventually(lambda: bool(self.asked(method)), seconds=60)
        return self.asked(method)[0]

    def called(self) -> list[str]:
        """The tools that the card has called."""
        return [each["name"] for each in self.asked("tools/call")]

    def in_card(self, script: str) -> Any:
        return self.page.frames[1].evaluate(script)

    def violations(self) -> list[str]:
        found = Axe().run(self.page).response["violations"]
        return [f"{each['id']}: {node['html']}" for each in found for node in each["nodes"]]


@contextmanager
def chatting(chrome: Browser, address: str, **options: Any) -> Iterator[Chat]:
    context = chrome.new_context(locale="en-GB", **options)
    page = context.new_page()
    chat = Chat(page, address)
    page.on("pageerror", lambda error: chat.trouble.append(str(error)))
    page.on(
        "console", lambda said: chat.trouble.append(said.text) if said.type == "error" else None
    )
    with _chat_server(address) as place:
        known = (address, place, "about:")
        page.on(
            "request",
            lambda asked: None if asked.url.startswith(known) else chat.trouble.append(asked.url),
        )
        page.goto(f"{place}/")
        yield chat
        context.close()


@contextmanager
def _chat_server(shop: str) -> Iterator[str]:
    """Serves the chat's page, and passes on to the shop's `/mcp` what the page asks there."""

    class Serve(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send("text/html; charset=utf-8", PAGE.read_bytes() if self.path == "/" else b"")

        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["content-length"]))
            headers = {"content-type": "application/json"}
            answer = httpx.post(f"{shop}/mcp", content=asked, headers=headers, timeout=60)
            self._send("application/json", answer.content)

        def _send(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_said: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Serve) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
