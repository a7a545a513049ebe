"""The log's tables: its head, the topics' counters, the events and where they are heard."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Self
from uuid import uuid4

from django.db import models

from museo.access.tokens import public_id


def subscription_id() -> str:
    return public_id("sub")


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


class Reader(models.Model):
    """A reader of the log, and the last position that it has read."""

    name = models.CharField(max_length=40, primary_key=True)
    position = models.BigIntegerField()
    # when it last read something
    at = models.DateTimeField()


class Receipt(models.Model):
    """How far a reader says to have received; it only moves forward."""

    reader = models.CharField(max_length=80, unique=True)
    position = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(position__gte=0), name="receipt_not_negative")
        ]


class EventTopic(models.Model):
    """An event is heard on its own topic and on others."""

    pk = models.CompositePrimaryKey("topic", "position")
    topic = models.CharField(max_length=100)
    position = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["position"], name="heard_by_position")]


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    def of(self, whose: Collection[str]) -> Self:
        return self.filter(who__in=whose)


class Subscription(models.Model):
    """A standing wish to be told of a topic, by a channel, at an address."""

    class Channel(models.TextChoices):
        WEBHOOK = "webhook"

    public_id = models.CharField(max_length=30, unique=True, default=subscription_id)
    topic = models.CharField(max_length=100)
    # event types; all for none
    types = models.JSONField(default=list)
    channel = models.CharField(max_length=12, choices=Channel)
    address = models.CharField(max_length=1000)
    # what is sent is signed with, sealed
    secret = models.TextField()
    # whose wish it is: `user:42`, `service:7`, or `ticket:` and the ticket's digest
    who = models.CharField(max_length=80)
    locale = models.CharField(max_length=10)
    # told of what comes after this position of the log
    after = models.BigIntegerField()
    created_at = models.DateTimeField()

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        constraints = [
            # it also finds those of a topic
            models.UniqueConstraint(
                fields=["topic", "channel", "address", "who"],
                name="one_subscription_per_address",
            )
        ]
        indexes = [models.Index(fields=["who"], name="subscription_of")]
