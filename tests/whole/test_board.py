"""The staff board in a real browser: it lives, keeps still under the mouse, and tells the truth."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from tests.clients.orders import Bought, Desk, desk
from tests.shops import ROOT, open_shop
from tests.whole.browser import once
from tests.whole.reader import without

pytestmark = pytest.mark.browser

BOARD = "/admin/board"
# looked at, and never kept in the repository
PICTURES = ROOT / "var" / "pictures"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# the words of the bar of pages that do not quite stand on the screen
CUT = """[...document.querySelectorAll(".top .nav a")].filter((link) => {
    const {left, right} = link.getBoundingClientRect();
    return left < -1 || right > innerWidth + 1 || link.scrollWidth > link.clientWidth;
}).map((link) => link.textContent)"""
LIVE = "[data-conn][data-s=live]"
# whether it still is marked as new there, too, is a matter of seconds
LATE = re.compile(r"\blate\b")
# nobody points at it there
ASIDE = (5, 5)

Enter = Callable[..., Page]


@pytest.fixture
def enter(chrome: Browser, calm: Desk) -> Iterator[Enter]:
    """Opens a page as staff, in a browser of its own; nothing may go wrong on it."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def enter(
        path: str = BOARD,
        *,
        prepare: Callable[[Page], object] = lambda page: None,
        is_live: bool = True,
        **options: Any,
    ) -> Page:
        context = chrome.new_context(**{"locale": "en-GB", **options})
        context.set_default_timeout(60_000)
        contexts.append(context)
        cookies = calm.staff.cookies.items()
        context.add_cookies(
            [{"name": name, "value": value, "url": calm.shop.address} for name, value in cookies]
        )
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        prepare(page)
        page.goto(calm.shop.address + path)
        if is_live:
            page.wait_for_selector(LIVE)
            page.mouse.move(*ASIDE)
        return page

    yield enter
    for context in contexts:
        context.close()
    assert errors == []


def slip(page: Page, order: Bought) -> Locator:
    return page.locator(f"#{order.number}")


def shows(page: Page, order: Bought, column: str) -> None:
    """The order's slip stands in that column, once."""
    expect(page.locator(f"[data-column={column}] #{order.number}")).to_be_visible()
    expect(slip(page, order)).to_have_count(1)


def is_late(calm: Desk, order: Bought) -> None:
    eta = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    answer = calm.staff.post(f"/admin/orders/{order.number}/eta", json={"eta": eta})
    assert answer.status_code == 200, answer.text


def test_orders_come_and_move_on_without_touching_the_page(calm: Desk, enter: Enter) -> None:
    page = enter()
    page.evaluate("window.isTheSame = true")

    order, other = calm.buy(), calm.buy()
    shows(page, order, "placed")
    calm.advance(order, "confirmed", "preparing")
    shows(page, order, "preparing")
    is_late(calm, other)
    expect(slip(page, other)).to_have_class(LATE)

    # others may be late, too, and none of them comes after one that is not
    placed = "[data-column=placed] [data-slip]"
    expect(page.locator(f"{placed}.late#{other.number}")).to_be_visible()
    expect(page.locator(f"{placed}:not(.late) ~ .late")).to_have_count(0)
    assert page.evaluate("window.isTheSame")


@pytest.mark.parametrize("language", ["en-GB", "de-DE", "fr-FR", "es-ES", "ar"])
def test_no_word_of_the_bars_is_cut_on_a_phone(calm: Desk, enter: Enter, language: str) -> None:
    page = enter(is_live=False, locale=language, viewport={"width": 390, "height": 700})
    assert page.evaluate(CUT) == []
    page.goto(f"{calm.shop.address}/orders")
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate(CUT) == [], width

    page.context.clear_cookies()
    page.goto(f"{calm.shop.address}/orders")
    assert page.get_by_role("navigation").first.get_by_role("link").count() == 4
    assert page.evaluate(CUT) == []


def test_the_admin_shows_an_order_without_a_script_on_a_phone(calm: Desk, enter: Enter) -> None:
    order, phone = calm.buy(), {"width": 390, "height": 700}
    path = f"{BOARD}/{order.number}"
    page = enter(path, is_live=False, java_script_enabled=False, viewport=phone)

    page.get_by_role("link", name="All about this order").click()

    expect(page.get_by_text("Steps").first).to_be_visible()
    page.get_by_text("Lines").first.click()
    assert page.evaluate(OVERFLOW) == 0


def test_a_slip_takes_the_next_step(calm: Desk, enter: Enter) -> None:
    order = calm.buy()
    page = enter()

    slip(page, order).get_by_role("button", name="Confirm").click()

    expect(page.locator("[data-announce]")).to_have_text(f"{order.number} has moved on.")
    page.mouse.move(*ASIDE)
    shows(page, order, "confirmed")
    assert [event["type"] for event in calm.events(order)] == ["order.placed", "order.confirmed"]


def moved_while_pointed_at(calm: Desk, page: Page) -> tuple[bool, Bought, Bought]:
    """Whether a slip has moved from under the mouse when another above it has gone on."""
    above, below = calm.buy(), calm.buy()
    for order in (above, below):
        calm.advance(order, "confirmed", "preparing", "out_for_delivery")
        shows(page, order, "out_for_delivery")
    button = slip(page, below).get_by_role("button")
    # at once: a slip without protection is never still
    button.evaluate("button => button.scrollIntoView({block: 'center'})")
    button.hover()
    before = slip(page, below).bounding_box()
    calm.advance(above, "delivered")
    # what has come of it is on the page, moved or not
    page.wait_for_function(
        """number => {
            const slip = document.getElementById(number);
            return slip.classList.contains("leaving") || slip.dataset.in === "done";
        }""",
        arg=above.number,
    )
    return slip(page, below).bounding_box() != before, above, below


def test_nothing_moves_under_the_mouse_and_what_waits_is_counted(calm: Desk, enter: Enter) -> None:
    page = enter()

    has_moved, above, below = moved_while_pointed_at(calm, page)

    assert not has_moved
    # orders of other tests go on by the clock
    waits = re.compile("Waits until you point elsewhere: [1-9]")
    expect(page.locator("[data-waiting]")).to_contain_text(waits)
    expect(slip(page, above).get_by_role("button")).to_have_attribute("aria-disabled", "true")
    page.mouse.down()
    page.mouse.up()
    expect(page.locator("[data-announce]")).to_have_text(f"{below.number} has moved on.")
    page.mouse.move(*ASIDE)
    for order in (above, below):
        shows(page, order, "done")
    expect(page.locator("[data-waiting]")).to_be_hidden()


def test_without_keeping_still_it_would_move_under_the_mouse(calm: Desk, enter: Enter) -> None:
    page = enter(
        prepare=lambda page: without(
            page, "board.js", "return this.isPressed || this.isPointed;", "return false;"
        )
    )

    assert moved_while_pointed_at(calm, page)[0]


def test_a_pause_keeps_everything_and_counts_it(calm: Desk, enter: Enter) -> None:
    order = calm.buy()
    page = enter()
    pause = page.locator("[data-pause]")

    pause.click()
    calm.advance(order, "confirmed", "preparing")
    new = calm.buy()

    expect(page.locator("[data-waiting]")).to_have_text("Paused, waiting: 2")
    shows(page, order, "placed")
    expect(pause).to_have_attribute("aria-pressed", "true")
    pause.click()
    shows(page, order, "preparing")
    shows(page, new, "placed")


def test_offline_is_said_and_what_happened_meanwhile_is_caught_up(calm: Desk, enter: Enter) -> None:
    order = calm.buy()
    page = enter()
    page.evaluate("window.isTheSame = true")

    page.context.set_offline(True)
    expect(page.locator("[data-conn]")).to_contain_text("You are offline")
    expect(page.locator("[data-conn-since]")).to_contain_text("last update")
    calm.advance(order, "confirmed", "preparing")
    new = calm.buy()
    page.context.set_offline(False)

    page.wait_for_selector(LIVE)
    shows(page, order, "preparing")
    shows(page, new, "placed")
    assert page.evaluate("window.isTheSame")


def test_a_log_that_began_anew_is_read_anew(calm: Desk, enter: Enter) -> None:
    order = calm.buy()
    cursors: list[str] = []

    def of_another_log(page: Page) -> None:
        page.on("request", lambda asked: cursors.append(asked.url))

        def serve(route: Route) -> None:
            body = re.sub(r'data-cursor="[^"]+"', 'data-cursor="gone0000-1"', route.fetch().text())
            route.fulfill(body=body, content_type="text/html")

        page.route(f"**{BOARD}", once(serve))

    page = enter(prepare=of_another_log)
    page.wait_for_function("document.querySelectorAll('[data-slip]').length > 0")

    calm.advance(order, "confirmed")

    shows(page, order, "confirmed")
    assert any("after=gone0000-1" in url for url in cursors)


def test_an_order_is_opened_and_bad_input_is_said_beside_the_field(
    calm: Desk, enter: Enter
) -> None:
    order = calm.buy()
    page = enter()
    slip(page, order).get_by_role("link", name="More").click()
    opened = page.get_by_role("dialog")
    expect(opened.get_by_role("heading", name=order.number)).to_be_focused()

    opened.get_by_text("Say a new time").first.click()
    opened.get_by_label("Minutes later").fill("-3")
    opened.get_by_role("button", name="Say a new time").click()

    field = opened.get_by_label("Minutes later")
    expect(field).to_be_focused()
    expect(field).to_have_value("-3")
    expect(opened.locator("#later-minutes-why")).to_contain_text("greater than or equal to 1")
    field.fill("90")
    opened.get_by_role("button", name="Say a new time").click()
    expect(opened).to_be_hidden()
    page.mouse.move(*ASIDE)
    expect(slip(page, order)).to_have_class(LATE)


def test_the_board_is_walked_by_keys_alone(calm: Desk, enter: Enter) -> None:
    first, second = calm.buy(), calm.buy()
    calm.advance(second, "confirmed")
    page = enter()
    shows(page, second, "confirmed")
    placed = page.locator("[data-column=placed] [data-slip]")
    assert page.locator("[data-column=placed] [tabindex='0'][data-slip]").count() == 1

    placed.first.focus()
    page.keyboard.press("End")
    expect(placed.last).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-column=confirmed] [data-slip]:focus")).to_have_count(1)
    page.keyboard.press("ArrowLeft")
    slip(page, first).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.locator("[data-announce]")).to_have_text(f"{first.number} has moved on.")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.locator("h1").click()
    shows(page, first, "confirmed")


def test_without_a_script_slips_act_and_the_table_says_it_all(calm: Desk, enter: Enter) -> None:
    order = calm.buy()
    page = enter(java_script_enabled=False, is_live=False)
    slip(page, order).get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("status").first).to_have_text(f"{order.number} has moved on.")
    expect(page.locator(f"[data-column=confirmed] #{order.number}")).to_be_visible()
    expect(page.locator("[data-conn]")).to_be_hidden()
    # the tables stand in for the charts
    expect(page.locator("[data-chart=per-minute] tbody tr").first).to_be_visible()

    page.get_by_role("link", name="Show as table").click()
    row = page.locator(f"tr#{order.number}")
    row.get_by_role("link").click()
    page.get_by_text("Write a note").first.click()
    page.get_by_label("Note").fill("Ring twice")
    page.get_by_role("button", name="Write a note").click()
    expect(page.get_by_role("status").first).to_contain_text("is kept")
    page.goto(f"{calm.shop.address}{BOARD}/{order.number}")
    expect(page.get_by_text("Ring twice")).to_be_visible()


def test_the_table_lives_too(calm: Desk, enter: Enter) -> None:
    order = calm.buy()
    page = enter(f"{BOARD}?view=table")

    calm.advance(order, "confirmed")

    expect(page.locator(f"tr#{order.number}")).to_contain_text("Confirmed")


# each page once, in one colour and one width; the states in turn
SEEN = [
    (BOARD, "light", 1280, "en-GB"),
    (f"{BOARD}?view=table", "dark", 390, "de-DE"),
    ("desk", "dark", 1280, "fr-FR"),
    (BOARD, "dark", 390, "ar"),
    ("/admin/health", "light", 390, "es-ES"),
    ("/admin/catalog/import/add/", "dark", 1280, "en-GB"),
]


@pytest.mark.parametrize(("path", "colours", "width", "locale"), SEEN)
def test_a_page_is_fit_for_everybody(
    calm: Desk, enter: Enter, path: str, colours: str, width: int, locale: str
) -> None:
    order = calm.buy()
    is_late(calm, order)
    held = calm.buy()
    calm.staff.post(f"/admin/orders/{held.number}/hold", json={"held": True})

    page = enter(
        f"{BOARD}/{order.number}" if path == "desk" else path,
        is_live=path == BOARD,
        color_scheme=colours,
        locale=locale,
        viewport={"width": width, "height": 900},
        reduced_motion="reduce",
    )
    page.evaluate("document.fonts.ready")
    PICTURES.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"\W+", "-", path.strip("/"))
    page.screenshot(path=PICTURES / f"{name}-{width}-{colours}.png", full_page=True)

    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    assert page.evaluate(OVERFLOW) <= 0
    assert page.evaluate("document.getAnimations().length") == 0
    assert page.locator("html").get_attribute("dir") == ("rtl" if locale == "ar" else "ltr")


FILL = """
from django.utils import timezone
from catalog.models import Variant
from museo.access.callers import Caller
from orders import baskets, checkout
from orders.details import Details

home = {"line1": "Museum Street 1", "city": "Helsinki", "postal_code": "00130", "country": "FI"}
details = Details(email="maya@example.org", name="Maya Okafor", address=home)
for number in range(int(sys.argv[1])):
    now = timezone.now()
    # there are not as many of one thing
    sku = ("POSTCARD-SET", "CARDAMOM-BUN")[number % 2]
    opened = baskets.add(Caller(), sku=sku, quantity=1, now=now)
    checkout.place(Caller(basket_token=opened.token), details, now=now, speed=1.0)
"""
# what moved while the mouse pointed at the board, beside what came and went
WITNESS = """
    window.moved = [];
    const places = new Map();
    const look = () => {
        for (const slip of document.querySelectorAll("[data-slip]")) {
            const { x, y } = slip.getBoundingClientRect();
            const was = places.get(slip.id);
            if (was && (was[0] !== x || was[1] !== y)) window.moved.push(slip.id);
            places.set(slip.id, [x, y]);
        }
    };
    look();
    window.seen = new MutationObserver(look);
    window.seen.observe(document.querySelector("[data-board]"), {childList: true, subtree: true});
"""


@pytest.mark.long
def test_two_hundred_orders_move_and_none_jumps_under_the_mouse(
    tmp_path: Path, chrome: Browser
) -> None:
    with open_shop(tmp_path / "busy", speed=1) as opened, desk(opened) as busy:
        busy.hands.do(FILL, "200")
        context = chrome.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
        for name, value in busy.staff.cookies.items():
            context.add_cookies([{"name": name, "value": value, "url": opened.address}])
        page = context.new_page()
        page.goto(opened.address + BOARD)
        page.wait_for_selector(LIVE)
        placed = page.locator("[data-column=placed] [data-slip]")
        expect(placed).to_have_count(100)
        expect(page.locator("[data-column=placed] [data-more-count]")).to_have_text("100")
        numbers = placed.evaluate_all("all => all.map(slip => slip.id)")
        placed.nth(1).hover()
        page.evaluate(WITNESS)

        for number in numbers:
            answer = busy.staff.post(f"/admin/orders/{number}/advance", json={"to": "confirmed"})
            assert answer.status_code == 200
        expect(page.locator("[data-column=placed] .leaving")).to_have_count(100)
        assert page.evaluate("window.moved") == []
        page.evaluate("window.seen.disconnect()")

        page.mouse.move(*ASIDE)
        expect(page.locator("[data-column=confirmed] [data-slip]")).to_have_count(100)
        context.close()
