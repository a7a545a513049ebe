"""Cards in a real chat window: an order that moves, a purchase to be agreed to, products."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.clients.orders import Desk
from tests.processes import eventually
from tests.whole.chat import Chat, chatting

pytestmark = pytest.mark.browser

ORDER, PRODUCTS = "ui://widget/order.html", "ui://widget/products.html"
SKU = "POSTCARD-SET"
BUYER = {
    "email": "maya@example.org",
    "name": "Maya Okafor",
    "address": {
        "line1": "Museum Street 1",
        "city": "Helsinki",
        "postal_code": "00130",
        "country": "FI",
    },
}
LOOK_NOW = "document.dispatchEvent(new Event('visibilitychange'))"


@pytest.fixture
def chat(chrome: Browser, calm: Desk) -> Iterator[Chat]:
    with chatting(chrome, calm.shop.address) as chat:
        yield chat
    assert chat.trouble == []


def follow(chat: Chat, calm: Desk, **more: Any) -> dict[str, str]:
    """Show a new order; what opens it."""
    order = calm.buy()
    mine = {"order_id": order.number, "ticket": order.ticket}
    chat.show(ORDER, "track_order", **mine, **more)
    return mine


def told(chat: Chat) -> list[str]:
    """The states of the order that the model was told."""
    return [each["structuredContent"]["status"] for each in chat.asked("ui/update-model-context")]


def current(chat: Chat) -> Any:
    return chat.card.locator("[aria-current=step]")


def test_an_order_moves_in_its_card_and_the_model_is_told(chat: Chat, calm: Desk) -> None:
    order = calm.buy()
    mine = {"order_id": order.number, "ticket": order.ticket}
    chat.show("ui://widget/food-ordering.html", "subscribe_order_updates", **mine)
    expect(current(chat)).to_have_text("Placed")
    expect(chat.card.locator("ol li")).to_have_count(5)
    expect(chat.card.locator("#about")).to_contain_text(order.number)

    calm.advance(order, "confirmed")
    chat.in_card(LOOK_NOW)
    expect(current(chat)).to_have_text("Confirmed")
    calm.advance(order, "preparing", "out_for_delivery", "delivered")
    chat.in_card(LOOK_NOW)

    expect(chat.card.locator("#when")).to_have_text("Delivered")
    expect(current(chat)).to_have_count(0)
    expect(chat.button("Cancel the order")).to_be_hidden()
    eventually(lambda: told(chat) == ["confirmed", "delivered"])
    assert set(chat.called()) == {"track_order"}
    chat.button("Open the order's page").click()
    link = chat.asks("ui/open-link")
    assert link["url"].endswith(f"/t/{order.ticket}")


def test_it_asks_by_itself_how_the_order_stands(chrome: Browser, calm: Desk) -> None:
    with chatting(chrome, calm.shop.address) as chat:
        chat.page.clock.install()
        chat.page.reload()
        mine = follow(chat, calm)
        expect(current(chat)).to_have_text("Placed")
        calm.staff.post(f"/admin/orders/{mine['order_id']}/advance", json={"to": "confirmed"})

        chat.page.clock.fast_forward(11_000)

        expect(current(chat)).to_have_text("Confirmed")


def test_what_is_older_and_what_is_from_elsewhere_changes_nothing(chat: Chat, calm: Desk) -> None:
    mine = follow(chat, calm)
    before = chat.page.evaluate("given.result.structuredContent")
    calm.staff.post(f"/admin/orders/{mine['order_id']}/advance", json={"to": "confirmed"})
    chat.in_card(LOOK_NOW)
    expect(current(chat)).to_have_text("Confirmed")

    chat.tell("ui/notifications/tool-result", structuredContent=before)
    forged = {"order_id": mine["order_id"], "status": "failed", "version": 99, "steps": []}
    message = {
        "jsonrpc": "2.0",
        "method": "ui/notifications/tool-result",
        "params": {"structuredContent": forged},
    }
    chat.page.frames[1].evaluate("(message) => postMessage(message, '*')", message)
    newer = {**before, "version": before["version"] + 1, "status": "preparing", "steps": []}
    chat.tell("ui/notifications/tool-result", structuredContent=newer)

    expect(chat.headline).not_to_have_text("")
    expect(current(chat)).to_have_text("Confirmed")


def test_a_person_cancels_after_a_question(chat: Chat, calm: Desk) -> None:
    mine = follow(chat, calm)

    chat.button("Cancel the order").click()
    expect(chat.card.locator("#question")).to_contain_text("goes back")
    chat.button("No, keep it").click()
    expect(chat.button("Cancel the order")).to_be_focused()
    # by keys alone
    chat.page.keyboard.press("Enter")
    expect(chat.button("Yes, cancel it")).to_be_focused()
    chat.page.keyboard.press("Enter")

    expect(chat.card.locator("#when")).to_have_text("Cancelled")
    stand = calm.guest.get(f"/orders/{mine['order_id']}", params={"ticket": mine["ticket"]})
    assert stand.json()["status"] == "cancelled"


def test_what_can_no_longer_be_cancelled_says_why(chat: Chat, calm: Desk) -> None:
    mine = follow(chat, calm)
    for step in ("confirmed", "preparing"):
        calm.staff.post(f"/admin/orders/{mine['order_id']}/advance", json={"to": step})

    chat.button("Cancel the order").click()

    expect(chat.card.locator("#trouble")).not_to_have_text("")
    expect(chat.card.locator("#question")).to_be_hidden()


def test_a_person_buys_what_they_are_shown(chat: Chat, calm: Desk) -> None:
    basket = calm.guest.post("/basket/items", json={"sku": SKU, "quantity": 2}).json()
    calm.guest.cookies.clear()
    asked = chat.show(ORDER, "place_order", **BUYER, basket_token=basket["token"])
    total = chat.card.locator("#sums li").last
    expect(chat.headline).to_have_text("Do you want to buy this?")
    expect(chat.card.locator("#sums")).to_contain_text("2 \N{MULTIPLICATION SIGN}")
    expect(total).to_contain_text(f"{asked['summary']['total']['amount'] / 100:.2f}")
    assert chat.called() == []

    chat.card.get_by_role("button", name="Pay").click()

    expect(current(chat)).to_have_text("Placed")
    expect(chat.card.locator("#sums")).to_be_hidden()
    assert chat.called()[0] == "place_order"


def test_products_are_shown_and_put_into_one_basket(chat: Chat) -> None:
    found = chat.show(PRODUCTS, "search_products", query="iPhone", limit=4)
    items = chat.card.locator("#products li")
    expect(items).to_have_count(len(found["results"]))
    picture = items.first.locator("img")
    picture.evaluate("(image) => image.decode()")

    first = items.first.get_by_role("button", name="Add to basket")
    first.focus()
    chat.page.keyboard.press("Enter")
    expect(chat.card.locator("#basket")).to_contain_text("In the basket: 1")
    first.click()
    expect(chat.card.locator("#basket")).to_contain_text("In the basket: 2")
    items.first.get_by_role("button", name="Look at it").click()

    contexts = chat.asked("ui/update-model-context")
    assert len({each["structuredContent"]["basket_token"] for each in contexts}) == 1
    assert chat.asks("ui/open-link")["url"].endswith(f"/p/{found['results'][0]['slug']}")


def test_one_product_has_its_choices(chat: Chat) -> None:
    product = chat.show(PRODUCTS, "get_product_info", product="iphone-15")
    choice = chat.card.get_by_role("combobox")
    expect(choice).to_have_value(product["default_sku"])
    chosen = next(each for each in reversed(product["variants"]) if each["available"] != 0)
    choice.select_option(chosen["sku"])
    chat.card.get_by_role("button", name="Add to basket").click()

    expect(chat.card.locator("#basket")).to_contain_text("In the basket: 1")
    (call,) = chat.asked("tools/call")
    assert call["arguments"] == {"sku": chosen["sku"]}


def test_texts_of_others_are_texts(chat: Chat) -> None:
    chat.show(PRODUCTS, "search_products", query="iPhone", limit=1)
    expect(chat.card.locator("#products li")).to_have_count(1)
    result = chat.page.evaluate("given.result.structuredContent")
    evil = "<img src=x onerror='document.title=1'></script><script>document.title=2</script>"
    result["results"][0].update(name=evil, image="http://[")
    chat.tell("ui/notifications/tool-result", structuredContent=result)

    expect(chat.card.locator("h2")).to_have_text(evil)
    assert chat.in_card("document.querySelectorAll('script').length") == 2
    assert chat.in_card("document.title") == "From the shop"


def test_a_chat_that_can_do_nothing_shows_how_it_stands(chat: Chat, calm: Desk) -> None:
    follow(chat, calm, capabilities={})
    expect(current(chat)).to_have_text("Placed")
    assert chat.card.get_by_role("button").count() == 0

    chat.show(PRODUCTS, "search_products", query="iPhone", limit=2, capabilities={})
    expect(chat.card.locator("#products li")).to_have_count(2)
    assert chat.card.get_by_role("button").count() == 0


def test_a_tool_that_refused_says_so_in_the_card(chat: Chat) -> None:
    chat.show(ORDER, "track_order", order_id="ORD-NONE")
    expect(chat.card.locator("#trouble")).to_contain_text("no such order")


def test_each_language_is_spoken_and_arabic_from_the_right(chat: Chat, calm: Desk) -> None:
    follow(chat, calm)
    said: dict[str, str] = {}
    for locale in ("en-GB", "de-AT", "fr", "es-MX", "ar_EG", "fi"):
        chat.tell("ui/notifications/host-context-changed", locale=locale)
        expect(chat.card.locator("html")).to_have_attribute(
            "lang", "en" if locale == "fi" else locale.replace("_", "-")
        )
        direction = "rtl" if locale == "ar_EG" else "ltr"
        expect(chat.card.locator("html")).to_have_attribute("dir", direction)
        said[locale] = chat.card.locator("main").inner_text()

    assert len(set(said.values())) == len(said)
    assert [each for each in said if "Cancel the order" in said[each]] == ["en-GB", "fi"]


@pytest.mark.parametrize(
    ("locale", "theme"),
    [
        ("en-GB", "light"),
        ("ar", "dark"),
        pytest.param("en-GB", "dark", marks=pytest.mark.long),
        pytest.param("ar", "light", marks=pytest.mark.long),
    ],
)
def test_cards_are_for_everybody(chat: Chat, calm: Desk, theme: str, locale: str) -> None:
    context = {"locale": locale, "theme": theme}
    chat.page.evaluate("(theme) => (document.documentElement.style.colorScheme = theme)", theme)
    background = {"light": "#fff", "dark": "#1f1f1f"}[theme]
    chat.page.evaluate("(colour) => (document.body.style.background = colour)", background)
    found: list[str] = []
    if theme == "dark":
        chat.page.evaluate("() => (document.body.style.color = '#fff')")

    follow(chat, calm, context=context)
    expect(current(chat)).to_have_count(1)
    found += chat.violations()
    chat.card.locator("#cancel").click()
    expect(chat.card.locator("#question")).to_be_visible()
    found += chat.violations()
    chat.show(PRODUCTS, "get_product_info", product="iphone-15", context=context)
    expect(chat.card.get_by_role("combobox")).to_be_visible()
    found += chat.violations()
    chat.page.set_viewport_size({"width": 320, "height": 700})

    assert found == []
    assert chat.in_card("document.documentElement.scrollWidth <= innerWidth")


def test_a_card_that_is_taken_away_asks_no_more(chat: Chat, calm: Desk) -> None:
    follow(chat, calm)
    expect(current(chat)).to_have_text("Placed")
    chat.page.evaluate(
        "() => frame.contentWindow.postMessage("
        "{ jsonrpc: '2.0', id: 'end', method: 'ui/resource-teardown', params: {} }, '*')"
    )
    chat.page.wait_for_function("asked.some((one) => one.id === 'end' && one.result)")
