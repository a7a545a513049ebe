"""Tokens that are renewed twice, or given back meanwhile, at the same moment."""

from collections.abc import Callable
from threading import Barrier, Event
from typing import Any

import pytest
from django.utils import timezone

from museo.access import access_tokens, grants
from museo.access.access_tokens import InvalidToken
from museo.access.bearers import caller_from_bearer
from museo.access.grants import Grant
from museo.access.models import RefreshToken
from museo.access.tokens import digest
from notifications import access_changes, log
from tests.access.conftest import MakeAccount, grant
from tests.together import at_once

pytestmark = pytest.mark.both


@pytest.fixture
def first(committed: None, account: MakeAccount) -> Grant:
    return grant(account())


def renew(token: str) -> Grant:
    return access_changes.renew(token, now=timezone.now())


def opens(granted: Grant) -> bool:
    try:
        caller_from_bearer(granted.access_token, access_tokens.rest_resource(), now=timezone.now())
    except InvalidToken:
        return False
    return True


def test_a_token_renewed_twice_at_once_is_renewed_once_and_was_copied(first: Grant) -> None:
    told = at_once([lambda: renew(first.refresh_token)] * 2)

    granted = [each for each in told if isinstance(each, Grant)]
    assert len(granted) == 1
    assert [type(each) for each in told if each not in granted] == [grants.SpentTwice]
    assert not opens(granted[0])
    with pytest.raises(InvalidToken):
        renew(granted[0].refresh_token)


def test_a_token_that_is_looked_at_first_is_renewed_twice(first: Grant) -> None:
    """The twin reads, then writes."""
    meet = Barrier(2)

    def read_then_write() -> Grant:
        token = RefreshToken.objects.select_related("family__account").get(
            token_hash=digest(first.refresh_token)
        )
        assert token.spent_at is None
        meet.wait(timeout=60)
        token.spent_at = timezone.now()
        token.save()
        return grants._next(token.family, token.family.account, now=timezone.now())

    told = at_once([read_then_write] * 2)

    assert [type(each) for each in told] == [Grant, Grant]


@pytest.mark.parametrize("holds_family", [True, False])
def test_what_is_made_of_a_family_that_is_being_closed_is_closed_too(
    first: Grant, monkeypatch: pytest.MonkeyPatch, holds_family: bool
) -> None:
    """The twin does not hold the family's row, and leaves a token that opens."""
    renewing, closed = Event(), Event()
    make: Callable[..., Grant] = grants._next

    def slowly(*given: Any, **more: Any) -> Grant:
        renewing.set()
        # who holds the family is waited for, and cannot wait for who waits
        closed.wait(timeout=0.3 if holds_family else 30)
        return make(*given, **more)

    def without_holding() -> Grant:
        spent = grants._find(token_hash=digest(first.refresh_token))
        return slowly(spent.family, spent.family.account, now=timezone.now())

    def give_back() -> None:
        assert renewing.wait(timeout=60)
        access_changes.give_back(first.access_token, now=timezone.now())
        closed.set()

    monkeypatch.setattr(grants, "_next", slowly)
    renewed, told = at_once(
        [
            (lambda: renew(first.refresh_token)) if holds_family else without_holding,
            give_back,
        ]
    )

    assert told is None
    assert isinstance(renewed, Grant)
    assert opens(renewed) is not holds_family
    assert log.state().head == 1
