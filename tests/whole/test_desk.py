"""The desk of staff in a real browser: what people write appears by itself, and is opened."""

from __future__ import annotations

import subprocess
import sys

import pytest
from playwright.sync_api import Browser, expect

from tests.shops import ROOT, Shop, _environment

pytestmark = pytest.mark.browser
BOSS, PASSWORD = "desk@museo.example", "a long way to the museum"
SETTLE = f"""
from museo.access.models import User
User.objects.create_superuser({BOSS!r}, {PASSWORD!r})
"""
WRITE = """
from django.utils import timezone
from notifications.channels import news
from notifications.channels.news import Reply
news.hear([Reply("sms", {name!r}, "+358401234567", "Where is it?", at=timezone.now())])
"""


def run(shop: Shop, command: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "shell", "--verbosity=0", "-c", command],
        cwd=ROOT,
        env=_environment(shop.home),
        check=True,
    )


def test_a_message_appears_while_staff_look_and_is_opened(chrome: Browser, shop: Shop) -> None:
    run(shop, SETTLE + WRITE.format(name="SM1"))
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

    run(shop, WRITE.format(name="SM2"))

    expect(rows).to_have_count(2)
    assert page.evaluate("window.isTheSame")
    rows.first.get_by_role("link").first.click()
    expect(page.get_by_text("Where is it?")).to_be_visible()
    assert errors == []
    context.close()
