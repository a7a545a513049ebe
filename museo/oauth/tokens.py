"""What django-oauth-toolkit asks for: new tokens, and which scopes there are."""

from __future__ import annotations

import secrets
from typing import Any

from museo.access import scopes
from museo.access.connections import PREFIX, REFRESH_PREFIX


def access_token(request: Any) -> str:
    return PREFIX + secrets.token_urlsafe(32)


def refresh_token(request: Any) -> str:
    return REFRESH_PREFIX + secrets.token_urlsafe(32)


class Scopes:
    """Who asks for none gets nothing without being asked: the consent page offers all of them."""

    def get_all_scopes(self) -> dict[str, str]:
        return dict.fromkeys(scopes.SCOPES, "")

    def get_available_scopes(self, **_about: Any) -> list[str]:
        return list(scopes.SCOPES)

    def get_default_scopes(self, **_about: Any) -> list[str]:
        return list(scopes.SCOPES)
