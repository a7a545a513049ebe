"""Who may be a client: by registering, or by a document at an address of its own."""

import gzip
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx2
import orjson
import pytest
import redis
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from museo.access import connections
from notifications.channels import outside
from tests.oauth.conftest import REDIRECT, SCOPES, Agent, grant, said, sent_back

pytestmark = pytest.mark.django_db

DOCUMENT = "https://assistant.example/client.json"
Serve = Callable[..., list[str]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """What is at every address outside; returns the addresses that were asked for."""

    def serve(document: Any, *, status: int = 200, kind: str = "application/json") -> list[str]:
        asked = []

        def answer(request: httpx2.Request) -> httpx2.Response:
            asked.append(str(request.url))
            if isinstance(document, Exception):
                raise document
            content = document if isinstance(document, bytes) else orjson.dumps(document)
            body = httpx2.ByteStream(content)
            return httpx2.Response(status, headers={"Content-Type": kind}, stream=body)

        client = httpx2.Client(transport=httpx2.MockTransport(answer))
        monkeypatch.setattr(outside, "client", lambda: client)
        return asked

    cache.clear()
    yield serve
    cache.clear()


def described(**changes: Any) -> dict[str, Any]:
    return {
        "client_id": DOCUMENT,
        "client_name": "Assistant",
        "redirect_uris": [REDIRECT],
        "token_endpoint_auth_method": "none",
        **changes,
    }


def clients() -> int:
    count: int = connections.model("Application").objects.count()
    return count


def test_a_client_registers(agent: Agent) -> None:
    answer = agent.register(scope="shop:read", token_endpoint_auth_method="client_secret_basic")

    told = answer.json()
    assert answer.status_code == 201
    assert told["client_id"].startswith("app_")
    # what it is given is what counts: it has no secret
    assert told["token_endpoint_auth_method"] == "none"
    assert "client_secret" not in told
    assert told["redirect_uris"] == [REDIRECT]
    assert (answer["Cache-Control"], told["response_types"]) == ("no-store", ["code"])


BAD: dict[str, dict[str, Any]] = {
    "no address": {"redirect_uris": []},
    "no list": {"redirect_uris": REDIRECT},
    "a number": {"redirect_uris": [1]},
    "eleven": {"redirect_uris": [f"{REDIRECT}/{number}" for number in range(11)]},
    "a script": {"redirect_uris": ["javascript:alert(1)"]},
    "data": {"redirect_uris": ["data:text/html,x"]},
    "no TLS": {"redirect_uris": ["http://assistant.example/callback"]},
    "another scheme": {"redirect_uris": ["evil://x/callback"]},
    "a fragment": {"redirect_uris": [f"{REDIRECT}#x"]},
    "a name": {"redirect_uris": ["https://a:b@assistant.example/callback"]},
    "a blank": {"redirect_uris": [f"{REDIRECT} https://evil.example"]},
    "a line": {"redirect_uris": [f"{REDIRECT}\nhttps://evil.example"]},
    "a NUL": {"redirect_uris": [f"{REDIRECT}\0"]},
    "no host": {"redirect_uris": ["https:///callback"]},
    "a bad port": {"redirect_uris": ["https://assistant.example:99999/"]},
    "half an IPv6 address": {"redirect_uris": ["https://[::1/callback"]},
    "a long one": {"redirect_uris": [f"{REDIRECT}{'x' * 600}"]},
    "a name that is no text": {"client_name": {"en": "x"}},
    "another grant": {"grant_types": ["client_credentials"]},
    "grants that are no list": {"grant_types": 1},
    "another response": {"response_types": ["token"]},
}


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD)
def test_what_cannot_be_a_client_is_refused(agent: Agent, changes: dict[str, Any]) -> None:
    before = clients()

    answer = agent.register(**changes)

    assert answer.status_code == 400
    assert answer.json()["error"] in {"invalid_redirect_uri", "invalid_client_metadata"}
    assert clients() == before


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'"x"'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    answer = Client().post("/oauth/register", body, content_type="application/json")

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")


def test_few_register_from_one_network(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("museo.oauth.endpoints.REGISTRATIONS_AN_HOUR", 2)
    agent.http.defaults["REMOTE_ADDR"] = "192.0.2.9"

    answers = [agent.register().status_code for _time in range(3)]

    assert answers == [201, 201, 429]


def test_a_client_that_nobody_lets_in_is_forgotten(browser: Client, agent: Agent) -> None:
    other = Agent()
    other.client_id = other.register().json()["client_id"]
    grant(browser, agent)
    application = connections.model("Application").objects
    old = timezone.now() - timedelta(days=2)
    application.filter(client_id=other.client_id).update(created=old, updated=old)
    application.filter(client_id=agent.client_id).update(created=old)

    assert connections.forget_unused_clients(now=timezone.now()) == 1

    assert [each.client_id for each in application.all()] == [agent.client_id]


def test_a_client_that_was_let_in_once_is_kept_for_longer(browser: Client, agent: Agent) -> None:
    agent.revoke(grant(browser, agent)["access_token"])
    application = connections.model("Application").objects
    application.update(created=timezone.now() - timedelta(days=200))
    now = timezone.now()

    assert connections.forget_unused_clients(now=now + timedelta(days=89)) == 0
    assert connections.forget_unused_clients(now=now + timedelta(days=91)) == 1


def test_a_clients_own_document_says_who_it_is(browser: Client, agent: Agent, serve: Serve) -> None:
    asked, agent.client_id = serve(described()), DOCUMENT

    page = browser.get(agent.request(redirect_uri=REDIRECT)).content.decode()
    tokens = grant(browser, agent)

    assert "Let Assistant act for you?" in page
    assert tokens["access_token"]
    # it is kept for a while
    assert asked == [DOCUMENT]
    assert agent.renewed(tokens["refresh_token"]).status_code == 200


def test_both_addresses_are_shown_of_a_client_that_sends_people_elsewhere(
    browser: Client, agent: Agent, serve: Serve
) -> None:
    here, agent.client_id = "http://127.0.0.1:49152/callback", DOCUMENT
    serve(described(redirect_uris=[here]))

    page = browser.get(agent.request(redirect_uri=here))

    assert "assistant.example → 127.0.0.1" in said(page)


def test_a_document_that_is_old_is_read_again(browser: Client, agent: Agent, serve: Serve) -> None:
    agent.client_id = DOCUMENT
    serve(described())
    grant(browser, agent)
    connections.model("Application").objects.filter(client_id=DOCUMENT).update(
        cimd_expires_at=timezone.now()
    )
    elsewhere = "https://assistant.example/elsewhere"
    serve(described(redirect_uris=[elsewhere]))

    assert browser.get(agent.request()).status_code == 400
    page = browser.post(agent.request(redirect_uri=elsewhere), {"allow": 1, "granted": SCOPES})
    assert "code" in sent_back(page, elsewhere)


BAD_DOCUMENTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "of another address": (described(client_id="https://other.example/client.json"), {}),
    "too long": (described(client_name="x" * 20_000), {}),
    "no object": ([], {}),
    "no JSON": (b"<html>", {}),
    "of another type": (described(), {"kind": "text/html"}),
    "some file": (described(), {"kind": "application/octet-stream"}),
    "not found": (described(), {"status": 404}),
    "elsewhere": (b"", {"status": 302}),
    "with a secret": (described(client_secret="x"), {}),
    "that signs in": (described(token_endpoint_auth_method="client_secret_basic"), {}),
    "without addresses": (described(redirect_uris=[]), {}),
    "with a script": (described(redirect_uris=["javascript:alert(1)"]), {}),
    "without TLS": (described(redirect_uris=["http://assistant.example/"]), {}),
    "of another grant": (described(grant_types=["implicit"]), {}),
    "unreachable": (httpx2.ConnectError("no"), {}),
    "packed": (gzip.compress(b"{}"), {}),
}


@pytest.mark.parametrize(("document", "how"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
def test_a_document_that_cannot_be_believed_is_no_client(
    browser: Client, agent: Agent, serve: Serve, document: Any, how: dict[str, Any]
) -> None:
    asked, agent.client_id = serve(document, **how), DOCUMENT
    before = clients()

    answers = [browser.get(agent.request()).status_code for _time in range(2)]

    assert answers == [400, 400]
    assert clients() == before
    # one that is bad is left alone for a while
    assert asked == [DOCUMENT]


INSIDE = (
    "https://127.0.0.1/client.json",
    "https://10.0.0.1/client.json",
    "https://169.254.169.254/client.json",
    "https://[::1]/client.json",
    "https://localhost/client.json",
    "https://shop.internal/client.json",
    "https://assistant.example:8443/client.json",
    "https://user@assistant.example/client.json",
    "https://assistant.example",
    "https://assistant.example/",
    "https://assistant.example/a/../client.json",
    "https://assistant.example/client.json#x",
    f"https://assistant.example/{'x' * 300}",
)


@pytest.mark.parametrize("client_id", INSIDE)
def test_no_document_is_fetched_from_inside(
    browser: Client, agent: Agent, serve: Serve, client_id: str
) -> None:
    asked, agent.client_id = serve(described(client_id=client_id)), client_id

    assert browser.get(agent.request()).status_code == 400
    assert asked == []


def test_only_a_person_who_is_asked_has_a_document_fetched(agent: Agent, serve: Serve) -> None:
    asked, agent.client_id = serve(described()), DOCUMENT

    assert Client().get(agent.request()).status_code == 302
    assert agent.tokens("x").json()["error"] == "invalid_client"
    assert agent.renewed("x").json()["error"] == "invalid_client"
    assert agent.revoke("x").status_code == 401
    assert asked == []


def test_without_redis_a_document_is_not_looked_for(
    browser: Client, agent: Agent, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which were bad is remembered there; clients that are known go on."""

    def away(*_asked: Any, **_more: Any) -> None:
        raise redis.ConnectionError

    asked = serve(described())
    known = agent.request()
    monkeypatch.setattr(cache, "get", away)

    assert browser.get(known).status_code == 200
    agent.client_id = DOCUMENT
    assert browser.get(agent.request()).status_code == 503
    assert asked == []
