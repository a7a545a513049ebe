"""Under a WSGI server the same is refused and said as under an ASGI one (`test_edge`)."""

import json
from collections.abc import Iterator

import httpx
import pytest

from museo.wsgi import application

MEBIBYTE = 1024 * 1024


@pytest.fixture
def http(db: None) -> Iterator[httpx.Client]:
    transport = httpx.WSGITransport(app=application)
    with httpx.Client(base_url="http://127.0.0.1", transport=transport) as client:
        yield client


def test_every_answer_has_the_security_headers(http: httpx.Client) -> None:
    for path in ("/healthz", "/api/v1/nowhere", "/nowhere"):
        headers = http.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
    assert "'unsafe-inline'" in http.get("/admin/login/").headers["content-security-policy"]


def test_a_call_has_a_name_that_its_sender_may_give(http: httpx.Client) -> None:
    named = http.get("/api/v1/nowhere", headers={"X-Correlation-ID": "desk-7"})
    unnamed = http.get("/api/v1/nowhere", headers={"X-Correlation-ID": "<script>"})

    assert named.headers["x-correlation-id"] == named.json()["correlation_id"] == "desk-7"
    assert len(unnamed.headers["x-correlation-id"]) == 32


def test_another_host_is_refused(http: httpx.Client) -> None:
    answer = http.get("/healthz", headers={"Host": "evil.example"})

    assert (answer.status_code, answer.json()["code"]) == (400, "not_ours")


@pytest.mark.parametrize(("path", "megabytes"), [("/api/v1/basket/items", 1), ("/admin/login/", 8)])
def test_a_body_that_is_too_large_is_refused(http: httpx.Client, path: str, megabytes: int) -> None:
    answer = http.post(path, content=b"x" * (megabytes * MEBIBYTE + 1))

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == f"Send at most {megabytes} MB."


def test_a_form_that_is_too_large_is_answered_by_a_page(http: httpx.Client) -> None:
    to_people = {"Accept": "text/html", "Accept-Language": "de"}

    answer = http.post("/admin/login/", content=b"x" * (8 * MEBIBYTE + 1), headers=to_people)

    assert answer.status_code == 413
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "höchstens 8 MB" in answer.text


def test_a_body_that_comes_in_pieces_is_read(http: httpx.Client) -> None:
    body = json.dumps({"sku": [], "quantity": 1}).encode()

    answer = http.post(
        "/api/v1/basket/items",
        content=(bytes([each]) for each in body),
        headers={"Content-Type": "application/json"},
    )

    errors = [(each["pointer"], each["code"]) for each in answer.json()["errors"]]
    assert (answer.status_code, errors) == (400, [("/sku", "invalid")])


def test_a_body_in_pieces_is_refused_when_it_has_become_too_large(http: httpx.Client) -> None:
    answer = http.post("/api/v1/basket/items", content=(b"x" * MEBIBYTE for _ in range(3)))

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
