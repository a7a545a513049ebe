"""E-mail, against a real SMTP server on a loopback socket, and what providers of mail tell."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from dataclasses import replace
from typing import Any

import pytest
from django.core import mail as outbox
from django.test import Client
from pytest_django import Settings

from museo import environment
from notifications import channels
from notifications.channels import email as channel
from notifications.channels import news
from notifications.channels.message import BadAddress, NotSent
from notifications.models import Event, InboundMessage, Report
from tests.mail_server import Mailbox
from tests.notifications.channels.conftest import CONTENT, message

MAYA = "maya@example.org"
TRACKING, INBOUND = "/api/v1/channels/mail/tracking", "/api/v1/channels/mail/inbound"


def test_a_letter_has_both_forms_and_ends_with_one_click(mailbox: Mailbox) -> None:
    reference = channel.send(message(MAYA))

    (letter,) = mailbox.taken
    assert reference == letter["Message-ID"] == "<dlv_1@shop.example>"
    assert (letter["To"], letter["From"]) == (MAYA, "Museo <orders@shop.example>")
    assert letter["Subject"] == "Your order is on the way"
    assert letter.get_content_type() == "multipart/alternative"
    plain, html = letter.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert plain.get_content().startswith("The courier has picked up your order.")
    assert letter["List-Unsubscribe"] == "<https://shop.example/stop/abc>"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["References"] == "<order.ORD-7K4Q2M9X@shop.example>"


def test_in_the_demo_a_letter_is_shown_as_it_is_read(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.EMAIL_BACKEND = environment.mail_backend("console")

    channel.send(message(MAYA))

    shown = capsys.readouterr().out
    assert shown.startswith(f"To {MAYA}: Your order is on the way\n\nThe courier has picked up")
    assert "<html" not in shown


def test_another_try_is_the_same_letter(mailbox: Mailbox) -> None:
    mailbox.to_data.append("451 Try again")
    with pytest.raises(NotSent):
        channel.send(message(MAYA))

    channel.send(message(MAYA))
    channel.send(message(MAYA))

    assert [each["Message-ID"] for each in mailbox.taken] == ["<dlv_1@shop.example>"] * 2


@pytest.mark.parametrize(
    ("at_recipient", "reply", "said", "permanent"),
    [
        (True, "550 No such user", "bad_address", True),
        (True, "553 Not allowed", "bad_address", True),
        (True, "550 5.1.1 No such user", "bad_address", True),
        # of the shop's way out, and of nobody's address
        (True, "550 5.7.1 Relaying denied", "refused", True),
        (True, "554 5.7.1 Relay access denied", "refused", True),
        (True, "530 Authentication required", "refused", True),
        (True, "450 Mailbox busy", "bad_address", False),
        (True, "452 Mailbox full", "bad_address", False),
        (False, "554 Looks like spam", "refused", True),
        (False, "451 Local error", "unreachable", False),
        (False, "421 Shutting down", "unreachable", False),
    ],
)
def test_the_first_digit_says_whether_another_try_is_of_use(
    mailbox: Mailbox, at_recipient: bool, reply: str, said: str, permanent: bool
) -> None:
    (mailbox.to_recipients if at_recipient else mailbox.to_data).append(reply)

    with pytest.raises(NotSent) as refused:
        channel.send(message(MAYA))

    error = refused.value
    assert (error.code, error.permanent) == (said, permanent)
    assert error.detail == f"smtp {reply[:3]}"
    assert error.__cause__ is None
    assert MAYA not in f"{error!r}{error}{error.detail}"
    assert mailbox.taken == []


def test_a_server_that_is_away_is_tried_again(mailbox: Mailbox, settings: Settings) -> None:
    settings.EMAIL_PORT = 9

    with pytest.raises(NotSent) as refused:
        channel.send(message(MAYA))

    assert (refused.value.code, refused.value.permanent) == ("unreachable", False)


def test_a_subject_has_one_line_and_names_of_all_letters(mailbox: Mailbox) -> None:
    wild = replace(CONTENT, subject="Käse für\r\nBcc: all@example.org " + "x" * 300, text="طلبك\n")

    channel.send(message(MAYA, wild))

    (letter,) = mailbox.taken
    subject = letter["Subject"].strip()
    assert subject.startswith("Käse für Bcc: all@example.org x")
    assert letter["Bcc"] is None
    assert len(subject) == 200
    plain = next(letter.iter_parts())
    assert plain.get_content().strip() == "طلبك"


NOT_IDNA = f"maya@{'ä' * 60}.org"


@pytest.mark.parametrize(
    "wrong", ["", "maya", "maya@", "a@b@c", "x\n@example.org", "m" * 400, NOT_IDNA]
)
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(BadAddress):
        channel.check(wrong)


@pytest.mark.parametrize(
    "hidden",
    [
        "=?utf-8?q?maya?=@example.org",
        "m=?utf-8?q?aya?=@example.org",
        '"maya"@example.org',
        '"ma\x01ya"@example.org',
    ],
)
def test_an_address_is_not_written_so_that_it_counts_as_another(hidden: str) -> None:
    with pytest.raises(BadAddress):
        channel.check(hidden)


def test_a_domain_that_cannot_be_written_for_mail_is_no_address(mailbox: Mailbox) -> None:
    with pytest.raises(NotSent) as refused:
        channel.send(message(NOT_IDNA))

    assert (refused.value.code, refused.value.permanent) == ("bad_address", True)


def test_what_the_chosen_way_needs_is_said(settings: Settings) -> None:
    settings.MUSEO_MAIL, settings.EMAIL_HOST = "smtp", ""
    assert channel.missing() == ["SMTP_URL"]

    settings.MUSEO_MAIL = "postmark"
    settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL = {}
    with pytest.raises(channels.NotConfigured, match="ANYMAIL_POSTMARK_SERVER_TOKEN"):
        channels.require("email")

    settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "t"}
    assert channel.missing() == []


def test_a_providers_name_of_the_letter_comes_back(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "anymail.backends.test.EmailBackend"

    reference = channel.send(message(MAYA))

    sent: Any = outbox.outbox[0]
    assert reference == str(sent.anymail_status.message_id)


# what providers tell


@pytest.fixture
def postmark(settings: Settings) -> str:
    """The credentials that its webhooks bring."""
    settings.MUSEO_MAIL = "postmark"
    settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "t", "WEBHOOK_SECRET": "museo:secret"}
    return "Basic " + base64.b64encode(b"museo:secret").decode()


def tell(client: Client, path: str, told: Any, authorization: str) -> Any:
    headers = {"Authorization": authorization} if authorization else {}
    body = told if isinstance(told, bytes) else json.dumps(told)
    return client.generic("POST", path, body, "application/json", headers=headers)


def of_postmark(kind: str, **more: Any) -> dict[str, Any]:
    """As postmarkapp.com/developer/webhooks has it."""
    return {
        "RecordType": kind,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Recipient": MAYA,
        "DeliveredAt": "2026-11-20T12:03:00Z",
        "ReceivedAt": "2026-11-20T12:04:00Z",
        "BouncedAt": "2026-11-20T12:05:00Z",
        "Email": MAYA,
        **more,
    }


@pytest.mark.django_db
@pytest.mark.both
def test_a_provider_tells_of_delivery_bounce_and_complaint_in_any_order(
    postmark: str, client: Client
) -> None:
    states = []
    for told in (
        of_postmark("Bounce", ID=1, Type="Transient", Description="busy"),
        of_postmark("Delivery"),
        of_postmark("SpamComplaint", ID=2, Type="SpamComplaint", Description="spam"),
        of_postmark("Open"),
        of_postmark("Bounce", ID=3, Type="HardBounce", Description="gone"),
    ):
        assert tell(client, TRACKING, told, postmark).status_code == 200
        states.append(Report.objects.values_list("state", flat=True).first())

    assert states == [None, "delivered", "complained", "complained", "complained"]
    report = Report.objects.get()
    assert (report.channel, report.reference) == ("email", "883953f4-6105-42a2-a16a-77a8eac79483")


@pytest.mark.django_db
def test_a_webhook_without_its_password_is_refused(
    postmark: str, client: Client, settings: Settings
) -> None:
    for wrong in ("", "Basic bXVzZW86Z3Vlc3M="):
        answer = tell(client, TRACKING, of_postmark("Delivery"), wrong)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_signature")
    settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "t"}
    answer = tell(client, TRACKING, of_postmark("Delivery"), postmark)

    assert (answer.status_code, answer.json()["code"]) == (409, "channel_not_configured")
    assert "ANYMAIL_WEBHOOK_SECRET" in answer.json()["detail"]
    assert not Report.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("told", [b"", b"{", b"[]", b"null", b"{}", b'{"RecordType": 7}', b"\xff"])
def test_a_webhook_that_cannot_be_read_is_no_error_of_ours(
    postmark: str, client: Client, told: bytes
) -> None:
    for path in (TRACKING, INBOUND):
        assert tell(client, path, told, postmark).status_code in (200, 400)
    assert not Report.objects.exists()


@pytest.mark.django_db
def test_a_provider_that_signs_needs_no_password(settings: Settings, client: Client) -> None:
    settings.MUSEO_MAIL = "mailgun"
    settings.ANYMAIL = {"MAILGUN_API_KEY": "k", "MAILGUN_WEBHOOK_SIGNING_KEY": "signing"}
    sent = str(int(time.time()))
    signed = hmac.new(b"signing", f"{sent}token".encode(), hashlib.sha256).hexdigest()
    told = {
        "signature": {"token": "token", "timestamp": sent, "signature": signed},
        "event-data": {
            "event": "delivered",
            "id": "e1",
            "timestamp": 1795176000.1,
            "recipient": MAYA,
            "message": {"headers": {"message-id": "dlv_1@shop.example"}},
            "delivery-status": {},
        },
    }

    right = tell(client, TRACKING, told, "")
    another = {"token": "x", "timestamp": sent, "signature": signed}
    wrong = tell(client, TRACKING, {**told, "signature": another}, "")

    assert (right.status_code, wrong.status_code) == (200, 400)
    report = Report.objects.get()
    # as we named it when it was sent
    assert (report.reference, report.state) == ("<dlv_1@shop.example>", "delivered")


@pytest.mark.django_db
@pytest.mark.both
def test_a_mail_to_the_shop_is_kept_once_and_sealed(postmark: str, client: Client) -> None:
    told = {
        "FromFull": {"Email": "Maya@Example.org", "Name": "Maya"},
        "From": "Maya@Example.org",
        "To": "orders@shop.example",
        "ToFull": [{"Email": "orders@shop.example", "Name": ""}],
        "Subject": "Re: Your order is on the way",
        "MessageID": "22c74902-a0c1-4511-804f-341342852c90",
        "TextBody": "Please ring twice.",
        "HtmlBody": "<p>Please ring twice.</p>",
        "Headers": [
            {"Name": "Message-ID", "Value": "<abc@mail.example.org>"},
            {"Name": "In-Reply-To", "Value": "<dlv_1@shop.example>"},
        ],
        "Attachments": [],
    }

    answers = [tell(client, INBOUND, told, postmark) for _ in "12"]

    assert [each.json().get("replies") for each in answers] == [1, 0]
    kept = InboundMessage.objects.get()
    assert news.read(kept) == news.Said(
        sender="maya@example.org",
        subject="Re: Your order is on the way",
        text="Please ring twice.",
    )
    assert (kept.provider_id, kept.answers) == ("<abc@mail.example.org>", "<dlv_1@shop.example>")
    event = Event.objects.get()
    assert (event.topic, event.type) == ("staff.inbox", "mail.received")
    assert "maya" not in json.dumps(event.data)


@pytest.mark.django_db
def test_a_shop_without_a_provider_of_mail_hears_nothing(client: Client) -> None:
    for path in (TRACKING, INBOUND):
        answer = tell(client, path, {}, "")
        assert (answer.status_code, answer.json()["code"]) == (409, "channel_not_configured")
