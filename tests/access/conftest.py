"""The nouns of access: a moment, a service account with its keys, buckets that are full."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.utils import timezone

from museo.access import accounts, grants
from museo.access.accounts import Keys
from museo.access.grants import Grant

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MakeAccount = Callable[..., Keys]


@pytest.fixture(autouse=True)
def _full_buckets(full_buckets: None) -> None:
    """Every test may call as often as there is."""


@pytest.fixture
def account(db: None) -> MakeAccount:
    """Makes a service account with these scopes."""

    def make(*scopes: str, name: str = "till-3") -> Keys:
        return accounts.create(name=name, scopes=scopes or ("shop:read",), now=NOON)

    return make


def grant(keys: Keys) -> Grant:
    """Its tokens, as of now."""
    return grants.give(keys.account, now=timezone.now())


def bearer(keys: Keys) -> dict[str, str]:
    return {"Authorization": f"Bearer {grant(keys).access_token}"}
