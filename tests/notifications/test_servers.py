"""Streams under the servers themselves: uvicorn as a process of its own, and daphne."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest

from tests.notifications.conftest import tell
from tests.processes import eventually, spawn
from tests.shops import free_port

SERVED = """
from museo.asgi import application
from notifications import topics
from tests.notifications.conftest import _all_but_secrets, _newest

topics.register("trial", may_read=_all_but_secrets, snapshot=_newest)
"""
UVICORN = (
    SERVED
    + """
import uvicorn

uvicorn.run(application, port=int(sys.argv[1]), ws="websockets-sansio", log_config=None)
"""
)
DAPHNE = (
    SERVED
    + """
from daphne.server import Server

endpoint = f"tcp:port={sys.argv[1]}:interface=127.0.0.1"
Server(application, endpoints=[endpoint]).run()
"""
)
STREAM = "/api/v1/events?topics=trial.a&after=0"


@contextmanager
def served(code: str, redis_url: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    port = free_port()
    process = spawn(code, str(port), REDIS_URL=redis_url)
    address = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: process.poll() is not None or answers(address), seconds=30)
        yield process, address
    finally:
        process.kill()
        process.communicate()


def answers(address: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{address}/healthz").status_code == 200
    return False


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
@pytest.mark.parametrize("server", [UVICORN, DAPHNE], ids=["uvicorn", "daphne"])
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
    with served(UVICORN, redis_url) as (process, address), httpx.Client(timeout=10) as client:
        with client.stream(
            "GET", f"{address}{STREAM}", headers={"Accept": "text/event-stream"}
        ) as response:
            lines = response.iter_lines()
            assert next(lines).startswith("retry:")

            asked_at = time.monotonic()
            process.send_signal(signal.SIGTERM)
            rest = list(lines)
        process.wait(timeout=10)

    assert time.monotonic() - asked_at < 2
    assert any("connected" in line for line in rest)
