"""The wrapper around everything: hosts, bodies, names of calls, headers, what is logged."""

import asyncio
import logging
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from museo.edge import Message, Receive, Scope, Send, edge
from tests.notifications.conftest import SECONDS, serving

MEBIBYTE = 1024 * 1024


@pytest.fixture
async def http(db: None) -> AsyncIterator[httpx.AsyncClient]:
    async with serving() as address, httpx.AsyncClient(base_url=address, timeout=20) as client:
        yield client


async def test_every_answer_has_the_security_headers(http: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/api/v1/nowhere", "/nowhere", "/api/v1/events"):
        headers = (await http.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


async def test_a_call_has_a_name_that_its_sender_may_give(http: httpx.AsyncClient) -> None:
    named = await http.get("/api/v1/nowhere", headers={"X-Correlation-ID": "desk-7"})
    unnamed = await http.get("/api/v1/nowhere", headers={"X-Correlation-ID": "<script>"})

    assert named.headers["x-correlation-id"] == named.json()["correlation_id"] == "desk-7"
    assert len(unnamed.headers["x-correlation-id"]) == 32


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/events?topics=trial.a", "/mcp"])
async def test_another_host_is_refused_everywhere(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    for accept in ("application/json", "text/event-stream"):
        answer = await http.get(path, headers={"Host": "evil.example", "Accept": accept})
        assert (answer.status_code, answer.json()["code"]) == (400, "not_ours")
    assert not [line for line in caplog.records if line.levelno >= logging.ERROR]


async def test_a_body_of_ten_megabytes_is_refused(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await http.post("/api/v1/basket/items", content=b"x" * 10 * MEBIBYTE)

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "too_large"
    assert answer.json()["detail"] == "Send at most 1 MB."
    assert not [line for line in caplog.records if line.levelno >= logging.ERROR]


async def test_a_body_without_a_length_is_refused_when_it_has_become_too_large(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * (MEBIBYTE // 10)

    answer = await http.post("/api/v1/basket/items", content=pieces())

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert not [line for line in caplog.records if line.levelno >= logging.ERROR]


async def test_a_large_body_is_refused_before_it_is_read(http: httpx.AsyncClient) -> None:
    at = urlsplit(str(http.base_url))
    reader, writer = await asyncio.open_connection(at.hostname, at.port)

    head = f"POST /api/v1/basket/items HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {2**40}\r\n"
    writer.write(head.encode() + b"\r\n")
    answer = await asyncio.wait_for(reader.readline(), SECONDS)

    assert answer.startswith(b"HTTP/1.1 413")
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    ("path", "query", "logged"),
    [
        ("/api/v1/events", b"topics=a&ticket=s3cret", ("/api/v1/events", b"topics=a&ticket=***")),
        ("/ws/events/", b"token=s3cret&a=b", ("/ws/events/", b"token=***&a=b")),
        (
            "/x",
            b"basket_token=s&api_key=k&after=1",
            ("/x", b"basket_token=***&api_key=***&after=1"),
        ),
        ("/t/s3cret", b"", ("/t/***", b"")),
        ("/trunk", b"q=token", ("/trunk", b"q=token")),
    ],
)
async def test_what_opens_something_is_masked_in_the_scope_that_servers_log(
    path: str, query: bytes, logged: tuple[str, bytes]
) -> None:
    served: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        served.append(scope)

    async def nothing(_message: Message | None = None) -> Message:
        return {"type": "http.request"}

    scope: Scope = {
        "type": "http",
        "path": path,
        "query_string": query,
        "headers": [(b"host", b"localhost")],
    }
    await edge(app)(scope, nothing, nothing)  # type: ignore[arg-type]

    assert (served[0]["path"], served[0]["query_string"]) == (path, query)
    assert (scope["path"], scope["query_string"]) == logged
