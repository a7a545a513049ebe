"""The log's tables: its head, the topics' counters, the events and where they are heard.

Then what is made of them for those outside: subscriptions, deliveries, attempts; and what comes
back by the channels: reports about what was sent, and messages to the shop.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Self
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from museo.access.callers import Caller
from museo.access.models import Connection
from museo.access.permissions import may
from museo.access.tokens import digest, public_id


def subscription_id() -> str:
    return public_id("sub")


def inbound_id() -> str:
    return public_id("msg")


def whose(caller: Caller) -> list[str]:
    """What a caller's subscriptions are kept under: an account, or order tickets."""
    by_tickets = [f"ticket:{digest(ticket)}" for ticket in caller.tickets]
    return [caller.who, *by_tickets] if caller.who else by_tickets


class LogHead(models.Model):
    """The one row that gives out positions; a position is a place in the whole log."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    head = models.BigIntegerField(default=0)
    # everything at or below may have been deleted
    floor = models.BigIntegerField(default=0)
    # random, made with the log and anew by a restore
    epoch = models.CharField(max_length=16)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="one_log_head"),
            models.CheckConstraint(
                condition=models.Q(floor__gte=0) & models.Q(floor__lte=models.F("head")),
                name="log_floor_below_head",
            ),
        ]


class Topic(models.Model):
    """How many events a topic has had: the version of its newest."""

    name = models.CharField(max_length=100, primary_key=True)
    version = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(version__gte=1), name="topic_version_from_1")
        ]


class Event(models.Model):
    """An immutable fact. `data` holds ids, codes and amounts, never names or free text."""

    position = models.BigIntegerField(primary_key=True)
    topic = models.CharField(max_length=100)
    version = models.BigIntegerField()
    type = models.CharField(max_length=60)
    uid = models.UUIDField(default=uuid4)
    # when it happened
    at = models.DateTimeField()
    data = models.JSONField(default=dict)
    # {"status_message": ["order.confirmed.message", {…}]}: rendered into data by locale;
    # {"message": None}: the event's EventText has it
    texts = models.JSONField(default=dict)
    # the call that it came of, by its correlation id
    call = models.CharField(max_length=64, default="", db_default="")
    # what EventText holds, once it has been read
    own_text: Mapping[str, Any] | None = None

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["topic", "version"], name="one_event_per_topic_version")
        ]


class EventText(models.Model):
    """The free text of an event, sealed and apart from it, so that it can be erased."""

    position = models.BigIntegerField(primary_key=True)
    # {"message": "…"} as JSON
    sealed = models.TextField()


class EventTopic(models.Model):
    """An event is heard on its own topic and on others."""

    pk = models.CompositePrimaryKey("topic", "position")
    topic = models.CharField(max_length=100)
    position = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["position"], name="heard_by_position")]


class Reader(models.Model):
    """A reader of the log, and the last position that it has read."""

    name = models.CharField(max_length=40, primary_key=True)
    position = models.BigIntegerField()
    # when it last read something
    at = models.DateTimeField()


class Tally(models.Model):
    """How many events of a type happened in a span of time (`statistics`)."""

    class Span(models.TextChoices):
        MINUTE = "minute"
        HOUR = "hour"

    span = models.CharField(max_length=6, choices=Span)
    begins_at = models.DateTimeField()
    type = models.CharField(max_length=60)
    count = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["span", "begins_at", "type"], name="one_tally_each"),
            models.CheckConstraint(condition=models.Q(count__gte=1), name="tally_from_1"),
        ]
        verbose_name = _("statistics")
        verbose_name_plural = _("statistics")


class Receipt(models.Model):
    """How far a reader says to have received; it only moves forward."""

    reader = models.CharField(max_length=80, unique=True)
    position = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(position__gte=0), name="receipt_not_negative")
        ]


class Report(models.Model):
    """What a provider says became of a message, by the provider's own name for it.

    It can come before we know that name ourselves.
    """

    channel = models.CharField(max_length=12)
    reference = models.CharField(max_length=255)
    # one of `states.State`; it never moves backwards
    state = models.CharField(max_length=12)
    # the provider's code for a failure
    code = models.CharField(max_length=80, blank=True)
    # when that happened
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "reference"], name="one_report_of_each_message"
            )
        ]


class InboundMessage(models.Model):
    """A message from a person to the shop. Who wrote and what is sealed, and can be erased."""

    public_id = models.CharField(max_length=30, unique=True, default=inbound_id)
    channel = models.CharField(_("channel"), max_length=12)
    # the provider's id of it
    provider_id = models.CharField(max_length=255)
    # {"sender", "subject", "text"} as JSON; empty once it is erased
    sealed = models.TextField(blank=True)
    # what a sender is found by again: a digest that only this shop can make
    sender_hash = models.CharField(max_length=64)
    # `stop`, `start` or `help` if it says nothing but that
    word = models.CharField(max_length=8, blank=True)
    # the provider's name of the message that it answers
    answers = models.CharField(max_length=255, blank=True)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "provider_id"], name="each_message_received_once"
            )
        ]
        indexes = [
            models.Index(fields=["channel", "sender_hash", "-received_at"], name="heard_from")
        ]
        verbose_name = _("message from a person")
        verbose_name_plural = _("messages from people")

    def __str__(self) -> str:
        return self.public_id


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def about(self, topic: str) -> Self:
        """Those that are told of it."""
        further = FurtherTopic.objects.filter(topic=topic).values("subscription")
        return self.filter(models.Q(topic=topic) | models.Q(pk__in=further))

    def about_no_other_than(self, topic: str) -> Self:
        further = FurtherTopic.objects.filter(subscription=models.OuterRef("pk"))
        return self.filter(~models.Exists(further), topic=topic)

    def of(self, whose: Collection[str]) -> Self:
        return self.filter(who__in=whose)

    def visible_to(self, caller: Caller) -> Self:
        """One's own; all for whoever looks after them."""
        return self if may(caller, "notifications.change_subscription") else self.of(whose(caller))


class Subscription(models.Model):
    """A standing wish to be told of topics, by a channel, at an address."""

    class Channel(models.TextChoices):
        # programs; all others are people's (`channels.CHANNELS`)
        WEBHOOK = "webhook"
        EMAIL = "email"
        SMS = "sms"
        WHATSAPP = "whatsapp"
        INSTAGRAM = "instagram"
        WEBPUSH = "webpush"

    class State(models.TextChoices):
        ACTIVE = "active", _("active")
        # by who has it; goes on when they say so
        PAUSED = "paused", _("paused")
        # nobody is there any more, or whoever is wants no more of it
        DISABLED = "disabled", _("disabled")
        # nobody has shown yet that the address is theirs
        UNCONFIRMED = "unconfirmed", _("not confirmed")

    class Shape(models.TextChoices):
        """How an event is written."""

        ENVELOPE = "envelope"
        # as the source documents have it
        FLAT = "flat"
        # as MCP Events have it (`callbacks`)
        EVENT = "event"

    public_id = models.CharField(max_length=30, default=subscription_id)
    # the first one; most have no more (`FurtherTopic`)
    topic = models.CharField(max_length=100)
    # event types; all for none
    types = models.JSONField(_("types"), default=list)
    # what an event's data must say: {"status": ["delivered", "failed"]}
    filter = models.JSONField(_("filter"), default=dict)
    channel = models.CharField(_("channel"), max_length=12, choices=Channel)
    address = models.CharField(max_length=1000)
    shape = models.CharField(max_length=10, choices=Shape, default=Shape.ENVELOPE)
    # of an MCP event: its name, and what tells the wishes of one caller, topic and address apart
    event = models.CharField(max_length=60, default="")
    wish = models.CharField(max_length=30, default="")
    # what is sent to a program is signed with, sealed
    secret = models.TextField(default="")
    # the one before, which also signs until then
    previous_secret = models.TextField(default="")
    previous_secret_until = models.DateTimeField(null=True)
    # whose wish it is: `user:42`, `service:7`, or `ticket:` and the ticket's digest
    who = models.CharField(max_length=80)
    locale = models.CharField(max_length=10)
    # where a person follows the topic, sealed, for it may open it; empty: at the topic's own page
    link = models.TextField(default="")
    # told of what comes after this position of the log
    after = models.BigIntegerField()
    # made with what it is about, and not asked for
    is_automatic = models.BooleanField(default=False)
    # told of one event and then of no more
    is_once = models.BooleanField(default=False)
    # told of nothing that comes after this position; None for no end
    until = models.BigIntegerField(null=True)
    # of the app that asked for it, with which it ends; None for what people and programs ask for
    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, null=True, db_index=False, related_name="callbacks"
    )
    # told of nothing that is heard of after this moment; None for no end
    expires_at = models.DateTimeField(null=True)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.ACTIVE)
    # why it was disabled
    reason = models.CharField(_("reason"), max_length=20, default="")
    # since when nothing has got through; None while all is well
    failing_since = models.DateTimeField(null=True)
    # the receiver wants to be left alone until then
    rests_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    # when topics, types or filter became others; None for never
    changed_at = models.DateTimeField(null=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["public_id"], name="one_subscription_per_id"),
            # it also finds those of a topic
            models.UniqueConstraint(
                fields=["topic", "channel", "address", "who", "wish"],
                name="one_subscription_per_wish",
            ),
        ]
        indexes = [
            models.Index(fields=["who"], name="subscription_of"),
            models.Index(
                fields=["connection"],
                condition=models.Q(connection__isnull=False),
                name="callbacks_of_app",
            ),
            # a browser that moves is known by its address alone
            models.Index(
                fields=["address"], condition=models.Q(channel="webpush"), name="browser_at"
            ),
            models.Index(
                fields=["created_at"],
                condition=models.Q(is_automatic=True),
                name="made_by_itself",
            ),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(expires_at__isnull=False),
                name="subscription_expires",
            ),
        ]
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")

    def __str__(self) -> str:
        return self.public_id

    @property
    def topics(self) -> list[str]:
        """All of them; of many subscriptions read `further` with them."""
        return [self.topic, *sorted(each.topic for each in self.further.all())]

    def runs_at(self, position: int) -> bool:
        """Whether it is told of what happens there."""
        return self.after < position and (self.until is None or position <= self.until)


class FurtherTopic(models.Model):
    """Another topic of which a subscription is told, besides its first."""

    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="further", db_index=False
    )
    topic = models.CharField(max_length=100)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "topic"], name="one_further_topic_each")
        ]
        indexes = [models.Index(fields=["topic"], name="further_by_topic")]


class Contact(models.Model):
    """An address that somebody has shown to be theirs by a code, or has been sent one."""

    # as a subscription's
    who = models.CharField(max_length=80)
    channel = models.CharField(max_length=12)
    address = models.CharField(max_length=1000)
    # the digest of the code that was sent last; empty once it was told
    code_hash = models.CharField(max_length=64)
    code_ends_at = models.DateTimeField()
    tries_left = models.SmallIntegerField()
    confirmed_at = models.DateTimeField(null=True)
    # when mail came back from there, or was called spam; a new code ends that
    refused_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["who", "channel", "address"], name="one_contact_per_address"
            ),
            models.CheckConstraint(
                condition=models.Q(tries_left__gte=0), name="tries_not_negative"
            ),
        ]


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def visible_to(self, caller: Caller) -> Self:
        return self.filter(subscription__in=Subscription.objects.visible_to(caller))

    def pending(self) -> Self:
        return self.filter(state=Delivery.State.PENDING)

    def gathering(self) -> Self:
        return self.filter(state=Delivery.State.GATHERING)

    def waiting(self) -> Self:
        """Those that may still go out."""
        return self.filter(
            models.Q(state=Delivery.State.PENDING) | models.Q(state=Delivery.State.GATHERING)
        )

    def first_due(self) -> datetime | None:
        """When the first of them is due; a look at an index, however many there are."""
        return self.order_by("due_at").values_list("due_at", flat=True).first()

    def held_by(self, sender: str) -> Self:
        """Those that this sender, and nobody else, may write a result of."""
        return self.pending().filter(leased_by=sender)

    def lock(self) -> set[int]:
        """Lock them by id, as all do who write several; their ids."""
        rows = self.order_by("pk").select_for_update(no_key=True)
        return set(rows.values_list("pk", flat=True))


class Delivery(models.Model):
    """One event on its way to one subscription."""

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        # will be told together with others (`digests`)
        GATHERING = "gathering", _("being gathered")
        SENT = "sent", _("sent")
        # tried as often as it is worth
        FAILED = "failed", _("failed")
        # another one goes out instead: a newer one of its topic, or its digest
        SUPERSEDED = "superseded", _("replaced")
        # never tried, for the reason
        SKIPPED = "skipped", _("left out")

    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    position = models.BigIntegerField(_("place in the log"))
    # the event's own
    topic = models.CharField(_("topic"), max_length=100)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PENDING)
    # why it was not sent, or not yet
    reason = models.CharField(_("reason"), max_length=20, default="")
    # when it is to be tried; while somebody tries it, when their lease ends
    due_at = models.DateTimeField()
    # who tries it; empty for nobody
    leased_by = models.CharField(max_length=32, default="")
    attempts_made = models.SmallIntegerField(default=0)
    # the provider's name of the message, by which reports come back
    reference = models.CharField(max_length=255, default="", db_default="")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    # of a digest: the delivery that tells of this one, too
    told_by = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, related_name="tells_of", db_index=False
    )

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "position"], name="one_delivery_of_an_event"
            ),
            models.CheckConstraint(
                condition=models.Q(state="pending", ended_at=None)
                | models.Q(state="gathering", leased_by="", ended_at=None)
                | (
                    ~models.Q(state="pending")
                    & ~models.Q(state="gathering")
                    & models.Q(leased_by="", ended_at__isnull=False)
                ),
                name="what_has_ended_is_not_tried",
            ),
        ]
        indexes = [
            models.Index(
                fields=["subscription", "topic", "position"],
                condition=models.Q(state="pending"),
                name="delivery_in_order",
            ),
            models.Index(
                fields=["due_at"], condition=models.Q(state="pending"), name="delivery_due"
            ),
            models.Index(
                fields=["subscription", "topic", "position"],
                condition=models.Q(state="gathering"),
                name="digest_in_order",
            ),
            models.Index(
                fields=["due_at"], condition=models.Q(state="gathering"), name="digest_due"
            ),
            models.Index(
                fields=["told_by"], condition=models.Q(told_by__isnull=False), name="told_together"
            ),
            models.Index(
                fields=["reference"], condition=~models.Q(reference=""), name="delivery_reported_as"
            ),
            models.Index(
                fields=["subscription", "ended_at"],
                condition=models.Q(state="failed"),
                name="dead_letter",
            ),
            models.Index(
                fields=["ended_at"],
                condition=models.Q(ended_at__isnull=False),
                name="delivery_ended",
            ),
        ]
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        return f"{self.subscription.public_id}-{self.position}"


class Attempt(models.Model):
    """One try of a delivery: what went out and what came back, in short and without secrets."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    duration = models.DurationField()
    # of HTTP; None if nobody answered, or by another protocol
    status = models.SmallIntegerField(null=True)
    # one of NotSent's; empty if it was sent
    code = models.CharField(max_length=20, default="")
    detail = models.CharField(max_length=80, default="")
    request = models.TextField(default="")
    response = models.TextField(default="")


class Preference(models.Model):
    """What one person wants to be told, and when; without a row, as by default."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="preference",
    )
    # as `preferring` reads it; the time zone is the person's own
    wishes = models.JSONField(default=dict)
    changed_at = models.DateTimeField()
