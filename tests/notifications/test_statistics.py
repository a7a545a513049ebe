"""Statistics: each event counts once, what is old is forgotten, and the figures add up."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from signal import SIGKILL
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.utils import timezone

from museo.access.models import User
from notifications import dispatcher, log, readers, statistics, subscriptions, tasks
from notifications.charts import HEIGHT, WIDTH, chart
from notifications.models import Delivery, Subscription, Tally
from tests.notifications.conftest import NOON, tell
from tests.processes import ended, eventually, fork
from tests.together import at_once

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
PAGE = "/admin/notifications/tally/"
State = Delivery.State


def happen(type: str, count: int = 1, *, at: datetime = NOON, topic: str = "trial.a") -> None:
    with log.change() as change:
        for _ in range(count):
            change.event(topic, type, {}, at=at)


def keep(now: datetime = NOON) -> int:
    return statistics.keep(now=now)


def realtime(now: datetime = NOON) -> dict[str, Any]:
    return statistics.realtime(now=now)


def test_events_are_counted_by_type_and_minute_and_hour() -> None:
    happen("order.placed", 3)
    happen("order.placed", at=NOON - MINUTE)
    happen("order.delivered", 2, at=NOON - 90 * MINUTE)
    happen("payment.captured")
    assert keep() == 7

    told = realtime()

    assert told["events"]["by_type"] == {"order.placed": 4, "payment.captured": 1}
    assert (told["events"]["hour"], told["events"]["day"]) == (5, 7)
    assert told["orders"]["hour"] == {"placed": 4, "delivered": 0, "cancelled": 0}
    assert told["orders"]["day"] == {"placed": 4, "delivered": 2, "cancelled": 0}
    minutes, hours = told["events"]["per_minute"], told["events"]["per_hour"]
    assert (len(minutes), len(hours)) == (60, 48)
    assert minutes[-1] == {
        "minute": "2026-11-20T12:00:00.000Z",
        "events": 4,
        "placed": 3,
        "delivered": 0,
        "cancelled": 0,
    }
    assert [row["events"] for row in minutes[-3:]] == [0, 1, 4]
    assert [row["events"] for row in hours[-3:]] == [2, 1, 4]
    assert (told["position"], told["behind"]) == (7, 0)


def test_each_event_counts_once_however_it_is_read() -> None:
    happen("order.placed", 5)

    read = [statistics.keep(now=NOON, limit=2) for _ in range(4)]

    assert read == [2, 2, 1, 0]
    assert realtime()["events"]["by_type"] == {"order.placed": 5}


def test_a_count_that_fails_is_made_again_from_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    happen("order.placed", 2)
    with monkeypatch.context() as patched:
        patched.setattr(statistics, "_forget", lambda **_now: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            keep()

    assert not Tally.objects.exists()
    assert realtime()["behind"] == 2
    keep()

    assert realtime()["events"]["hour"] == 2


def test_two_processes_count_each_event_once() -> None:
    happen("order.placed", 60)

    def count() -> None:
        while statistics.keep(now=NOON, limit=5):
            pass

    at_once([count, count])
    count()

    assert realtime()["events"]["hour"] == 60


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer")
def test_without_the_lock_two_at_once_count_each_event_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    happen("order.placed")
    keep()
    happen("order.placed", 5)
    both_have_read, counts = Barrier(2), statistics._counts

    def count_together(events: Any, **given: Any) -> Any:
        both_have_read.wait(timeout=60)
        return counts(events, **given)

    monkeypatch.setattr(readers, "_claimed", lambda found: found)
    monkeypatch.setattr(statistics, "_counts", count_together)

    assert at_once([keep, keep]) == [5, 5]

    assert realtime()["events"]["hour"] == 11


def test_a_reader_that_is_killed_beside_another_has_counted_nothing() -> None:
    happen("order.placed", 60)

    def die() -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(statistics, "_forget", lambda **_now: os.kill(os.getpid(), SIGKILL))
            # whoever finds the other one at work tries again
            while True:
                statistics.keep(now=NOON, limit=5)

    doomed = fork(die)
    while statistics.keep(now=NOON, limit=5):
        pass
    happen("order.placed", 5)
    died_of = -ended(doomed)

    def is_all_counted() -> bool:
        statistics.keep(now=NOON, limit=5)
        return bool(realtime()["behind"] == 0)

    # PostgreSQL takes a moment to let go of what the dead one held
    eventually(is_all_counted)
    assert died_of == SIGKILL
    assert realtime()["events"]["hour"] == 65


def test_what_is_old_is_forgotten_and_only_so_much_is_kept() -> None:
    for hour in range(60):
        happen("order.placed", at=NOON + hour * HOUR)
        keep(NOON + hour * HOUR)
    end = NOON + 59 * HOUR

    assert Tally.objects.filter(span="hour").count() == 48
    assert Tally.objects.filter(span="minute").count() == 1
    assert realtime(end)["events"]["day"] == 24
    assert realtime(end + 48 * HOUR)["events"]["day"] == 0


def test_what_happened_long_ago_is_read_and_not_counted() -> None:
    happen("order.placed", at=NOON - 72 * HOUR)

    assert keep() == 1
    assert not Tally.objects.exists()


def deliver(count: int) -> list[Delivery]:
    subscriptions.begin(
        topic="trial.a",
        channel=Subscription.Channel.WEBHOOK,
        address="https://hooks.example/",
        who="user:1",
        locale="en",
        now=NOON,
    )
    tell(count=count)
    while dispatcher.dispatch(now=NOON):
        pass
    return list(Delivery.objects.order_by("position"))


def end(delivery: Delivery, state: State, at: datetime) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(state=state, ended_at=at)


def test_deliveries_are_counted_by_channel_with_how_long_they_took() -> None:
    rows = deliver(7)
    for seconds, each in enumerate(rows[:4], 1):
        end(each, State.SENT, NOON + timedelta(seconds=seconds))
    end(rows[4], State.FAILED, NOON)
    end(rows[5], State.SENT, NOON - 2 * HOUR)

    told = realtime(NOON + MINUTE)["deliveries"]

    assert told == {
        "webhook": {
            "pending": 1,
            "gathering": 0,
            "sent": 4,
            "failed": 1,
            "superseded": 0,
            "skipped": 0,
            "latency_seconds": {"p50": 2.0, "p95": 4.0},
        }
    }


def test_many_cost_as_many_queries_as_none(django_assert_num_queries: Any) -> None:
    keep()
    with django_assert_num_queries(7) as none:
        realtime()
    for number, each in enumerate(deliver(30)):
        happen(f"trial.{number}", at=NOON - number * MINUTE)
        end(each, State.SENT, NOON)
    keep()

    with django_assert_num_queries(len(none.captured_queries)):
        realtime()


def test_nobody_is_named_in_the_figures() -> None:
    happen("order.placed", topic="order.ORD-7K4Q2M9X")
    deliver(1)
    keep()

    told = str(realtime())

    for secret in ("ORD-", "hooks.example", "user:1", "trial.a"):
        assert secret not in told


def test_the_task_counts_what_there_is() -> None:
    happen("order.placed", 3, at=timezone.now())

    tasks.keep_statistics()

    assert realtime(timezone.now())["orders"]["hour"]["placed"] == 3


@pytest.mark.parametrize(("percent", "expected"), [(50, 2.0), (95, 4.0), (100, 4.0), (1, 1.0)])
def test_a_percentile_is_one_of_the_values(percent: int, expected: float) -> None:
    assert statistics.percentile([3.0, 1.0, 2.0, 4.0], percent) == expected


# the page


def of_role(client: Client, role: str) -> Client:
    user = User.objects.create_user(f"{role}@museo.example", is_staff=True)
    user.groups.set(Group.objects.filter(name=role))
    client.force_login(user)
    return client


def test_staff_see_the_figures_drawn(client: Client) -> None:
    happen("order.placed", 3, at=timezone.now())
    tasks.keep_statistics()
    deliver(2)

    answer = of_role(client, "support").get(PAGE)

    page = answer.content.decode()
    assert page.count("<svg") >= 4
    assert ": 3</title></rect>" in page
    assert "order.placed" in page
    assert "data-fresh-part" in page


def test_who_sells_no_orders_sees_no_figures(client: Client) -> None:
    assert of_role(client, "catalogue").get(PAGE).status_code == 403
    assert Client().get(PAGE).status_code == 302


def test_bars_stand_side_by_side_and_the_highest_fills_the_height() -> None:
    drawn = chart("Events", [("a", 0), ("b", 2), ("c", 4)])

    assert [(bar.x, bar.height) for bar in drawn.bars] == [
        (0.0, 0.0),
        (WIDTH / 3, HEIGHT / 2),
        (2 * WIDTH / 3, HEIGHT),
    ]
    assert [bar.y + bar.height for bar in drawn.bars] == [HEIGHT] * 3
    assert (drawn.most, drawn.total, drawn.first, drawn.last) == (4, 6, "a", "c")
    assert chart("None", [("a", 0)]).bars[0].height == 0.0
    assert chart("Nothing", []).bars == []
