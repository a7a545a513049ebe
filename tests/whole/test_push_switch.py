"""Being told in the browser, in a real one: the switch, what it keeps, and what is shown.

What is missing is the browser vendor's push service, which cannot be reached from a test: its two
calls, `PushManager.subscribe` and `getSubscription`, have a stand-in, in the page alone. A message
comes to the service worker by the DevTools protocol, as from the push service. That what the shop
sends can be read by such a browser is tested with `tests/notifications/channels/push_service.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.clients.orders import Bought, Desk
from tests.orders.test_browsers import address
from tests.processes import TLS, eventually
from tests.whole.browser import Shopper
from tests.whole.test_browser import OVERFLOW, violations

pytestmark = pytest.mark.browser

NAME = "Tell me in this browser"
STAND_IN = """
    const told = %s;
    const given = () => localStorage.pushed && {
      endpoint: told.endpoint,
      toJSON: () => told,
      unsubscribe: async () => delete localStorage.pushed,
    };
    PushManager.prototype.getSubscription = async () => given() || null;
    PushManager.prototype.subscribe = async (how) => {
      localStorage.pushed = how.applicationServerKey;
      return given();
    };
    const ask = Notification.requestPermission;
    window.asked = 0;
    Notification.requestPermission = () => (window.asked++, ask.call(Notification));
"""
SHOWN = """async () => {
    const registration = await navigator.serviceWorker.getRegistration("/");
    const all = await registration.getNotifications();
    return all.map(({title, body, tag, lang, dir}) => ({title, body, tag, lang, dir}));
}"""
# a click is made by the system's own list of notifications: what follows is tried out here
CLICK = """async (url) => {
    const done = [];
    WindowClient.prototype.focus = async function () { done.push(["focus", this.url]); };
    clients.openWindow = async (address) => void done.push(["open", address]);
    let over;
    const event = new Event("notificationclick");
    Object.assign(event, {
      notification: { close: () => done.push(["close"]), data: { url } },
      waitUntil: (promise) => { over = promise; },
    });
    dispatchEvent(event);
    await over;
    return done;
}"""
MOVE = """async (told) => {
    let over;
    const event = new Event("pushsubscriptionchange");
    const newSubscription = { toJSON: () => told };
    dispatchEvent(Object.assign(event, { newSubscription, waitUntil: (it) => { over = it; } }));
    await over;
}"""
Follow = Callable[..., Shopper]


@pytest.fixture
def follow(with_windows: Browser, calm: Desk) -> Iterator[Follow]:
    """Opens an order's page by its ticket, in a browser of its own."""
    opened: list[BrowserContext] = []

    def follow(
        order: Bought, *, allowed: bool = True, script: str = "", language: str = "", **options: Any
    ) -> Shopper:
        context = with_windows.new_context(locale="en-GB", **options)
        opened.append(context)
        if allowed:
            context.grant_permissions(["notifications"], origin=calm.shop.address)
        if language:
            context.add_cookies(
                [{"name": "django_language", "value": language, "url": calm.shop.address}]
            )
        shopper = Shopper(context.new_page(), calm.shop.address)
        shopper.watch()
        shopper.page.add_init_script(script or STAND_IN % address())
        shopper.go(f"/t/{order.ticket}")
        return shopper

    yield follow
    for context in opened:
        context.close()


def wishes(calm: Desk, order: Bought) -> list[dict[str, Any]]:
    """What the order's ticket has subscribed."""
    answer = httpx.get(
        f"{calm.shop.address}/api/v1/subscriptions?channel=webpush",
        headers={"Authorization": f"Ticket {order.ticket}"},
        verify=TLS,
    )
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def deliver(page: Page, message: str) -> None:
    """As the push service does it."""
    session = page.context.new_cdp_session(page)
    known: list[dict[str, Any]] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated", lambda told: known.extend(told["registrations"])
    )
    session.send("ServiceWorker.enable")
    eventually(lambda: bool(page.evaluate("1") and known))
    origin = page.evaluate("location.origin")
    told = {"origin": origin, "registrationId": known[-1]["registrationId"], "data": message}
    session.send("ServiceWorker.deliverPushMessage", told)
    session.detach()


def test_a_guest_switches_it_on_by_a_key_is_told_and_switches_it_off(
    calm: Desk, follow: Follow
) -> None:
    order = calm.buy()
    shopper = follow(order)
    page = shopper.page
    switch = page.get_by_role("switch", name=NAME, exact=True)
    said = page.locator("#push-said")
    expect(said).to_have_text("Each step of this order, also while the page is closed.")
    assert page.evaluate("[window.asked, navigator.serviceWorker.controller]") == [0, None]

    switch.press("Space")
    expect(said).to_have_text("On. This browser tells you of each step.")

    (wish,) = wishes(calm, order)
    assert (wish["topic"], wish["state"], wish["locale"]) == (
        f"order.{order.number}",
        "active",
        "en",
    )
    assert page.evaluate("window.asked") == 1
    page.reload()
    expect(switch).to_be_checked()
    assert violations(shopper) == []

    thread = f"order.{order.number}"
    here = f"{calm.shop.address}/orders/{order.number}"
    for title in ("Confirmed", "On its way"):
        deliver(page, json.dumps({"title": title, "body": "8 minutes", "tag": thread, "url": here}))
    deliver(page, json.dumps({"title": "وصل", "tag": "other", "lang": "ar", "dir": "rtl"}))
    deliver(page, "no JSON")
    eventually(lambda: len(page.evaluate(SHOWN)) == 3)
    told = {each["tag"]: each for each in page.evaluate(SHOWN)}
    assert [told[thread][name] for name in ("title", "body")] == ["On its way", "8 minutes"]
    assert [told["other"][name] for name in ("title", "lang", "dir")] == ["وصل", "ar", "rtl"]
    assert told[""]["title"] == calm.shop.address.partition("//")[2]

    (worker,) = page.context.service_workers
    # the page is known by its path, whatever the shop is called
    assert worker.evaluate(CLICK, here) == [["close"], ["focus", here]]
    elsewhere = f"{calm.shop.address}/orders/ORD-AAAAAAAA"
    assert worker.evaluate(CLICK, elsewhere) == [["close"], ["open", elsewhere]]
    worker.evaluate(MOVE, json.loads(address(2)))
    moved = wishes(calm, order)
    assert [each["id"] for each in moved] == [wish["id"]]
    assert moved[0]["address"] != wish["address"]
    worker.evaluate(MOVE, json.loads(address()))
    assert wishes(calm, order) == [wish]

    switch.press("Space")
    expect(said).to_have_text("Each step of this order, also while the page is closed.")
    assert wishes(calm, order) == []
    assert shopper.trouble == []


def test_it_is_said_why_it_cannot_be_switched_on(calm: Desk, follow: Follow) -> None:
    order = calm.buy()

    for script, said in (
        ("Object.defineProperty(Notification, 'permission', {get: () => 'denied'})", "Blocked in"),
        ("delete window.PushManager", "This browser cannot"),
    ):
        shopper = follow(order, script=script)
        expect(shopper.page.locator("#push-said")).to_contain_text(said)
        expect(shopper.page.get_by_role("switch", name=NAME)).to_be_disabled()
        assert violations(shopper) == []
        assert shopper.trouble == []
    plain = follow(order, java_script_enabled=False)
    expect(plain.page.locator("[data-push]")).to_be_hidden()
    dark = follow(
        order,
        language="ar",
        viewport={"width": 320, "height": 800},
        color_scheme="dark",
    )
    dark.page.locator("[data-push]").get_by_role("switch").press("Space")
    expect(dark.page.locator("[data-push]").get_by_role("switch")).to_be_checked()
    assert violations(dark) == []
    assert dark.page.evaluate(OVERFLOW) == 0
    assert dark.trouble == []
