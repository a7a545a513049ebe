"""The page on which people let clients act for them, and what it refuses."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Group
from django.test import Client

from museo.access import access_tokens, connections
from museo.access.callers import caller_for_user
from museo.access.models import Connection, User
from museo.access.scopes import SCOPES as EVERY_SCOPE
from museo.edge import CONSENT
from museo.oauth import words
from notifications.models import Event
from tests.oauth.conftest import REDIRECT, SCOPES, Agent, allow, caller, grant, said, sent_back

pytestmark = pytest.mark.django_db


def codes() -> int:
    count: int = connections.model("Grant").objects.count()
    return count


def test_a_person_reads_in_words_what_they_are_asked(browser: Client, agent: Agent) -> None:
    page = browser.get(agent.request(scope="shop:read orders:read"))

    text = page.content.decode()
    assert page.status_code == 200
    assert "Let Assistant act for you?" in text
    assert "See your orders, and tell you how they get on" in text
    assert "assistant.example" in text
    assert "Cancel and change your orders" not in text
    assert "orders:write" not in text


@pytest.mark.parametrize("language", ["de", "fr", "es", "ar"])
def test_it_speaks_the_persons_language(browser: Client, agent: Agent, language: str) -> None:
    page = browser.get(agent.request(), headers={"Accept-Language": language})

    english = ("Let Assistant act", "Do not allow", "Put things into your basket", "signed in as")
    assert page.status_code == 200
    assert not [words for words in english if words in said(page)]


@pytest.mark.parametrize("is_staff", [False, True])
def test_every_scope_that_somebody_has_has_words(is_staff: bool) -> None:
    user = User.objects.create_user("a@example.org", is_staff=is_staff)
    asked = caller_for_user(user, locale="en")

    assert not [scope for scope in asked.scopes if words.say(scope, asked) == scope]


def test_who_has_not_signed_in_signs_in_first(agent: Agent) -> None:
    page = Client().get(agent.request())

    assert page.status_code == 302
    assert page["Location"].startswith("/login?next=/oauth/authorize%3F")


def test_a_yes_sends_back_a_code_and_who_gave_it(browser: Client, agent: Agent, maya: User) -> None:
    told = sent_back(
        browser.post(agent.request(), {"allow": "1", "granted": ["shop:read", "orders:read"]})
    )

    assert set(told) == {"code", "state", "iss"}
    assert (told["state"], told["iss"]) == ("s1", "http://127.0.0.1:8000")
    assert Connection.objects.get().scopes == ["shop:read", "orders:read"]


def test_a_no_is_told_and_nothing_is_given(browser: Client, agent: Agent) -> None:
    told = sent_back(browser.post(agent.request(), {"deny": "1", "granted": list(SCOPES)}))

    assert told["error"] == "access_denied"
    assert told["state"] == "s1"
    assert (codes(), Connection.objects.count()) == (0, 0)


def test_a_yes_to_nothing_is_asked_again(browser: Client, agent: Agent) -> None:
    page = browser.post(agent.request(), {"allow": "1"})

    assert page.status_code == 400
    assert "Choose at least one" in page.content.decode()
    assert (codes(), Connection.objects.count()) == (0, 0)


def test_only_what_was_asked_and_ticked_is_given(browser: Client, agent: Agent) -> None:
    told = grant(browser, agent, "shop:read", "admin", "orders:write", scope="shop:read")

    assert told["scope"] == "shop:read"
    assert caller(told["access_token"]).scopes == {"shop:read"}


def test_a_customer_is_not_asked_for_what_only_staff_have(browser: Client, agent: Agent) -> None:
    page = browser.get(agent.request(scope=" ".join(EVERY_SCOPE))).content.decode()

    assert 'value="orders:write"' in page
    assert 'value="admin"' not in page
    assert 'value="products:write"' not in page


def test_staff_are_asked_in_the_words_of_staff(agent: Agent) -> None:
    user = User.objects.create_user("s@example.org", is_staff=True)
    user.groups.set(Group.objects.filter(name="support"))
    browser = Client()
    browser.force_login(user)

    page = browser.get(agent.request(scope=" ".join(EVERY_SCOPE))).content.decode()

    assert "See the orders that you see as staff" in page
    assert 'value="admin"' in page


def test_another_answer_than_the_pages_own_form_is_refused(agent: Agent, maya: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(maya)

    page = browser.post(agent.request(), {"allow": "1", "granted": list(SCOPES)})

    assert page.status_code == 403
    assert (codes(), Connection.objects.count()) == (0, 0)


def test_the_page_stands_in_no_frame_and_its_answer_may_leave(
    browser: Client, agent: Agent
) -> None:
    page = browser.get(agent.request())

    assert page["X-Frame-Options"] == "DENY"
    assert "no-store" in page["Cache-Control"]
    # a client that waits in the window that opened this one is still its opener
    assert page["Cross-Origin-Opener-Policy"] == "unsafe-none"
    assert "frame-ancestors 'none'" in CONSENT
    assert "default-src 'self'" in CONSENT
    assert "form-action 'self' https:" in CONSENT


FATAL: dict[str, dict[str, Any]] = {
    "another address": {"redirect_uri": "https://evil.example/callback"},
    "an address with more path": {"redirect_uri": f"{REDIRECT}/../evil"},
    "an address with a query": {"redirect_uri": f"{REDIRECT}?next=https://evil.example"},
    "an address with a fragment": {"redirect_uri": f"{REDIRECT}#x"},
    "an address with a name": {"redirect_uri": "https://assistant.example@evil.example/callback"},
    "another case": {"redirect_uri": "https://assistant.example/Callback"},
    "without TLS": {"redirect_uri": "http://assistant.example/callback"},
    "another port": {"redirect_uri": "https://assistant.example:444/callback"},
    "a line": {"redirect_uri": f"{REDIRECT}\r\nX: y"},
    "a tab": {"redirect_uri": "https://assistant.example/call\tback"},
    "a script": {"redirect_uri": "javascript:alert(1)"},
    "no scheme": {"redirect_uri": "//evil.example/callback"},
    "two addresses": {"redirect_uri": [REDIRECT, "https://evil.example/callback"]},
    "an unknown client": {"client_id": "app_unknown"},
    "no client": {"client_id": None},
    "two clients": {"client_id": ["a", "b"]},
    "a NUL": {"client_id": "a\0b"},
    "a NUL in the state": {"state": "a\0b"},
    "a private document": {"client_id": "https://127.0.0.1/client.json"},
    "a document without TLS": {"client_id": "http://assistant.example/client.json"},
}


@pytest.mark.parametrize("changes", FATAL.values(), ids=FATAL)
@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_is_sent_to_an_address_that_is_not_the_clients(
    browser: Client, agent: Agent, changes: dict[str, Any], method: str
) -> None:
    body = {"allow": "1", "granted": list(SCOPES)} if method == "post" else None
    page = getattr(browser, method)(agent.request(**changes), body)

    assert page.status_code == 400
    assert not page.has_header("Location")
    assert "evil" not in said(page)
    assert (codes(), Connection.objects.count()) == (0, 0)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "without PKCE": (
        {"code_challenge": None, "code_challenge_method": None},
        "invalid_request",
    ),
    "plain PKCE": ({"code_challenge_method": "plain"}, "invalid_request"),
    "a challenge that is none": ({"code_challenge": "x" * 300}, "invalid_request"),
    "PKCE of no method": ({"code_challenge_method": None}, "invalid_request"),
    "PKCE of another method": ({"code_challenge_method": "S512"}, "invalid_request"),
    "a token at once": ({"response_type": "token"}, "unsupported_response_type"),
    "another resource": ({"resource": "https://evil.example/mcp"}, "invalid_target"),
    "REST": ({"resource": "http://127.0.0.1:8000/api/v1"}, "invalid_target"),
    "an unknown toolset": ({"resource": "http://127.0.0.1:8000/mcp/none"}, "invalid_target"),
    "a resource that only begins so": (
        {"resource": "http://127.0.0.1:8000/mcp.evil"},
        "invalid_target",
    ),
    "two resources": (
        {"resource": ["http://127.0.0.1:8000/mcp", "http://127.0.0.1:8000/mcp/admin"]},
        "invalid_target",
    ),
    "what only staff have": ({"scope": "admin"}, "invalid_scope"),
    "what nobody has": ({"scope": "openid profile"}, "invalid_scope"),
}


@pytest.mark.parametrize(("changes", "error"), REFUSED.values(), ids=REFUSED)
def test_the_client_is_told_what_is_wrong_with_its_request(
    browser: Client, agent: Agent, changes: dict[str, Any], error: str
) -> None:
    asked = agent.request(**changes)

    told = [sent_back(browser.get(asked)), sent_back(browser.post(asked, {"allow": "1"}))]

    assert [each["error"] for each in told] == [error, error]
    assert all("code" not in each and each["state"] == "s1" for each in told)
    assert (codes(), Connection.objects.count()) == (0, 0)


def test_who_names_no_resource_means_all_tools(browser: Client, agent: Agent) -> None:
    told = grant(browser, agent, resource=None)

    assert caller(told["access_token"], access_tokens.mcp_resource()).user_id


def test_a_program_on_ones_own_machine_listens_at_any_port(browser: Client, agent: Agent) -> None:
    loopback = "http://127.0.0.1/callback"
    agent.client_id = agent.register(redirect_uris=[loopback]).json()["client_id"]
    here = "http://127.0.0.1:49152/callback"

    page = browser.post(agent.request(redirect_uri=here), {"allow": "1", "granted": SCOPES})

    assert set(sent_back(page, here)) == {"code", "state", "iss"}


def test_an_app_is_opened_by_its_own_scheme(browser: Client, agent: Agent) -> None:
    app = "cursor://anysphere.cursor-mcp/oauth/callback"
    agent.client_id = agent.register(redirect_uris=[app]).json()["client_id"]

    page = browser.post(agent.request(redirect_uri=app), {"allow": "1", "granted": SCOPES})

    assert "code" in sent_back(page, app)


def test_what_a_client_calls_itself_is_shown_as_text(browser: Client, agent: Agent) -> None:
    name = "<script>alert(1)</script>\u202egro.elpmaxe"
    agent.client_id = agent.register(client_name=name).json()["client_id"]

    page = browser.get(agent.request()).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;gro" in page
    assert "<script>alert" not in page


def test_a_narrower_yes_takes_from_what_was_given_before(
    browser: Client, agent: Agent, maya: User
) -> None:
    first = grant(browser, agent)
    assert not Event.objects.filter(type="access.revoked").exists()

    grant(browser, agent, "shop:read")

    assert caller(first["access_token"]).scopes == {"shop:read"}
    assert Event.objects.get(type="access.revoked").data["who"] == f"user:{maya.pk}"


def test_people_are_not_asked_too_often(
    browser: Client, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("museo.oauth.consent.ASKED_A_MINUTE", 2)

    answers = [browser.get(agent.request()).status_code for _time in range(3)]

    assert answers == [200, 200, 429]


def test_an_address_with_a_query_of_its_own_keeps_it(
    browser: Client, agent: Agent, settings: LazySettings
) -> None:
    own = f"{REDIRECT}?tenant=7"
    agent.client_id = agent.register(redirect_uris=[own]).json()["client_id"]

    yes = browser.post(agent.request(redirect_uri=own), {"allow": "1", "granted": SCOPES})
    no = browser.post(agent.request(redirect_uri=own), {})

    assert set(sent_back(yes)) == {"tenant", "code", "state", "iss"}
    assert sent_back(no)["tenant"] == "7"


def test_who_names_no_address_has_one(browser: Client, agent: Agent) -> None:
    told = sent_back(
        browser.post(agent.request(redirect_uri=None), {"allow": "1", "granted": SCOPES})
    )

    assert set(told) == {"code", "state", "iss"}


def test_a_code_is_not_given_twice_for_one_page(browser: Client, agent: Agent) -> None:
    assert allow(browser, agent) != allow(browser, agent)


def test_what_openid_connect_would_give_back_is_not_kept(browser: Client, agent: Agent) -> None:
    code = allow(browser, agent, nonce="x" * 300, claims="x")

    assert agent.tokens(code).status_code == 200
