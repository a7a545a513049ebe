"""The nouns of people's agents: a customer who has signed in, and a client that asks them."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from django.test import Client
from django.utils import timezone

from museo.access import access_tokens
from museo.access.bearers import caller_from_bearer
from museo.access.callers import Caller
from museo.access.models import User

REDIRECT = "https://assistant.example/callback"
VERIFIER = "v" * 64
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
)
SCOPES = ("shop:read", "basket:write", "checkout:write", "orders:read", "orders:write")


@pytest.fixture(autouse=True)
def _full_buckets(full_buckets: None) -> None:
    """Every test may call as often as there is."""


@dataclass
class Agent:
    """A client, as it talks to the shop; it shares nothing with the person's browser."""

    http: Client = field(default_factory=Client)
    client_id: str = ""

    def register(self, **changes: Any) -> Any:
        metadata = {"client_name": "Assistant", "redirect_uris": [REDIRECT], **changes}
        return self.http.post("/oauth/register", metadata, content_type="application/json")

    def request(self, **changes: Any) -> str:
        """Where it sends the person; None leaves a parameter out."""
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": REDIRECT,
            "scope": " ".join(SCOPES),
            "state": "s1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "resource": access_tokens.mcp_resource(),
            **changes,
        }
        given = {name: value for name, value in asked.items() if value is not None}
        return f"/oauth/authorize?{urlencode(given, doseq=True)}"

    def tokens(self, code: str, **changes: Any) -> Any:
        return self.ask(
            grant_type="authorization_code",
            code=code,
            **{"redirect_uri": REDIRECT, "code_verifier": VERIFIER, **changes},
        )

    def renewed(self, refresh_token: str, **changes: Any) -> Any:
        return self.ask(grant_type="refresh_token", refresh_token=refresh_token, **changes)

    def ask(self, **form: Any) -> Any:
        given = {"client_id": self.client_id, **form}
        return self.http.post(
            "/oauth/token", {name: value for name, value in given.items() if value is not None}
        )

    def revoke(self, token: str) -> Any:
        return self.http.post("/oauth/revoke", {"token": token, "client_id": self.client_id})


@pytest.fixture
def maya(db: None) -> User:
    return User.objects.create_user("maya@example.org")


@pytest.fixture
def browser(maya: User) -> Client:
    """Maya's, who has signed in."""
    client = Client()
    client.force_login(maya)
    return client


@pytest.fixture
def agent(db: None) -> Agent:
    """A client that has registered."""
    agent = Agent()
    agent.client_id = agent.register().json()["client_id"]
    return agent


def allow(browser: Client, agent: Agent, *scopes: str, **changes: Any) -> str:
    """The person says yes to all that they are asked, or to these; the code."""
    told = browser.post(agent.request(**changes), {"allow": "1", "granted": list(scopes or SCOPES)})
    return sent_back(told)["code"]


def grant(browser: Client, agent: Agent, *scopes: str, **changes: Any) -> dict[str, Any]:
    """The tokens for the person's yes."""
    answer = agent.tokens(allow(browser, agent, *scopes, **changes))
    assert answer.status_code == 200, answer.content
    tokens: dict[str, Any] = answer.json()
    return tokens


def sent_back(response: Any, to: str = REDIRECT) -> dict[str, str]:
    """What the person is sent back to the client with."""
    assert response.status_code == 302, response.content
    address, _sign, query = response["Location"].partition("?")
    assert address == to
    return {name: values[0] for name, values in parse_qs(query, strict_parsing=True).items()}


def caller(token: str, resource: str = "") -> Caller:
    return caller_from_bearer(token, resource or access_tokens.mcp_resource(), now=timezone.now())


def said(page: Any) -> str:
    """What is on a page beside its head and foot."""
    text: str = page.content.decode()
    return text.partition("<main")[2].partition("</main>")[0]
