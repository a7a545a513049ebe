"""What must outlive a process of the bridge.

The resources that its sessions follow; conversations with the assistant, their messages, the tools
that these called, and questions that wait for a yes; what models have taken; what mail is about.
"""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from museo.access.callers import Caller
from museo.access.tokens import public_id
from notifications.models import InboundMessage


class FollowedResource(models.Model):
    """A resource that a session follows, for the one that takes its place."""

    # its name without the process, as a digest: whoever knows it may take the place
    session = models.CharField(max_length=64)
    process = models.CharField(max_length=16)
    # whose session it is, empty for a guest; and which program speaks in it, as a digest
    who = models.CharField(max_length=60, blank=True)
    client = models.CharField(max_length=64)
    uri_hash = models.CharField(max_length=64)
    # an order's ticket may be in it
    sealed_uri = models.TextField()
    ends_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["session", "uri_hash"], name="session_follows_a_resource_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["who", "client"],
                condition=~models.Q(who=""),
                name="followed_by_whom",
            ),
            models.Index(fields=["ends_at"], name="followed_until"),
        ]


# what is said to the assistant


def conversation_id() -> str:
    return public_id("cnv")


def message_id() -> str:
    return public_id("ask")


def confirmation_id() -> str:
    return public_id("cnf")


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def of(self, caller: Caller, *, now: datetime) -> Self:
        """One's own that have not ended."""
        return self.filter(owner=caller.process, expires_at__gt=now).exclude(owner="")


class Conversation(models.Model):
    """What one person and the assistant say to each other; guests are known by their address."""

    public_id = models.CharField(max_length=30, unique=True, default=conversation_id)
    # as their topics of processes are called: `user42`, `service7`, a digest of an address
    owner = models.CharField(max_length=60)
    # the number of its last message
    revision = models.IntegerField(default=0)
    # what it remembers (`memory.Memory`) as JSON; empty for nothing
    sealed = models.TextField(default="")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    objects = ConversationQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["owner", "-updated_at"], name="conversations_of"),
            models.Index(fields=["expires_at"], name="conversation_expires"),
        ]

    def __str__(self) -> str:
        return self.public_id


class Message(models.Model):
    """What was said once, the run that answers it, and its answer."""

    class State(models.TextChoices):
        # for the one before it, or for a process that takes it
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        STOPPED = "stopped"
        FAILED = "failed"

    public_id = models.CharField(max_length=30, unique=True, default=message_id)
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages", db_index=False
    )
    # 1, 2, 3 … in its conversation
    number = models.IntegerField()
    client_type = models.CharField(max_length=20)
    locale = models.CharField(max_length=10)
    # of its owner and the name that the client has given it, a digest; empty without one
    key = models.CharField(max_length=64, default="")
    # by which channel it came, and when its answer is to be sent there next; None for never
    channel = models.CharField(max_length=12, default="")
    reply_due_at = models.DateTimeField(null=True)
    # what was said and who said it (`said.Said`); empty once it was erased
    sealed = models.TextField()
    # the response as JSON; empty before the end, and once it was erased
    sealed_response = models.TextField(default="")
    state = models.CharField(max_length=8, choices=State)
    # how it ended: `done`, `asked`, `refused`, `stopped`, or the code of what failed
    outcome = models.CharField(max_length=60, default="")
    intent = models.CharField(max_length=40, default="")
    # as the patterns were sure of it, 0 to 1
    confidence = models.FloatField(default=0)
    # which run is at work on it, and how long that is taken for alive
    runner = models.CharField(max_length=32, default="")
    leased_until = models.DateTimeField(null=True)
    # when its person said Stop
    stop_at = models.DateTimeField(null=True)
    # how far it is, as its last event says
    step = models.SmallIntegerField(default=0)
    steps = models.SmallIntegerField(default=0)
    progress = models.SmallIntegerField(default=0)
    # of its last step, a message id
    description = models.CharField(max_length=120, default="")
    at = models.DateTimeField()
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "number"], name="one_message_of_a_number"
            ),
            models.UniqueConstraint(
                fields=["key"], condition=~models.Q(key=""), name="one_message_of_a_key"
            ),
            models.UniqueConstraint(
                fields=["conversation"],
                condition=models.Q(state="running"),
                name="one_answer_at_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=("waiting", "running"), ended_at=None)
                | (
                    models.Q(state__in=("done", "stopped", "failed"), runner="")
                    & models.Q(ended_at__isnull=False)
                ),
                name="what_is_answered_is_not_run",
            ),
        ]
        indexes = [
            models.Index(
                fields=["state", "leased_until"],
                condition=models.Q(ended_at=None),
                name="message_not_answered",
            ),
            models.Index(
                fields=["reply_due_at"],
                condition=models.Q(reply_due_at__isnull=False),
                name="answer_not_sent",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id


class ToolRun(models.Model):
    """A tool that a message called: how long it took, and how it ended."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="tool_runs")
    tool = models.CharField(max_length=60)
    # it may be called again if nobody knows how it ended
    is_repeatable = models.BooleanField()
    # `done`, `asked`, or the code of why not; empty while it runs
    outcome = models.CharField(max_length=60, default="")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(outcome="", ended_at=None)
                | (~models.Q(outcome="") & models.Q(ended_at__isnull=False)),
                name="tool_run_ends_somehow",
            )
        ]


class Confirmation(models.Model):
    """A question that waits for a person's yes: for one tool with exactly these arguments."""

    class State(models.TextChoices):
        OPEN = "open"
        AGREED = "agreed"
        DECLINED = "declined"

    public_id = models.CharField(max_length=30, unique=True, default=confirmation_id)
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="confirmations"
    )
    # the message that led to it
    message = models.ForeignKey(
        Message, on_delete=models.CASCADE, related_name="questions", db_index=False
    )
    # the message that said yes or no
    answered_by = models.ForeignKey(
        Message, on_delete=models.CASCADE, null=True, related_name="answers", db_index=False
    )
    tool = models.CharField(max_length=60)
    # {"arguments", "token", "card"} as JSON, sealed: nobody else can write it
    sealed = models.TextField()
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="open", answered_at=None)
                | (~models.Q(state="open") & models.Q(answered_at__isnull=False)),
                name="confirmation_answered_once",
            )
        ]


# what models take, and what they and the patterns make of mail


class TokenSpending(models.Model):
    """Tokens that models have taken: of a conversation, or of the shop on a day."""

    # `conversation:cnv_…`, `day:2026-11-20`
    name = models.CharField(max_length=60, unique=True)
    tokens = models.BigIntegerField()
    # when it began
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name


class MailAnalysis(models.Model):
    """What a message to the shop is about, once somebody has found out."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"

    class Category(models.TextChoices):
        ORDER_STATUS = "order_status", _("where is it?")
        CANCELLATION = "cancellation", _("cancellation")
        RETURN = "return", _("return")
        COMPLAINT = "complaint", _("complaint")
        INVOICE = "invoice", _("invoice")
        QUESTION = "question", _("question")
        ORDER = "order", _("order")
        THANKS = "thanks", _("thanks")
        OTHER = "other", _("something else")

    class Mood(models.TextChoices):
        POSITIVE = "positive", _("positive")
        NEUTRAL = "neutral", _("neutral")
        NEGATIVE = "negative", _("negative")

    class Urgency(models.TextChoices):
        HIGH = "high", _("high")
        NORMAL = "normal", _("normal")
        LOW = "low", _("low")

    message = models.OneToOneField(
        InboundMessage, on_delete=models.CASCADE, related_name="analysis"
    )
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    category = models.CharField(max_length=12, choices=Category, default="")
    mood = models.CharField(max_length=8, choices=Mood, default="")
    urgency = models.CharField(max_length=8, choices=Urgency, default="")
    # of an order of ours that it names
    order_number = models.CharField(max_length=20, default="")
    # `patterns` or `model`
    by = models.CharField(max_length=8, default="")
    # an answer for staff to look at; empty once its message was erased
    sealed_suggestion = models.TextField(default="")
    # who is at work on it, and how long that is taken for alive
    runner = models.CharField(max_length=32, default="")
    leased_until = models.DateTimeField(null=True)
    tries = models.SmallIntegerField(default=0)
    created_at = models.DateTimeField()
    analyzed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state="waiting", analyzed_at=None, category="")
                | (
                    models.Q(state="done", runner="", analyzed_at__isnull=False)
                    & ~models.Q(category="")
                ),
                name="what_is_analyzed_has_a_category",
            )
        ]
        indexes = [
            models.Index(
                fields=["leased_until"],
                condition=models.Q(state="waiting"),
                name="mail_not_analyzed",
            )
        ]

    def __str__(self) -> str:
        return f"analysis {self.pk}"
