"""The desk of staff in a real browser: what people write appears by itself, and is opened."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.clients.orders import Hands
from tests.shops import Shop

pytestmark = pytest.mark.browser
BOSS, PASSWORD = "desk@museo.example", "a long way to the museum"
SETTLE = """
from museo.access.models import User

User.objects.create_superuser(*sys.argv[1:])
"""
WRITE = """
from django.utils import timezone
from notifications.channels import news
from notifications.channels.news import Reply

news.hear([Reply("sms", sys.argv[1], "+358401234567", "Where is it?", at=timezone.now())])
"""


def test_a_message_appears_while_staff_look_and_is_opened(
    chrome: Browser, shop: Shop, hands: Hands
) -> None:
    hands.do(SETTLE, BOSS, PASSWORD)
    hands.do(WRITE, "SM1")
    context = chrome.new_context(locale="en-GB")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{shop.address}/admin/login/?next=/admin/notifications/inboundmessage/")
    page.fill("#id_username", BOSS)
    page.fill("#id_password", PASSWORD)
    page.get_by_role("button", name="Log in").click()
    rows = page.locator("#result_list tr.data-row")
    expect(rows).to_have_count(1)
    page.evaluate("window.isTheSame = true")

    waiting: list[Route] = []
    page.route("**/inboundmessage/", lambda route: waiting.append(route), times=1)
    with page.expect_request("**/inboundmessage/"):
        hands.do(WRITE, "SM2")
    # who comes to a message while the list is asked for stays there
    link = rows.first.get_by_role("link").first
    link.focus()
    with page.expect_response("**/inboundmessage/") as answer:
        waiting.pop().continue_()
    answer.value.finished()
    page.evaluate("new Promise(requestAnimationFrame)")
    expect(link).to_be_focused()
    expect(rows).to_have_count(1)
    link.blur()

    expect(rows).to_have_count(2)
    assert page.evaluate("window.isTheSame")
    rows.first.get_by_role("link").first.click()
    expect(page.get_by_text("Where is it?")).to_be_visible()
    assert errors == []
    context.close()
