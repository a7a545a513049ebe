"""Letters that somebody sends to one address by themselves: an agent, for the shop.

They leave at once, outside of any transaction, and once: the same letter with the same request id,
or within ten minutes without one, is answered as it was the first time. One that did not leave can
be sent again. What providers report of it later comes back by its `reference`.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from museo.access import trail
from museo.access.callers import Caller
from museo.access.idempotency import Answer, claim, request_hash
from museo.access.limits import require_allowance
from museo.access.permissions import require_scope
from museo.access.problems import Invalid, NotSignedIn, Problem, field_error
from museo.access.scopes import NOTIFY_SEND
from notifications import channels, contacts, house
from notifications.channels import news
from notifications.channels.message import BadAddress, Content, Message, NotSent, Template

logger = logging.getLogger(__name__)

LONGEST_TEXT = 10_000
LONGEST_SUBJECT = 200
# of a caller in a minute, to an address in an hour
MOST_OF_CALLER, MOST_TO_ADDRESS = 30, 10
SAME_SECONDS = 600


class NotReached(Problem):
    """It did not leave; `code` is the channel's word for why, `permanent` that it never will."""

    status = 409

    def __init__(self, error: NotSent) -> None:
        facts: dict[str, Any] = {"permanent": error.permanent}
        if error.retry_after:
            facts["retry_after"] = int(error.retry_after.total_seconds())
        super().__init__(_why(error), **facts)
        self.code = error.code


@dataclass(frozen=True)
class Letter:
    """`template` is WhatsApp's, for who has not written within a day."""

    to: str = field(repr=False)
    text: str = field(repr=False)
    subject: str = field(default="", repr=False)
    template: Template | None = field(default=None, repr=False)


def send(
    caller: Caller, channel: str, letter: Letter, *, request_id: str = "", now: datetime
) -> dict[str, Any]:
    """`{"delivery_id", "channel", "reference"}`.

    Raises NotAllowed, NotConfigured, BadAddress, WantsNothing, TooOften, NotReached, KeyReused.
    """
    _require(caller)
    way = channels.require(channel)
    address = _address(way, letter.to)
    _check(letter)
    body = {
        "address": address,
        "text": letter.text,
        "subject": letter.subject,
        "template": [letter.template.name, *letter.template.parameters] if letter.template else [],
        "locale": caller.locale,
    }
    key = request_id or f"{request_hash(body)} {int(now.timestamp()) // SAME_SECONDS}"
    scope = f"{caller.identity} {channel}"
    attempt = claim(scope=scope, key=key, body=body, now=now)
    if isinstance(attempt, Answer):
        return attempt.body
    # the same however often it is tried, so that providers and mailboxes know it again
    name = hashlib.sha256(f"{scope} {key}".encode()).hexdigest()[:24]
    delivery_id = f"dlv_{name}"
    try:
        _require_few(caller, channel, address, now=now)
        heard_at = news.last_heard_at(channel, address)
        content = _content(letter, caller.locale)
        reference = way.send(Message(address, content, delivery_id, now, heard_at))
    except NotSent as error:
        attempt.forget()
        raise NotReached(error) from error
    except Problem:
        attempt.forget()
        raise
    sent = {"delivery_id": delivery_id, "channel": channel, "reference": reference}
    with transaction.atomic():
        attempt.answer(200, sent)
        trail.leave(caller, f"letter.{channel}", delivery_id, at=now)
    logger.info("letter sent", extra={"channel": channel, "delivery": delivery_id})
    return sent


def _require(caller: Caller) -> None:
    if not caller.who:
        raise NotSignedIn(_("Sign in, or bring a token, to send messages."))
    require_scope(caller, NOTIFY_SEND)


def _address(way: channels.Channel, to: str) -> str:
    try:
        return way.check(to)
    except BadAddress as error:
        # here the field has another name
        raise _invalid("/to", BadAddress.code, error.detail) from error


def _check(letter: Letter) -> None:
    if not letter.text.strip() and letter.template is None:
        raise _invalid("/text", "required", _("Write something that can be seen."))
    for pointer, text, longest in (
        ("/text", letter.text, LONGEST_TEXT),
        ("/subject", letter.subject, LONGEST_SUBJECT),
    ):
        if len(text) > longest:
            said = _("Write at most %(most)s characters.") % {"most": longest}
            raise _invalid(pointer, "max_length", said)


def _invalid(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[field_error(pointer, code, detail)])


def _require_few(caller: Caller, channel: str, address: str, *, now: datetime) -> None:
    if news.has_stopped(channel, address):
        raise contacts.wants_nothing()
    to = f"letters to:{news.sender_hash(channel, address)}"
    require_allowance(f"letters of:{caller.identity}", most=MOST_OF_CALLER, seconds=60, now=now)
    require_allowance(to, most=MOST_TO_ADDRESS, seconds=3600, now=now)


def _content(letter: Letter, locale: str) -> Content:
    first, *_others = letter.text.strip().splitlines() or [""]
    return Content(
        subject=letter.subject or first,
        text=letter.text,
        short=letter.text,
        chat=letter.text,
        locale=locale,
        template=letter.template,
        reply_to=house.current().contact_email,
    )


def _why(error: NotSent) -> str:
    if error.code == "opted_out":
        return contacts.wants_nothing().detail
    if error.code == "window_closed":
        return _("They have not written within a day: name a template that WhatsApp has approved.")
    if error.code in ("bad_address", "gone"):
        return _("Nobody is reached at this address. Check it.")
    if error.permanent:
        return _("The provider does not take this message. Change it.")
    return _("The message could not be sent now. Send it again in a few minutes.")
