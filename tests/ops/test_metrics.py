"""`/metrics`: added up over processes, asked of who knows, and what rules and pictures name."""

import json
import re
from ipaddress import ip_network
from pathlib import Path

import pytest
import yaml
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families as read
from pytest_django.fixtures import Settings

from mcp_bridge import dispatch, toolsets  # noqa: F401  they measure
from mcp_bridge.assistant import evaluation  # noqa: F401
from mcp_bridge.children import supervision  # noqa: F401
from museo.access import heartbeat
from museo.ops import loki, measuring, metrics  # noqa: F401
from notifications import readers
from tests.processes import spawn

ROOT = Path(__file__).parents[2]
DOCS, MONITORING = ROOT / "docs", ROOT / "deploy" / "monitoring"
NAME = re.compile(r"\bmuseo_\w+")


def page() -> dict[str, list[tuple[dict[str, str], float]]]:
    """The samples of what this machine reads, by name."""
    answer = Client().get("/metrics", REMOTE_ADDR="127.0.0.1")
    assert answer.status_code == 200
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in read(answer.content.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.both
def test_what_the_database_knows_is_asked_when_somebody_looks() -> None:
    heartbeat.record("tick", timezone.now())
    with readers.batch("test", now=timezone.now()):
        pass

    told = page()

    ((_none, age),) = told["museo_tick_age_seconds"]
    assert 0 <= age < 60
    assert told["museo_deliveries_due"] == [({}, 0)]
    assert ({"reader": "test"}, 0) in told["museo_reader_behind"]


@pytest.mark.django_db
def test_requests_are_counted_by_face_and_first_digit() -> None:
    def count() -> float:
        counted = page().get("museo_requests_total", [])
        return sum(n for labels, n in counted if labels == {"face": "api", "status": "4xx"})

    before = count()

    Client().get("/api/v1/catalog/products/no-such-thing")

    assert count() == before + 1


@pytest.mark.django_db
def test_a_source_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_name: str) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(heartbeat, "last", away)

    told = page()

    assert ({"source": "database"}, 1) in told["museo_source_silent"]
    assert "museo_live_behind" in told
    assert "museo_deliveries_due" not in told


@pytest.mark.django_db
def test_who_is_near_reads_it_and_nobody_on_behalf_of_others(settings: Settings) -> None:
    def status(address: str, **headers: str) -> int:
        return Client().get("/metrics", REMOTE_ADDR=address, headers=headers).status_code

    assert status("172.30.33.7") == 404
    settings.MUSEO_METRICS_NETWORKS = [ip_network("172.30.33.0/24")]

    assert [status("172.30.33.7"), status("172.30.34.7")] == [200, 404]
    assert status("172.30.33.7", **{"X-Forwarded-For": "203.0.113.9"}) == 404


COUNTS = """
import signal
from museo.ops.requests import ANSWERS
from notifications.live.stats import CLIENTS
ANSWERS.labels("api", "2xx").inc(3)
CLIENTS.labels("sse").set(2)
print("counted", flush=True)
signal.pause()
"""


@pytest.mark.django_db
def test_processes_count_together_and_the_dead_hold_no_streams(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = measuring.begin(tmp_path)
    monkeypatch.setenv(*next(iter(told.items())))
    children = [spawn(COUNTS) for _ in range(2)]
    for child in children:
        assert child.stdout
        assert child.stdout.readline() == "counted\n"

    together = page()
    assert together["museo_requests_total"] == [({"face": "api", "status": "2xx"}, 6)]
    assert together["museo_live_clients"] == [({"kind": "sse"}, 4)]
    assert len(together["museo_process_memory_bytes"]) == 2

    for child in children:
        child.terminate()
        child.communicate(timeout=30)
    measuring.forget(told, children[0].pid)
    after = page()
    assert after["museo_requests_total"] == [({"face": "api", "status": "2xx"}, 6)]
    assert after["museo_live_clients"] == [({"kind": "sse"}, 2)]


@pytest.mark.django_db
@pytest.mark.parametrize("file", ["alerts.yaml", "dashboard.json"])
def test_rules_and_pictures_name_only_what_there_is(file: str) -> None:
    heartbeat.record("tick", timezone.now())
    with readers.batch("test", now=timezone.now()):
        pass
    there_is = {family.name for family in [*REGISTRY.collect(), *metrics.Asked().collect()]}
    text = (MONITORING / file).read_text()

    named = set(NAME.findall(text))

    assert named
    bare = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in named}
    assert bare <= there_is, bare - there_is


def test_every_figure_is_documented() -> None:
    told = (DOCS / "observability.md").read_text()
    ours = {each.name for each in REGISTRY.collect() if each.name.startswith("museo_")}
    named = {re.sub(r"_total$", "", name) for name in NAME.findall(told)}

    assert ours <= named, ours - named


def test_every_rule_says_what_to_look_at() -> None:
    (group,) = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]

    for rule in group["rules"]:
        assert set(rule) - {"for"} == {"alert", "expr", "labels", "annotations"}, rule
        assert len(rule["annotations"]["summary"]) > 20


def test_the_dashboard_can_be_imported() -> None:
    board = json.loads((MONITORING / "dashboard.json").read_text())

    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert all(panel["targets"][0]["expr"] for panel in board["panels"])
