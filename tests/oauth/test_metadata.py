"""What clients find out by themselves, and the account page of connected apps."""

from typing import Any

import pytest
from django.test import Client

from mcp_bridge.toolsets import ALL, TOOLSETS
from mcp_bridge.transport import SIGNED_IN
from museo.access import scopes
from museo.access.models import Connection, User
from museo.oauth import resources
from notifications.models import Event
from tests.oauth.conftest import Agent, grant, said

SHOP = "http://127.0.0.1:8000"


def test_the_server_says_how_tokens_are_got() -> None:
    answer = Client().get("/.well-known/oauth-authorization-server")

    told = answer.json()
    assert told["issuer"] == SHOP
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["response_types_supported"] == ["code"]
    assert told["grant_types_supported"] == ["authorization_code", "refresh_token"]
    assert told["token_endpoint_auth_methods_supported"] == ["none"]
    assert told["client_id_metadata_document_supported"] is True
    assert set(told["scopes_supported"]) == set(scopes.SCOPES)
    for name in ("authorization", "token", "revocation", "registration"):
        assert told[f"{name}_endpoint"].startswith(f"{SHOP}/oauth/")
    assert answer["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("below", ["", *(f"/{name}" for name in (*TOOLSETS, SIGNED_IN))])
def test_each_address_says_who_gives_tokens_for_it(below: str) -> None:
    told = Client().get(f"/.well-known/oauth-protected-resource/mcp{below}").json()

    assert told["resource"] == f"{SHOP}/mcp{below}"
    assert told["authorization_servers"] == [SHOP]
    assert told["bearer_methods_supported"] == ["header"]


@pytest.mark.parametrize("path", ["api/v1", "mcp/none", "mcpx", "mcp/admin/x", "orders"])
def test_what_is_no_resource_is_not_found(path: str) -> None:
    assert Client().get(f"/.well-known/oauth-protected-resource/{path}").status_code == 404


def test_an_address_names_the_scopes_that_its_tools_take() -> None:
    taken = {
        name: {tool.scope for tool in tools.values() if tool.scope != scopes.FREE}
        for name, tools in TOOLSETS.items()
    }

    assert {name: set(resources.BELOW[name]) for name in TOOLSETS} == taken
    assert set(resources.BELOW) == {*TOOLSETS, SIGNED_IN}
    assert {tool.scope for tool in ALL.values()} - {scopes.FREE} <= resources.BELOW[SIGNED_IN]


@pytest.mark.django_db
def test_a_person_sees_connected_apps_and_ends_one(
    browser: Client, agent: Agent, maya: User
) -> None:
    tokens = grant(browser, agent, "shop:read", "orders:read")
    page = said(browser.get("/account/apps"))
    assert "Assistant" in page
    assert "assistant.example" in page
    assert "See your orders, and tell you how they get on" in page
    assert "Cancel and change your orders" not in page

    ended = browser.post(f"/account/apps/{Connection.objects.get().pk}/disconnect", follow=True)

    assert "No app acts for you." in said(ended)
    assert agent.renewed(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert Event.objects.get(type="access.revoked").data["who"] == f"user:{maya.pk}"


@pytest.mark.django_db
def test_all_addresses_of_an_app_are_shown(browser: Client) -> None:
    own, other = "https://assistant.example/callback", "https://other.example/callback"
    agent = Agent()
    agent.client_id = agent.register(redirect_uris=[own, other]).json()["client_id"]
    browser.post(agent.request(redirect_uri=other), {"allow": "1", "granted": ["shop:read"]})

    assert "assistant.example → other.example" in said(browser.get("/account/apps"))


@pytest.mark.django_db
def test_nobody_ends_the_apps_of_others(browser: Client, agent: Agent) -> None:
    grant(browser, agent)
    other = Client()
    other.force_login(User.objects.create_user("other@example.org"))

    answer = other.post(f"/account/apps/{Connection.objects.get().pk}/disconnect")

    assert answer.status_code == 404
    assert Connection.objects.exists()
    assert "assistant.example" not in said(other.get("/account/apps"))


@pytest.mark.django_db
def test_the_apps_of_a_person_are_read_in_a_fixed_number_of_queries(
    browser: Client, agent: Agent, django_assert_max_num_queries: Any
) -> None:
    grant(browser, agent)
    for _time in range(3):
        another = Agent()
        another.client_id = another.register().json()["client_id"]
        grant(browser, another)

    with django_assert_max_num_queries(9):
        page = browser.get("/account/apps")

    assert said(page).count('class="box stack"') == 4
