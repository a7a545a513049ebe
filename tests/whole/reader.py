"""Somebody who keeps an order's tracking page open: what it shows, and how its time is passed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, Route

from tests.clients.orders import Bought
from tests.processes import eventually
from tests.shops import ROOT

Watch = Callable[..., "Reader"]
SCRIPTS = ROOT / "static" / "js"
# every state of the line that says whether the page is live
WITNESS = """
    window.mark = "never loaded anew";
    window.states = [];
    const line = document.querySelector("[data-conn]");
    const look = () => window.states.push(line.dataset.s);
    look();
    new MutationObserver(look).observe(line, {attributes: true, attributeFilter: ["data-s"]});
"""
PRETEND = """
    Object.defineProperty(document, "hidden", {configurable: true, get: () => %s});
    document.dispatchEvent(new Event("visibilitychange"));
"""


@dataclass
class Reader:
    """A tracking page in a tab."""

    page: Page
    context: BrowserContext
    _session: CDPSession | None = None

    @property
    def state(self) -> str | None:
        return self.page.get_attribute("[data-conn]", "data-s")

    @property
    def status(self) -> str | None:
        return self.page.get_attribute("museo-live", "status")

    @property
    def versions(self) -> list[int]:
        """Of the rows of the log, as they stand."""
        rows = "all => all.map(row => Number(row.dataset.version))"
        found: list[int] = self.page.eval_on_selector_all("[data-log] [data-version]", rows)
        return found

    @property
    def states(self) -> list[str]:
        """Every state of the connection since the page was live, repeats left out."""
        seen: list[str] = self.page.evaluate("window.states")
        return [state for last, state in zip([None, *seen], seen, strict=False) if state != last]

    def says(self, state: str, *, within: float = 60) -> None:
        self.page.wait_for_selector(f"[data-conn][data-s={state}]", timeout=within * 1000)

    def shows(self, status: str, *, within: float = 60) -> None:
        self.page.wait_for_selector(f"museo-live[status={status}]", timeout=within * 1000)

    def pretend(self, *, hidden: bool) -> None:
        """As if the tab were put behind another; headless, every page believes it is in front."""
        self.page.evaluate(PRETEND % str(hidden).lower())

    def pass_time(self, seconds: float) -> None:
        """Let the browser's virtual time pass, as fast as it can; then its clock stands still."""
        if self._session is None:
            self._session = self.context.new_cdp_session(self.page)
        over: list[Any] = []
        self._session.once("Emulation.virtualTimeBudgetExpired", lambda told: over.append(told))
        told = {"policy": "advance", "budget": seconds * 1000}
        self._session.send("Emulation.setVirtualTimePolicy", told)
        eventually(lambda: bool(self.page.evaluate("1") and over))

    def is_live_after(self, seconds: float) -> bool:
        self.pass_time(seconds)
        return self.state == "live"


def without(page: Page, script: str, code: str, instead: str = "") -> None:
    """Serve a script with a protection taken out."""
    whole = (SCRIPTS / script).read_text()
    assert whole.count(code) == 1, f"{script} has no such line (any more): {code}"
    changed = whole.replace(code, instead)

    def serve(route: Route) -> None:
        route.fulfill(body=changed, content_type="text/javascript")

    page.route(f"**/js/{script}", serve)


@contextmanager
def watching(chrome: Browser, address: str) -> Iterator[Watch]:
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def watch(
        order: Bought,
        *,
        beside: Reader | None = None,
        prepare: Callable[[Page], object] = lambda page: None,
        until: str | None = "live",
        browser: Browser = chrome,
        **options: Any,
    ) -> Reader:
        """In a browser of its own or, `beside` another reader, in a tab of that one's."""
        context = beside.context if beside else browser.new_context(locale="en-GB", **options)
        if not beside:
            context.set_default_timeout(60_000)
            contexts.append(context)
        reader = Reader(context.new_page(), context)
        reader.page.on("pageerror", lambda error: errors.append(str(error)))
        prepare(reader.page)
        reader.page.goto(f"{address}/t/{order.ticket}")
        if until:
            reader.says(until)
            reader.page.evaluate(WITNESS)
        return reader

    yield watch
    for context in contexts:
        context.close()
    assert errors == []
