"""What is old is forgotten, and what must hold for longer is not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from notifications import retention, subscriptions
from notifications.channels import news
from notifications.channels.news import Reply, Status
from notifications.channels.states import State
from notifications.models import Attempt, Contact, Delivery, InboundMessage, Report, Subscription
from tests.notifications.conftest import NOON, somebody

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]
KEEP, DAY = timedelta(days=30), timedelta(days=1)
NUMBER = "+358401234567"


def delivery(subscription: Subscription, position: int, age: timedelta | None) -> Delivery:
    """One that ended so long ago; None for one that waits."""
    made = Delivery.objects.create(
        subscription=subscription,
        position=position,
        topic="trial.a",
        state="pending" if age is None else "sent",
        due_at=NOON,
        created_at=NOON - 90 * DAY,
        ended_at=None if age is None else NOON - age,
    )
    Attempt.objects.create(delivery=made, at=NOON, duration=DAY)
    return made


def test_deliveries_are_forgotten_with_all_that_was_told_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    made = subscriptions.begin(
        topic="trial.a",
        channel=Subscription.Channel.EMAIL,
        address="maya@example.org",
        who=somebody(),
        locale="en",
        now=NOON,
    ).subscription
    ages = [KEEP + DAY, KEEP + 2 * DAY, KEEP + DAY, KEEP - DAY, None]
    for position, age in enumerate(ages, 1):
        delivery(made, position, age)
    for name, age in (("old", KEEP + DAY), ("new", DAY)):
        news.hear([Status("email", name, State.SENT, at=NOON - age)])
    codes = {"channel": "sms", "code_ends_at": NOON - KEEP - DAY, "tries_left": 0}
    Contact.objects.create(who="user:1", address="1", **codes)
    Contact.objects.create(who="user:1", address="2", confirmed_at=NOON - 90 * DAY, **codes)

    assert retention.forget_deliveries(now=NOON, keep=KEEP) == 3
    assert retention.forget_deliveries(now=NOON, keep=KEEP) == 0

    assert list(Delivery.objects.order_by("position").values_list("position", flat=True)) == [4, 5]
    assert Attempt.objects.count() == 2
    assert [row.reference for row in Report.objects.all()] == ["new"]
    assert [row.address for row in Contact.objects.all()] == ["2"]
    assert Subscription.objects.count() == 1


def test_subscriptions_of_people_who_are_no_more_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    whose = [somebody(), "user:900000", "user:900001", "service:900000", "ticket:abc"]
    for who in whose:
        subscriptions.begin(
            topic="trial.a",
            channel=Subscription.Channel.WEBHOOK,
            address="https://example.com/",
            who=who,
            locale="en",
            now=NOON,
        )

    assert retention.forget_subscriptions(now=NOON) == 2

    left = set(Subscription.objects.values_list("who", flat=True))
    assert left == {somebody(), "service:900000", "ticket:abc"}


def test_messages_are_forgotten_and_stop_is_not() -> None:
    said = [("hello", KEEP + DAY), ("Stop", KEEP + DAY), ("hello again", DAY), ("help", KEEP + DAY)]
    for number, (text, age) in enumerate(said):
        news.hear([Reply("sms", f"SM{number}", NUMBER, text, at=NOON - age)])

    assert retention.forget_messages(now=NOON, keep=KEEP) == 2

    kept = InboundMessage.objects.order_by("provider_id")
    assert [(row.provider_id, news.read(row).text) for row in kept] == [
        ("SM1", ""),
        ("SM2", "hello again"),
    ]
    assert news.has_stopped("sms", NUMBER)
    assert NUMBER not in str(list(kept.values()))
