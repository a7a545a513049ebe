"""Who bought, where they live and what they wrote is in no event and in no line of the log."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterable
from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.test import override_settings
from django.utils import timezone

from catalog.models import Variant
from mcp_bridge.tasks import analyze_mail
from museo.access.callers import caller_for_user
from museo.access.models import User
from notifications import notices, tasks
from notifications.channels import news
from notifications.channels.news import Reply
from notifications.live.hub import in_thread
from notifications.models import Event, InboundMessage
from orders import services
from tests.mail_server import Mailbox
from tests.mcp_bridge.conftest import ADDRESS, SKU, Connect, buy
from tests.orders.conftest import PURCHASE

EMAIL, NAME, STREET, PHONE = (
    "ludmila@example.org",
    "Ludmila Okafor",
    "Zwiebelweg 7",
    "+358401234567",
)
# what takes the letters writes a log, too
MAIL_SERVER = "mail.log"
WROTE = "Please ring twice, the dog is called Rex."
# pieces of them would be found, too
PERSONAL = ("ludmila", "okafor", "zwiebelweg", "00137", "401234567", "ring twice", "rex")
THEIRS = {**ADDRESS, "line1": STREET, "postal_code": "00137"}


def _buy_on_the_page() -> None:
    browser = Browser()
    browser.post("/basket/add", {"sku": SKU, "quantity": "1"})
    form = {
        **THEIRS,
        "name": NAME,
        "email": EMAIL,
    }
    more = {"delivery": "courier", "payment": "ok", "key": "one", "expected_total": "80290"}
    answer = browser.post("/checkout", {**form, **more})
    assert answer.status_code == 302, answer.content


def _buy_over_rest() -> None:
    browser, kind = Browser(), "application/json"
    line = {"sku": SKU, "quantity": 1}
    token = browser.post("/api/v1/basket/items", line, content_type=kind).json()["token"]
    bought = browser.post(
        "/api/v1/orders/checkout",
        {**PURCHASE, "email": EMAIL, "name": NAME, "address": THEIRS},
        content_type=kind,
        headers={"X-Basket-Token": token, "Idempotency-Key": "k"},
    )
    assert bought.status_code == 201, bought.content


def _tell() -> None:
    """One person by their address."""
    User.objects.create_user(EMAIL, first_name=NAME)
    staff = caller_for_user(User.objects.create_superuser("staff@museo.example"), locale="en")
    more = {"dog": "Rex"}
    notices.send(staff, message=WROTE, data=more, targets=[EMAIL], now=timezone.now())


@override_settings(MUSEO_MAIL="postmark", ANYMAIL={"WEBHOOK_SECRET": "museo:secret"})
def _write_by_mail() -> None:
    letter = {
        "FromFull": {"Email": EMAIL, "Name": NAME},
        "From": EMAIL,
        "To": "orders@shop.example",
        "ToFull": [{"Email": "orders@shop.example", "Name": ""}],
        "Subject": WROTE,
        "MessageID": "22c74902-a0c1-4511-804f-341342852c90",
        "TextBody": WROTE,
        "HtmlBody": "",
        "Headers": [],
        "Attachments": [],
    }
    credentials = base64.b64encode(b"museo:secret").decode()
    heard = Browser().post(
        "/api/v1/channels/mail/inbound",
        letter,
        content_type="application/json",
        headers={"Authorization": f"Basic {credentials}"},
    )
    assert heard.json()["replies"] == 1, heard.content


def _write_by_text_message() -> None:
    news.hear([Reply("sms", "SM1", PHONE, WROTE, timezone.now())])


def _let_all_arrive() -> None:
    """Every step of every order, and a letter for each buyer."""
    while services.advance_due(now=timezone.now() + timedelta(hours=2)):
        pass
    while tasks.deliver():
        pass
    analyze_mail()


def _found(texts: Iterable[str]) -> list[str]:
    return [text for text in texts if any(each in text.casefold() for each in PERSONAL)]


def _told() -> list[str]:
    return [json.dumps([event.topic, event.data, event.texts]) for event in Event.objects.all()]


def _written(records: Iterable[logging.LogRecord]) -> list[str]:
    """All that a formatter could write of a record of ours."""
    formatter, ours = logging.Formatter(), (each for each in records if each.name != MAIL_SERVER)
    return [f"{formatter.format(record)} {record.__dict__}" for record in ours]


async def test_neither_events_nor_the_log_name_anybody_or_say_what_they_wrote(
    phone: Variant,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    mailbox: Mailbox,
) -> None:
    caplog.set_level(logging.INFO)
    await in_thread(_buy_on_the_page)()
    await in_thread(_buy_over_rest)()
    async with connect() as client:
        await buy(client, email=EMAIL, name=NAME, address=THEIRS)
    await in_thread(_tell)()
    await in_thread(_write_by_mail)()
    await in_thread(_write_by_text_message)()
    await in_thread(_let_all_arrive)()

    told, written = await in_thread(_told)(), _written(caplog.records)
    assert _found(told) == []
    assert _found(written) == []
    # all that could have named somebody did happen
    assert {
        "order.placed",
        "order.delivered",
        "notification",
        "mail.received",
        "mail.analyzed",
    } <= {kind async for kind in Event.objects.values_list("type", flat=True)}
    assert await in_thread(InboundMessage.objects.count)() == 2
    # one letter of each order, of the newest step
    assert len(_found(map(str, mailbox.taken))) == 3


async def test_what_would_name_somebody_would_be_found() -> None:
    """The twin."""
    assert _found([f"sent to {EMAIL}", '{"message": "Ring twice"}', "order placed"]) == [
        f"sent to {EMAIL}",
        '{"message": "Ring twice"}',
    ]
