"""The clients of docs/ for browsers, in one: plain, in React, and the poll."""

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.clients.conftest import CLIENTS
from tests.clients.orders import STEPS, Bought, Desk
from tests.clients.proxy import Proxy
from tests.clients.served import open_page
from tests.clients.test_museo_client import Loses, double
from tests.processes import eventually

pytestmark = pytest.mark.browser

PLAIN = """
import { connect } from "./museo-events.js";
const { number, ticket } = window.given;
window.told = { events: [], gaps: [], states: [], snapshots: [] };
window.stop = connect(
  { topics: [`order.${number}`], ticket, patience: Number(window.given.patience ?? 30000) },
  {
    onEvent: (event) => told.events.push(event.version),
    onGap: (gap) => told.gaps.push(gap),
    onState: (state) => told.states.push(state),
    onSnapshots: (snapshots, isReset) => told.snapshots.push([snapshots, isReset]),
  },
);
"""
HOOK = """
import { createElement as make } from "react";
import { useMuseoEvents } from "./useMuseoEvents.js";
function Steps({ topic, ticket }) {
  const { state, events, snapshots, gaps } = useMuseoEvents({ topics: [topic], ticket });
  return make("section", { "data-state": state, "data-gaps": gaps.length },
    make("p", null, snapshots[topic]?.status),
    make("ol", null, events.map((event) => make("li", { key: event.id }, event.type))));
}
const root = ReactDOM.createRoot(document.querySelector("main"));
window.follow = ({ topic, ticket }) => root.render(make(Steps, { topic, ticket }));
window.leave = () => root.unmount();
follow(window.given);
"""


def plain(context: BrowserContext, proxy: Proxy, order: Bought, **more: str) -> Page:
    given = {"number": order.number, "ticket": order.ticket, **more}
    page = open_page(context, proxy.address, "page.html", script=PLAIN, **given)
    eventually(lambda: "live" in page.evaluate("told.states"))
    return page


def test_plain_steps_come_once_and_in_order_though_the_web_is_killed(
    calm: Desk, proxy: Proxy, context: BrowserContext
) -> None:
    order = calm.buy()
    proxy.edit = double
    page = plain(context, proxy, order)

    calm.advance(order, "confirmed")
    web = calm.shop.process("uvicorn")
    web.kill()
    web.wait(timeout=60)
    calm.take_steps(order, 2)
    eventually(lambda: page.evaluate("told.events") == [2, 3, 4])

    [[snapshots, is_reset]] = page.evaluate("told.snapshots")
    assert (snapshots[order.topic]["version"], is_reset) == (1, False)
    assert page.evaluate("told.gaps") == []
    assert "retry" in page.evaluate("told.states")
    page.evaluate("stop()")
    eventually(lambda: proxy.streams == 0)


def test_plain_a_gap_is_asked_for_again_and_one_that_stays_is_told(
    calm: Desk, proxy: Proxy, context: BrowserContext
) -> None:
    healed, broken = calm.buy(), calm.buy()

    proxy.edit = Loses(times=1)
    page = plain(context, proxy, healed)
    calm.advance(healed, *STEPS[1:4])
    eventually(lambda: page.evaluate("told.events") == [2, 3, 4])
    assert page.evaluate("told.gaps") == []

    proxy.edit = Loses(times=1000)
    page = plain(context, proxy, broken)
    calm.advance(broken, *STEPS[1:4])
    eventually(lambda: page.evaluate("told.events") == [2, 4])
    assert page.evaluate("told.gaps") == [{"topic": broken.topic, "expected": 3, "version": 4}]


def test_plain_a_silent_connection_is_opened_anew(
    calm: Desk, proxy: Proxy, context: BrowserContext
) -> None:
    order = calm.buy()
    page = plain(context, proxy, order, patience="1000")

    proxy.is_silent = True
    calm.advance(order, "confirmed")
    eventually(lambda: page.evaluate("told.states").count("retry") > 1)
    proxy.is_silent = False

    eventually(lambda: page.evaluate("told.events") == [2])


def test_plain_a_log_that_was_made_anew_starts_from_its_snapshot(
    calm: Desk, proxy: Proxy, context: BrowserContext
) -> None:
    order = calm.buy()
    page = plain(context, proxy, order)
    calm.advance(order, "confirmed")

    calm.begin_log_anew()
    eventually(lambda: len(page.evaluate("told.snapshots")) == 2)
    calm.advance(order, "preparing")
    eventually(lambda: page.evaluate("told.events") == [2, 3])

    snapshots, is_reset = page.evaluate("told.snapshots[1]")
    assert (snapshots[order.topic]["version"], is_reset) == (2, True)


def test_a_react_component_shows_the_steps_and_leaves_no_stream_behind(
    calm: Desk, proxy: Proxy, context: BrowserContext
) -> None:
    one, other = calm.buy(), calm.buy()
    page = open_page(
        context, proxy.address, "page.html", script=HOOK, topic=one.topic, ticket=one.ticket
    )
    shown = page.locator("section[data-state=live]")
    expect(shown.locator("p")).to_have_text("placed")

    calm.advance(one, "confirmed", "preparing")
    expect(shown.locator("li")).to_have_text(["order.confirmed", "order.preparing"])

    page.evaluate("given => follow(given)", {"topic": other.topic, "ticket": other.ticket})
    # the other order's snapshot: its stream is open, and no step of the first is left
    expect(shown.locator("p")).to_have_text("placed")
    expect(shown.locator("li")).to_have_count(0)
    calm.advance(other, "confirmed")
    expect(shown.locator("li")).to_have_text(["order.confirmed"])
    eventually(lambda: proxy.streams == 1)

    page.evaluate("leave()")
    eventually(lambda: proxy.streams == 0)
    expect(page.locator("section")).to_have_count(0)


def test_votes_and_words_of_one_page_are_on_every_page_and_on_those_that_come_later(
    proxy: Proxy, context: BrowserContext
) -> None:
    here, there = (open_page(context, proxy.address, "poll.html") for _ in range(2))
    for page in (here, there):
        expect(page.get_by_role("status")).to_have_text("live")
    before = int(here.locator("#Vases").inner_text().rpartition(" ")[2])

    here.get_by_role("button", name="Vases").click()
    there.get_by_role("button", name="Vases").click()
    here.get_by_label("Say something").fill("<b>More vases</b>, please")
    here.get_by_role("button", name="Send").click()

    later = open_page(context, proxy.address, "poll.html")
    for page in (here, there, later):
        expect(page.locator("#Vases")).to_have_text(f"Vases: {before + 2}")
        expect(page.locator("#said li").last).to_have_text("<b>More vases</b>, please")


def test_the_listings_for_browsers_run(calm: Desk, proxy: Proxy, context: BrowserContext) -> None:
    order = calm.buy()
    calm.advance(order, "confirmed")
    plain_listing, react_listing = listings("js")
    show = """
        Object.assign(window, window.given);
        window.show = (text) => document.querySelector("main").append(text, "; ");
    """
    render = """
        ReactDOM.createRoot(document.querySelector("main")).render(
            createElement(Order, window.given));
    """

    given = {"number": order.number, "ticket": order.ticket}
    page = open_page(context, proxy.address, "page.html", script=show + plain_listing, **given)
    expect(page.locator("main")).to_contain_text("2 ")
    page = open_page(context, proxy.address, "page.html", script=react_listing + render, **given)
    expect(page.locator("ol[data-state=live] li")).to_have_count(2)


def listings(language: str) -> list[str]:
    text = (CLIENTS.parent / "clients.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
