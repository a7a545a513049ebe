"""The pages that are visited, and what is done on each: with the keyboard and by touch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from playwright.sync_api import Browser, Page

from bench.pages.phone import Fetched, Seen, hold_back, phone, seen
from tests.clients.orders import Bought, Desk
from tests.whole.browser import WHERE, Shopper

STEPS = ("confirmed", "preparing", "out_for_delivery")
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True}
TABLET = {"viewport": {"width": 1280, "height": 800}, "has_touch": True}
HOME, ROOM, WORK, BOARD = "/", "/?category=clay", "/p/iphone-15", "/admin/board"
LIVE = "[data-conn][data-s=live]"

State = dict[str, Any]


@dataclass(frozen=True)
class Visit:
    """`needs` makes what the browser brings along; `use` does what people do there."""

    name: str
    path: str
    use: Callable[[Page, Desk], None]
    needs: str = ""
    largest_js_kb: int = 20
    screen: Mapping[str, Any] = field(default_factory=lambda: PHONE, hash=False)


@dataclass(frozen=True)
class Prepared:
    """The cookies of a shopper with a basket, and of staff; an order under way."""

    desk: Desk
    order: Bought
    basket: State
    staff: State

    def path(self, visit: Visit) -> str:
        return visit.path.format(order=self.order)

    def state(self, visit: Visit) -> State | None:
        return {"basket": self.basket, "staff": self.staff}.get(visit.needs)


def prepare(desk: Desk, browser: Browser, orders: int) -> Prepared:
    """Orders fill the board, spread over its columns."""
    for number in range(orders):
        desk.advance(desk.buy(), *STEPS[: number % 4])
    with phone(browser) as page:
        Shopper(page, desk.shop.address).fill_basket()
        basket: State = dict(page.context.storage_state())
    cookies = [
        {"name": name, "value": value, "url": desk.shop.address}
        for name, value in desk.staff.cookies.items()
    ]
    return Prepared(desk, desk.buy(), basket, {"cookies": cookies})


def another_order(at: Prepared) -> Prepared:
    """One that has not moved yet."""
    return replace(at, order=at.desk.buy())


def visit(page_of: Visit, at: Prepared, browser: Browser) -> Seen:
    """What a phone sees that comes for the first time."""
    with phone(browser, **page_of.screen) as page:
        state = at.state(page_of)
        if state:
            page.context.add_cookies(state["cookies"])
        fetched = Fetched(page)
        hold_back(page)
        page.goto(at.desk.shop.address + at.path(page_of), wait_until="load")
        page.wait_for_timeout(2_000)
        found = seen(page)
        found.bytes = fetched.bytes()
        page_of.use(page, at.desk)
        after = seen(page)
        found.cls, found.moved = after.cls, after.moved
        found.inp, found.slowest = after.inp, after.slowest
        return found


def look_for_something(page: Page, _desk: Desk) -> None:
    page.locator("[data-theme-toggle]").tap()
    page.locator("#q").tap()
    page.keyboard.type("vase", delay=120)
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")


def look_through(page: Page, desk: Desk) -> None:
    look_for_something(page, desk)
    page.mouse.wheel(0, 2_000)
    page.wait_for_timeout(500)


def choose(page: Page, _desk: Desk) -> None:
    page.locator(".pick").nth(1).tap()
    page.locator("[data-by='1']").tap()
    page.locator("[data-by='-1']").tap()
    page.locator("[data-theme-toggle]").tap()


def change_the_basket(page: Page, _desk: Desk) -> None:
    page.locator("[data-theme-toggle]").tap()
    page.locator("#code").tap()
    page.keyboard.type("WELCOME", delay=80)
    page.keyboard.press("Tab")


def fill_in(page: Page, _desk: Desk) -> None:
    for name, value in WHERE.items():
        page.locator(f"#{name}").tap()
        page.keyboard.type(value[:8], delay=60)
    before = page.inner_text("[data-total]")
    page.locator(".opt", has=page.locator("[value=pickup]")).tap()
    page.wait_for_function(
        "before => document.querySelector('[data-total]').innerText !== before", arg=before
    )
    page.locator(".opt", has=page.locator("[name=payment]")).last.tap()


def follow(page: Page, desk: Desk) -> None:
    """The order goes on meanwhile; nothing may jump."""
    page.wait_for_selector(LIVE)
    page.locator("[data-theme-toggle]").tap()
    for fold in page.locator("details.box summary").all():
        fold.tap()
        fold.tap()
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(1_000)
    number = page.get_attribute("museo-live", "number") or ""
    desk.advance(Bought(number, ""), "confirmed", "preparing")
    page.wait_for_selector("museo-live[status=preparing]")
    page.wait_for_timeout(1_500)


def keep_the_board(page: Page, desk: Desk) -> None:
    page.wait_for_selector(LIVE)
    desk.advance(desk.buy(), "confirmed")
    page.wait_for_timeout(1_500)
    page.locator("[data-pause]").tap()
    page.locator("[data-pause]").tap()
    page.locator("[data-open-desk]").first.tap()
    page.get_by_role("dialog").get_by_role("button", name="Close").tap()
    page.locator("[data-slip]").first.focus()
    for key in ("End", "Home", "ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)


VISITS: Sequence[Visit] = (
    Visit("home", HOME, look_for_something),
    Visit("list", ROOM, look_through),
    Visit("product", WORK, choose),
    Visit("basket", "/basket", change_the_basket, needs="basket"),
    Visit("checkout", "/checkout", fill_in, needs="basket"),
    Visit("tracking", "/t/{order.ticket}", follow),
    Visit("board", BOARD, keep_the_board, needs="staff", largest_js_kb=60, screen=TABLET),
)
