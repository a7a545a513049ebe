"""Who is connected, and how the push itself is doing: counts, limits, `status` and metrics."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import orjson
import prometheus_client as metrics
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from museo.access.problems import Problem
from notifications.envelope import timestamp

STATUS_SECONDS = 5.0
# a process that has said nothing for so long has gone
FORGOTTEN_AFTER_SECONDS = 3 * STATUS_SECONDS

CLIENTS = metrics.Gauge("museo_live_clients", "Open streams", ["kind"], multiprocess_mode="livesum")
EVENTS = metrics.Counter("museo_live_events", "Events that the hub has delivered")
HEALED = metrics.Counter(
    "museo_live_healed", "Events that no wake-up brought and that were read from the log"
)
BEHIND = metrics.Gauge(
    "museo_live_behind",
    "Events between the log's head and the hub",
    multiprocess_mode="livemax",
)
DELAY = metrics.Histogram(
    "museo_live_delay_seconds",
    "From the time that an event happened to its delivery, for events of wake-ups",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
SLOW = metrics.Counter("museo_live_slow_clients", "Streams closed because nobody read them")
REVOKED = metrics.Counter("museo_live_revoked", "Streams ended because access was revoked")
REFUSED = metrics.Counter("museo_live_refused", "Streams and frames refused by a limit", ["limit"])


def counted() -> dict[str, int]:
    """What this process has counted since it began, and how far its hub is behind the log."""
    return {
        "events_delivered": _total(EVENTS),
        "events_healed": _total(HEALED),
        "events_behind": _total(BEHIND),
        "slow_clients": _total(SLOW),
        "refused": _total(REFUSED),
        "revoked": _total(REVOKED),
    }


def _total(metric: metrics.Counter | metrics.Gauge) -> int:
    samples = (sample for family in metric.collect() for sample in family.samples)
    return int(sum(each.value for each in samples if not each.name.endswith("_created")))


class TooManyStreams(Problem):
    status = 429
    code = "too_many_streams"


class Pulse:
    """When the hub of this process last compared itself with the log; None without a hub."""

    def __init__(self) -> None:
        self._looked_at: float | None = None

    def beat(self) -> None:
        self._looked_at = time.monotonic()

    def stop(self) -> None:
        self._looked_at = None

    def age(self) -> float | None:
        return None if self._looked_at is None else time.monotonic() - self._looked_at


pulse = Pulse()


class Connections:
    """The open streams of one process, and how many the other processes say to have."""

    def __init__(self) -> None:
        self.process = uuid4().hex
        self._by_caller: Counter[str] = Counter()
        self._total = 0
        self._elsewhere: dict[str, tuple[int, float]] = {}
        # who wants `status`: how to tell, and the connection's id
        self._watchers: dict[object, tuple[Callable[[dict[str, Any]], None], str]] = {}
        self._told = 0

    def enter(self, kind: str, caller: str) -> None:
        """Count a stream; raise TooManyStreams if this caller has as many as anybody may have."""
        if self._by_caller[caller] >= settings.MUSEO_STREAMS_PER_CALLER:
            REFUSED.labels("streams").inc()
            raise TooManyStreams(
                _("You have too many streams open. Close some, or follow several topics on one."),
                retry_after=int(STATUS_SECONDS),
            )
        self._by_caller[caller] += 1
        self._total += 1
        CLIENTS.labels(kind).inc()

    def exit(self, kind: str, caller: str) -> None:
        self._by_caller[caller] -= 1
        if not self._by_caller[caller]:
            del self._by_caller[caller]
        self._total -= 1
        CLIENTS.labels(kind).dec()

    def count(self) -> int:
        """How many streams are open, in all processes that are heard of."""
        recent = time.monotonic() - FORGOTTEN_AFTER_SECONDS
        return self._total + sum(count for count, at in self._elsewhere.values() if at > recent)

    # between processes

    def report(self) -> bytes:
        return orjson.dumps({"process": self.process, "clients": self._total})

    def hear(self, report: bytes) -> None:
        told = orjson.loads(report)
        if told["process"] != self.process:
            self._elsewhere[told["process"]] = (int(told["clients"]), time.monotonic())

    # status

    def watch(self, key: object, tell: Callable[[dict[str, Any]], None], id: str) -> None:
        """Tell of a changed number of clients, at most once in STATUS_SECONDS."""
        self._watchers[key] = (tell, id)

    def unwatch(self, key: object) -> None:
        self._watchers.pop(key, None)

    def status(self, id: str) -> dict[str, Any]:
        return {
            "type": "status",
            "status": "connected",
            "connection_id": id,
            "client_count": self.count(),
            "timestamp": timestamp(timezone.now()),
        }

    def tell(self) -> None:
        """Tell those who watch, if the number has changed since they were last told."""
        self._elsewhere = {
            process: (count, at)
            for process, (count, at) in self._elsewhere.items()
            if at > time.monotonic() - FORGOTTEN_AFTER_SECONDS
        }
        if (count := self.count()) != self._told:
            self._told = count
            for tell, id in list(self._watchers.values()):
                tell(self.status(id))
