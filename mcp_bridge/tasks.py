"""What the clock does for the bridge."""

import asyncio
import time

from celery import shared_task
from django.utils import timezone

from mcp_bridge import following
from mcp_bridge.assistant import conversations, correspondence, leases, spending
from museo.lazy import Lazy

# most of the time there is nothing to answer
answering = Lazy("mcp_bridge.assistant.answering")
mail = Lazy("mcp_bridge.assistant.mail")
# a look at the mail is over before the next one begins many
TICK_SECONDS = 1.5


@shared_task(name="mcp_bridge.forget_ended_sessions")
def forget_ended_sessions() -> int:
    """Delete what sessions followed that nobody has taken the place of."""
    return following.forget_ended(now=timezone.now())


@shared_task(name="mcp_bridge.answer_left_alone")
def answer_left_alone() -> int:
    """Answer messages that no process answers: theirs has died, or none has heard of them.

    And take in those that came by WhatsApp, Instagram and SMS, and send their answers.
    """
    now = timezone.now()
    correspondence.hear(now=now)
    correspondence.reply_all(now=now)
    if not leases.left_alone(now=now):
        return 0
    taken: int = asyncio.run(answering.answer_left_alone())
    return taken


@shared_task(name="mcp_bridge.forget_conversations")
def forget_conversations() -> int:
    """Delete conversations that have ended, with all that was said in them."""
    spending.forget(now=timezone.now())
    return conversations.forget_expired(now=timezone.now())


@shared_task(name="mcp_bridge.analyze_mail")
def analyze_mail() -> int:
    """Find out what people have written about; return how many messages were read."""
    deadline, done = time.monotonic() + TICK_SECONDS, 0
    while mail.take_in(now=timezone.now()) and time.monotonic() < deadline:
        pass
    while (some := mail.analyze(now=timezone.now())) and time.monotonic() < deadline:
        done += some
    return done
