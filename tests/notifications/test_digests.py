"""Digests: of an address one message, whoever gathers it, and nothing is told twice or never."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from notifications import digests, subscribing, subscriptions
from notifications.models import Delivery, Subscription
from tests.notifications.conftest import NOON
from tests.together import at_once

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]
LATER = NOON + timedelta(hours=1)


def subscribe(topic: str, address: str = "+4912345", **more: Any) -> Subscription:
    wanted = {"channel": "sms", "who": "user:1", "locale": "en", **more}
    new = subscriptions.begin(topic=topic, address=address, now=NOON, **wanted)
    return new.subscription


def waits(
    subscription: Subscription, *positions: int, due_at: datetime = LATER, state: str = "gathering"
) -> None:
    for position in positions:
        Delivery.objects.create(
            subscription=subscription,
            position=position,
            topic=subscription.topic,
            state=state,
            reason="digest",
            due_at=due_at,
            created_at=NOON,
        )


def stands() -> list[tuple[int, str, str]]:
    rows = Delivery.objects.order_by("position")
    return list(rows.values_list("position", "state", "reason"))


def sent() -> Sequence[Delivery]:
    return list(Delivery.objects.pending().order_by("position"))


def besides(deliveries: Sequence[Delivery]) -> dict[int, tuple[list[int], int]]:
    """Of which positions each tells besides, and how many it leaves out."""
    told = digests.told_besides([each.pk for each in deliveries])
    return {
        pk: ([one.position for one in each.deliveries], each.left_out) for pk, each in told.items()
    }


def test_what_is_due_at_an_address_is_one_message_the_newest() -> None:
    waits(subscribe("order.A"), 1, 4)
    waits(subscribe("order.B"), 2, 3)
    waits(subscribe("order.C"), 5, due_at=LATER + timedelta(hours=1))

    assert digests.gather(now=NOON) == 0
    assert digests.gather(now=LATER) == 1
    assert digests.gather(now=LATER) == 0

    assert stands() == [
        (1, "superseded", "digest"),
        (2, "superseded", "digest"),
        (3, "superseded", "digest"),
        (4, "pending", "digest"),
        (5, "gathering", "digest"),
    ]
    lead = Delivery.objects.get(position=4)
    assert besides([lead]) == {lead.pk: ([1, 2, 3], 0)}
    assert set(Delivery.objects.filter(state="superseded").values_list("ended_at", flat=True)) == {
        LATER
    }


def test_other_people_addresses_and_channels_have_their_own() -> None:
    for number, more in enumerate(
        [{}, {"who": "user:2"}, {"address": "+1"}, {"channel": "whatsapp"}], 1
    ):
        waits(subscribe("order.A", **more), number)

    assert digests.gather(now=LATER) == 4

    assert {state for _position, state, _reason in stands()} == {"pending"}
    assert digests.told_besides([each.pk for each in sent()]) == {}


def test_who_pauses_keeps_theirs_and_who_is_gone_is_told_nothing() -> None:
    paused, gone = subscribe("order.A"), subscribe("order.B")
    waits(paused, 1)
    waits(gone, 2)
    waits(subscribe("order.C"), 3)
    subscriptions.pause(paused)
    Subscription.objects.filter(pk=gone.pk).update(state="disabled")

    digests.gather(now=LATER)

    assert stands() == [
        (1, "gathering", "digest"),
        (2, "skipped", "disabled"),
        (3, "pending", "digest"),
    ]


def test_one_that_is_sent_again_is_told_by_itself() -> None:
    waits(subscribe("order.A"), 1, 2)
    digests.gather(now=LATER)
    first, lead = Delivery.objects.order_by("position")

    subscribing._again(Delivery.objects.filter(pk=first.pk), is_missed_only=False, now=LATER)

    first.refresh_from_db()
    assert (first.state, first.told_by_id) == ("pending", None)
    assert digests.told_besides([lead.pk]) == {}


def test_gathering_costs_the_same_for_many_as_for_one() -> None:
    def statements(count: int) -> int:
        for number in range(count):
            waits(subscribe("order.A", f"+{number}"), 2 * number + 1, 2 * number + 2)
        with CaptureQueriesContext(connection) as captured:
            assert digests.gather(now=LATER) == count
        Delivery.objects.all().delete()
        return len(captured)

    assert statements(30) == statements(1) <= 6


def test_a_part_of_an_address_is_not_gathered_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "MOST", 5)
    for number in range(3):
        waits(subscribe("order.A", f"+{number}"), *range(3 * number + 1, 3 * number + 4))

    assert [digests.gather(now=LATER) for _run in range(4)] == [1, 1, 1, 0]

    assert [each.position for each in sent()] == [3, 6, 9]


def test_whose_turn_is_first_is_gathered_and_the_others_are_not_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(digests, "MOST_LOOKED_AT", 2)
    for number in range(3):
        due_at = LATER - timedelta(minutes=number)
        waits(subscribe("order.A", "+1", who=f"user:{number}"), number + 1, due_at=due_at)
    waits(subscribe("order.B", "+1", who="user:2"), 4)

    assert [digests.gather(now=LATER) for _run in range(3)] == [2, 1, 0]

    assert [each.position for each in sent()] == [1, 2, 4]
    assert besides(sent()[-1:]) == {sent()[-1].pk: ([3], 0)}


def test_of_thousands_a_message_tells_the_newest_and_how_many_there_are_besides() -> None:
    subscription = subscribe("order.A")
    waits(subscription, 5001)
    lead = subscription.deliveries.get()
    Delivery.objects.bulk_create(
        Delivery(
            subscription=subscription,
            position=position,
            topic="order.A",
            state="superseded",
            due_at=LATER,
            created_at=NOON,
            ended_at=LATER,
            told_by=lead,
        )
        for position in range(1, 5001)
    )

    assert besides([lead]) == {lead.pk: (list(range(4981, 5001)), 4980)}


def test_gathered_by_six_at_once_it_is_one_message_each() -> None:
    for number in range(10):
        waits(subscribe("order.A", f"+{number}"), *range(5 * number + 1, 5 * number + 6))

    at_once([lambda: digests.gather(now=LATER)] * 6)

    assert [each.position for each in sent()] == [5 * number + 5 for number in range(10)]
    assert sum(len(positions) for positions, _left_out in besides(sent()).values()) == 40


@pytest.mark.parametrize("is_checked", [True, False])
def test_who_comes_late_to_what_was_gathered_and_sent_leaves_it(
    monkeypatch: pytest.MonkeyPatch, is_checked: bool
) -> None:
    """Without the second look under the lock, it is sent again."""
    waits(subscribe("order.A"), 1, 2)
    seen = digests._due(LATER)
    digests.gather(now=LATER)
    Delivery.objects.pending().update(state="sent", ended_at=LATER)
    monkeypatch.setattr(digests, "_due", lambda now: seen)
    if not is_checked:
        monkeypatch.setattr(digests, "_lock", set)

    digests.gather(now=LATER)

    states = [state for _position, state, _reason in stands()]
    assert states == ["superseded", "sent" if is_checked else "pending"]
