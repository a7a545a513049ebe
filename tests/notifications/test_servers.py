"""Streams under the servers themselves, and behind a proxy."""

import json
import signal
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from websockets.sync.client import connect

from tests import services
from tests.notifications.conftest import tell
from tests.notifications.serving import DAPHNE, RUNSERVER, UVICORN, served
from tests.processes import eventually, is_healthy
from tests.shops import free_port

STREAM = "/api/v1/events?topics=trial.a&after=0"


def versions(response: httpx.Response, count: int, then: Callable[[], object]) -> Iterator[int]:
    """The versions of the first `count` events; `then` is called when the stream is open."""
    for line in response.iter_lines():
        if line.startswith("data: "):
            message = json.loads(line.removeprefix("data: "))
            if message["type"] == "connected":
                then()
                continue
            yield message["version"]
            count -= 1
            if not count:
                return


@pytest.mark.usefixtures("committed", "redis")
@pytest.mark.parametrize(
    "server", [UVICORN, DAPHNE, RUNSERVER], ids=["uvicorn", "daphne", "runserver"]
)
def test_a_stream_replays_and_goes_live(redis_url: str, server: str) -> None:
    tell(count=2)

    with (
        served(server, redis_url) as (_process, address),
        httpx.stream(
            "GET", f"{address}{STREAM}", headers={"Accept": "text/event-stream"}, timeout=10
        ) as response,
    ):
        heard = list(versions(response, 4, then=lambda: tell(count=2)))

    assert heard == [1, 2, 3, 4]


@pytest.mark.usefixtures("committed", "redis")
def test_a_server_with_open_streams_stops_within_two_seconds(redis_url: str) -> None:
    with served(UVICORN, redis_url) as (process, address), httpx.Client(timeout=60) as client:
        with client.stream(
            "GET", f"{address}{STREAM}", headers={"Accept": "text/event-stream"}
        ) as response:
            lines = response.iter_lines()
            assert next(lines).startswith("retry:")

            asked_at = time.monotonic()
            process.send_signal(signal.SIGTERM)
            rest = list(lines)
        process.wait(timeout=60)

    assert time.monotonic() - asked_at < 2
    assert any("connected" in line for line in rest)


@pytest.mark.usefixtures("committed", "redis")
def test_a_proxy_that_buffers_holds_no_event_back(redis_url: str) -> None:
    program = services.find_nginx()
    if program is None:
        pytest.skip("nginx is not installed")
    tell(count=2)
    with (
        served(UVICORN, redis_url) as (_process, upstream),
        services.nginx(program, upstream=upstream, port=free_port()) as address,
    ):
        eventually(lambda: is_healthy(address))
        with httpx.stream(
            "GET", f"{address}{STREAM}", headers={"Accept": "text/event-stream"}, timeout=20
        ) as response:
            heard = list(versions(response, 4, then=lambda: tell(count=2)))

    assert heard == [1, 2, 3, 4]


UPGRADE = """
proxy_http_version 1.1;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $http_connection;
"""


@pytest.mark.usefixtures("committed", "redis")
def test_a_socket_goes_through_a_proxy(redis_url: str) -> None:
    program = services.find_nginx()
    if program is None:
        pytest.skip("nginx is not installed")
    with (
        served(UVICORN, redis_url) as (_process, upstream),
        services.nginx(program, upstream=upstream, port=free_port(), more=UPGRADE) as address,
    ):
        eventually(lambda: is_healthy(address))
        with connect(f"{address.replace('http', 'ws')}/ws/events/?topics=trial.a") as client:
            hello, subscribed = (json.loads(client.recv(timeout=60))[0] for _ in range(2))
            tell()
            [event] = json.loads(client.recv(timeout=60))

    assert [hello["type"], subscribed["type"]] == ["connected", "subscribed"]
    assert event["version"] == 1
