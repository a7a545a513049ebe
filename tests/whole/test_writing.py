"""A model's answer in a real browser: read while it is written, after a reload too, until Stop."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.mcp_bridge.assistant.models.openai_api import ended, said, wished
from tests.shops import Shop, open_shop
from tests.whole.conftest import BOUND
from tests.whole.talk import Talk

pytestmark = [pytest.mark.browser, pytest.mark.long]

# nothing that any pattern knows
HMM = "Hmm, what do you make of that one?"
BEGINS = "It is a fine thing, made by hand in a small workshop not far from here, and it keeps "
WHOLE = f"{BEGINS}for many years."
DEEDS = ("SELECT tool FROM mcp_bridge_toolrun", "SELECT what FROM access_trail")


class SlowModel(ThreadingHTTPServer):
    """Writes how its answer begins, and the rest once it may go on."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Writing)
        self.may_go_on = threading.Event()
        self.rest: Sequence[str] = ()


class Writing(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, SlowModel)
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.end_headers()
        self._write(said(BEGINS))
        self.server.may_go_on.wait(BOUND / 1000)
        # whoever was told to stop does not read it any more
        with suppress(OSError):
            self._write(self.server.rest)

    def _write(self, parts: Sequence[str]) -> None:
        self.wfile.write("".join(parts).encode())
        self.wfile.flush()

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """It is written down nowhere."""


@pytest.fixture
def model() -> Iterator[SlowModel]:
    with SlowModel() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.may_go_on.set()
        server.shutdown()


@pytest.fixture
def shop(model: SlowModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    url = f"http://127.0.0.1:{model.server_port}"
    home = tmp_path_factory.mktemp("written")
    with open_shop(home, MUSEO_AI_URL=url, MUSEO_AI_MODEL="loopback") as opened:
        yield opened


def begin(talk: Talk) -> Any:
    """Say something, and read how the answer begins."""
    talk.page.fill("#ask-message", HMM)
    talk.page.keyboard.press("Enter")
    draft = talk.page.locator("[data-open] [data-draft]")
    expect(draft).to_have_text(BEGINS.strip())
    return draft


def test_an_answer_is_read_while_it_is_written_and_after_a_reload(
    talk: Talk, model: SlowModel
) -> None:
    model.rest = [*said("for many years."), *ended("stop")]
    draft = begin(talk)
    # only the answer itself is read aloud
    expect(draft).to_have_attribute("aria-live", "off")

    talk.page.reload()

    expect(draft).to_have_text(BEGINS.strip())
    model.may_go_on.set()
    expect(talk.last.locator(".answer")).to_have_text(WHOLE)
    expect(draft).to_have_count(0)
    assert talk.told()["response"]["message"] == WHOLE
    # it was no step by itself
    expect(talk.last.locator("[data-steps] li")).to_have_count(2)


def test_after_stop_nothing_is_done_that_was_still_to_come(
    talk: Talk, model: SlowModel, shop: Shop
) -> None:
    model.rest = [*wished(0, "get_basket", "{}"), *ended("tool_calls")]
    begin(talk)

    talk.last.get_by_role("button", name="Stop").click()
    talk.answered(0)
    model.may_go_on.set()

    assert talk.told()["state"] == "stopped"
    with closing(sqlite3.connect(shop.home / "museo.sqlite3", timeout=60)) as database:
        assert [database.execute(deeds).fetchall() for deeds in DEEDS] == [[], []]
