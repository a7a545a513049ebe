"""What happens is delivered soon, and not at the next tick."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from redis import Redis

from museo import broker
from notifications import dispatcher, listening, sending, subscriptions
from notifications.listening import Ear
from notifications.live.wake import CHANNEL
from notifications.models import Delivery, Subscription
from tests.mail_server import Mailbox
from tests.notifications.conftest import WORDS, somebody, tell
from tests.processes import eventually

pytestmark = [pytest.mark.usefixtures("committed")]


@pytest.fixture
def calls(redis: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How often somebody who listens was called; one who fails goes on listening."""
    monkeypatch.setattr(listening, "LOOKS_EVERY_SECONDS", 0.05)
    called: list[int] = []

    def act() -> None:
        called.append(len(called))
        if len(called) == 1:
            raise RuntimeError("the first one fails")

    ear = Ear(redis, act)
    ear.start()
    assert ear.hears.wait(60)
    eventually(lambda: bool(called))
    called[1:] = []
    yield called
    ear.stop()
    ear.join(60)
    assert not ear.is_alive()


def test_who_listens_is_called_after_each_commit_and_once_for_many(calls: list[int]) -> None:
    before = len(calls)
    tell(texts=WORDS)
    eventually(lambda: len(calls) > before)

    before = len(calls)
    for _ in range(50):
        tell(texts=WORDS)
    eventually(lambda: len(calls) > before)

    assert len(calls) - before < 25


def test_who_was_cut_off_listens_again(calls: list[int], redis: str) -> None:
    server: Any = Redis.from_url(redis)
    server.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    before = len(calls)

    def is_heard() -> bool:
        tell(texts=WORDS)
        return len(calls) > before

    eventually(is_heard)
    server.close()


@pytest.mark.usefixtures("calls")
def test_shops_that_share_a_server_do_not_hear_each_other(redis: str) -> None:
    other = f"{redis.partition('?')[0]}?db=7"
    with Redis.from_url(other) as server:
        # to how many it was told
        assert server.publish(broker.channel(other, CHANNEL), b"{}") == 0
        assert server.publish(broker.channel(redis, CHANNEL), b"{}") == 1


class Deaf(threading.Event):
    """The twin: who is about to end does not hear of anybody who came since."""

    was_set = False

    def set(self) -> None:
        if not self.was_set:
            super().set()
        self.was_set = True


@pytest.mark.both
@pytest.mark.parametrize(("asked", "sent"), [(threading.Event, 2), (Deaf, 1)])
def test_what_comes_while_somebody_is_about_to_end_is_not_left_lying(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, asked: type[threading.Event], sent: int
) -> None:
    """The one who sends has looked for the last time when another one comes with something new."""
    subscriptions.begin(
        topic="trial.a",
        channel=Subscription.Channel.EMAIL,
        address="maya@example.org",
        who=somebody(),
        locale="en",
        now=timezone.now() - timedelta(days=1),
    )
    really = sending._run
    is_first = [True]

    def run_then_tell(*arguments: Any, **more: Any) -> sending.Settled:
        settled = really(*arguments, **more)
        if is_first:
            is_first.clear()
            tell(texts=WORDS)
            dispatcher.dispatch(now=timezone.now())
            other = threading.Thread(target=send)
            other.start()
            other.join(10)
        return settled

    monkeypatch.setattr(sending, "_run", run_then_tell)
    monkeypatch.setattr(sending, "_asked", asked())
    tell(texts=WORDS)
    dispatcher.dispatch(now=timezone.now())

    assert send() == sending.Settled(sent=sent)
    assert Delivery.objects.filter(state="sent").count() == sent


def send() -> sending.Settled:
    try:
        return sending.run(clock=timezone.now, dice=Random(7))  # noqa: S311
    finally:
        if threading.current_thread() is not threading.main_thread():
            connection.close()
