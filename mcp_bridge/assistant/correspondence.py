"""Messages that people write by WhatsApp, Instagram and SMS: each is taken in once, and answered.

`mail.received` of the log says that there is one. Its sender is a guest whom the shop knows by a
digest of the address. The answer is part of the message's row, and is sent after it is written, by
whoever gets the lease; what did not leave is tried again for a day.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import override

from mcp_bridge.assistant import conversations, intake
from mcp_bridge.assistant.said import Said
from mcp_bridge.models import Conversation, Message
from museo.access.callers import Caller
from museo.access.problems import Problem
from notifications import channels, log
from notifications.channels import news
from notifications.channels.message import BadAddress, Content, NotSent
from notifications.channels.message import Message as Letter
from notifications.channels.news import INBOX
from notifications.models import EventTopic, InboundMessage, Reader

logger = logging.getLogger(__name__)
READER = "assistant"
CHANNELS = ("whatsapp", "instagram", "sms")
BATCH = 100
# what is not about messages need not be read, but the reader moves on before it is held to lag
RESTS_FOR = timedelta(seconds=10)
GOES_ON_WITHIN = timedelta(hours=24)
LEASE = timedelta(minutes=1)
TRIES_FOR = timedelta(days=1)
LONGEST_REPLY = 1500


def hear(*, now: datetime) -> int:
    """Take in what has been written since; return how many messages that were."""
    head = log.state().head
    reader, _is_new = Reader.objects.get_or_create(
        name=READER, defaults={"position": head, "at": now}
    )
    written = EventTopic.objects.filter(
        topic=INBOX, position__gt=reader.position, position__lte=head
    )
    if reader.position == head:
        return 0
    if reader.at > now - RESTS_FOR and not written.exists():
        return 0
    events = log.read([INBOX], after=reader.position, until=head, limit=BATCH)
    reached = events[-1].position if len(events) == BATCH else head
    taken = 0
    with log.change():
        mine = Reader.objects.filter(name=READER, position=reader.position)
        if not mine.update(position=reached, at=now):
            # another process has just read them
            return 0
        for event in events:
            if event.type == "mail.received" and event.data["channel"] in CHANNELS:
                taken += _take_in(event.data["message_id"], now=now)
    return taken


def _take_in(public_id: str, *, now: datetime) -> bool:
    """Whether it is one to answer: not STOP, and not without a word."""
    written = InboundMessage.objects.filter(public_id=public_id, word="").first()
    if written is None:
        return False
    said = news.read(written)
    sender = Caller(
        address=f"{written.channel}:{written.sender_hash}",
        locale=settings.LANGUAGE_CODE,
        sales_channel=written.channel,
    )
    try:
        intake.accept(
            sender,
            text=said.text,
            conversation_id=_last_of(sender, now=now),
            client_type=written.channel,
            channel=written.channel,
            sender=said.sender,
            now=now,
        )
    except Problem as problem:
        # staff see it in the inbox
        logger.info("message not answered", extra={"inbound": public_id, "why": problem.code})
        return False
    return True


def _last_of(sender: Caller, *, now: datetime) -> str:
    """The conversation that goes on; empty for a new one."""
    recent = Conversation.objects.of(sender, now=now).filter(updated_at__gt=now - GOES_ON_WITHIN)
    return recent.order_by("-updated_at").values_list("public_id", flat=True).first() or ""


def reply_all(*, now: datetime) -> int:
    """Send the answers that are due; return how many left."""
    due = Message.objects.filter(reply_due_at__lte=now).order_by("reply_due_at")
    return sum(reply(pk, now=now) for pk in due.values_list("pk", flat=True)[:BATCH])


def reply(pk: int, *, now: datetime) -> bool:
    """Send one answer, unless somebody else is at it; whether it left."""
    due = Message.objects.filter(pk=pk, reply_due_at__lte=now)
    if not due.update(reply_due_at=now + LEASE):
        return False
    message = Message.objects.select_related("conversation").get(pk=pk)
    has_left, is_over = _send(message, now=now)
    if is_over or now - message.at > TRIES_FOR:
        Message.objects.filter(pk=pk).update(reply_due_at=None)
    return has_left


def _send(message: Message, *, now: datetime) -> tuple[bool, bool]:
    """Whether it left, and whether there is nothing more to try."""
    sender = Said.of(message).sender
    response = conversations.read_response(message)
    if not sender or response is None or news.has_stopped(message.channel, sender):
        return False, True
    text = response["message"][:LONGEST_REPLY]
    content = Content(subject="", text=text, short=text, chat=text, locale=message.locale)
    try:
        with override(message.locale):
            way = channels.require(message.channel)
            heard_at = news.last_heard_at(message.channel, sender)
            way.send(Letter(way.check(sender), content, message.public_id, now, heard_at))
    except (NotSent, BadAddress, channels.NotConfigured) as error:
        is_over = not isinstance(error, NotSent) or error.permanent
        code = getattr(error, "code", "")
        logger.info("answer not sent", extra={"answer": message.public_id, "why": code})
        return False, is_over
    return True, True
