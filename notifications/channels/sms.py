"""Text messages by Twilio's Messages API.

Keeps to www.twilio.com/docs: messaging/api/message-resource (a form, Basic authentication, at most
1,600 characters), usage/webhooks/webhooks-security (X-Twilio-Signature), and
messaging/guides/track-outbound-message-status. Twilio takes no idempotency key for a message: one
whose answer is lost is sent again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from notifications.channels import calling
from notifications.channels.message import BadAddress, Message, NotSent, shortened
from notifications.channels.news import BadNews, Reply, Status
from notifications.channels.states import State

NAME = "sms"
SIGNATURE = "X-Twilio-Signature"
LONGEST = 1600
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
MOST_FIELDS = 100

# www.twilio.com/docs/api/errors: of an answer 400, which else says that the message is wrong
OPTED_OUT = {21610}
NOBODY_THERE = {21211, 21214, 21217, 21265, 21266, 21408, 21612, 21614, 21635}
QUEUE_FULL = {14107, 21611}
TOO_LONG = {21617}
# the states of a message that are worth telling; what is on its way is not
STATES = {
    "sent": State.SENT,
    "delivered": State.DELIVERED,
    "read": State.READ,
    "undelivered": State.FAILED,
    "failed": State.FAILED,
    "canceled": State.FAILED,
}
Form = Sequence[tuple[str, str]]


def label() -> str:
    return _("Text message")


def missing() -> list[str]:
    names = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM")
    return [name for name in names if not getattr(settings, name)]


def check(address: str) -> str:
    """A number in the form of E.164, however it was spaced; raise BadAddress."""
    number = re.sub(r"[\s().-]", "", address)
    if not E164.fullmatch(number):
        raise BadAddress(_("Write the number with its country, such as +358401234567."))
    return number


def send(message: Message) -> str:
    """Twilio's SID of the message; raise NotSent."""
    account = settings.TWILIO_ACCOUNT_SID
    answer = calling.post(
        f"{settings.TWILIO_API_BASE}/2010-04-01/Accounts/{account}/Messages.json",
        auth=(account, settings.TWILIO_AUTH_TOKEN),
        data={
            "To": message.address,
            **_sender(),
            "Body": _body(message),
            **_callback(),
        },
    )
    told = calling.as_json(answer)
    if answer.status_code != 201 or not told.get("sid"):
        raise _refusal(answer, told, now=message.now)
    return str(told["sid"])


def _sender() -> dict[str, str]:
    """A number or name of the shop's, or a Messaging Service."""
    sender = settings.TWILIO_FROM
    return {"MessagingServiceSid" if sender.startswith("MG") else "From": sender}


def _callback() -> dict[str, str]:
    """Where Twilio tells what became of it; it takes no address that it cannot reach."""
    if not settings.MUSEO_PUBLIC_URL.startswith("https://"):
        return {}
    return {"StatusCallback": f"{settings.MUSEO_PUBLIC_URL}/api/v1/channels/twilio/status"}


def _body(message: Message) -> str:
    content = message.content
    link = f"\n{content.url}" if content.url else ""
    return shortened(content.short or content.text, LONGEST - len(link)) + link


def _refusal(answer: Any, told: Mapping[str, Any], *, now: datetime) -> NotSent:
    code = told.get("code")
    detail = f"twilio {code or answer.status_code}"
    if code in OPTED_OUT:
        return NotSent("opted_out", permanent=True, detail=detail)
    if code in NOBODY_THERE:
        return NotSent("bad_address", permanent=True, detail=detail)
    if code in TOO_LONG:
        return NotSent("too_large", permanent=True, detail=detail)
    if code in QUEUE_FULL:
        return NotSent("too_often", permanent=False, detail=detail)
    if answer.status_code == 404:
        # there is no such account
        return NotSent("not_authorized", permanent=False, detail=detail)
    return calling.general_refusal(answer, now=now, detail=detail)


# what Twilio tells


def read_status(url: str, body: bytes, signature: str, *, now: datetime) -> list[Status]:
    """What became of one message; nothing while it is on its way. Raise BadNews."""
    form = _verified(url, body, signature)
    name, state = form.get("MessageSid", ""), STATES.get(form.get("MessageStatus", ""))
    if not name or state is None:
        return []
    return [Status(NAME, name, state, at=now, code=form.get("ErrorCode", ""))]


def read_message(url: str, body: bytes, signature: str, *, now: datetime) -> list[Reply]:
    """What somebody wrote to the shop's number; raise BadNews."""
    form = _verified(url, body, signature)
    name, sender = form.get("MessageSid", ""), form.get("From", "")
    if not name or not sender:
        raise BadNews(
            _("This webhook cannot be read. Send what the provider's reference describes.")
        )
    return [Reply(NAME, name, sender, form.get("Body", ""), at=now)]


def _verified(url: str, body: bytes, signature: str) -> dict[str, str]:
    try:
        form = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError as error:
        detail = _("This webhook cannot be read. Send what the provider's reference describes.")
        raise BadNews(detail) from error
    if not constant_time_compare(signature, sign(url, form)):
        raise BadNews(_("The signature does not fit. Check the webhook's secret."))
    return dict(form)


def sign(url: str, form: Form) -> str:
    """The address as Twilio called it, then each field and its value, in the order of names."""
    text = url + "".join(name + value for name, value in sorted(set(form)))
    key = settings.TWILIO_AUTH_TOKEN.encode()
    signed = hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha1)
    return base64.b64encode(signed.digest()).decode()
