"""What is good once is good once, also for two who come at the same moment."""

from collections.abc import Callable
from threading import Barrier
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from museo.access import connections
from museo.access.models import Connection, User
from museo.oauth.validator import Validator
from notifications import access_changes
from tests.oauth.conftest import Agent, allow, grant
from tests.together import at_once

pytestmark = pytest.mark.both

Twice = Callable[[], Any]


@pytest.fixture
def maya(committed: None) -> User:
    return User.objects.create_user("maya@example.org")


@pytest.fixture
def meeting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have been looked at before either is given anything."""
    meet, save = Barrier(2), Validator.save_bearer_token

    def save_together(self: Validator, *arguments: Any, **more: Any) -> None:
        meet.wait(timeout=60)
        save(self, *arguments, **more)

    monkeypatch.setattr(Validator, "save_bearer_token", save_together)


def live() -> int:
    count: int = connections.model("RefreshToken").objects.filter(revoked=None).count()
    return count


def asked(kind: str, browser: Client, agent: Agent) -> Twice:
    """Another client for each call: they share nothing but what they know."""
    if kind == "code":
        code = allow(browser, agent)
        return lambda: Agent(client_id=agent.client_id).tokens(code)
    token = grant(browser, agent)["refresh_token"]
    return lambda: Agent(client_id=agent.client_id).renewed(token)


@pytest.mark.parametrize("kind", ["code", "refresh token"])
def test_what_is_used_twice_at_once_is_spent_once_and_was_copied(
    maya: User, browser: Client, agent: Agent, kind: str, request: pytest.FixtureRequest
) -> None:
    use = asked(kind, browser, agent)
    request.getfixturevalue("meeting")

    told: list[Any] = at_once([use, use])

    assert sorted(each.status_code for each in told) == [200, 400]
    assert live() == 0
    assert not Connection.objects.exists()


def test_a_code_that_is_not_spent_gives_tokens_twice(
    maya: User, browser: Client, agent: Agent, monkeypatch: pytest.MonkeyPatch, meeting: None
) -> None:
    """The twin looks at the code and leaves it there."""
    monkeypatch.setattr(Validator, "_spend", lambda _self, _request: None)
    use = asked("code", browser, agent)

    told: list[Any] = at_once([use, use])

    assert [each.status_code for each in told] == [200, 200]
    assert live() == 2


def test_who_is_disconnected_while_tokens_are_made_gets_none(
    maya: User, browser: Client, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    use, save = asked("refresh token", browser, agent), Validator.save_bearer_token

    def save_too_late(self: Validator, *arguments: Any, **more: Any) -> None:
        connection = Connection.objects.select_related("user").get()
        assert access_changes.disconnect(connection, now=timezone.now())
        save(self, *arguments, **more)

    monkeypatch.setattr(Validator, "save_bearer_token", save_too_late)

    told = use()

    assert (told.status_code, told.json()["error"]) == (400, "invalid_grant")
    assert live() == 0


def test_a_code_that_is_spent_while_it_is_looked_at_was_copied(
    maya: User, browser: Client, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    use, look = asked("code", browser, agent), Validator.get_code_challenge

    def look_too_late(self: Validator, *arguments: Any) -> Any:
        monkeypatch.setattr(Validator, "get_code_challenge", look)
        assert use().status_code == 200
        return look(self, *arguments)

    monkeypatch.setattr(Validator, "get_code_challenge", look_too_late)

    told = use()

    assert (told.status_code, told.json()["error"]) == (400, "invalid_grant")
    assert live() == 0
