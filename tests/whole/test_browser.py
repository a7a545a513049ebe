"""The pages in a real browser, against the whole shop with its real clock."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Browser, Page, Route, expect

from museo.access import second_factor
from tests.processes import eventually
from tests.shops import Shop
from tests.whole.browser import WHERE, Shopper
from tests.whole.test_rest_and_sse import buy_iphone

pytestmark = pytest.mark.browser

STEPS = ["placed", "confirmed", "preparing", "out_for_delivery", "delivered"]
LIMIT = 60_000
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
ARABIC_HEADLINES = ["وصلنا طلبك", "تأكد طلبك", "نحضّر طلبك", "طلبك في الطريق", "وصل طلبك"]
# every status that the page shows, with the moment; and whether it was ever loaded anew
WITNESS = """
    window.seen = [];
    const live = document.querySelector("museo-live");
    const see = (status) => {
      if (window.seen.at(-1)?.status !== status) window.seen.push({status, at: Date.now()});
    };
    // several steps that come at once are seen one by one
    const look = (changes) => {
      for (const change of changes) see(change.oldValue);
      see(live.getAttribute("status"));
    };
    look([]);
    const what = {attributes: true, attributeFilter: ["status"], attributeOldValue: true};
    new MutationObserver(look).observe(live, what);
"""

Enter = Callable[..., Shopper]


@pytest.fixture
def enter(chrome: Browser, shop: Shop) -> Iterator[Enter]:
    """Opens a browser window of its own; closed at the end."""
    contexts = []

    def enter(**options: Any) -> Shopper:
        context = chrome.new_context(locale="en-GB", **options)
        context.set_default_timeout(LIMIT)
        contexts.append(context)
        shopper = Shopper(context.new_page(), shop.address)
        shopper.watch()
        return shopper

    yield enter
    for context in contexts:
        context.close()


def test_a_purchase_is_seen_to_arrive_without_touching_the_page_though_the_web_is_killed(
    shop: Shop, enter: Enter, capsys: pytest.CaptureFixture[str]
) -> None:
    shopper = enter()
    page = shopper.page
    number = shopper.buy()
    page.evaluate(WITNESS)

    page.wait_for_selector("museo-live[status=confirmed]")
    web = shop.process("uvicorn")
    web.kill()
    web.wait(timeout=60)
    page.wait_for_selector("museo-live[status=delivered]")

    seen = page.evaluate("window.seen")
    assert [step["status"] for step in seen] == STEPS
    rows = page.eval_on_selector_all(
        "[data-log] [data-version]", "all => all.map(e => +e.dataset.version)"
    )
    assert rows == [5, 4, 3, 2, 1]
    expect(page.locator("[data-conn-text]")).to_have_text("Finished")
    # that it has arrived is said once
    expect(page.locator("[data-eta-number]")).to_be_hidden()
    assert page.title().startswith("Delivered")
    told = page.request.get(f"{shop.address}/api/v1/orders/{number}/events").json()["events"]
    written = {event["data"]["status"]: event["timestamp"] for event in told}
    latency = page.evaluate(
        "([seen, written]) => seen.slice(1).map(s => s.at - Date.parse(written[s.status]))",
        [seen, written],
    )
    with capsys.disabled():
        print("\nmilliseconds from event to page, by step:", [round(each) for each in latency])


def test_a_purchase_works_without_javascript(enter: Enter) -> None:
    shopper = enter(java_script_enabled=False)

    number = shopper.buy("cardamom-bun")

    page = shopper.page
    assert page.locator("[data-headline]").inner_text() == "We have your order"
    assert page.locator("noscript meta[http-equiv=refresh]").count() == 1

    def has_arrived() -> bool:
        track = page.request.get(f"{shopper.address}/api/v1/orders/{number}/track")
        return bool(track.json()["status"] == "delivered")

    eventually(has_arrived)
    page.reload()
    assert "arrived" in page.inner_text("h1")
    assert page.locator(".steps [data-s=done]").count() == 5
    assert shopper.trouble == []


@pytest.mark.parametrize("has_script", [True, False])
def test_a_dish_is_bought_as_it_was_chosen(enter: Enter, has_script: bool) -> None:
    shopper = enter(java_script_enabled=has_script)
    page = shopper.page
    for spice, more in (("Hot", "Soft egg"), ("Mild", "More noodles")):
        shopper.go("/p/shoyu-ramen")
        price = page.locator("[data-price-shown]")
        shown = price.inner_text()
        page.get_by_role("group", name="Spice").get_by_label(spice).check()
        page.get_by_role("group", name="On top").get_by_label(more).check()
        assert (shown != price.inner_text()) is has_script
        page.get_by_role("button", name="Add to basket").click()
        page.wait_for_url("**/basket")

    lines = page.locator(".line")
    assert [line.split("\n")[0] for line in lines.all_inner_texts()] == ["Shoyu ramen"] * 2
    page.get_by_label("Remove Shoyu ramen (Soft egg, Hot)").click()
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text("€17.40")
    assert shopper.trouble == []


def test_a_dish_says_what_must_be_chosen(enter: Enter) -> None:
    shopper = enter()
    page = shopper.page
    shopper.go("/p/shoyu-ramen")
    page.get_by_role("button", name="Add to basket").click()
    mild = page.get_by_label("Mild")
    assert page.evaluate("document.activeElement.matches(':invalid')")

    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(mild).to_be_checked()
    page.get_by_label("Soft egg").focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-price-shown]")).to_have_text("€17.00")
    page.keyboard.press("Enter")
    page.wait_for_url("**/basket")


@pytest.mark.parametrize("has_script", [True, False])
def test_what_was_delivered_is_asked_to_be_sent_back(enter: Enter, has_script: bool) -> None:
    shopper = enter(java_script_enabled=has_script)
    page = shopper.page
    number = shopper.buy("cardamom-bun")
    offer = page.get_by_role("link", name="Send something back")
    if has_script:
        expect(offer).to_be_hidden()
        page.wait_for_selector("museo-live[status=delivered]")
        # the page is still that of before: it leads to the form
        offer.click()
    else:
        eventually(lambda: _is_delivered(page))
        page.get_by_text("Send something back").click()

    page.get_by_label("Why? You need not say.").fill("Two came")
    page.get_by_role("button", name="Ask to send it back").click()

    expect(page.get_by_role("status")).to_contain_text("We will answer soon")
    expect(page.locator("#bought ~ p", has_text="Cardamom bun: You asked")).to_be_visible()
    assert page.url == f"{shopper.address}/orders/{number}"
    expect(page.locator("summary", has_text="Send something back")).to_have_count(0)
    assert shopper.trouble == []


def _is_delivered(page: Page) -> bool:
    page.reload()
    return page.locator("[status=delivered]").count() == 1


def test_a_mailed_link_signs_in_with_the_code_of_the_second_factor(
    shop: Shop, enter: Enter
) -> None:
    first, second = enter(), enter()
    page = first.page
    _open_mailed_link(first, shop, onward="/account/second-factor")
    page.wait_for_url("**/account/second-factor")
    key = page.locator("code").inner_text().replace(" ", "")
    page.get_by_label("Code").fill(_code(key))
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_text("The second factor is on.")).to_be_visible()

    page = second.page
    _open_mailed_link(second, shop, onward="/account/places")
    page.wait_for_url("**/login/code?*")
    # one counts once
    page.get_by_label("Code").fill(_code(key, ahead=1))
    page.get_by_role("button", name="Sign in", exact=True).click()

    page.wait_for_url("**/account/places")
    expect(page.get_by_role("heading", name="Addresses", exact=True)).to_be_visible()
    assert first.trouble == second.trouble == []


def _open_mailed_link(shopper: Shopper, shop: Shop, *, onward: str) -> None:
    """Ask for it, read it out of the mail that the demo shows, and say yes on its page."""
    page, log = shopper.page, shop.home / "logs" / "web.log"

    def links() -> list[str]:
        return re.findall(r"/login/link/[\w-]+\?next=\S+", log.read_text())

    before = len(links())
    shopper.go(f"/login?next={onward}")
    page.get_by_role("textbox", name="E-mail").first.fill("links@example.org")
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    eventually(lambda: len(links()) > before)
    shopper.go(links()[-1])
    page.get_by_role("button", name="Sign in").click()


def _code(key: str, *, ahead: int = 0) -> str:
    return second_factor.code_of(key, second_factor.step_at(timezone.now()) + ahead)


def test_two_clicks_on_pay_are_one_order(shop: Shop, enter: Enter) -> None:
    shopper = enter()
    shopper.fill_basket("almond-cake")
    shopper.fill_checkout()

    shopper.page.evaluate(
        """async () => {
            const form = document.querySelector("main form");
            const send = () => fetch(form.action, {method: "POST", body: new FormData(form)});
            window.landed = (await Promise.all([send(), send()])).map(answer => answer.url);
        }"""
    )

    landed = set(shopper.page.evaluate("window.landed"))
    assert len(landed) == 1
    shopper.go("/orders")
    assert shopper.page.locator("tbody tr").count() == 1


def test_somebody_else_pays_by_a_link_the_sum_that_their_page_shows(enter: Enter) -> None:
    buyer, payer = enter(), enter()
    buyer.fill_basket("squash-soup")
    token = next(each["value"] for each in buyer.page.context.cookies() if "basket" in each["name"])
    made = buyer.page.request.post(
        f"{buyer.address}/api/v1/basket/payment-link", data={}, headers={"X-Basket-Token": token}
    )
    page = payer.page
    page.goto(made.json()["url"])
    for name, value in WHERE.items():
        page.fill(f"#{name}", value)
    shown = page.get_by_role("button", name="Pay ").inner_text().removeprefix("Pay ")
    payer.pay()

    page.wait_for_url("**/orders/ORD-*")
    expect(page.locator("[data-total]")).to_contain_text(shown)
    assert payer.trouble == []


def test_a_quantity_that_was_just_changed_comes_along_to_the_checkout(enter: Enter) -> None:
    shopper = enter()
    page = shopper.page
    shopper.fill_basket("compass-notebook")
    page.fill("input[name=quantity]", "3")

    page.get_by_role("link", name="Go to checkout").click()

    page.wait_for_url("**/checkout")
    expect(page.locator("aside")).to_contain_text("€43.50")
    assert shopper.trouble == []


def test_who_goes_on_while_a_quantity_is_on_its_way_gets_there(enter: Enter) -> None:
    shopper = enter()
    page = shopper.page
    shopper.fill_basket("compass-notebook")
    held: list[Route] = []
    page.route("**/basket/lines/**", lambda route: held.append(route))
    with page.expect_request("**/basket/lines/**"):
        page.fill("input[name=quantity]", "3")
        page.locator("input[name=quantity]").blur()

    page.get_by_role("link", name="Go to checkout").click()
    held[0].continue_()

    page.wait_for_url("**/checkout")
    expect(page.locator("aside")).to_contain_text("€43.50")


def test_two_quantities_that_are_changed_at_once_are_both_kept(enter: Enter) -> None:
    """Whoever steps by keys is on the step again when the new sum is there."""
    shopper = enter()
    page = shopper.page
    shopper.fill_basket("compass-notebook")
    shopper.fill_basket("almond-cake")
    more = page.get_by_role("button", name="One more")

    more.first.press("Enter")
    more.last.press("Enter")

    expect(page.locator(".price").nth(0)).to_have_text("€29.00")
    expect(page.locator(".price").nth(1)).to_have_text("€10.40")
    expect(more.last).to_be_focused()


def test_what_was_done_is_seen_where_one_is(enter: Enter) -> None:
    """The form is far down the page; what it says when it was sent is not."""
    shopper = enter(viewport={"width": 390, "height": 600})
    shopper.go("/p/shoyu-ramen")
    page = shopper.page
    page.get_by_label("Your question").fill("Is the egg warm?")

    page.get_by_role("button", name="Ask", exact=True).click()

    said = page.get_by_text("Your question was sent.")
    expect(said).to_be_in_viewport()
    expect(said).to_be_focused()


def test_going_back_past_a_refused_payment_shows_the_order(enter: Enter) -> None:
    shopper = enter()
    page = shopper.page
    shopper.fill_basket("squash-soup")
    shopper.fill_checkout(payment="declined")
    shopper.pay()
    expect(page.get_by_role("alert")).to_contain_text("declined and nothing was taken")
    page.check("input[name=payment][value=ok]")
    shopper.pay()
    page.wait_for_url("**/orders/ORD-*")
    order = page.url

    page.go_back()

    page.wait_for_url(order)


def test_a_declined_card_is_said_and_the_next_try_pays(enter: Enter) -> None:
    shopper = enter()
    shopper.fill_basket("squash-soup")
    shopper.fill_checkout(payment="declined")
    shopper.pay()
    expect(shopper.page.get_by_role("alert")).to_contain_text("declined and nothing was taken")
    assert shopper.page.input_value("#email") == "maya@example.org"

    shopper.page.check("input[name=payment][value=ok]")
    shopper.pay()

    shopper.page.wait_for_url("**/orders/ORD-*")


def test_a_card_that_asks_is_approved_on_the_banks_page(enter: Enter) -> None:
    shopper = enter()
    shopper.fill_basket("herb-salad")
    shopper.fill_checkout(payment="needs_action")
    shopper.pay()
    shopper.page.wait_for_url("**/pay/pay_*")

    shopper.page.get_by_role("button", name="Approve").click()

    shopper.page.wait_for_url("**/orders/ORD-*")


def test_a_form_that_was_left_empty_names_its_fields_and_keeps_the_focus(enter: Enter) -> None:
    shopper = enter()
    shopper.fill_basket("day-ticket")
    shopper.page.get_by_role("link", name="Go to checkout").click()
    shopper.pay()

    alert = shopper.page.get_by_role("alert")
    expect(alert).to_be_focused()
    alert.get_by_role("link", name="Full name").click()
    expect(shopper.page.locator("#name")).to_be_focused()


def test_another_delivery_is_not_charged_before_its_sum_was_shown(enter: Enter) -> None:
    shopper = enter(java_script_enabled=False)
    shopper.fill_basket("compass-notebook")
    shopper.fill_checkout()
    shopper.page.check("input[name=delivery][value=pickup]")
    shopper.pay()

    expect(shopper.page.get_by_role("alert")).to_contain_text("The sum has changed")
    expect(shopper.page.locator("[data-total]")).to_have_text("€14.50")
    shopper.pay()
    shopper.page.wait_for_url("**/orders/ORD-*")


def test_the_link_opens_the_order_in_another_browser_and_hides_its_ticket(
    shop: Shop, enter: Enter
) -> None:
    buyer, neighbour, stranger = enter(), enter(), enter()
    number = buyer.buy("celadon-bowl")
    cookies = {cookie["name"]: cookie for cookie in buyer.page.context.cookies()}
    ticket = cookies["museo_tickets"]["value"]
    assert cookies["museo_tickets"]["httpOnly"]

    neighbour.go(f"/t/{ticket}")
    assert neighbour.page.url == f"{shop.address}/orders/{number}"
    answer = stranger.page.goto(f"{shop.address}/orders/{number}")

    assert answer is not None
    assert answer.status == 404


def violations(shopper: Shopper) -> list[str]:
    found = Axe().run(shopper.page).response["violations"]
    return [f"{rule['id']}: {node['html'][:120]}" for rule in found for node in rule["nodes"]]


def test_nothing_scrolls_sideways_on_a_small_phone(enter: Enter) -> None:
    shopper = enter(viewport={"width": 320, "height": 640})
    shopper.fill_basket("studio-headphones")
    for path in ("/", "/p/iphone-15", "/basket", "/checkout", "/login"):
        shopper.go(path)
        assert shopper.page.evaluate(OVERFLOW) == 0, path
    shopper.buy("amphora-vase")
    assert shopper.page.evaluate(OVERFLOW) == 0


def test_every_page_reads_from_the_right_and_fits_a_small_phone(shop: Shop, enter: Enter) -> None:
    shopper = enter(viewport={"width": 320, "height": 640})
    bought = shopper.has_bought("MOON-JAR")
    shopper.fill_basket("gift-card")
    shopper.page.context.add_cookies(
        [{"name": "django_language", "value": "ar", "url": shop.address}]
    )
    pages = ["/", "/?q=مزهرية", "/p/iphone-15", "/basket", "/checkout", "/orders", "/login"]

    for path in [*pages, f"/orders/{bought}"]:
        shopper.go(path)
        assert shopper.page.locator("html").get_attribute("dir") == "rtl"
        assert shopper.page.evaluate(OVERFLOW) == 0, path
        assert violations(shopper) == [], path
    assert shopper.page.inner_text("[data-headline]") in ARABIC_HEADLINES
    assert shopper.trouble == []


def test_a_stranger_is_told_nothing_by_the_stream_either(shop: Shop) -> None:
    with httpx.Client(base_url=f"{shop.address}/api/v1", timeout=60) as api:
        number = buy_iphone(api)["number"]

    answer = httpx.get(
        f"{shop.address}/api/v1/orders/{number}/events", headers={"Accept": "text/event-stream"}
    )

    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"
