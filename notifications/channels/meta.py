"""What WhatsApp and Instagram have in common: Meta's Graph API and its one webhook.

Keeps to developers.facebook.com: docs/graph-api/webhooks/getting-started (the challenge, and
X-Hub-Signature-256 over the body as it came), docs/whatsapp/cloud-api/webhooks and
docs/messenger-platform/instagram/features/webhook (what is told), and
docs/whatsapp/cloud-api/support/error-codes (errors are told apart by `code`, not by status).
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import orjson
from django.conf import settings
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from notifications.channels import calling
from notifications.channels.message import Message, NotSent
from notifications.channels.news import BadNews, Reply, Status
from notifications.channels.states import State

logger = logging.getLogger(__name__)

SIGNATURE = "X-Hub-Signature-256"
# who wrote within a day may be written to freely; a little less, for the way there
WINDOW = timedelta(hours=24) - timedelta(minutes=5)

# by the codes of Graph and of WhatsApp
TRY_AGAIN = {1, 2, 131000, 131016, 131057, 133004}
TOO_OFTEN = {4, 17, 32, 613, 80007, 130429, 131048, 131056}
STAFF_MUST_ACT = {0, 3, 10, 190, 131005, 131031, 131042, 131045, *range(200, 300)}
NOBODY_THERE = {551, 131021, 131026, 131030}
WINDOW_CLOSED = {131047}
OPTED_OUT = {131050}

Told = Mapping[str, Any]


def is_open(message: Message) -> bool:
    """Whether the person wrote so lately that the shop may write what it likes."""
    heard = message.last_heard_at
    return heard is not None and message.now - heard < WINDOW


def post(url: str, *, token: str, body: Told, now: datetime) -> dict[str, Any]:
    """What Graph answers; raise NotSent."""
    answer = calling.post(url, json=body, headers={"Authorization": f"Bearer {token}"})
    told = calling.as_json(answer)
    if answer.status_code != 200 or "error" in told:
        raise _refusal(answer, told.get("error"), now=now)
    return told


def _refusal(answer: httpx2.Response, error: Any, *, now: datetime) -> NotSent:
    code = error.get("code") if isinstance(error, Mapping) else None
    detail = f"meta {code if code is not None else answer.status_code}"
    if code in WINDOW_CLOSED:
        return NotSent("window_closed", permanent=True, detail=detail)
    if code in OPTED_OUT:
        return NotSent("opted_out", permanent=True, detail=detail)
    if code in NOBODY_THERE:
        return NotSent("bad_address", permanent=True, detail=detail)
    if code in TOO_OFTEN:
        pause = calling.retry_after(answer.headers.get("Retry-After", ""), now=now)
        return NotSent("too_often", permanent=False, retry_after=pause, detail=detail)
    if code in TRY_AGAIN:
        return NotSent("unreachable", permanent=False, detail=detail)
    if code in STAFF_MUST_ACT:
        return NotSent("not_authorized", permanent=False, detail=detail)
    return calling.general_refusal(answer, now=now, detail=detail)


# the webhook


def missing() -> list[str]:
    """Settings without which Meta's webhook is not heard."""
    names = ("META_APP_SECRETS", "META_VERIFY_TOKEN")
    known_as = {"META_APP_SECRETS": "META_APP_SECRET"}
    return [known_as.get(name, name) for name in names if not getattr(settings, name)]


def challenge(query: Mapping[str, str]) -> str:
    """What Meta asks to be told back when the webhook is set up; raise BadNews."""
    is_right = query.get("hub.mode") == "subscribe" and constant_time_compare(
        query.get("hub.verify_token", ""), settings.META_VERIFY_TOKEN
    )
    if not is_right:
        raise BadNews(_("The verify token does not fit. Check META_VERIFY_TOKEN."))
    return query.get("hub.challenge", "")[:200]


def read(body: bytes, signature: str) -> list[Status | Reply]:
    """All that one call tells; what nobody knows to read is left out. Raise BadNews."""
    if not any(
        constant_time_compare(signature, sign(body, secret)) for secret in settings.META_APP_SECRETS
    ):
        raise BadNews(_("The signature does not fit. Check the webhook's secret."))
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        detail = _("This webhook cannot be read. Send what the provider's reference describes.")
        raise BadNews(detail) from error
    return list(_news(told))


def sign(body: bytes, secret: str) -> str:
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def _news(told: Any) -> Iterator[Status | Reply]:
    kind = told.get("object") if isinstance(told, Mapping) else None
    for entry in _objects(told, "entry"):
        if kind == "whatsapp_business_account":
            for change in _objects(entry, "changes"):
                value = change.get("value")
                yield from _readable(_whatsapp_status, _objects(value, "statuses"))
                yield from _readable(_whatsapp_message, _objects(value, "messages"))
        elif kind == "instagram":
            yield from _readable(_instagram_message, _objects(entry, "messaging"))


def _readable(
    read: Callable[[Told], Status | Reply | None], told: Iterator[Told]
) -> Iterator[Status | Reply]:
    """One that cannot be read does not hold up the others: Meta would send all of them for days."""
    for each in told:
        try:
            found = read(each)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError):
            logger.warning("news of meta cannot be read", extra={"about": read.__name__})
        else:
            if found:
                yield found


def _objects(told: Any, name: str) -> Iterator[Told]:
    found = told.get(name) if isinstance(told, Mapping) else None
    for each in found if isinstance(found, list) else []:
        if isinstance(each, Mapping):
            yield each


WHATSAPP_STATES = {
    "sent": State.SENT,
    "delivered": State.DELIVERED,
    "read": State.READ,
    "failed": State.FAILED,
}


def _whatsapp_status(told: Told) -> Status | None:
    state = WHATSAPP_STATES.get(told["status"])
    if state is None:
        return None
    errors = told.get("errors") or [{}]
    return Status(
        "whatsapp",
        reference=_name(told["id"]),
        state=state,
        at=_moment(int(told["timestamp"])),
        code=str(errors[0].get("code", "")),
    )


def _whatsapp_message(told: Told) -> Reply:
    return Reply(
        "whatsapp",
        provider_id=_name(told["id"]),
        # as it is written to: the number without a plus
        sender=f"+{_name(told['from'])}",
        text=_whatsapp_text(told),
        at=_moment(int(told["timestamp"])),
        answers=str((told.get("context") or {}).get("id", "")),
    )


def _whatsapp_text(told: Told) -> str:
    kind = told["type"]
    said = told.get(kind) or {}
    if kind == "text":
        return str(said["body"])
    if kind == "button":
        return str(said["text"])
    if kind == "interactive":
        return str((said.get("button_reply") or said.get("list_reply") or {}).get("title", ""))
    # a picture, a voice: staff see that there is something
    return str(said.get("caption") or f"[{kind}]")


def _instagram_message(told: Told) -> Status | Reply | None:
    sender, at = _name(told["sender"]["id"]), _moment(int(told["timestamp"]) / 1000)
    if "read" in told:
        return Status("instagram", _name(told["read"]["mid"]), State.READ, at=at)
    said = told.get("message")
    if said is None or said.get("is_echo") or said.get("is_deleted"):
        return None
    attachments = said.get("attachments") or [{}]
    return Reply(
        "instagram",
        provider_id=_name(said["mid"]),
        sender=sender,
        text=str(said.get("text") or f"[{attachments[0].get('type', 'message')}]"),
        at=at,
        answers=str((said.get("reply_to") or {}).get("mid", "")),
    )


def _name(told: Any) -> str:
    """An id of Meta's."""
    if not isinstance(told, str) or not told.isascii() or not 0 < len(told) <= 255:
        raise ValueError(type(told).__name__)
    return told


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
