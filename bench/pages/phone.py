"""A slow phone: a browser whose network and processor are held back, and what it saw of a page."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, Response

DOWN = 1_600_000 / 8
UP = 750_000 / 8
LATENCY_MS = 150
SLOWER = 4
# an interaction's time is known a frame after its paint
PAINTED = "new Promise(done => requestAnimationFrame(() => setTimeout(done, 100)))"
# a burst of shifts ends after a second without one, and after five at most
WITNESS = """
    window.witness = {lcp: 0, largest: "", cls: 0, moved: "", inp: 0, slowest: ""};
    const see = (type, look, more = {}) => new PerformanceObserver(
        (list) => list.getEntries().forEach(look)
    ).observe({type, buffered: true, ...more});
    const name = (node) => node ? node.nodeName.toLowerCase() + "." + classes(node) : "";
    const classes = (node) => node.className?.baseVal ?? node.className;
    see("largest-contentful-paint", (paint) => {
        witness.lcp = paint.startTime;
        witness.largest = name(paint.element);
    });
    let largest = 0;
    let burst = {sum: 0, from: 0, to: 0};
    see("layout-shift", (shift) => {
        if (shift.hadRecentInput) return;
        const at = shift.startTime;
        if (at - burst.to > 1000 || at - burst.from > 5000) burst = {sum: 0, from: at, to: at};
        burst.to = at;
        burst.sum += shift.value;
        if (shift.value > largest) witness.moved = name(shift.sources[0]?.node);
        largest = Math.max(largest, shift.value);
        witness.cls = Math.max(witness.cls, burst.sum);
    });
    see("event", (event) => {
        if (!event.interactionId || event.duration <= witness.inp) return;
        witness.inp = event.duration;
        witness.slowest = event.name + " on " + name(event.target);
    }, {durationThreshold: 16});
"""
SORTS = {"document": "html", "stylesheet": "css", "script": "js", "image": "images", "font": "font"}


@dataclass
class Seen:
    """Milliseconds; the sum of shifts; bytes as gzip packs them, fonts and pictures as they are."""

    lcp: float = 0
    cls: float = 0
    inp: float = 0
    largest: str = ""
    slowest: str = ""
    moved: str = ""
    bytes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SORTS.values(), 0))


@contextmanager
def phone(browser: Browser, **options: Any) -> Iterator[Page]:
    """With an empty cache; options are those of Playwright's new_context."""
    context = browser.new_context(**{"locale": "en-GB", **options})
    context.set_default_timeout(60_000)
    context.add_init_script(WITNESS)
    yield context.new_page()
    context.close()


def hold_back(page: Page) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": LATENCY_MS,
            "downloadThroughput": DOWN,
            "uploadThroughput": UP,
        },
    )
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    # as if it was never here
    session.send("Network.clearBrowserCache")


class Fetched:
    """Everything that the page makes the browser fetch."""

    def __init__(self, page: Page) -> None:
        self.answers: list[Response] = []
        page.on("response", self._keep)

    def _keep(self, answer: Response) -> None:
        self.answers.append(answer)

    def bytes(self) -> dict[str, int]:
        found = dict.fromkeys(SORTS.values(), 0)
        for answer in self.answers:
            sort = SORTS.get(answer.request.resource_type)
            if sort and answer.ok:
                found[sort] += packed(answer)
        return found


def packed(answer: Response) -> int:
    kind = answer.headers.get("content-type", "")
    body = answer.body()
    return len(body) if kind.startswith("font/") else len(gzip.compress(body, 9))


def seen(page: Page) -> Seen:
    """So far."""
    page.evaluate(PAINTED)
    return Seen(**page.evaluate("window.witness"))
