"""The notification server of the source documents: their calls and their Python client, unchanged.

Only the address differs.
"""

import asyncio
import json
import sys
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from django.core.cache import cache

from notifications.live.hub import in_thread
from tests.notifications.conftest import stream

INITIALIZE = """{
    "jsonrpc": "2.0",
    "method": "initialize",
    "params": {
      "protocolVersion": "2025-06-18",
      "capabilities": {},
      "clientInfo": {"name": "test-client", "version": "1.0.0"}
    },
    "id": "1"
  }"""
PROGRESS = """{
    "jsonrpc": "2.0",
    "method": "tools/call",
    "params": {
      "name": "simulate_progress",
      "arguments": {
        "task_name": "File Processing",
        "duration_seconds": 1,
        "step_count": 10
      }
    },
    "id": "2"
  }"""
NOTIFICATION = """{
    "jsonrpc": "2.0",
    "method": "tools/call",
    "params": {
      "name": "send_notification",
      "arguments": {
        "message": "System maintenance will begin in 10 minutes",
        "type": "warning",
        "data": {
          "maintenance_window": "2024-01-15T02:00:00Z",
          "expected_duration": "30 minutes"
        }
      }
    },
    "id": "3"
  }"""
STATUS = """{
    "jsonrpc": "2.0",
    "method": "tools/call",
    "params": {
      "name": "connection_status",
      "arguments": {}
    },
    "id": "4"
  }"""
JSON = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def _no_uses_yet() -> None:
    cache.clear()


async def ask(http: httpx.AsyncClient, body: str) -> Any:
    answer = await http.post("/mcp", content=body, headers=JSON)
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


async def test_a_stream_that_was_opened_first_hears_progress_and_notifications(
    http: httpx.AsyncClient, settings: Any
) -> None:
    settings.DEBUG = True
    async with stream(http, "/mcp") as events:
        _connected, status = await events.take(2)
        initialized = await ask(http, INITIALIZE)
        started = await ask(http, PROGRESS)
        steps = await events.take(10)
        await ask(http, NOTIFICATION)
        notification = await events.next()
        counted = await ask(http, STATUS)

    assert initialized["protocolVersion"] == "2025-06-18"
    task_id = started["structuredContent"]["task_id"]
    assert (status["status"], status["client_count"]) == ("connected", 1)
    assert [
        (step["type"], step["task_id"], step["task_name"], step["progress"], step["message"])
        for step in steps
    ] == [
        ("progress", task_id, "File Processing", 10 * n, f"Completed step {n} of 10")
        for n in range(1, 11)
    ]
    assert [(step["step"], step["total_steps"]) for step in steps[:2]] == [(1, 10), (2, 10)]
    assert notification["notification_type"] == "warning"
    assert notification["message"] == "System maintenance will begin in 10 minutes"
    assert notification["data"]["data"]["expected_duration"] == "30 minutes"
    assert counted["structuredContent"]["active_connections"] == 1


async def test_a_task_is_heard_by_its_owner_alone(http: httpx.AsyncClient, settings: Any) -> None:
    settings.MUSEO_TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    elsewhere = {"X-Forwarded-For": "192.0.2.7"}
    async with stream(http, "/mcp") as mine, stream(http, "/mcp", **elsewhere) as theirs:
        await mine.take(2)
        await theirs.take(2)
        body = PROGRESS.replace("10", "2")
        await http.post("/mcp", content=body, headers={**JSON, **elsewhere})
        steps = await theirs.take(2)
        await ask(http, PROGRESS.replace("10", "1").replace("File", "My"))
        own = await mine.next()

    assert [step["step"] for step in steps] == [1, 2]
    assert own["task_name"] == "My Processing"


@pytest.mark.parametrize(
    "arguments",
    [
        {"task_name": ""},
        {"task_name": "x", "duration_seconds": 0},
        {"task_name": "x", "duration_seconds": 61},
        {"task_name": "x", "step_count": 21},
        {"task_name": "x", "broadcast": True},
    ],
)
async def test_a_task_that_cannot_be_is_refused(
    http: httpx.AsyncClient, arguments: dict[str, Any]
) -> None:
    params = {"name": "simulate_progress", "arguments": arguments}
    call = {"jsonrpc": "2.0", "id": "5", "method": "tools/call", "params": params}

    result = await ask(http, json.dumps(call))

    assert result["isError"] is True


async def test_strangers_send_no_notifications(http: httpx.AsyncClient) -> None:
    refused = await ask(http, NOTIFICATION)

    assert refused["isError"] is True
    assert refused["structuredContent"]["code"] == "not_allowed"


PYTHON_CLIENT = """
import requests
import json

def listen_to_notifications():
    response = requests.get(
        'http://127.0.0.1:8005/mcp',
        headers={'Accept': 'text/event-stream'},
        stream=True
    )

    for line in response.iter_lines():
        if line.startswith(b'data: '):
            data = json.loads(line[6:])
            handle_notification(data)

def handle_notification(data):
    if data['type'] == 'progress':
        print(f"Progress: {data['progress']:.1f}% - {data['message']}")
    elif data['type'] == 'notification':
        print(f"Notification: {data['message']}")
"""


async def test_their_python_client_prints_what_happens(
    http: httpx.AsyncClient, address: str, settings: Any, tmp_path: Any
) -> None:
    settings.DEBUG = True
    program = tmp_path / "client.py"
    own = PYTHON_CLIENT.replace("http://127.0.0.1:8005", address)
    program.write_text(f"{own}\nlisten_to_notifications()\n")
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-u", str(program), stdout=asyncio.subprocess.PIPE
    )
    try:
        await _until_counted(http)
        await ask(http, PROGRESS.replace("10", "2"))
        await ask(http, NOTIFICATION)
        assert client.stdout
        async with asyncio.timeout(20):
            lines = {(await client.stdout.readline()).decode().strip() for _ in range(3)}
    finally:
        client.kill()
        await client.wait()

    assert lines == {
        "Progress: 50.0% - Completed step 1 of 2",
        "Progress: 100.0% - Completed step 2 of 2",
        "Notification: System maintenance will begin in 10 minutes",
    }


async def _until_counted(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(20):
        while not (await ask(http, STATUS))["structuredContent"]["active_connections"]:
            await in_thread(lambda: None)()
