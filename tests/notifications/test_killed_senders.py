"""Work processes killed during slow sends: nothing is lost, and each topic stays in order."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
from collections import defaultdict
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
import redis
from django.conf import settings

from notifications import subscriptions
from notifications.models import Delivery, Event, Subscription
from tests.notifications.conftest import NOON, somebody, tell
from tests.notifications.receivers import OK, Got, Receiver, receiving
from tests.ops.running import OpenShop, open_shop
from tests.processes import database_url, eventually, spawn

pytestmark = [pytest.mark.usefixtures("committed")]

# leases are short, so that what a killed one held is soon taken up
WORK = """
import random
import time
from datetime import timedelta
from django.utils import timezone
from notifications import dispatcher, sending
from notifications.channels import posting

sending.LEASE, sending.MARGIN = timedelta(seconds=4), timedelta(seconds=1)
posting.TOTAL = timedelta(seconds=2)
{protection_off}
while True:
    while dispatcher.dispatch(now=timezone.now()):
        pass
    sending.run(clock=timezone.now, dice=random.Random())
    time.sleep(0.02)
"""
# the twin: whatever is due is as good as the first of its topic
OUT_OF_ORDER = """
sending.CLAIM = sending.CLAIM.replace("h.place = 1", "h.place >= 1").replace(
    "ORDER BY d.due_at, d.id", "ORDER BY d.id DESC"
)
"""


# what was held by one that was killed is taken up after its lease, and sent
RECOVERS_WITHIN = 75


async def slowly(_got: Got, _writer: asyncio.StreamWriter) -> bytes:
    await asyncio.sleep(random.uniform(0.002, 0.02))  # noqa: S311
    return OK


def _topics(receiver: Receiver) -> dict[str, list[int]]:
    """The versions of each topic as they came, with repeats."""
    found: dict[str, list[int]] = defaultdict(list)
    for got in receiver.got:
        found[got.headers["museo-topic"]].append(int(got.headers["museo-version"]))
    return found


def _is_in_order(receiver: Receiver) -> bool:
    """A repeat is as good as the first, but nothing comes after what follows it."""
    return all(
        before <= after
        for versions in _topics(receiver).values()
        for before, after in pairwise(versions)
    )


def _deliver(events: int, topics: int, kills: int, protection_off: str = "") -> list[Receiver]:
    """Tell so many events, to three receivers, by two processes of which some are killed."""
    code = WORK.replace("{protection_off}", protection_off)
    working: list[subprocess.Popen[str]] = []
    with ExitStack() as opened:
        receivers = [opened.enter_context(receiving(slowly)) for _ in range(3)]
        allowed = ",".join(receiver.place for receiver in receivers)

        def start() -> None:
            working.append(spawn(code, MUSEO_WEBHOOK_ALLOW=allowed))

        def end() -> None:
            for each in working:
                each.kill()
                each.communicate()

        opened.callback(end)
        _tell_all(receivers, events, topics)
        start()
        start()
        for kill in range(kills):
            enough = (kill + 1) * events * 3 // (kills + 2)
            eventually(lambda at=enough: _arrived(receivers) >= at, seconds=120)  # type: ignore[misc]
            doomed = working.pop(0)
            doomed.send_signal(signal.SIGKILL)
            doomed.communicate()
            start()
        eventually(lambda: Delivery.objects.filter(state="sent").count() == events * 3, seconds=300)
    return receivers


def _tell_all(receivers: list[Receiver], events: int, topics: int) -> None:
    """Let each receiver be told of all events of so many topics, and let them happen."""
    who = somebody()
    # one that other processes know, too
    topic = who.replace(":", ".")
    for receiver in receivers:
        subscriptions.begin(
            topic=topic,
            channel=Subscription.Channel.WEBHOOK,
            address=receiver.url,
            who=who,
            locale="en",
            now=NOON,
        )
    for number in range(events):
        tell(f"trial.{number % topics}", also=[topic])


def _arrived(receivers: list[Receiver]) -> int:
    return sum(len(receiver.got) for receiver in receivers)


def _check(receivers: list[Receiver], events: int) -> None:
    ids = {f"evt_{uid.hex}" for uid in Event.objects.values_list("uid", flat=True)}
    assert len(ids) == events
    for receiver in receivers:
        assert {got.headers["webhook-id"] for got in receiver.got} == ids
        named = {(got.headers["webhook-id"], got.headers["museo-position"]) for got in receiver.got}
        assert len(named) == events, "a repeat has another id"
        assert _is_in_order(receiver)


@pytest.mark.both
def test_killed_senders_lose_nothing_and_keep_the_order() -> None:
    _check(_deliver(events=200, topics=20, kills=2), 200)


def test_without_the_order_of_topics_it_is_lost() -> None:
    """The twin; what is sent side by side is of one topic."""
    receivers = _deliver(events=200, topics=1, kills=0, protection_off=OUT_OF_ORDER)

    assert not all(map(_is_in_order, receivers))


def _lose_what_it_keeps(shop: OpenShop) -> None:
    """Kill the shop's Valkey; it comes back, and has nothing."""
    killed = shop.parts()["valkey"]
    killed.kill()
    eventually(lambda: shop.parts().get("valkey", killed) != killed)
    with redis.Redis(unix_socket_path=str(shop.home / "valkey" / "valkey.sock")) as back:
        eventually(lambda: _answers(back))
        back.flushall()


def _answers(server: redis.Redis) -> bool:
    try:
        return bool(server.ping())
    except redis.ConnectionError:
        return False


def _deliver_by_a_shop(home: Path, events: int, topics: int, kills: int) -> list[Receiver]:
    """Tell so many events, to three receivers, by a shop whose sender and broker are killed."""
    with ExitStack() as opened:
        receivers = [opened.enter_context(receiving(slowly)) for _ in range(3)]
        environment = {
            "DATABASE_URL": database_url(),
            "MUSEO_WEBHOOK_ALLOW": ",".join(receiver.place for receiver in receivers),
            "MUSEO_ENCRYPTION_KEYS": ",".join(settings.MUSEO_ENCRYPTION_KEYS),
        }
        shop = opened.enter_context(open_shop(home, is_first=True, **environment))
        _tell_all(receivers, events, topics)
        for kill in range(kills):
            enough = (kill + 1) * events * 3 // (kills + 2)
            eventually(lambda at=enough: _arrived(receivers) >= at, seconds=120)  # type: ignore[misc]
            eventually(lambda: "work" in shop.parts())
            shop.parts()["work"].kill()
            if kill in (kills // 3, 2 * kills // 3):
                _lose_what_it_keeps(shop)
        eventually(lambda: _arrived(receivers) >= events * 3 * 0.95, seconds=120)
        sent = Delivery.objects.filter(state="sent")
        eventually(lambda: sent.count() == events * 3, seconds=RECOVERS_WITHIN)
    return receivers


@pytest.mark.long
def test_nothing_is_lost_though_the_broker_comes_back_empty(tmp_path: Path) -> None:
    _check(_deliver_by_a_shop(tmp_path, events=5000, topics=200, kills=20), 5000)


@pytest.mark.long
def test_twenty_killed_senders_lose_nothing_of_fifteen_thousand() -> None:
    _check(_deliver(events=5000, topics=200, kills=20), 5000)
