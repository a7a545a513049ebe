"""Deliveries: one for each event and each who wants it, whoever dies and whatever runs beside."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from museo.access.callers import caller_for_user
from museo.access.models import User
from notifications import dispatcher, log, preferring, sending, subscriptions
from notifications.models import Delivery, Event, Reader, Subscription
from tests.notifications.conftest import NOON, WORDS, tell
from tests.processes import ended, fork
from tests.together import at_once

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]


def subscribe(
    topic: str = "trial.a", address: str = "https://example.com/", **more: Any
) -> Subscription:
    wanted = {"channel": Subscription.Channel.WEBHOOK, "who": "user:1", "locale": "en", **more}
    return subscriptions.begin(topic=topic, address=address, now=NOON, **wanted).subscription


def dispatch(limit: int = 500) -> int:
    return dispatcher.dispatch(now=NOON, limit=limit)


def made() -> list[tuple[str, int]]:
    rows = Delivery.objects.order_by("subscription__address", "position")
    return list(rows.values_list("subscription__address", "position"))


def test_everybody_who_wants_it_gets_one_of_each() -> None:
    tell()
    for name in "ab":
        subscribe(address=name)
    subscribe("trial.other", address="c")
    tell(count=2)
    tell("trial.b", also=["trial.a"])
    tell("trial.b")

    assert dispatch() == 5
    assert dispatch() == 0

    assert made() == [(name, position) for name in "ab" for position in (2, 3, 4)]
    assert set(Delivery.objects.values_list("state", "due_at", "leased_by")) == {
        ("pending", NOON, "")
    }
    assert Delivery.objects.filter(position=4).first().topic == "trial.b"  # type: ignore[union-attr]


def test_what_several_topics_of_one_subscription_heard_comes_once_and_in_order() -> None:
    several = subscribe("trial.a", further=["trial.b", "trial.c"])
    subscribe("trial.b", address="https://example.com/b")
    tell("trial.b", also=["trial.a"])
    tell("trial.c")
    tell("trial.a", also=["trial.d"])
    tell("trial.d")

    dispatch()

    mine = several.deliveries.order_by("pk")
    assert list(mine.values_list("position", "topic")) == [
        (1, "trial.b"),
        (2, "trial.c"),
        (3, "trial.a"),
    ]
    assert Delivery.objects.exclude(subscription=several).count() == 1


def test_what_is_not_wanted_is_not_made() -> None:
    subscribe(address="types", types=["trial.other"])
    subscribe(address="filter", where={"n": [1]})
    tell(count=3)

    dispatch()

    assert made() == [("filter", 2)]


def test_what_happens_while_nobody_may_be_told_says_so() -> None:
    paused, disabled = subscribe(address="a"), subscribe(address="b")
    subscriptions.pause(paused)
    with log.change() as change:
        subscriptions.disable(change, [disabled], "gone", now=NOON)
    tell()

    dispatch()

    states = Delivery.objects.order_by("subscription__address")
    assert list(states.values_list("state", "reason")) == [
        ("skipped", "paused"),
        ("skipped", "disabled"),
    ]


def test_a_newer_message_to_a_person_stands_in_for_those_that_wait() -> None:
    subscribe(address="+4912345", channel="sms")
    subscribe(address="https://example.com/")
    tell(count=3, texts=WORDS)
    tell("trial.b", also=["trial.a"], texts=WORDS)
    dispatch(limit=2)
    Delivery.objects.filter(position=2).update(leased_by="somebody")

    dispatch()

    of_person = Delivery.objects.filter(subscription__channel="sms").order_by("position")
    assert list(of_person.values_list("position", "state", "reason")) == [
        (1, "superseded", "newer"),
        (2, "pending", ""),
        (3, "pending", ""),
        (4, "pending", ""),
    ]
    webhook = Delivery.objects.filter(subscription__channel="webhook")
    assert set(webhook.values_list("state", flat=True)) == {"pending"}


def test_a_batch_costs_the_same_for_many_as_for_one() -> None:
    def statements() -> int:
        tell(count=5)
        with CaptureQueriesContext(connection) as captured:
            assert dispatch() == 5
        return len(captured)

    subscribe(address="first")
    dispatch()
    of_one = statements()
    for number in range(50):
        subscribe(address=f"{number}")

    assert statements() == of_one <= 12
    assert Delivery.objects.count() == 5 + 5 * 51


def test_further_topics_cost_the_same_for_many_as_for_one() -> None:
    """When deliveries are made, and when they are claimed and packed."""

    def statements() -> tuple[int, int]:
        tell(count=1)
        with CaptureQueriesContext(connection) as making:
            assert dispatch() == 1
        with CaptureQueriesContext(connection) as claiming:
            assert sending.claim(sender="me", now=NOON)
        return len(making), len(claiming)

    subscribe(address="first", further=["trial.x", "trial.y"])
    dispatch()
    of_one = statements()
    for number in range(50):
        subscribe(address=f"{number}", further=[f"trial.x{number}", f"trial.y{number}"])

    assert statements() == of_one


@pytest.fixture
def person() -> User:
    return User.objects.create_user("maya@example.org", time_zone="Europe/Berlin")


def prefer(user: User, **wishes: Any) -> None:
    preferring.save(caller_for_user(user, locale="en"), wishes, now=NOON)


def tell_of(type: str, topic: str = "order.A") -> int:
    with log.change() as change:
        change.event(topic, type, {}, at=NOON, texts=WORDS)
    return change.events[0].position


QUIET = {"starts_at": time(12, 30), "ends_at": time(14), "urgent_too": False}
HOURLY = {"window": "hour", "at": time(8)}


def states(**wanted: Any) -> list[tuple[str, str, Any]]:
    rows = Delivery.objects.filter(**wanted).order_by("position")
    return list(rows.values_list("state", "reason", "due_at"))


def test_a_person_is_told_what_they_want_and_when(person: User) -> None:
    """It is one o'clock in Berlin."""
    prefer(person, channels={"money": {"sms": False}}, quiet_hours=QUIET)
    subscribe("order.A", address="+4912345", channel="sms", who=f"user:{person.pk}")
    subscribe("order.A", address="https://example.com/", who="service:1")
    subscribe("order.A", address="+490", channel="sms", who="ticket:somebody")
    subscribe("order.A", address="+491", channel="sms", who="service:7")
    for type in ("order.confirmed", "order.refunded", "order.delivered"):
        tell_of(type)

    dispatch(limit=1)
    dispatch(limit=1)

    of_person = {"subscription__who": f"user:{person.pk}"}
    at_two = NOON + timedelta(hours=1)
    assert states(**of_person) == [
        ("pending", "quiet_hours", at_two),
        ("skipped", "not_wanted", NOON),
    ]
    dispatch()
    assert states(**of_person) == [
        ("superseded", "newer", at_two),
        ("skipped", "not_wanted", NOON),
        ("pending", "", NOON),
    ]
    for address in ("https://example.com/", "+491"):
        assert states(subscription__address=address) == [("pending", "", NOON)] * 3
    assert states(subscription__address="+490")[-1] == ("pending", "", NOON)


def test_what_is_due_sooner_does_not_wait_for_what_is_due_later(person: User) -> None:
    prefer(person, digest=HOURLY)
    subscribe("order.A", address="+4912345", channel="sms", who=f"user:{person.pk}")
    tell_of("order.failed")
    tell_of("order.refunded")

    dispatch()

    in_an_hour = NOON + timedelta(hours=1)
    assert states() == [("pending", "", NOON), ("gathering", "digest", in_an_hour)]


def test_no_message_to_a_person_stands_in_for_another(person: User) -> None:
    topic = f"user.{person.pk}"
    subscribe(topic, address="a@example.org", channel="email", who=f"user:{person.pk}")
    for _message in range(2):
        tell_of("notification", topic)

    dispatch()

    assert [state for state, _reason, _due_at in states()] == ["pending", "pending"]


def test_people_are_told_nothing_without_words_and_programs_are(person: User) -> None:
    who = f"user:{person.pk}"
    for channel, address in (("email", "a@example.org"), ("webhook", "https://example.com/")):
        subscribe(channel=channel, address=address, who=who)
    tell()
    tell(texts=WORDS)

    dispatch()

    by_email, by_webhook = (
        [(state, reason) for state, reason, _due_at in states(subscription__channel=channel)]
        for channel in ("email", "webhook")
    )
    assert by_email == [("skipped", dispatcher.WITHOUT_WORDS), ("pending", "")]
    assert by_webhook == [("pending", "")] * 2


def test_each_refund_is_told_for_itself_and_of_a_return_the_newest_answer() -> None:
    for topic in ("payment.1", "return.1"):
        subscribe(topic, address="+4912345", channel="sms")
        for _time in range(2):
            tell_of("trial.told", topic)

    dispatch()

    assert [state for state, _reason, _due_at in states(topic="payment.1")] == ["pending"] * 2
    of_return = [state for state, _reason, _due_at in states(topic="return.1")]
    assert of_return == ["superseded", "pending"]


def test_the_preferences_of_a_batch_are_one_statement(person: User) -> None:
    def statements() -> int:
        tell_of("order.confirmed")
        with CaptureQueriesContext(connection) as captured:
            assert dispatch() == 1
        return len(captured)

    subscribe("order.A", address="a", channel="sms", who=f"user:{person.pk}")
    prefer(person, digest=HOURLY)
    # from the second on there is one that it stands in for
    statements()
    of_one = statements()
    for number in range(20):
        other = User.objects.create_user(f"{number}@example.org")
        prefer(other, quiet_hours=QUIET)
        subscribe("order.A", address=f"{number}", channel="sms", who=f"user:{other.pk}")

    assert statements() == of_one <= 16


def test_two_at_once_make_each_once() -> None:
    for name in "abc":
        subscribe(address=name)
    tell(count=40)
    dispatch(limit=1)

    at_once([lambda: dispatch(limit=7)] * 6)
    while dispatch(limit=7):
        pass

    assert Counter(made()) == {(name, position): 1 for name in "abc" for position in range(1, 41)}


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_together() -> None:
    """In one transaction with the cursor, which is how it is."""
    really = dispatcher.make

    def make(events: Sequence[Event], *, now: datetime) -> None:
        really(events, now=now)
        _die()

    dispatcher.make = make
    dispatch()


# the twins: the cursor is moved first, or after, in a transaction of its own
def die_with_the_cursor_moved_first() -> None:
    read = {"position": log.state().head, "at": NOON}
    Reader.objects.update_or_create(name="dispatcher", defaults=read)
    _die()


def die_before_the_cursor_is_moved() -> None:
    with log.change():
        dispatcher.make(log.read_after(0, limit=500), now=NOON)
    _die()


@pytest.mark.parametrize(
    "die", [die_together, die_with_the_cursor_moved_first, die_before_the_cursor_is_moved]
)
def test_a_dispatcher_that_dies_between_has_lost_nothing_and_doubled_nothing(
    die: Callable[[], None],
) -> None:
    subscribe()
    tell(count=10)

    assert ended(fork(die)) == -signal.SIGKILL
    if die is die_before_the_cursor_is_moved:
        # the rule of the table is what keeps this twin from doubling: it gets no further
        with pytest.raises(Exception, match=r"one_delivery_of_an_event|UNIQUE"):
            dispatch()
        return
    dispatch()
    expected = [] if die is die_with_the_cursor_moved_first else list(range(1, 11))
    assert [position for _address, position in made()] == expected


def test_the_reader_is_seen_where_readers_are_seen() -> None:
    subscribe()
    tell(count=3)
    dispatch(limit=2)

    assert Reader.objects.get(name=dispatcher.NAME).position == 2
    assert Delivery.objects.count() == 2
