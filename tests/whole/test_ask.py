"""The assistant's page in a real browser: words become deeds, and none of them without a yes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.shops import Shop
from tests.whole.talk import Talk
from tests.whole.test_browser import OVERFLOW, violations

pytestmark = pytest.mark.browser

WHERE = {
    "email": "maya@example.org",
    "name": "Maya Okafor",
    "address.line1": "Museum Street 1",
    "address.postal_code": "00130",
    "address.city": "Helsinki",
    "address.country": "FI",
}


def test_a_telephone_is_found_bought_and_followed_without_leaving_the_page(talk: Talk) -> None:
    found = talk.say("Do you have iPhone 15?")
    expect(found.locator(".picks li").first).to_contain_text("iPhone 15")
    expect(found.locator("summary")).to_contain_text("3 steps")
    talk.press("Add it to my basket")
    expect(talk.last.locator(".sheet")).to_contain_text("iPhone 15")
    talk.press("I want to pay")
    for name, value in WHERE.items():
        talk.last.locator(f"[name='details.{name}']").fill(value)
    asked = talk.press("Go on")
    expect(asked.locator(".confirm")).to_contain_text("€752.90")
    assert talk.told()["response"]["data"]["kind"] == "confirm"

    bought = talk.press("Buy this")

    assert talk.told()["response"]["data"]["kind"] == "order"
    expect(bought.get_by_role("link", name="Follow it")).to_be_visible()
    # pushed: nobody asks again, and nothing is pressed
    expect(
        bought.locator(".way [aria-current=step], .way [data-state=done]").nth(1)
    ).to_be_visible()
    # the browser's own basket is the one that was paid for
    talk.shopper.go("/basket")
    expect(talk.page.locator("main")).to_contain_text("empty")


def test_words_alone_buy_nothing(talk: Talk) -> None:
    talk.say("Do you have iPhone 15?")
    talk.press("Add it to my basket")
    talk.press("I want to pay")
    for name, value in WHERE.items():
        talk.last.locator(f"[name='details.{name}']").fill(value)
    talk.press("Go on")

    for words in ("yes", "buy it now", "I confirm, pay"):
        talk.say(words)
        assert talk.told()["response"]["data"]["kind"] != "order"
    assert talk.is_in_view()

    talk.page.reload()
    expect(talk.page.locator(".confirm").first).to_be_visible()
    assert talk.page.locator("order-way").count() == 0


def test_a_reload_comes_back_to_the_conversation(talk: Talk) -> None:
    talk.say("Show me red mugs")
    said = talk.turns.count()

    talk.page.reload()

    expect(talk.turns).to_have_count(said)
    expect(talk.last.locator(".said")).to_contain_text("Show me red mugs")


def test_words_are_kept_while_the_browser_is_offline_and_said_once(
    talk: Talk, context: BrowserContext
) -> None:
    context.set_offline(True)
    talk.page.fill("#ask-message", "Show me vases")
    talk.page.keyboard.press("Enter")
    expect(talk.page.locator("[data-trouble]")).to_contain_text("You are offline")
    expect(talk.page.locator("#ask-message")).to_have_value("Show me vases")

    context.set_offline(False)
    expect(talk.page.locator("[data-trouble]")).to_be_hidden()
    talk.page.keyboard.press("Enter")

    talk.answered(0)
    expect(talk.page.locator("#ask-message")).to_have_value("")


def test_without_a_script_a_form_is_sent_and_the_page_comes_again(
    chrome: Browser, shop: Shop
) -> None:
    plain = chrome.new_context(locale="en-GB", java_script_enabled=False)
    talk = Talk(plain.new_page(), shop.address)
    talk.shopper.go("/ask")
    talk.page.fill("#ask-message", "Do you have iPhone 15?")

    talk.page.get_by_role("button", name="Send").click()

    expect(talk.page.locator(".picks li").first).to_contain_text("iPhone 15")
    expect(talk.page.locator("[data-open]")).to_have_count(0)
    talk.page.get_by_role("button", name="Add it to my basket").click()
    expect(talk.page.locator(".sheet")).to_contain_text("iPhone 15")
    plain.close()


def test_what_says_nothing_is_refused_beside_the_field(chrome: Browser, shop: Shop) -> None:
    plain = chrome.new_context(locale="en-GB", java_script_enabled=False)
    talk = Talk(plain.new_page(), shop.address)
    talk.shopper.go("/ask")

    talk.page.get_by_role("button", name="Send").click()

    expect(talk.page.get_by_role("alert")).to_contain_text("Say what you want")
    expect(talk.page.locator("#ask-message")).to_have_attribute("aria-invalid", "true")
    plain.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it_on_a_small_screen(chrome: Browser, shop: Shop, scheme: Any) -> None:
    small = chrome.new_context(
        locale="en-GB", viewport={"width": 320, "height": 640}, color_scheme=scheme
    )
    talk = Talk(small.new_page(), shop.address)
    talk.shopper.go("/ask")
    talk.say("Do you have iPhone 15?")

    assert talk.page.evaluate(OVERFLOW) == 0
    assert violations(talk.shopper) == []
    small.close()


@pytest.fixture
def staff(context: BrowserContext, shop: Shop) -> Iterator[Talk]:
    """The owner at the assistant of the admin."""
    talk = Talk(context.new_page(), shop.address)
    talk.shopper.go("/admin/login/?next=/admin/assistant")
    email, password = (shop.home / "staff-login").read_text().split()
    talk.page.fill("[name=username]", email)
    talk.page.fill("[name=password]", password)
    talk.page.keyboard.press("Enter")
    talk.page.wait_for_url("**/admin/assistant")
    yield talk
    assert talk.shopper.trouble == []


def history(staff: Talk, product: str) -> Any:
    """What was done to a product, as the admin shows it."""
    staff.page.goto(f"{staff.shopper.address}/admin/catalog/master/?q={product}")
    href = staff.page.get_by_role("link", name=product).first.get_attribute("href")
    assert href
    staff.page.goto(staff.shopper.address + href.replace("change/", "history/").split("?")[0])
    return staff.page.locator("main, #content").first


def test_staff_change_a_price_by_a_sentence_and_a_button(staff: Talk) -> None:
    asked = staff.say("Set the price of the amphora vase to 91 euros")
    expect(asked.locator(".confirm")).to_contain_text("€91.00")
    staff.shopper.go("/p/amphora-vase")
    expect(staff.page.locator("main")).not_to_contain_text("€91.00")
    staff.page.go_back()
    staff.page.locator(".confirm .pri").click()
    staff.answered(1)

    staff.shopper.go("/p/amphora-vase")
    expect(staff.page.locator("main")).to_contain_text("€91.00")
    assert violations(staff.shopper) == []
    expect(history(staff, "Amphora vase")).to_contain_text("Changed")


DROP = """(file) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([file], "bowls.csv", { type: "text/csv" }));
  const drop = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
  document.querySelector("ai-chat-panel").dispatchEvent(drop);
}"""
BOWLS = """sku,product,name,category,price,stock
DROP-1,dropped-bowl,Dropped bowl,Phones,19.90,3
DROP-2,dropped-cup,Dropped cup,Nowhere,9.90,3
"""


def test_staff_make_a_product_by_a_sentence_and_more_by_dropping_a_file(staff: Talk) -> None:
    staff.say("Create a product Spoken vase for 19.90 euros")
    asked = staff.press("Electronics")
    expect(asked.locator(".confirm")).to_contain_text("Spoken vase")
    staff.press("Create it")
    before = staff.turns.count()
    staff.page.evaluate(DROP, BOWLS)
    dropped = staff.answered(before)
    expect(dropped.locator(".said")).to_contain_text("bowls.csv")
    expect(dropped.locator(".confirm")).to_contain_text("Refused: 1")

    begun = staff.press("Import them")

    expect(begun.locator("import-way[data-state=done]")).to_be_attached()
    expect(begun.locator("[data-count=created]")).to_have_text("1")
    assert violations(staff.shopper) == []
    # what was done stays to be looked up
    for made in ("Spoken vase", "Dropped bowl"):
        expect(history(staff, made)).to_contain_text("Made")


ASK = """async ({ module, address }) => {
  const { MCPWebSocketClient } = await import(module);
  const steps = [];
  const client = new MCPWebSocketClient({
    url: address, clientType: "web-storefront", onStep: ({ type }) => steps.push(type),
  });
  await client.connect();
  const answer = await client.ask("Do you have iPhone 15?");
  client.disconnect();
  return { answer, steps };
}"""


def test_front_ends_of_others_talk_over_a_websocket(talk: Talk, shop: Shop) -> None:
    address = shop.address.replace("http", "ws", 1) + "/ws/assistant/"
    module = "/static/js/assistant/mcp-service.js"

    told = talk.page.evaluate(ASK, {"module": module, "address": address})

    assert told["answer"]["data"]["kind"] == "products"
    assert told["steps"][0] == "process_start"
    assert told["steps"][-1] == "process_complete"
