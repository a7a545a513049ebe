"""Analyzes what people write to the shop: a reader of the log, so each message once, whoever dies.

`mail.received` makes an analysis that waits; whoever claims it finds out what the message is about
and writes that and `mail.analyzed` in one transaction, if the claim still holds. A claim that was
not kept is taken up by the next one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import prometheus_client as metrics
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db.models import F, Q
from django.utils.translation import gettext_noop

from catalog import shop
from mcp_bridge.assistant import keys, mail_words, spending
from mcp_bridge.assistant.mail_words import Finding
from mcp_bridge.models import MailAnalysis
from museo.access.encryption import seal
from museo.lazy import Lazy
from notifications import log, readers
from notifications.channels import news
from notifications.channels.news import INBOX, Said
from notifications.erasure import TOPIC as ERASURES
from notifications.live.hub import in_thread
from notifications.models import Event, InboundMessage
from orders.models import Order

logger = logging.getLogger(__name__)
# a shop without keys loads nothing of it
model: Any = Lazy("mcp_bridge.assistant.mail_model")
NAME = "mail analysis"
ANALYZED, PROGRESS = "mail.analyzed", "progress"
# longer than a model may take
LEASE = timedelta(minutes=3)
MOST_AT_ONCE = 8
TASK = gettext_noop("Reading a message")
WAITS = gettext_noop("A message has come in")
IS_READ = gettext_noop("The message is read")
STEPS = 2
ANALYSES = metrics.Counter(
    "museo_mail_analyses", "Messages to the shop that were analyzed", ["by", "category"]
)
State = MailAnalysis.State


def take_in(*, now: datetime, limit: int = 200) -> int:
    """Note which messages have come; return how many events were read."""
    if readers.has_read_all(NAME):
        return 0
    with readers.batch(NAME, now=now, limit=limit) as events:
        received = [event for event in events if event.type == "mail.received"]
        if received:
            _note(received, now=now)
        if any(event.topic == ERASURES for event in events):
            _forget_erased()
    return len(events)


def _note(events: Sequence[Event], *, now: datetime) -> None:
    ids = [event.data["message_id"] for event in events]
    there = InboundMessage.objects.filter(public_id__in=ids, analysis=None).order_by("pk")
    made = [MailAnalysis(message=message, created_at=now) for message in there]
    MailAnalysis.objects.bulk_create(made)
    for each in made:
        _tell_progress(each, step=1, said=WAITS, at=now)


def _forget_erased() -> None:
    """A suggestion may say what its message said."""
    gone = MailAnalysis.objects.filter(message__sealed="").exclude(sealed_suggestion="")
    gone.update(sealed_suggestion="")


def analyze(*, now: datetime) -> int:
    """Find out about the oldest that wait; return how many were done.

    A model is asked of one batch at a time: a flood of mail keeps nothing else from being sent.
    """
    asks_model = _asks_a_model(now)
    under_way = MailAnalysis.objects.filter(state=State.WAITING, leased_until__gt=now)
    if asks_model and under_way.exists():
        return 0
    runner = uuid4().hex
    claimed = claim(runner, now=now)
    if not claimed:
        return 0
    said = [(each, news.read(each.message)) for each in claimed]
    by_words = [(each, text, _by_words(text)) for each, text in said]
    if asks_model:
        done: int = async_to_sync(_by_model)(by_words, runner, now)
        return done
    return sum(finish(each, runner, found, by="patterns", now=now) for each, _t, found in by_words)


def claim(runner: str, *, now: datetime) -> list[MailAnalysis]:
    """Those that wait, or whose worker has died; nobody else has them for a while."""
    is_free = Q(leased_until=None) | Q(leased_until__lte=now)
    waiting = MailAnalysis.objects.filter(is_free, state=State.WAITING).order_by("pk")
    for pk, lease in list(waiting.values_list("pk", "leased_until")[:MOST_AT_ONCE]):
        mine = MailAnalysis.objects.filter(pk=pk, state=State.WAITING, leased_until=lease)
        mine.update(runner=runner, leased_until=now + LEASE, tries=F("tries") + 1)
    held = MailAnalysis.objects.filter(runner=runner, state=State.WAITING)
    return list(held.select_related("message").order_by("pk"))


def _by_words(said: Said) -> Finding:
    return mail_words.read(
        said.subject, said.text, currency=shop.currency(), locale=settings.LANGUAGE_CODE
    )


def _asks_a_model(now: datetime) -> bool:
    return keys.are_there() and model.is_there() and spending.left_today(now=now) > 0


async def _by_model(
    found: Sequence[tuple[MailAnalysis, Said, Finding]], runner: str, now: datetime
) -> int:
    """Each finding made better by a model, or written as it is."""
    async with model.opened() as desk:
        done = await asyncio.gather(*(_better(*each, runner, now, desk) for each in found))
    return sum(done)


async def _better(
    analysis: MailAnalysis, said: Said, found: Finding, runner: str, now: datetime, desk: Any
) -> bool:
    by = "patterns"
    # STOP, START and HELP need no model; and one that has failed here does not do so again
    if said.text and not analysis.message.word and analysis.tries <= 2:
        try:
            found, tokens = await model.read(said.subject, said.text, found, desk=desk)
            by = "model"
            await in_thread(spending.spend)(tokens, now=now)
        except model.NoModel:
            logger.info("message read by its words", extra={"analysis": analysis.pk})
    return bool(await in_thread(finish)(analysis, runner, found, by=by, now=now))


def finish(analysis: MailAnalysis, runner: str, found: Finding, *, by: str, now: datetime) -> bool:
    """Write what was found out and tell it, if the claim still holds; whether it did."""
    with log.change() as change:
        number = _existing(found.number)
        # what was erased meanwhile is not quoted
        is_there = InboundMessage.objects.filter(pk=analysis.message_id).exclude(sealed="").exists()
        mine = MailAnalysis.objects.filter(pk=analysis.pk, runner=runner, state=State.WAITING)
        is_written = mine.update(
            state=State.DONE,
            runner="",
            leased_until=None,
            category=found.category,
            mood=found.mood,
            urgency=found.urgency,
            order_number=number,
            by=by,
            sealed_suggestion=seal(found.suggestion) if is_there and found.suggestion else "",
            analyzed_at=now,
        )
        if not is_written:
            return False
        message = analysis.message
        data = {
            "message_id": message.public_id,
            "channel": message.channel,
            "category": found.category,
            "mood": found.mood,
            "urgency": found.urgency,
            "order_id": number or None,
            "by": by,
        }
        change.event(INBOX, ANALYZED, data, at=now)
        _tell_progress(analysis, step=STEPS, said=IS_READ, at=now)
    ANALYSES.labels(by, found.category).inc()
    return True


def _existing(number: str) -> str:
    """What somebody has written may be no number of ours, and then it is not told."""
    return number if number and Order.objects.filter(number=number).exists() else ""


def _tell_progress(analysis: MailAnalysis, *, step: int, said: str, at: datetime) -> None:
    data = {
        "task_id": analysis.message.public_id,
        "progress": 100 * step / STEPS,
        "step": step,
        "total_steps": STEPS,
    }
    texts = {"task_name": [TASK, {}], "message": [said, {}]}
    with log.change() as change:
        change.event(INBOX, PROGRESS, data, at=at, texts=texts)
