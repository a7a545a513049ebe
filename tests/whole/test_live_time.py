"""The tracking page as time passes: hidden for long, left and come back to, counting down.

The browser's time is virtual where it would be long.
"""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.clients.orders import Desk
from tests.clients.proxy import Proxy
from tests.processes import eventually
from tests.whole.browser import FLAGS
from tests.whole.reader import WITNESS, Reader, Watch, without

pytestmark = pytest.mark.browser

SPOKEN = """
    window.spoken = [];
    const place = document.querySelector("[data-announce]");
    new MutationObserver(() => window.spoken.push(place.textContent)).observe(
      place, {childList: true, characterData: true, subtree: true});
"""


def test_a_tab_hidden_for_ten_minutes_has_no_stream_and_is_current_when_seen(
    calm: Desk, watch: Watch, proxy: Proxy
) -> None:
    order = calm.buy()
    reader = watch(order)

    reader.pretend(hidden=True)
    reader.pass_time(600)
    eventually(lambda: proxy.streams == 0)
    calm.advance(order, "confirmed")
    reader.pretend(hidden=False)
    reader.pass_time(1)

    eventually(lambda: reader.status == "confirmed")
    assert reader.versions == [2, 1]


def test_far_from_the_shop_the_times_are_those_that_it_said(calm: Desk, watch: Watch) -> None:
    reader = watch(calm.buy(), timezone_id="Pacific/Auckland")

    assert _clocks(reader) == _clocks(reader, of="shop")


def test_by_the_readers_own_clock_they_would_be_others(calm: Desk, watch: Watch) -> None:
    abroad = partial(
        without, script="museo-live.js", code="timeZone: document.documentElement.dataset.zone"
    )
    reader = watch(calm.buy(), prepare=abroad, timezone_id="Pacific/Auckland")

    assert _clocks(reader) != _clocks(reader, of="shop")


def _clocks(reader: Reader, *, of: str = "page") -> list[str]:
    """The times on the page, or as they are told to whoever has no scripts."""
    page = "document"
    if of == "shop":
        page = "new DOMParser().parseFromString(await (await fetch(location)).text(), 'text/html')"
    said = "time => time.textContent.trim().slice(-5)"
    found = f"[...({page}).querySelectorAll('[data-clock]')].map({said})"
    return list(reader.page.evaluate(f"async () => {found}"))


@pytest.mark.long
def test_without_its_limit_a_hidden_tab_would_keep_a_stream_for_ever(
    calm: Desk, watch: Watch, proxy: Proxy
) -> None:
    endless = partial(
        without, script="live-tabs.js", code="HIDDEN = 300_000;", instead="HIDDEN = 2 ** 31 - 1;"
    )
    reader = watch(calm.buy(), prepare=endless)

    reader.pretend(hidden=True)
    reader.pass_time(600)

    eventually(lambda: reader.is_live_after(0.5))
    eventually(lambda: proxy.streams == 1)


def test_a_tab_hidden_for_a_minute_keeps_its_stream(calm: Desk, watch: Watch, proxy: Proxy) -> None:
    order = calm.buy()
    reader = watch(order)

    reader.pretend(hidden=True)
    reader.pass_time(25)
    calm.advance(order, "confirmed")

    eventually(lambda: reader.status == "confirmed")
    assert proxy.streams == 1


def test_a_page_brought_back_as_it_was_left_catches_up(
    calm: Desk, watch: Watch, proxy: Proxy, chrome: Browser, chromium: str
) -> None:
    order = calm.buy()
    # the one without windows has no cache of whole pages; the driver switches it off, and the
    # shop's `no-store` would
    keeping = chrome.browser_type.launch(
        executable_path=chromium,
        args=FLAGS,
        ignore_default_args=["--disable-back-forward-cache"],
    )

    def serve(route: Route) -> None:
        answer = route.fetch()
        headers = {k: v for k, v in answer.headers.items() if k != "cache-control"}
        route.fulfill(response=answer, headers=headers)

    # what a service worker fetches goes past the route
    reader = watch(order, browser=keeping, service_workers="block")
    reader.page.route("**/orders/ORD-*", serve)
    reader.page.reload()
    reader.says("live")
    reader.page.evaluate(WITNESS)
    reader.page.goto(f"{proxy.address}/orders")
    eventually(lambda: proxy.streams == 0)
    calm.advance(order, "confirmed")
    reader.page.evaluate("history.back()")
    reader.shows("confirmed")

    assert reader.page.evaluate("window.mark") == "never loaded anew"
    assert reader.versions == [2, 1]
    keeping.close()


def test_one_text_is_spoken_for_a_step_and_none_while_minutes_count_down(
    calm: Desk, watch: Watch, proxy: Proxy
) -> None:
    order = calm.buy()
    reader = watch(order)
    reader.page.evaluate(SPOKEN)
    started = datetime.now(UTC)
    minutes = reader.page.inner_text("[data-eta-number]")

    for seconds in range(10, 130, 10):
        reader.pass_time(10)
        now = (started + timedelta(seconds=seconds)).isoformat()
        proxy.put(b'event: ping\ndata: {"now":"%s"}' % now.encode())
        eventually(lambda: "just now" in _since(reader.page) or "s ago" in _since(reader.page))
    assert reader.page.evaluate("window.spoken") == []
    assert int(reader.page.inner_text("[data-eta-number]")) == int(minutes) - 2

    calm.advance(order, "confirmed")
    eventually(lambda: reader.status == "confirmed")
    reader.pass_time(5)
    [spoken] = reader.page.evaluate("window.spoken")
    assert spoken.startswith(reader.page.inner_text("[data-headline]"))


def _since(page: Page) -> str:
    return page.inner_text("[data-conn-since]")
