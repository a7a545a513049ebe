"""The pages of shoppers in a real browser: every page and state is used, judged, and kept.

The pictures lie in `var/pictures/`; people look at them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.clients.orders import Desk
from tests.shops import ROOT
from tests.whole.browser import WHERE, Shopper
from tests.whole.test_browser import OVERFLOW, Enter, violations
from tests.whole.test_browser import enter as enter

pytestmark = pytest.mark.browser

PICTURES = ROOT / "var" / "pictures"
# what a guest can open without having done anything
PAGES = {
    "home": "/",
    "room": "/?category=clay",
    "search": "/?q=vase",
    "nothing-found": "/?q=nothing+at+all",
    "product": "/p/amphora-vase",
    "product-options": "/p/iphone-15",
    "product-food": "/p/shoyu-ramen",
    "basket-empty": "/basket",
    "orders-empty": "/orders",
    "sign-in": "/login",
    "about": "/about",
    "delivery": "/delivery",
    "returns": "/returns",
    "privacy": "/privacy",
    "contact": "/contact",
    "not-here": "/nowhere",
}
SHAPES = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
# what people press or choose from, and cannot read to its end
CLIPPED = """
    [...document.querySelectorAll("button, a, label, summary, legend, th")]
        .filter((it) => it.checkVisibility() && !it.closest(".vh, .skip, .iconbtn")
            && getComputedStyle(it).display !== "inline" && it.scrollWidth > it.clientWidth + 1)
        .map((it) => "clipped: " + it.outerHTML.slice(0, 120))
"""
# although the reader has asked for less of that
MOVING = """
    matchMedia("(prefers-reduced-motion: reduce)").matches
        ? document.getAnimations().map((it) => "moves: " + it.effect.target.outerHTML.slice(0, 120))
        : []
"""
# a refusal is a 4xx, which the console calls an error
# and an answer that cannot come is one
REFUSED = "status of 4"


class Looker:
    """Walks through the pages in one browser window, and keeps what is wrong with each."""

    def __init__(self, shopper: Shopper, shape: str) -> None:
        self.shopper = shopper
        self.page = shopper.page
        self.shape = shape
        self.wrong: dict[str, list[str]] = {}

    def open(self, name: str, path: str) -> None:
        self.shopper.go(path)
        self.look(name)

    def look(self, name: str) -> None:
        page = self.page
        # what is further down is loaded when it comes into sight
        page.evaluate("for (const each of document.images) each.loading = 'eager'")
        page.wait_for_load_state("networkidle")
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}-{self.shape}.png", full_page=True)
        trouble = [each for each in self.shopper.trouble if REFUSED not in each]
        self.shopper.trouble.clear()
        if page.evaluate(OVERFLOW):
            trouble.append("scrolls sideways")
        trouble += page.evaluate(MOVING) + page.evaluate(CLIPPED)
        if found := [*violations(self.shopper), *trouble]:
            self.wrong[name] = found


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        pytest.param(*shape, marks=[] if shape == (390, "dark") else pytest.mark.long)
        for shape in SHAPES
    ],
)
def test_every_page_is_accessible_and_says_nothing_to_the_console(
    enter: Enter, width: int, scheme: str
) -> None:
    """Axe, overflow, console, foreign hosts; the policy's refusals are among what is said."""
    size = {"width": width, "height": 844}
    shopper = enter(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    looker, page = Looker(shopper, f"{width}-{scheme}"), shopper.page
    for name, path in PAGES.items():
        looker.open(name, path)
    shopper.fill_basket("amphora-vase")
    looker.look("basket")
    page.get_by_role("link", name="Go to checkout").click()
    looker.look("checkout")
    shopper.pay()
    looker.look("checkout-refused")
    for name, value in WHERE.items():
        page.fill(f"#{name}", value)
    shopper.pay()
    page.wait_for_url("**/orders/ORD-*")
    number = page.url.rpartition("/")[2]
    page.wait_for_selector("[data-conn][data-s=live]")
    looker.look("order")
    looker.open("orders", "/orders")
    looker.open("receipt", f"/orders/{number}/receipt")
    shopper.go(f"/orders/{number}")
    page.get_by_role("button", name="Share").click()
    looker.look("share")
    shopper.go(f"/orders/{number}")
    page.wait_for_selector("museo-live[status=delivered]")
    looker.look("order-delivered")

    assert looker.wrong == {}


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        pytest.param(*shape, marks=[] if shape == (1280, "light") else pytest.mark.long)
        for shape in SHAPES
    ],
)
def test_a_late_order_and_one_without_a_network_are_accessible(
    chrome: Browser, calm: Desk, width: int, scheme: Any
) -> None:
    context = chrome.new_context(
        locale="en-GB",
        viewport={"width": width, "height": 844},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    shopper = Shopper(context.new_page(), calm.shop.address)
    shopper.watch()
    looker, page = Looker(shopper, f"{width}-{scheme}"), shopper.page
    order = calm.buy("AMPHORA-VASE")
    shopper.go(f"/t/{order.ticket}")
    page.wait_for_selector("[data-conn][data-s=live]")
    expect(page.locator("[data-late]")).to_be_hidden()

    eta = (datetime.now(UTC) + timedelta(minutes=40)).isoformat()
    answer = calm.staff.post(f"/admin/orders/{order.number}/eta", json={"eta": eta})
    assert answer.status_code == 200, answer.text

    expect(page.locator("[data-late]")).to_contain_text("There is a new time for your order.")
    expect(page.locator("[data-eta-number]")).to_have_text(re.compile("40|39"))
    looker.look("order-late")
    context.set_offline(offline=True)
    page.wait_for_selector("[data-conn][data-s=offline]")
    looker.look("order-offline")
    context.close()
    assert looker.wrong == {}


def press(page: Page, key: str, until: Callable[[], bool], most: int = 60) -> None:
    for _each in range(most):
        if until():
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} leads nowhere")


def has_focus(page: Page, selector: str) -> Callable[[], bool]:
    return lambda: bool(page.evaluate("(it) => document.activeElement.matches(it)", selector))


def is_seen(page: Page) -> bool:
    """The focus is not below a bar that stays in its place."""
    return bool(
        page.evaluate(
            """() => {
                const active = document.activeElement, box = active.getBoundingClientRect();
                const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
                const top = document.elementFromPoint(x, y);
                return active.contains(top) || top?.contains(active) || top?.closest("label")
                  ?.contains(active);
            }"""
        )
    )


def test_an_order_is_bought_by_keyboard_alone(enter: Enter) -> None:
    shopper = enter(viewport={"width": 390, "height": 844})
    page = shopper.page
    shopper.go("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    press(page, "Tab", has_focus(page, "#q"))

    page.keyboard.type("amphora")
    expect(page.get_by_role("option").first).to_contain_text("Amphora vase")
    page.keyboard.press("ArrowDown")
    assert page.get_attribute("#q", "aria-activedescendant") == "suggestion-0"
    page.keyboard.press("Enter")
    page.wait_for_url("**/p/amphora-vase")
    press(page, "Tab", has_focus(page, "form[action='/basket/add'] .btn"))
    assert is_seen(page)
    page.keyboard.press("Enter")
    page.wait_for_url("**/basket")
    press(page, "Tab", has_focus(page, "a[href='/checkout']"))
    assert is_seen(page)
    page.keyboard.press("Enter")
    page.wait_for_url("**/checkout")
    for name, value in WHERE.items():
        press(page, "Tab", has_focus(page, f"#{name}"))
        assert is_seen(page), name
        page.keyboard.type(value)
    # a key too many in a field pays nothing
    press(page, "Tab", has_focus(page, "[data-pay]"))
    assert is_seen(page)
    page.keyboard.press("Enter")

    page.wait_for_url("**/orders/ORD-*")
    assert shopper.trouble == []


def test_words_become_suggestions_that_escape_puts_away(enter: Enter) -> None:
    shopper = enter()
    page = shopper.page
    shopper.go("/")
    box = page.get_by_role("combobox", name="Search the shop")
    box.fill("cla")
    expect(page.get_by_role("option").first).to_be_visible()
    expect(box).to_have_attribute("aria-expanded", "true")
    assert violations(shopper) == []

    box.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(box).to_have_value("cla")
    box.press("Enter")

    page.wait_for_url("**/?q=cla*")


def test_what_is_typed_wrong_is_said_beside_its_field_and_nothing_is_lost(enter: Enter) -> None:
    shopper = enter()
    page = shopper.page
    shopper.fill_basket("moon-jar")
    shopper.fill_checkout()
    page.fill("#email", "maya at home")
    page.fill("#city", "")
    page.check("input[name=payment][value=invoice]")
    shopper.pay()

    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.locator("#email-error")).to_contain_text("no e-mail address")
    assert page.get_attribute("#email", "aria-describedby") == "email-error"
    kept = {**WHERE, "email": "maya at home", "city": ""}
    assert {name: page.input_value(f"#{name}") for name in WHERE} == kept
    expect(page.locator("input[name=payment][value=invoice]")).to_be_checked()


def test_two_clicks_on_pay_are_one_order_which_going_back_shows(enter: Enter) -> None:
    shopper = enter()
    page = shopper.page
    shopper.fill_basket("two-stripe-mug")
    shopper.fill_checkout()

    page.get_by_role("button", name="Pay ").dblclick(no_wait_after=True)
    page.wait_for_url("**/orders/ORD-*")
    order = page.url
    page.go_back()

    page.wait_for_url(order)
    shopper.go("/orders")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_another_way_of_delivery_shows_its_sum_without_leaving_the_page(enter: Enter) -> None:
    shopper = enter()
    page = shopper.page
    shopper.fill_basket("celadon-bowl")
    shopper.fill_checkout()
    page.evaluate("window.mark = 1")
    before = page.inner_text("[data-total]")

    page.check("input[name=delivery][value=pickup]")

    expect(page.locator("[data-total]")).not_to_have_text(before)
    expect(page.get_by_role("button", name="Pay ")).to_contain_text(page.inner_text("[data-total]"))
    assert page.evaluate("window.mark") == 1
    shopper.pay()
    page.wait_for_url("**/orders/ORD-*")


def test_a_new_sum_takes_nobody_from_where_they_are(enter: Enter) -> None:
    shopper = enter()
    page = shopper.page
    shopper.fill_basket("amphora-vase")
    shopper.fill_checkout()
    waiting: list[Route] = []
    page.route("**/checkout", lambda route: waiting.append(route), times=1)
    page.fill("#postal_code", "00140")
    with page.expect_request("**/checkout"):
        page.press("#postal_code", "Tab")
    press(page, "Tab", has_focus(page, "[data-pay]"))

    with page.expect_response("**/checkout"):
        waiting.pop().continue_()
    page.wait_for_load_state("networkidle")
    page.keyboard.press("Enter")

    page.wait_for_url("**/orders/ORD-*")
    assert shopper.trouble == []


def test_the_pill_follows_the_order_on_another_page(enter: Enter) -> None:
    shopper = enter()
    page = shopper.page
    shopper.has_bought("ALMOND-CAKE")
    shopper.go("/about")
    page.evaluate("window.mark = 1")

    pill = page.locator(".livepill")
    expect(pill).to_contain_text("Delivered")

    assert page.evaluate("window.mark") == 1
    assert shopper.trouble == []


def test_without_a_network_the_last_copy_of_the_order_is_shown_and_says_so(
    enter: Enter,
) -> None:
    shopper = enter()
    page = shopper.page
    number = shopper.has_bought("SQUASH-SOUP")
    page.wait_for_selector("museo-live[status=delivered]")
    shopper.go(f"/orders/{number}")
    page.wait_for_function(
        "caches.open('museo-orders').then((kept) => kept.keys()).then((all) => all.length)"
    )
    shopper.trouble.clear()

    page.context.set_offline(offline=True)
    shopper.go(f"/orders/{number}")

    expect(page.get_by_role("heading", level=1)).to_have_text("Your order has arrived")
    assert page.locator("museo-live[kept]").count() == 1
    fonts = "[...document.styleSheets].filter((each) => each.cssRules.length).length"
    assert page.evaluate(fonts) >= 4


def test_mails_are_switched_off_on_the_orders_page(enter: Enter) -> None:
    shopper = enter()
    page = shopper.page
    shopper.has_bought("CARDAMOM-BUN")
    mails = page.get_by_role("switch", name=re.compile("E-mail"))
    expect(mails).to_have_attribute("aria-checked", "true")

    mails.press("Space")

    expect(mails).to_have_attribute("aria-checked", "false")
