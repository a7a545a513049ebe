"""The open tracking page, whatever happens to the network and the servers.

Each protection has a twin: the same page with that line of its script taken out.
"""

import asyncio
import gzip
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from axe_playwright_python.sync_playwright import Axe
from mcp.client.client import Client
from playwright.sync_api import APIResponse, Browser, Page, Response, Route, expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.clients.orders import STEPS, Bought, Desk
from tests.clients.proxy import Proxy
from tests.mcp_bridge.conftest import call
from tests.processes import eventually
from tests.whole.browser import once
from tests.whole.reader import Reader, Watch, without

pytestmark = pytest.mark.browser

STREAMS = "**/api/v1/events?*"
MOST_JAVASCRIPT = 20 * 1024


def is_exactly_the_log(reader: Reader, calm: Desk, order: Bought) -> bool:
    told = [event["version"] for event in calm.events(order)]
    return reader.versions == told[::-1] == list(range(len(told), 0, -1))


def test_a_step_is_on_the_page_within_a_second_and_the_page_is_never_loaded_anew(
    calm: Desk, watch: Watch
) -> None:
    order = calm.buy()
    reader = watch(order)

    calm.advance(order, "confirmed")
    reader.shows("confirmed")

    current = reader.page.locator("[aria-current=step]")
    expect(current).to_have_attribute("data-step", "confirmed")
    assert reader.page.evaluate("window.mark") == "never loaded anew"
    assert is_exactly_the_log(reader, calm, order)


def test_what_is_done_in_a_chat_is_the_same_on_the_page(calm: Desk, watch: Watch) -> None:
    order = calm.buy()
    reader = watch(order)

    async def cancel() -> None:
        async with Client(f"{calm.shop.address}/mcp") as client:
            mine = {"order_id": order.number, "ticket": order.ticket}
            question = await call(client, "cancel_order", **mine)
            await call(client, "cancel_order", **mine, confirm=question["confirm"])

    # beside the loop of the browser's driver
    with ThreadPoolExecutor(1) as beside:
        beside.submit(asyncio.run, cancel()).result(60)
    reader.shows("cancelled")

    assert reader.page.evaluate("window.mark") == "never loaded anew"
    assert is_exactly_the_log(reader, calm, order)


def test_a_step_that_staff_take_in_the_admin_is_the_same_on_the_page(
    calm: Desk, watch: Watch, chrome: Browser
) -> None:
    order = calm.buy()
    reader = watch(order)
    office = chrome.new_context(base_url=calm.shop.address)
    office.add_cookies(
        [
            {"name": name, "value": value, "url": calm.shop.address}
            for name, value in calm.staff.cookies.items()
        ]
    )

    desk = office.new_page()
    desk.goto(f"/admin/orders/order/?q={order.number}")
    desk.get_by_role("link", name=order.number).first.click()
    desk.get_by_role("button", name="Take the next step").click()
    reader.shows("confirmed")
    office.close()

    assert is_exactly_the_log(reader, calm, order)


def test_a_customer_cancels_and_another_open_page_hears_of_it(calm: Desk, watch: Watch) -> None:
    order = calm.buy()
    reader, other = watch(order), watch(order)
    again = other.page.get_by_role("button", name="Order this again")
    expect(again).to_be_hidden()

    reader.page.get_by_text("Cancel this order").click()
    reader.page.get_by_role("button", name="Cancel the order").click()
    other.shows("cancelled")
    other.says("finished")

    main = reader.page.locator("main")
    expect(main).to_contain_text("goes back the way it was paid")
    expect(main).to_contain_text("Ended at")
    expect(reader.page.get_by_text("Cancel this order")).to_have_count(0)
    expect(other.page.get_by_text("Cancel this order")).to_be_hidden()
    expect(again).to_be_visible()
    assert is_exactly_the_log(other, calm, order)
    assert Axe().run(reader.page).response["violations"] == []


def test_steps_taken_while_the_web_was_dead_are_all_on_the_page_when_it_is_back(
    calm: Desk, watch: Watch, proxy: Proxy
) -> None:
    order = calm.buy()
    reader = watch(order)

    proxy.refuse()
    web = calm.shop.process("uvicorn")
    calm.take_steps(order, 1)
    web.kill()
    web.wait(timeout=60)
    eventually(lambda: reader.state in ("retry", "poll"))
    calm.take_steps(order, 2)
    eventually(calm.shop.is_healthy)
    proxy.listen()
    reader.says("live", within=60)
    reader.shows("out_for_delivery")

    assert reader.states[:2] == ["live", "retry"]
    assert reader.states[-1] == "live"
    assert reader.page.evaluate("window.mark") == "never loaded anew"
    assert is_exactly_the_log(reader, calm, order)


def test_a_page_without_wake_ups_still_hears_of_a_step(calm: Desk, watch: Watch) -> None:
    order = calm.buy()
    reader = watch(order)
    valkey = calm.shop.process("valkey-server")

    valkey.kill()
    calm.advance(order, "confirmed")
    reader.shows("confirmed")

    assert is_exactly_the_log(reader, calm, order)


def test_a_connection_that_was_cut_without_a_word_does_not_look_live(
    calm: Desk, watch: Watch, proxy: Proxy
) -> None:
    order = calm.buy()
    reader = watch(order)

    proxy.is_silent = True
    reader.pass_time(32)
    assert reader.state != "live"

    calm.advance(order, "confirmed")
    proxy.is_silent = False
    proxy.cut()
    eventually(lambda: reader.is_live_after(0.5))
    eventually(lambda: reader.status == "confirmed")


def test_without_its_watchdog_a_page_would_look_live_for_ever(
    calm: Desk, watch: Watch, proxy: Proxy
) -> None:
    order = calm.buy()
    reader = watch(
        order,
        prepare=partial(
            without,
            script="live-stream.js",
            code="this.dog = setTimeout(() => this.retry(), patience);",
        ),
    )

    proxy.is_silent = True
    reader.pass_time(600)

    assert reader.state == "live"


def first_is_refused(page: Page) -> None:
    page.route(STREAMS, once(lambda route: route.abort("connectionrefused")))


def first_is_unavailable(page: Page) -> None:
    def answer(route: Route) -> None:
        route.fulfill(status=503, content_type="text/html", body="<h1>Bad gateway</h1>")

    page.route(STREAMS, once(answer))


@pytest.mark.parametrize("trouble", [first_is_refused, first_is_unavailable])
def test_a_page_whose_first_connection_fails_connects_by_itself(
    calm: Desk, watch: Watch, trouble: object
) -> None:
    reader = watch(calm.buy(), prepare=trouble, until=None)

    reader.says("live")

    expect(reader.page.get_by_text("Bad gateway")).to_have_count(0)


def test_without_its_own_next_try_a_page_would_never_come_back_from_a_503(
    calm: Desk, watch: Watch
) -> None:
    def prepare(page: Page) -> None:
        first_is_unavailable(page)
        without(
            page,
            "live-stream.js",
            "      this.retry();\n    };\n    this.watch(FIRST_ANSWER);",
            "};",
        )

    reader = watch(calm.buy(), prepare=prepare, until=None)
    reader.page.wait_for_load_state("networkidle")

    assert reader.state is None


def test_a_page_whose_stream_stays_away_asks_how_the_order_stands(calm: Desk, watch: Watch) -> None:
    order = calm.buy()
    reader = watch(order)
    asked: list[str] = []
    reader.page.on("request", lambda request: asked.append(request.url))

    reader.page.route(STREAMS, lambda route: route.abort("connectionrefused"))
    reader.page.evaluate("document.querySelector('museo-live').stream.again()")
    reader.says("poll", within=60)
    calm.advance(order, "confirmed", "preparing")
    reader.shows("preparing")
    assert any(url.endswith("/track") for url in asked)
    assert is_exactly_the_log(reader, calm, order)

    reader.page.get_by_role("button", name="Try now").click()
    eventually(lambda: reader.states[:4] == ["live", "retry", "poll", "retry"])
    reader.page.unroute(STREAMS)
    reader.says("live", within=60)
    calm.advance(order, "out_for_delivery")
    reader.shows("out_for_delivery")
    assert is_exactly_the_log(reader, calm, order)


class Muddle:
    """Tells every event twice, the second of an order after the fourth, and the third never."""

    def __init__(self) -> None:
        self.kept = b""

    def __call__(self, frame: bytes) -> list[bytes]:
        if b'"version":2,"data"' in frame:
            self.kept = frame
            return []
        if b'"version":3,"data"' in frame:
            return []
        if b'"version":4,"data"' in frame:
            return [frame, self.kept, frame]
        return [frame, frame]


def test_what_comes_twice_or_in_disorder_or_not_at_all_is_put_right(
    calm: Desk, watch: Watch, proxy: Proxy
) -> None:
    order = calm.buy()
    reader = watch(order)
    reader.page.evaluate(
        "window.gaps = []; addEventListener('museo:gap', ({detail}) => window.gaps.push(detail))"
    )
    proxy.edit = Muddle()

    calm.advance(order, *STEPS[1:4])
    reader.shows("out_for_delivery")
    eventually(lambda: is_exactly_the_log(reader, calm, order))

    gaps = reader.page.evaluate("window.gaps")
    assert gaps == [{"topic": order.topic, "expected": 2, "version": 4}]
    calm.advance(order, "delivered")
    reader.says("finished")
    assert reader.versions == [5, 4, 3, 2, 1]


def test_without_its_check_for_gaps_a_page_would_miss_what_did_not_come(
    calm: Desk, watch: Watch, proxy: Proxy
) -> None:
    order = calm.buy()
    blind = partial(
        without,
        script="live-topic.js",
        code="if (version > this.version + 1) {",
        instead="if (false) {",
    )
    reader = watch(order, prepare=blind)
    proxy.edit = Muddle()

    calm.advance(order, *STEPS[1:4])
    reader.shows("out_for_delivery")

    assert reader.versions == [4, 1]


def test_without_its_check_for_doubles_a_page_would_show_them(
    calm: Desk, watch: Watch, proxy: Proxy
) -> None:
    order = calm.buy()
    blind = partial(
        without,
        script="live-topic.js",
        code="|| version <= this.version) return",
        instead=") return",
    )
    reader = watch(order, prepare=blind)
    proxy.edit = lambda frame: [frame, frame]

    calm.advance(order, "confirmed")

    eventually(lambda: reader.versions == [2, 2, 1])


def wrong_clock(page: Page, hours: int) -> None:
    page.add_init_script(f"const now = Date.now; Date.now = () => now() + {hours} * 3_600_000;")


def minutes(reader: Reader) -> str:
    return reader.page.inner_text("[data-eta-number]")


@pytest.mark.parametrize("hours", [-3, 3])
def test_minutes_do_not_depend_on_the_readers_clock(calm: Desk, watch: Watch, hours: int) -> None:
    order = calm.buy()
    right = watch(order)

    wrong = watch(order, prepare=partial(wrong_clock, hours=hours))

    assert minutes(right).isdigit()
    eventually(lambda: minutes(wrong) == minutes(right), seconds=5)


def test_without_the_shops_clock_they_would(calm: Desk, watch: Watch) -> None:
    def prepare(page: Page) -> None:
        wrong_clock(page, hours=-3)
        own = "this.skew = Date.parse(now) - Date.now();"
        without(page, "museo-live.js", own, "this.skew = 0;")

    wrong = watch(calm.buy(), prepare=prepare)

    # three hours too many, which are no longer counted in minutes
    assert (minutes(wrong), wrong.page.inner_text("[data-eta-unit]")) == ("4", "h")


def test_a_page_that_is_offline_says_so_and_catches_up(calm: Desk, watch: Watch) -> None:
    order = calm.buy()
    reader = watch(order)

    reader.context.set_offline(True)
    reader.says("offline")
    line = reader.page.locator("[data-conn]")
    expect(line).to_contain_text("You are offline")
    expect(line).to_contain_text("last update")
    calm.advance(order, "confirmed", "preparing")
    reader.context.set_offline(False)
    reader.shows("preparing")
    reader.says("live")

    assert is_exactly_the_log(reader, calm, order)


def test_somebody_elses_order_is_no_page_and_no_socket(calm: Desk, watch: Watch) -> None:
    own, foreign = calm.buy(), calm.buy()
    reader = watch(own)

    answer = reader.page.goto(f"{calm.shop.address}/orders/{foreign.number}")

    assert answer is not None
    assert answer.status == 404
    address = f"{calm.shop.address.replace('http', 'ws')}/ws/events/?topics={foreign.topic}"
    with connect(f"{address}&ticket={own.ticket}") as socket:
        hello = socket.recv(timeout=60)
        with pytest.raises(ConnectionClosed) as end:
            socket.recv(timeout=60)
    assert "connected" in str(hello)
    assert end.value.rcvd is not None
    assert end.value.rcvd.code == 4404


def test_a_link_that_was_revoked_ends_the_open_page(calm: Desk, watch: Watch, proxy: Proxy) -> None:
    order = calm.buy()
    reader = watch(order)

    calm.revoke(order)
    eventually(lambda: proxy.streams == 0, seconds=5)
    reader.says("gone")

    expect(reader.page.locator("[data-conn]")).to_contain_text("This link no longer shows")
    assert reader.page.goto(f"{proxy.address}/t/{order.ticket}").status == 404  # type: ignore[union-attr]


def test_a_log_that_was_made_anew_starts_the_page_from_its_snapshot(
    calm: Desk, watch: Watch
) -> None:
    order = calm.buy()
    reader = watch(order)
    calm.advance(order, "confirmed")
    reader.shows("confirmed")

    calm.begin_log_anew()
    eventually(lambda: len(reader.states) > 1 and reader.states[-1] == "live")
    calm.advance(order, "preparing")
    reader.shows("preparing")

    eventually(lambda: is_exactly_the_log(reader, calm, order))
    assert reader.page.evaluate("window.mark") == "never loaded anew"


class Held:
    """Answers to the page that are held back until the test gives them."""

    def __init__(self, page: Page, address: str) -> None:
        self._held: list[tuple[Route, APIResponse]] = []
        page.route(address, self._hold)

    def __len__(self) -> int:
        return len(self._held)

    def _hold(self, route: Route) -> None:
        self._held.append((route, route.fetch()))

    def give(self) -> None:
        for route, answer in self._held:
            route.fulfill(response=answer)


@pytest.mark.parametrize("is_mended", [True, pytest.param(False, marks=pytest.mark.long)])
def test_a_step_that_is_told_while_the_log_is_asked_for_stays_on_the_page(
    calm: Desk, watch: Watch, is_mended: bool
) -> None:
    """The twin writes what was asked for over what was told since."""
    over = partial(
        without,
        script="museo-live.js",
        code="earlier.forEach((row) => row.remove());",
        instead="log.replaceChildren();",
    )
    order = calm.buy()
    reader = watch(order, prepare=(lambda page: None) if is_mended else over)
    held = Held(reader.page, f"**/orders/{order.number}/events*")
    calm.begin_log_anew()
    eventually(lambda: bool(reader.page.evaluate("1") and held))
    calm.advance(order, "confirmed")
    reader.shows("confirmed")

    held.give()

    found = [2, 1] if is_mended else [1]
    eventually(lambda: reader.versions == found)


def test_the_page_loads_little_javascript(calm: Desk, watch: Watch) -> None:
    scripts: dict[str, int] = {}

    def weigh(response: Response) -> None:
        if response.request.resource_type == "script":
            scripts[response.url] = len(gzip.compress(response.body(), 9))

    watch(calm.buy(), prepare=lambda page: page.on("response", weigh))

    assert len(scripts) >= 6
    assert sum(scripts.values()) <= MOST_JAVASCRIPT
