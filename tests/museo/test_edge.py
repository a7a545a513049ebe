"""The wrapper around everything: hosts, bodies, names of calls, headers, what is logged."""

import asyncio
import logging
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any
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


TO_PEOPLE = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "de"}


async def test_a_form_that_is_too_large_is_answered_by_a_page(http: httpx.AsyncClient) -> None:
    path = "/admin/catalog/master/add/"
    answer = await http.post(path, content=b"x" * 9 * MEBIBYTE, headers=TO_PEOPLE)
    chosen = {**TO_PEOPLE, "Cookie": "django_language=ar"}
    in_arabic = await http.post(path, content=b"x" * 9 * MEBIBYTE, headers=chosen)

    assert (answer.status_code, in_arabic.status_code) == (413, 413)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "höchstens 8 MB" in answer.text
    assert f'href="{path}"' in answer.text
    assert 'dir="rtl"' in in_arabic.text


async def test_a_body_without_a_length_is_read(http: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"sku": "NONE", '
        yield b'"quantity": 1}'

    answer = await http.post(
        "/api/v1/basket/items", content=pieces(), headers={"Content-Type": "application/json"}
    )

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_product")


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
            b"basket_token=s&api_key=k&api_secret=s&after=1",
            ("/x", b"basket_token=***&api_key=***&api_secret=***&after=1"),
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


OURS = [ip_network("127.0.0.1"), ip_network("10.0.0.0/8")]


@pytest.mark.parametrize(
    ("peer", "hops", "client"),
    [
        ("127.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", "203.0.113.9, 192.0.2.7, 10.1.2.3", "192.0.2.7"),
        ("127.0.0.1", "made up, 192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", "192.0.2.7, made up", "127.0.0.1"),
        ("127.0.0.1", "10.0.0.1", "10.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("192.0.2.1", "192.0.2.7", "192.0.2.1"),
    ],
)
async def test_the_client_is_looked_for_behind_our_proxies_only(
    settings: Any, peer: str, hops: str, client: str
) -> None:
    settings.MUSEO_TRUSTED_PROXIES = OURS
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    headers = [(b"host", b"localhost"), (b"x-forwarded-proto", b"https")]
    headers += [(b"x-forwarded-for", hops.encode())] if hops else []
    scope = {"type": "http", "path": "/", "client": (peer, 5000), "headers": headers}
    await edge(app)({**scope, "method": "GET"}, _nothing, _nowhere)

    [passed] = seen
    assert passed["client"][0] == client
    is_trusted = peer == "127.0.0.1"
    assert ((b"x-forwarded-proto", b"https") in passed["headers"]) is is_trusted


async def _nothing() -> Message:
    return {"type": "http.request", "body": b""}


async def _nowhere(message: Message) -> None:
    pass


async def test_staff_may_send_larger_bodies_than_others(http: httpx.AsyncClient) -> None:
    picture = b"x" * (2 * MEBIBYTE)

    to_the_admin = await http.post("/admin/login/", content=picture)
    to_the_api = await http.post("/api/v1/basket/items", content=picture)

    assert to_the_admin.status_code != 413
    assert to_the_api.status_code == 413
