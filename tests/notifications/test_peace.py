"""What comes late does not come at night, nor once it is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from museo.access.callers import caller_for_user
from museo.access.models import User
from notifications import (
    digests,
    dispatcher,
    log,
    peace,
    preferring,
    receipts,
    sending,
    subscriptions,
    tasks,
)
from notifications.models import Delivery, Subscription
from tests.notifications.conftest import NOON, WORDS

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]
# by the clock of Helsinki it is two
AT_TEN = NOON + timedelta(hours=8)
AT_SEVEN = NOON + timedelta(hours=17)


@pytest.fixture
def person() -> User:
    return User.objects.create_user("maya@example.org", time_zone="Europe/Helsinki")


def told(person: User, *types: str, urgent_too: bool = False, **more: Any) -> None:
    """Each of an order of its own, at noon."""
    quiet = {"starts_at": time(22), "ends_at": time(7), "urgent_too": urgent_too}
    caller = caller_for_user(person, locale="en")
    preferring.save(caller, {"quiet_hours": quiet}, now=NOON)
    wanted = {"channel": "sms", "who": f"user:{person.pk}", "address": "+358", **more}
    for type in types:
        topic = f"order.{type}"
        subscriptions.begin(topic=topic, locale="en", now=NOON, **wanted)
        with log.change() as change:
            change.event(topic, type, {}, at=NOON, texts=WORDS)
    dispatcher.dispatch(now=NOON)


def test_who_has_paused_stands_in_nobodys_way(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peace, "MOST", 1)
    told(person, "order.confirmed")
    subscriptions.pause(Subscription.objects.get())
    told(person, "order.placed")

    assert peace.put_off(now=AT_TEN) == 1


def test_what_would_be_sent_first_is_looked_at_first(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peace, "MOST", 1)
    told(person, "order.confirmed", who="user:0", address="+359")
    Delivery.objects.update(due_at=NOON + timedelta(minutes=1))
    told(person, "order.placed")

    assert peace.put_off(now=AT_TEN) == 1


def test_whoever_changes_several_locks_them_by_id_before(person: User) -> None:
    def statements(act: Callable[..., int]) -> list[str]:
        told(person, "order.confirmed", "order.placed", address=act.__name__)
        if act is peace.leave_out_acknowledged:
            Delivery.objects.update(reason="fallback")
            caller = caller_for_user(person, locale="en")
            receipts.acknowledge(caller, log.state().head, now=NOON)
        if act is sending.leave_out_disabled:
            Subscription.objects.update(state="disabled")
        with CaptureQueriesContext(connection) as captured:
            assert act(now=AT_TEN) == 2
        Subscription.objects.all().delete()
        return [each["sql"] for each in captured if "notifications_delivery" in each["sql"]]

    for act in (peace.put_off, peace.leave_out_acknowledged, sending.leave_out_disabled):
        *_before, locks, changes = statements(act)
        assert changes.startswith("UPDATE"), act
        assert "ORDER BY" in locks, act
        assert connection.vendor == "sqlite" or locks.endswith("FOR NO KEY UPDATE"), act


def due() -> list[tuple[datetime, str]]:
    return list(Delivery.objects.order_by("position").values_list("due_at", "reason"))


def test_what_was_not_sent_by_day_waits_for_the_morning(person: User) -> None:
    told(person, "order.confirmed", "order.delivered")

    assert peace.put_off(now=NOON) == 0
    assert peace.put_off(now=AT_TEN) == 1
    assert peace.put_off(now=AT_TEN) == 0

    assert due() == [(AT_SEVEN, "quiet_hours"), (NOON, "")]


def test_what_is_urgent_waits_for_those_who_say_so(person: User) -> None:
    told(person, "order.delivered", urgent_too=True)

    assert peace.put_off(now=AT_TEN) == 1

    assert due() == [(AT_SEVEN, "quiet_hours")]


def test_what_is_being_sent_and_what_goes_to_programs_is_left_alone(person: User) -> None:
    told(person, "order.confirmed")
    told(person, "order.preparing", channel="webhook")
    Delivery.objects.filter(topic="order.order.confirmed").update(leased_by="somebody")

    assert peace.put_off(now=AT_TEN) == 0

    assert {due_at for due_at, _reason in due()} == {NOON}


def by_one_after_the_other(person: User, **wishes: Any) -> None:
    """Web push at once, e-mail after ten minutes, a text message after twenty."""
    fallback = {"after_minutes": 10, "channels": ["webpush", "email", "sms"]}
    caller = caller_for_user(person, locale="en")
    preferring.save(caller, {"fallback": fallback, **wishes}, now=NOON)
    for channel in ("sms", "email", "webpush"):
        wanted: dict[str, Any] = {"channel": channel, "who": f"user:{person.pk}", "address": "a"}
        subscriptions.begin(topic="order.A", locale="en", now=NOON, **wanted)
    with log.change() as change:
        also = [f"user.{person.pk}"]
        change.event("order.A", "order.delivered", {}, at=NOON, also=also, texts=WORDS)
    dispatcher.dispatch(now=NOON)


def rungs() -> list[tuple[str, str, str, datetime]]:
    rows = Delivery.objects.order_by("due_at").values_list(
        "subscription__channel", "state", "reason", "due_at"
    )
    return list(rows)


LATER = [NOON + timedelta(minutes=minutes) for minutes in (0, 10, 20)]


def test_the_next_channel_is_tried_while_nobody_says_that_it_was_received(person: User) -> None:
    by_one_after_the_other(person)

    assert peace.leave_out_acknowledged(now=LATER[2]) == 0

    assert rungs() == [
        ("webpush", "pending", "", LATER[0]),
        ("email", "pending", "fallback", LATER[1]),
        ("sms", "pending", "fallback", LATER[2]),
    ]


def test_who_says_anywhere_that_it_was_received_is_told_by_no_other_channel(person: User) -> None:
    by_one_after_the_other(person)
    Delivery.objects.filter(subscription__channel="email").update(
        state="sent", reason="", ended_at=LATER[1]
    )
    receipts.acknowledge(caller_for_user(person, locale="en"), 1, now=LATER[1])

    assert peace.leave_out_acknowledged(now=LATER[1]) == 0
    assert peace.leave_out_acknowledged(now=LATER[2]) == 1

    assert [state for _channel, state, _reason, _due_at in rungs()] == [
        "pending",
        "sent",
        "skipped",
    ]
    assert rungs()[2][2] == "acknowledged"


def test_a_channel_that_reaches_nobody_is_left_out_of_the_ladder(person: User) -> None:
    by_one_after_the_other(person, channels={"progress": {"email": False}})

    assert set(rungs()) == {
        ("email", "skipped", "not_wanted", LATER[0]),
        ("webpush", "pending", "", LATER[0]),
        ("sms", "pending", "fallback", LATER[1]),
    }


def test_the_task_gathers_puts_off_and_leaves_out_before_it_sends(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(person, "order.confirmed", "order.placed")
    Delivery.objects.filter(topic="order.order.placed").update(state="gathering")
    done: list[str] = []
    for module, name in [
        (dispatcher, "dispatch"),
        (digests, "gather"),
        (peace, "leave_out_acknowledged"),
        (peace, "put_off"),
        (sending, "run"),
    ]:
        monkeypatch.setattr(module, name, _noting(done, name))

    tasks.deliver()

    assert done == ["dispatch", "gather", "leave_out_acknowledged", "put_off", "run"]


def test_the_task_looks_three_times_and_does_nothing_where_nothing_waits(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(person, "order.confirmed")
    Delivery.objects.update(state="sent", ended_at=NOON)
    monkeypatch.setattr(sending, "run", None)

    with CaptureQueriesContext(connection) as captured:
        assert tasks.deliver() == 0

    asked = [each["sql"] for each in captured if each["sql"].startswith("SELECT")]
    assert len(asked) == 3
    assert all("LIMIT 1" in sql for sql in asked)


def test_the_task_leaves_out_what_is_not_due_where_nobody_is_any_more(person: User) -> None:
    told(person, "order.confirmed")
    Delivery.objects.update(due_at=timezone.now() + timedelta(hours=1))
    Subscription.objects.update(state="disabled")

    tasks.deliver()

    assert rungs()[0][1:3] == ("skipped", "disabled")


def _noting(done: list[str], name: str) -> Any:
    def act(**_given: Any) -> Any:
        done.append(name)
        return sending.Settled() if name == "run" else 0

    return act
