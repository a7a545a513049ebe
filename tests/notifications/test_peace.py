"""What comes late does not come at night."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

import pytest

from museo.access.callers import caller_for_user
from museo.access.models import User
from notifications import dispatcher, log, peace, preferring, subscriptions
from notifications.models import Delivery
from tests.notifications.conftest import NOON

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
            change.event(topic, type, {}, at=NOON)
    dispatcher.dispatch(now=NOON)


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
