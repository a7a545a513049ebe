"""Days among receivers from hell, by a clock that is turned on: the schedule, the end, the way out.

Every one of them is a server on this machine. What it did not take in its bad days it has in order
once it is well and somebody asks for all since.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from notifications import dispatcher, retries, sending, subscribing, subscriptions
from notifications.channels import calling, posting
from notifications.models import Attempt, Delivery, Event, Subscription
from tests.notifications.conftest import NOON, tell
from tests.notifications.receivers import (
    Behave,
    Receiver,
    accept,
    always,
    answer,
    certificate,
    in_drops,
    receiving,
    reset,
    ten_megabytes,
)

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]
DAY = timedelta(days=1)
DAYS = 6
ASKED = timedelta(hours=1)


@dataclass(frozen=True)
class Hell:
    """What a receiver does, and what its deliveries say of it."""

    behave: Behave
    code: str
    status: int | None = None
    asks: timedelta = timedelta(0)
    has_bad_certificate: bool = False
    # for all of a try; an answer in drops takes 7.6 s
    total: timedelta = posting.TOTAL


HELLS = {
    "500": Hell(always(answer(500)), "unreachable", 500),
    "429": Hell(always(answer(429, "retry-after: 3600")), "too_often", 429, asks=ASKED),
    "301": Hell(always(answer(301, "location: http://127.0.0.1:1/")), "refused", 301),
    "slow loris": Hell(in_drops, "unreachable", total=timedelta(seconds=0.3)),
    "10 MB": Hell(ten_megabytes, "unreachable", 500),
    "reset": Hell(reset, "unreachable"),
    "bad certificate": Hell(accept, "unreachable", has_bad_certificate=True),
}


@pytest.fixture
def caller() -> Caller:
    return caller_for_user(User.objects.create_user("maya@example.org"), locale="en")


@pytest.fixture
def subscribe(settings: Any, caller: Caller) -> Callable[..., Subscription]:
    def subscribe(receiver: Receiver, scheme: str) -> Subscription:
        place = f"localhost:{receiver.port}"
        settings.MUSEO_WEBHOOK_ALLOW = frozenset({place})
        made = subscriptions.begin(
            topic="trial.a",
            channel=Subscription.Channel.WEBHOOK,
            address=f"{scheme}://{place}/hook",
            who=caller.who,
            locale="en",
            now=NOON,
        )
        return made.subscription

    return subscribe


class Days:
    """Plays what falls due, moment by moment, with dice that fall the same each time."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now
        self._dice = Random(7)  # noqa: S311  nobody need be unable to guess it

    def play(self, until: datetime) -> None:
        while (following := self._next()) and following <= until:
            self.now = max(self.now, following)
            claimed = sending.claim(sender="me", now=self.now)
            assert claimed, "a moment at which nothing was due"
            tried = asyncio.run(self._send(claimed))
            sending.settle(tried, sender="me", now=self.now, dice=self._dice)
            sending.leave_out_disabled(now=self.now)
        self.now = until

    async def _send(self, parcels: Sequence[Any]) -> list[sending.Tried]:
        async with posting.pool() as connections:
            tries = [sending.send(connections, each, clock=lambda: self.now) for each in parcels]
            return list(await asyncio.gather(*tries))

    @staticmethod
    def _next() -> datetime | None:
        """When the first of the topic falls due, and the receiver has rested."""
        active = Delivery.objects.pending().filter(subscription__state="active")
        first = active.select_related("subscription").order_by("position").first()
        if first is None:
            return None
        return max(first.due_at, first.subscription.rests_until or first.due_at)


def _tell_each_day(days: Days) -> None:
    for _ in range(DAYS):
        tell()
        dispatcher.dispatch(now=days.now)
        days.play(days.now + DAY)


def _moments(position: int) -> list[datetime]:
    """When an event was tried."""
    ids = Delivery.objects.filter(position=position).values_list("pk", flat=True)
    tries = Attempt.objects.filter(delivery__in=list(ids)).order_by("at")
    return list(tries.values_list("at", flat=True))


def _certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[ssl.SSLContext]:
    """One of another name that nobody knows, and the right one."""
    (tmp_path / "bad").mkdir()
    bad, good = certificate(tmp_path / "bad", "example.org"), certificate(tmp_path, "localhost")
    trusting = ssl.create_default_context(cafile=str(tmp_path / "server.pem"))
    monkeypatch.setattr(calling, "tls", lambda: trusting)
    return [bad, good]


def _events() -> list[tuple[str, str]]:
    """What a receiver has to have: ids and positions, in order."""
    mine = Event.objects.filter(topic="trial.a").order_by("position")
    return [(f"evt_{uid.hex}", str(at)) for uid, at in mine.values_list("uid", "position")]


def _heard(receiver: Receiver) -> list[tuple[str, str]]:
    return [(got.headers["webhook-id"], got.headers["museo-position"]) for got in receiver.got]


def _restore(days: Days, caller: Caller, subscription: Subscription) -> None:
    """Resume it, and ask for all since the beginning."""
    subscriptions.resume(subscription)
    assert not Delivery.objects.pending().exists()
    asked = subscribing.replay(caller, subscription, after=0, now=days.now)
    assert (asked.deliveries, asked.following) == (DAYS, None)
    days.play(days.now)


@pytest.mark.parametrize("name", HELLS)
def test_after_days_in_hell_all_is_as_if_there_had_been_none(
    name: str,
    caller: Caller,
    subscribe: Callable[..., Subscription],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hell, days = HELLS[name], Days()
    bad, good = _certificates(tmp_path, monkeypatch) if hell.has_bad_certificate else (None, None)
    with receiving(hell.behave, tls=bad) as receiver:
        subscription = subscribe(receiver, "https" if bad else "http")
        with monkeypatch.context() as patched:
            patched.setattr(posting, "TOTAL", hell.total)
            _tell_each_day(days)

    # the first event was tried by the schedule, and then given up
    moments = _moments(1)
    assert len(moments) == len(retries.PAUSES) + 1
    for planned, (before, after) in zip(retries.PAUSES, pairwise(moments), strict=True):
        least, most = (max(planned * by, hell.asks) for by in (0.9, 1.1))
        assert least <= after - before <= most
    assert 2.6 * DAY < moments[-1] - moments[0] < 3.4 * DAY
    first = Delivery.objects.get(position=1)
    assert (first.state, first.reason, first.ended_at) == ("failed", hell.code, moments[-1])
    assert first.attempts_made == len(moments)
    if not hell.has_bad_certificate:
        assert [id for id, position in _heard(receiver) if position == "1"] == (
            [_events()[0][0]] * len(moments)
        )
    assert set(Attempt.objects.values_list("status", "code")) == {(hell.status, hell.code)}
    # the second one waited for it
    assert _moments(2)[0] >= moments[-1]

    # the days were counted from the first failure, and the last one was the end
    subscription.refresh_from_db()
    assert (subscription.state, subscription.reason) == ("disabled", "failing")
    assert subscription.failing_since == moments[0]
    last, one_before = Attempt.objects.order_by("-at").values_list("at", flat=True)[:2]
    assert one_before < moments[0] + 5 * DAY <= last
    told = Event.objects.get(type="notification")
    assert (told.topic, told.at) == (f"user.{caller.user_id}", last)
    assert told.data["data"] == {"subscription_id": subscription.public_id, "reason": "failing"}
    rest = Delivery.objects.exclude(position=1).exclude(state="failed")
    assert set(rest.values_list("state", "reason")) == {("skipped", "disabled")}

    with receiving(accept, tls=good, port=receiver.port) as well:
        _restore(days, caller, subscription)

    assert _heard(well) == _events()
    assert set(Delivery.objects.values_list("state", "reason")) == {("sent", "")}


def test_one_that_has_gone_is_left_alone_at_once_and_has_all_when_it_comes_back(
    caller: Caller, subscribe: Callable[..., Subscription]
) -> None:
    days = Days()
    with receiving(always(answer(410))) as receiver:
        subscription = subscribe(receiver, "http")
        _tell_each_day(days)

    assert len(receiver.got) == Attempt.objects.count() == 1
    subscription.refresh_from_db()
    assert (subscription.state, subscription.reason) == ("disabled", "gone")
    told = Event.objects.get(type="notification")
    assert (told.at, told.data["data"]["reason"]) == (NOON, "gone")

    with receiving(accept, port=receiver.port) as well:
        _restore(days, caller, subscription)

    assert _heard(well) == _events()
