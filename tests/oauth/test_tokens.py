"""Codes and tokens of people's agents: for one client, one resource, once, for a while."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from museo.access import access_tokens, connections, tasks
from museo.access.access_tokens import InvalidToken, WrongAudience
from museo.access.bearers import caller_from_bearer
from museo.access.models import Connection, User
from museo.access.permissions import may
from notifications.models import Event
from tests.oauth.conftest import SCOPES, Agent, allow, caller, grant

pytestmark = pytest.mark.django_db

MCP = "http://127.0.0.1:8000/mcp"


def is_live(tokens: dict[str, Any]) -> bool:
    try:
        caller(tokens["access_token"])
    except InvalidToken:
        return False
    return True


def revoked_for() -> list[str]:
    events = Event.objects.filter(type="access.revoked").order_by("position")
    return [event.data["who"] for event in events]


def test_tokens_are_opaque_and_kept_as_digests(browser: Client, agent: Agent, maya: User) -> None:
    told = grant(browser, agent)

    assert told["access_token"].startswith("mso_")
    assert told["refresh_token"].startswith("msn_")
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 3600)
    kept = [
        str(value)
        for name in ("AccessToken", "RefreshToken", "Grant")
        for row in connections.model(name).objects.values()
        for value in row.values()
    ]
    assert kept
    assert not [value for value in kept if value.startswith(("mso_", "msn_"))]
    assert caller(told["access_token"]).who == f"user:{maya.pk}"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no verifier": ({"code_verifier": None}, "invalid_request"),
    "another verifier": ({"code_verifier": "w" * 64}, "invalid_grant"),
    "the challenge for a verifier": ({"code_verifier": "v" * 43}, "invalid_grant"),
    "another address": ({"redirect_uri": "https://evil.example/callback"}, "invalid_request"),
    "another resource": ({"resource": f"{MCP}/admin"}, "invalid_target"),
    "no code": ({"code": None}, "invalid_request"),
    "another code": ({"code": "x"}, "invalid_grant"),
    "a NUL": ({"code": "a\0"}, "invalid_request"),
    "an unknown client": ({"client_id": "app_x"}, "invalid_client"),
    "a client's document": ({"client_id": "https://other.example/c.json"}, "invalid_client"),
}


@pytest.mark.parametrize(("changes", "error"), REFUSED.values(), ids=REFUSED)
def test_a_code_alone_is_worth_nothing(
    browser: Client, agent: Agent, changes: dict[str, Any], error: str
) -> None:
    code = allow(browser, agent)

    refused = agent.tokens(**{"code": code, **changes})

    assert (refused.status_code, refused.json()["error"]) == (
        401 if error == "invalid_client" else 400,
        error,
    )
    assert not connections.model("AccessToken").objects.exists()
    # it is still the client's to whom it was given
    assert agent.tokens(code).status_code == 200


@pytest.mark.parametrize("form", [{}, {"grant_type": "password"}, {"grant_type": "implicit"}])
def test_other_grants_are_refused(agent: Agent, form: dict[str, str]) -> None:
    refused = agent.ask(**form, username="maya@example.org", password="pw")

    assert refused.status_code == 400
    assert refused.json()["error"] == "unsupported_grant_type"


def test_another_clients_code_is_refused(browser: Client, agent: Agent) -> None:
    code = allow(browser, agent)
    other = Agent()
    other.client_id = other.register().json()["client_id"]

    refused = other.tokens(code)

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_a_code_is_good_for_a_minute(browser: Client, agent: Agent) -> None:
    code = allow(browser, agent)
    connections.model("Grant").objects.update(expires=timezone.now())

    refused = agent.tokens(code)

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_a_code_that_is_used_twice_ends_what_came_of_it(
    browser: Client, agent: Agent, maya: User
) -> None:
    code = allow(browser, agent)
    tokens = agent.renewed(agent.tokens(code).json()["refresh_token"]).json()
    assert is_live(tokens)

    again = agent.tokens(code)

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert not is_live(tokens)
    assert agent.renewed(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert revoked_for() == [f"user:{maya.pk}"]


def test_a_refresh_token_is_good_once_and_the_copy_ends_all(
    browser: Client, agent: Agent, maya: User
) -> None:
    first = grant(browser, agent)
    second = agent.renewed(first["refresh_token"]).json()
    assert is_live(second)
    assert not is_live(first)

    again = agent.renewed(first["refresh_token"])

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert not is_live(second)
    assert agent.renewed(second["refresh_token"]).status_code == 400
    assert revoked_for() == [f"user:{maya.pk}"]


def test_another_yes_of_the_same_client_goes_on(browser: Client, agent: Agent) -> None:
    laptop, phone = grant(browser, agent), grant(browser, agent)
    agent.renewed(laptop["refresh_token"])

    agent.renewed(laptop["refresh_token"])

    assert is_live(phone)
    assert Connection.objects.exists()


def test_another_clients_refresh_token_is_refused(browser: Client, agent: Agent) -> None:
    tokens, other = grant(browser, agent), Agent()
    other.client_id = other.register().json()["client_id"]

    refused = other.renewed(tokens["refresh_token"])

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert is_live(tokens)
    assert agent.renewed(tokens["refresh_token"]).status_code == 200


def test_renewed_tokens_have_no_more_scopes_and_no_other_resource(
    browser: Client, agent: Agent
) -> None:
    tokens = grant(browser, agent, "shop:read", "orders:read")

    more = agent.renewed(tokens["refresh_token"], scope="shop:read admin")
    other = agent.renewed(tokens["refresh_token"], resource=f"{MCP}/admin")
    fewer = agent.renewed(tokens["refresh_token"], scope="shop:read", resource=f"{MCP}/")

    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")
    assert (other.status_code, other.json()["error"]) == (400, "invalid_target")
    assert caller(fewer.json()["access_token"]).scopes == {"shop:read"}


def test_a_token_is_for_one_resource(browser: Client, agent: Agent) -> None:
    whole = grant(browser, agent)["access_token"]
    part = grant(browser, agent, resource=f"{MCP}/storefront")["access_token"]

    for path in ("/mcp", "/mcp/", "/mcp/storefront", "/mcp/me"):
        assert caller_from_bearer(
            whole, access_tokens.resources_at(path), now=timezone.now()
        ).user_id
    assert caller(part, f"{MCP}/storefront").user_id
    for resource in (MCP, f"{MCP}/admin", access_tokens.rest_resource()):
        with pytest.raises(WrongAudience):
            caller(part, resource)
    with pytest.raises(WrongAudience):
        caller(whole, access_tokens.rest_resource())


def test_rest_refuses_an_agents_token(browser: Client, agent: Agent) -> None:
    token = grant(browser, agent)["access_token"]

    refused = Client().get("/api/v1/orders", headers={"Authorization": f"Bearer {token}"})

    assert (refused.status_code, refused.json()["code"]) == (401, "wrong_audience")


def test_a_token_ends(browser: Client, agent: Agent) -> None:
    token = grant(browser, agent)["access_token"]
    now = timezone.now()

    assert caller_from_bearer(token, MCP, now=now + timedelta(minutes=59)).user_id
    with pytest.raises(InvalidToken):
        caller_from_bearer(token, MCP, now=now + timedelta(hours=1))


@pytest.mark.parametrize("token", ["mso_", "mso_x", "mso_" + "x" * 5000, "mso_\0", "mso_ä"])
def test_a_made_up_token_is_refused(db: None, token: str) -> None:
    with pytest.raises(InvalidToken):
        caller(token)


def test_an_agent_is_asked_about_in_one_query(
    browser: Client, agent: Agent, django_assert_num_queries: Any
) -> None:
    token = grant(browser, agent)["access_token"]

    with django_assert_num_queries(1):
        caller(token)


def test_an_agent_may_no_more_than_its_person_has_left(agent: Agent) -> None:
    staff = User.objects.create_user("s@example.org", is_staff=True)
    staff.groups.set(Group.objects.filter(name="support"))
    browser = Client()
    browser.force_login(staff)
    token = grant(
        browser, agent, "orders:write", "products:write", scope="orders:write products:write"
    )

    working = caller(token["access_token"])
    assert may(working, "orders.change_order")
    # the role has no such permission, and the scope was not asked for
    assert not may(working, "catalog.change_master")
    assert not may(working, "notifications.view_event")

    User.objects.filter(pk=staff.pk).update(is_staff=False)
    left = caller(token["access_token"])
    assert left.scopes == {"orders:write"}
    assert not may(left, "orders.change_order")

    User.objects.filter(pk=staff.pk).update(is_active=False)
    assert not is_live(token)
    assert agent.renewed(token["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_token_that_is_given_back_ends_with_all_of_its_family(
    browser: Client, agent: Agent, maya: User, kind: str
) -> None:
    tokens = grant(browser, agent)

    answer = agent.revoke(tokens[kind])

    assert answer.status_code == 200
    assert not is_live(tokens)
    assert agent.renewed(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert revoked_for() == [f"user:{maya.pk}"]
    assert not Connection.objects.exists()


def test_another_clients_token_is_not_taken_back(browser: Client, agent: Agent) -> None:
    tokens, other = grant(browser, agent), Agent()
    other.client_id = other.register().json()["client_id"]

    answers = [other.revoke(tokens["access_token"]), other.revoke("x")]

    # RFC 7009, section 2.2: nobody learns whether there is such a token
    assert [answer.status_code for answer in answers] == [200, 200]
    assert is_live(tokens)
    assert not revoked_for()


def test_what_has_ended_is_forgotten(browser: Client, agent: Agent) -> None:
    live, ended = grant(browser, agent), grant(browser, agent)
    agent.revoke(ended["access_token"])
    old = timezone.now() - timedelta(days=31)
    connections.model("RefreshToken").objects.exclude(revoked=None).update(revoked=old)

    tasks.forget_ended_tokens()

    assert is_live(live)
    assert connections.model("RefreshToken").objects.count() == 1


def test_a_connection_that_is_used_no_more_is_forgotten(browser: Client, agent: Agent) -> None:
    tokens = grant(browser, agent)
    old = timezone.now() - timedelta(days=32)
    connections.model("AccessToken").objects.update(expires=old)
    Connection.objects.update(used_at=old)

    tasks.forget_ended_tokens()

    assert not Connection.objects.exists()
    assert agent.renewed(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_tokens_are_tried_seldom(agent: Agent, settings: Any) -> None:
    settings.MUSEO_SIGN_INS_PER_MINUTE = 2

    answers = [agent.renewed("x") for _time in range(3)]

    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert int(answers[2]["Retry-After"]) > 0


def test_tokens_that_are_good_are_renewed_often(
    browser: Client, agent: Agent, settings: Any
) -> None:
    """A hosted assistant renews those of all its people from one network."""
    settings.MUSEO_SIGN_INS_PER_MINUTE = 2
    tokens = grant(browser, agent)

    for _time in range(5):
        tokens = agent.renewed(tokens["refresh_token"]).json()

    assert is_live(tokens)


def test_what_one_client_tries_another_may_still(
    browser: Client, agent: Agent, settings: Any
) -> None:
    """But no network tries for ever, whichever clients it names."""
    settings.MUSEO_SIGN_INS_PER_MINUTE = 2
    tokens = grant(browser, agent)

    for _time in range(3):
        agent.renewed("x", client_id="another")
    renewed = agent.renewed(tokens["refresh_token"])
    tried = [agent.renewed("x", client_id=f"made-up-{time}") for time in range(10)]

    assert renewed.status_code == 200
    assert tried[-1].status_code == 429


def test_the_answer_is_kept_nowhere(browser: Client, agent: Agent) -> None:
    answer = agent.tokens(allow(browser, agent))

    assert (answer["Cache-Control"], answer["Content-Type"]) == ("no-store", "application/json")
    assert set(answer.json()["scope"].split()) == set(SCOPES)


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
def test_a_client_that_cannot_be_looked_for_is_none(db: None, path: str) -> None:
    """A NUL in HTTP Basic."""
    told = Client().post(
        path,
        {"grant_type": "authorization_code", "code": "x", "token": "x"},
        headers={"Authorization": f"Basic {base64.b64encode(b'a' + bytes(1) + b':x').decode()}"},
    )

    assert (told.status_code, told.json()["error"]) == (401, "invalid_client")
