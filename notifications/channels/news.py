"""What providers tell: what became of messages, and what people answered. Each counts once.

The webhooks of all providers end here, whatever they look like (`channels.api`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

import orjson
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.crypto import salted_hmac

from museo.access.encryption import seal, unseal
from museo.access.problems import Problem
from notifications import log
from notifications.channels.states import State, before
from notifications.models import InboundMessage, Report

INBOX = "staff.inbox"
LONGEST_TEXT = 100_000
# what ends, begins and explains messages, if it is all that somebody writes; the first of each are
# those that Twilio knows (twilio.com/docs/messaging/tutorials/advanced-opt-out)
WORDS = {
    "stop": "stop stopall unsubscribe end quit cancel revoke optout stopp abmelden ende"
    " arret baja alto parar إيقاف توقف إلغاء",
    "start": "start unstop yes anmelden reprendre alta reanudar ابدأ اشتراك",
    "help": "help info hilfe aide ayuda مساعدة",
}
# of these, those that hold until the other is said
LASTING = ("stop", "start")


class BadNews(Problem):
    """A webhook that its provider has not signed, or that nobody can read."""

    code = "bad_signature"


@dataclass(frozen=True)
class Status:
    """A message of ours, by its provider's name for it, has reached a state."""

    channel: str
    reference: str
    state: State
    at: datetime
    code: str = ""


@dataclass(frozen=True)
class Reply:
    """Somebody wrote; `answers` is the provider's name of the message that they answer."""

    channel: str
    provider_id: str
    sender: str = field(repr=False)
    text: str = field(repr=False)
    at: datetime
    answers: str = ""
    subject: str = field(default="", repr=False)


@dataclass(frozen=True)
class Heard:
    """How much of what was told was new."""

    statuses: int = 0
    replies: int = 0


def hear(news: Iterable[Status | Reply]) -> Heard:
    """Take in all that one webhook told, or nothing of it; again is harmless."""
    told = list(news)
    # rows in one order, whoever else takes them in at the same time
    statuses = sorted(
        (each for each in told if isinstance(each, Status)),
        key=lambda status: (status.channel, status.reference),
    )
    replies = sorted(
        (each for each in told if isinstance(each, Reply)), key=lambda reply: reply.provider_id
    )
    with log.change() as change:
        return Heard(
            statuses=sum(on_status(each) for each in statuses),
            replies=sum(on_reply(change, each) for each in replies),
        )


def on_status(status: Status) -> bool:
    """Write what became of a message, unless something later is known; whether it was news."""
    name = _storable(status.reference, 255)
    mine = Report.objects.filter(channel=status.channel, reference=name)
    told = {"state": status.state, "code": _storable(status.code, 80), "at": status.at}
    if mine.filter(state__in=before(status.state)).update(**told):
        return True
    try:
        with transaction.atomic():
            Report.objects.create(channel=status.channel, reference=name, **told)
    except IntegrityError:
        # somebody else has just written the first one: look at that
        return bool(mine.filter(state__in=before(status.state)).update(**told))
    return True


def on_reply(change: log.Change, reply: Reply) -> bool:
    """Keep what somebody wrote, once, and tell staff that there is something."""
    said = {
        "sender": _storable(reply.sender, 255),
        "subject": _storable(reply.subject, 1000),
        "text": _storable(reply.text, LONGEST_TEXT),
    }
    try:
        with transaction.atomic():
            kept = InboundMessage.objects.create(
                channel=reply.channel,
                provider_id=_storable(reply.provider_id, 255),
                sealed=seal(orjson.dumps(said).decode()),
                sender_hash=sender_hash(reply.channel, reply.sender),
                word=word_of(reply.text),
                answers=_storable(reply.answers, 255),
                received_at=reply.at,
            )
    except IntegrityError:
        return False
    data = {"message_id": kept.public_id, "channel": kept.channel, "word": kept.word or None}
    change.event(INBOX, "mail.received", data, at=reply.at)
    return True


def word_of(text: str) -> str:
    """`stop`, `start` or `help`, if somebody wrote nothing else; empty otherwise."""
    return _words().get(_letters(text[:100]), "")


@cache
def _words() -> dict[str, str]:
    return {_letters(word): kind for kind, words in WORDS.items() for word in words.split()}


def _letters(text: str) -> str:
    """Without accents, blanks and dots, in lower case."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(part for part in parts if part.isalnum())


def _storable(text: str, longest: int) -> str:
    """Cut, and without what no database and no JSON takes: lone surrogates and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")[:longest]


def reports(messages: Collection[tuple[str, str]]) -> dict[tuple[str, str], Report]:
    """What became of messages, by channel and the provider's name; one query."""
    named = {(channel, reference) for channel, reference in messages if reference}
    channels, references = {each[0] for each in named}, {each[1] for each in named}
    found = Report.objects.filter(channel__in=channels, reference__in=references)
    return {(each.channel, each.reference): each for each in found}


# what is known of a sender


def sender_hash(channel: str, address: str) -> str:
    """A digest that nobody can make by trying all numbers, who has not the shop's key."""
    plain = _storable(address, 255).lower()
    return salted_hmac(f"museo.inbound.{channel}", plain, algorithm="sha256").hexdigest()


@dataclass(frozen=True)
class Correspondent:
    """What is known of somebody by a channel: when they last wrote, and whether they said STOP."""

    last_heard_at: datetime | None = None
    has_stopped: bool = False


def correspondents(
    addresses: Collection[tuple[str, str]],
) -> dict[tuple[str, str], Correspondent]:
    """Of each channel and address; two queries. WhatsApp and Instagram ask when they last wrote."""
    names = {(channel, sender_hash(channel, each)): (channel, each) for channel, each in addresses}
    heard = InboundMessage.objects.filter(sender_hash__in=[name for _channel, name in names])
    by_sender = heard.values_list("channel", "sender_hash")
    last = {(channel, name): at for channel, name, at in by_sender.annotate(Max("received_at"))}
    words = heard.filter(word__in=LASTING).order_by("received_at", "pk")
    # the last of each counts
    said = {(*who,): word for *who, word in words.values_list("channel", "sender_hash", "word")}
    return {
        address: Correspondent(last.get(name), said.get(name) == "stop")
        for name, address in names.items()
    }


def last_heard_at(channel: str, address: str) -> datetime | None:
    """When somebody last wrote by this channel."""
    return correspondents([(channel, address)])[channel, address].last_heard_at


def has_stopped(channel: str, address: str) -> bool:
    """Whether the last that somebody said about it was STOP."""
    return correspondents([(channel, address)])[channel, address].has_stopped


@dataclass(frozen=True)
class Said:
    """What somebody wrote; all of it is empty once it was erased."""

    sender: str = field(default="", repr=False)
    subject: str = field(default="", repr=False)
    text: str = field(default="", repr=False)


def read(message: InboundMessage) -> Said:
    return Said(**orjson.loads(unseal(message.sealed))) if message.sealed else Said()
