"""What is measured, each in a process of its own: `python -m bench.notifications.parts PART …`."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import django
import orjson
import psutil

os.environ["DJANGO_SETTINGS_MODULE"] = "museo.settings"
django.setup()

from django.db import connection  # noqa: E402  the settings come first
from django.utils import timezone  # noqa: E402

from museo.access.callers import who_is  # noqa: E402
from museo.access.models import User  # noqa: E402
from notifications import dispatcher, log, sending, subscriptions, tasks, topics  # noqa: E402
from notifications.models import Delivery, Subscription  # noqa: E402
from orders import services  # noqa: E402

ALL = "bench.all"
TOPICS = 200
THREADS = 8


def _all(wanted: Sequence[topics.Wanted]) -> list[set[str]]:
    return [set(names) for _caller, names in wanted]


def _nothing(names: Collection[str], locale: str) -> dict[str, dict[str, Any]]:
    return {}


topics.register("bench", may_read=_all, snapshot=_nothing)


def dispatch(events: int, receivers: int) -> dict[str, Any]:
    """How long the deliveries of so many events take to be made."""
    _subscribe([f"https://receiver-{number}.example/" for number in range(receivers)])
    _tell(events)
    with _measured() as told:
        while dispatcher.dispatch(now=timezone.now()):
            pass
    return {**told, "deliveries": Delivery.objects.count()}


def send(events: int, *addresses: str) -> dict[str, Any]:
    """How long so many events take to be sent to each of the addresses by one work process."""
    _subscribe(addresses)
    _tell(events)
    while dispatcher.dispatch(now=timezone.now()):
        pass
    with _measured() as told:
        while Delivery.objects.pending().exists():
            sending.run(clock=timezone.now, dice=random.Random())  # noqa: S311
    return {**told, "sent": Delivery.objects.filter(state=Delivery.State.SENT).count()}


def work(*addresses: str) -> dict[str, Any]:
    """A work process: what is due is sent each second, until it is told to end and it is."""
    _subscribe(addresses)
    well = Delivery.objects.pending().filter(subscription__address=addresses[0])
    with _measured() as told, ThreadPoolExecutor(THREADS) as threads:
        _each_second(lambda: threads.submit(tasks.deliver))
        while dispatcher.dispatch(now=timezone.now()) or well.exists():
            threads.submit(tasks.deliver).result()
    return told


def clock() -> dict[str, Any]:
    """A clock process: how late its ticks end, in seconds after each was planned."""
    late: list[float] = []

    def tick(planned: float) -> None:
        services.advance_due(now=timezone.now())
        late.append(time.time() - planned)

    _each_second(lambda: tick(float(int(time.time()))))
    return {"ticks": len(late), "late": max(late)}


def tell(events: int, a_second: int) -> list[tuple[int, float]]:
    """Commit one event after the other; when each was committed."""
    told, begin = [], time.time()
    for number in range(events):
        time.sleep(max(0.0, begin + number / a_second - time.time()))
        with log.change() as change:
            _event(change, number)
        told.append((number, time.time()))
    return told


def _subscribe(addresses: Sequence[str]) -> None:
    user, _is_new = User.objects.get_or_create(email="bench@example.org")
    for address in addresses:
        subscriptions.begin(
            topic=ALL,
            channel=Subscription.Channel.WEBHOOK,
            address=address,
            who=who_is(user.pk),
            locale="en",
            now=timezone.now(),
        )


def _tell(events: int) -> None:
    for first in range(0, events, 100):
        with log.change() as change:
            for number in range(first, min(first + 100, events)):
                _event(change, number)


def _event(change: log.Change, number: int) -> None:
    topic = f"bench.{number % TOPICS}"
    change.event(topic, "bench.told", {"n": number}, at=timezone.now(), also=(ALL,))


@contextmanager
def _measured() -> Iterator[dict[str, Any]]:
    """Seconds by the wall, and of the processor: of this process and of its database session."""
    told: dict[str, Any] = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        session = psutil.Process(cursor.fetchone()[0])
    began, cpu, of_database = time.monotonic(), time.process_time(), sum(session.cpu_times()[:2])
    yield told
    told["seconds"] = time.monotonic() - began
    told["cpu"] = time.process_time() - cpu
    told["database"] = sum(session.cpu_times()[:2]) - of_database


def _each_second(act: Callable[[], object]) -> None:
    """At full seconds, until a line comes in."""
    over = threading.Event()

    def wait() -> None:
        sys.stdin.readline()
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not over.wait(1 - time.time() % 1):
        act()


PARTS: dict[str, Callable[..., Any]] = {
    each.__name__: each for each in (dispatch, send, work, clock, tell)
}

if __name__ == "__main__":
    given = [int(each) if each.isdigit() else each for each in sys.argv[2:]]
    sys.stdout.write(orjson.dumps(PARTS[sys.argv[1]](*given)).decode() + "\n")
