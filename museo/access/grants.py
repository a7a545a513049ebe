"""What a sign-in of a service account grants: an access token, and a refresh token for the next.

A refresh token is opaque, kept as a digest and good for one use. One that is used again was
copied: its whole family is over. Whoever closes a family or takes its next tokens holds the
family's row, so nothing is made of a family that is being closed.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from museo.access import access_tokens
from museo.access.access_tokens import InvalidToken
from museo.access.models import DeniedToken, RefreshToken, ServiceAccount, SignInLink, TokenFamily
from museo.access.tokens import digest

PREFIX = "msr_"
REFRESH_LIFETIME = timedelta(days=30)


class SpentTwice(InvalidToken):
    """To its bearer like any other that is not valid; `family` must be closed."""

    def __init__(self, family: TokenFamily) -> None:
        super().__init__(access_tokens.invalid().detail)
        self.family = family


@dataclass(frozen=True)
class Grant:
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)

    def as_json(self) -> dict[str, Any]:
        """RFC 6749, section 5.1."""
        return {
            "access_token": self.access_token,
            "token_type": "Bearer",
            "expires_in": int(access_tokens.LIFETIME.total_seconds()),
            "refresh_token": self.refresh_token,
        }


def give(account: ServiceAccount, *, now: datetime) -> Grant:
    """The first tokens of a new family."""
    family = TokenFamily.objects.create(
        account=account, key_prefix=account.key_prefix, created_at=now, used_at=now
    )
    return _next(family, account, now=now)


def renew(refresh_token: str, *, now: datetime) -> Grant:
    """The next tokens of a family, within the change of whoever calls; raise SpentTwice."""
    spent = _find(token_hash=digest(refresh_token))
    account = spent.family.account
    this = TokenFamily.objects.filter(
        pk=spent.family.pk, revoked_at=None, key_prefix=account.key_prefix
    )
    if account.revoked_at or spent.ends_at <= now or not this.update(used_at=now):
        raise access_tokens.invalid()
    if not RefreshToken.objects.filter(pk=spent.pk, spent_at=None).update(spent_at=now):
        raise SpentTwice(spent.family)
    return _next(spent.family, account, now=now)


def family_of(token: str) -> TokenFamily:
    """The family of an access or a refresh token; raise InvalidToken."""
    if token.startswith(PREFIX):
        return _find(token_hash=digest(token)).family
    return _find(jti=access_tokens.read(token, access_tokens.resources()).jti).family


def close(family: TokenFamily, *, now: datetime) -> bool:
    """End a family, and what was given of it and still runs; whether it was open."""
    if not TokenFamily.objects.filter(pk=family.pk, revoked_at=None).update(revoked_at=now):
        return False
    running = family.tokens.filter(access_ends_at__gt=now).values_list("jti", "access_ends_at")
    DeniedToken.objects.bulk_create(
        [DeniedToken(jti=jti, ends_at=ends_at) for jti, ends_at in running],
        ignore_conflicts=True,
    )
    return True


def forget_ended(*, now: datetime) -> int:
    """Delete what can open nothing any more; return how many tokens that were."""
    ended, _each = RefreshToken.objects.filter(ends_at__lte=now).delete()
    denied, _each = DeniedToken.objects.filter(ends_at__lte=now).delete()
    SignInLink.objects.filter(ends_at__lte=now).delete()
    TokenFamily.objects.filter(tokens=None, used_at__lte=now - REFRESH_LIFETIME).delete()
    return ended + denied


def _find(**known: str) -> RefreshToken:
    found = RefreshToken.objects.select_related("family__account").filter(**known).first()
    if found is None:
        raise access_tokens.invalid()
    return found


def _next(family: TokenFamily, account: ServiceAccount, *, now: datetime) -> Grant:
    refresh_token = PREFIX + secrets.token_urlsafe(32)
    jti = uuid4().hex
    RefreshToken.objects.create(
        family=family,
        token_hash=digest(refresh_token),
        ends_at=now + REFRESH_LIFETIME,
        jti=jti,
        access_ends_at=now + access_tokens.LIFETIME,
    )
    ServiceAccount.objects.filter(pk=account.pk).update(last_used_at=now)
    return Grant(access_tokens.write(account, jti=jti, now=now), refresh_token)
