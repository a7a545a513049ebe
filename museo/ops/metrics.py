"""`/metrics` for Prometheus: for this machine, `MUSEO_METRICS_NETWORKS`, and staff.

What modules measure is added up over the processes of this machine where they share a folder
(`PROMETHEUS_MULTIPROC_DIR`, which `manage.py up` sets); what only the database, the broker and the
system know is asked when somebody looks.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import prometheus_client
from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from prometheus_client import CollectorRegistry, Metric, multiprocess
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from redis import RedisError

from museo import broker
from museo.access import heartbeat, proxies
from museo.ops.measuring import FOLDER
from notifications import readers, statistics

QUEUES = ("clock", "work")
PAGE_BYTES, TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """404 for strangers."""
    if not (_is_from_near(request) or request.user.is_staff):
        raise Http404
    asked = CollectorRegistry()
    asked.register(Asked())
    body = prometheus_client.generate_latest(measured()) + prometheus_client.generate_latest(asked)
    return HttpResponse(body, content_type=prometheus_client.CONTENT_TYPE_LATEST)


def measured() -> CollectorRegistry:
    """What the modules of all processes have counted, as far as they share a folder."""
    if FOLDER not in os.environ:
        return prometheus_client.REGISTRY
    together = CollectorRegistry()
    multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together


def _is_from_near(request: HttpRequest) -> bool:
    """From this machine or a network of ours, and not on behalf of somebody else."""
    if "X-Forwarded-For" in request.headers:
        return False
    caller = request.META.get("REMOTE_ADDR", "")
    return caller in {"127.0.0.1", "::1"} or proxies.is_within(
        caller, settings.MUSEO_METRICS_NETWORKS
    )


class Asked(Collector):
    """What is looked up now; a source that does not answer is named, and the others are told."""

    def collect(self) -> Iterator[Metric]:
        silent = GaugeMetricFamily(
            "museo_source_silent", "1 where a source of figures did not answer", labels=["source"]
        )
        for source, figures in SOURCES.items():
            try:
                found = list(figures())
            except (DatabaseError, RedisError):
                silent.add_metric([source], 1)
            else:
                silent.add_metric([source], 0)
                yield from found
        yield silent


def _of_database() -> Iterator[Metric]:
    now = timezone.now()
    if last := heartbeat.last("tick"):
        yield GaugeMetricFamily(
            "museo_tick_age_seconds",
            "Since the clock's last tick ended; it ticks every second",
            value=(now - last).total_seconds(),
        )
    due = statistics.due(now=now)
    yield GaugeMetricFamily(
        "museo_deliveries_due",
        f"Deliveries whose time has come, at most {statistics.MOST_COUNTED}",
        value=due.count,
    )
    yield GaugeMetricFamily(
        "museo_deliveries_late_seconds", "For how long the first is due", value=due.seconds
    )
    behind = GaugeMetricFamily(
        "museo_reader_behind", "Events that a reader of the log has not read", labels=["reader"]
    )
    for name, count in readers.behind().items():
        behind.add_metric([name], count)
    yield behind


def _of_broker() -> Iterator[Metric]:
    """Without Redis there are no figures: the tasks are files then."""
    waiting = GaugeMetricFamily("museo_queue_tasks", "Tasks that wait", labels=["queue"])
    if settings.REDIS_URL:
        patience = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
        with broker.client(settings.REDIS_URL, **patience) as redis:
            for queue in QUEUES:
                waiting.add_metric([queue], redis.llen(queue))
    yield waiting


def _of_system() -> Iterator[Metric]:
    """Of the processes that share the folder, which are named counter_4711.db; on Linux only."""
    memory = GaugeMetricFamily(
        "museo_process_memory_bytes", "Resident memory", labels=["process", "pid"]
    )
    cpu = CounterMetricFamily(
        "museo_process_cpu_seconds", "CPU that was used", labels=["process", "pid"]
    )
    for pid in _pids():
        try:
            name = _name(pid)
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        except OSError:  # it has ended, or is somebody else's
            continue
        memory.add_metric([name, pid], pages * PAGE_BYTES)
        cpu.add_metric([name, pid], sum(map(int, times)) / TICKS)
    yield memory
    yield cpu


def _pids() -> list[str]:
    if FOLDER not in os.environ:
        return [str(os.getpid())]
    files = Path(os.environ[FOLDER]).glob("*_*.db")
    return sorted({file.stem.rpartition("_")[2] for file in files}, key=int)


def _name(pid: str) -> str:
    """As whoever started it has called it."""
    given = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    named = [each for each in given if each.startswith(b"MUSEO_PROCESS=")]
    return named[0].partition(b"=")[2].decode() if named else "museo"


SOURCES: dict[str, Callable[[], Iterator[Metric]]] = {
    "database": _of_database,
    "broker": _of_broker,
    "system": _of_system,
}
