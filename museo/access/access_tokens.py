"""Access tokens: JWTs (RFC 9068) that say for a quarter of an hour who calls and what they may.

They are signed with HS256, by keys made from `MUSEO_SECRET_KEYS` (or by `MCP_JWT_SECRET` itself, so
that other programs of the same house can read them). The newest key signs, all verify.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import jwt
from django.conf import settings
from django.utils.translation import gettext as _

from museo.access.problems import Problem

if TYPE_CHECKING:
    from museo.access.models import ServiceAccount

LIFETIME = timedelta(minutes=15)
ALGORITHM = "HS256"
TYPE = "at+jwt"
LONGEST = 4096
REQUIRED = ["iss", "aud", "sub", "client_id", "scope", "jti", "iat", "exp"]
# Python checks the times, by the caller's clock
OPTIONS: Any = {
    "require": REQUIRED,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


class InvalidToken(Problem):
    """The token is none of ours, has ended or was revoked; which of them is not said."""

    status = 401
    code = "invalid_token"
    challenge = 'Bearer realm="museo", error="invalid_token"'


class WrongAudience(InvalidToken):
    """The token is for another address."""

    code = "wrong_audience"


@dataclass(frozen=True)
class Claims:
    """What a token says of its bearer."""

    account_id: int
    key_prefix: str
    scopes: frozenset[str]
    jti: str
    ends_at: datetime


def rest_resource() -> str:
    return f"{settings.MUSEO_PUBLIC_URL}/api/v1"


def mcp_resource() -> str:
    """Also that of `/mcp/<toolset>`."""
    return f"{settings.MUSEO_PUBLIC_URL}/mcp"


def resources_at(path: str) -> tuple[str, ...]:
    """What a token may be for that is brought to `/mcp` or an address below it."""
    return tuple(dict.fromkeys((mcp_resource(), f"{settings.MUSEO_PUBLIC_URL}{path.rstrip('/')}")))


def metadata_url(resource: str) -> str:
    """Where it is written who gives tokens for a resource (RFC 9728, section 3.1)."""
    path = resource.removeprefix(settings.MUSEO_PUBLIC_URL)
    return f"{settings.MUSEO_PUBLIC_URL}/.well-known/oauth-protected-resource{path}"


def resources() -> tuple[str, ...]:
    """All that a service account's token opens; a stream takes a token of any of them."""
    return rest_resource(), mcp_resource()


def who_is(account_id: int) -> str:
    """What a service account's streams, limits and receipts are kept under."""
    return f"service:{account_id}"


def write(account: ServiceAccount, *, jti: str, now: datetime) -> str:
    kid, key = next(iter(_keys().items()))
    claims = {
        "iss": settings.MUSEO_PUBLIC_URL,
        "aud": list(resources()),
        "sub": who_is(account.pk),
        "client_id": account.key_prefix,
        "scope": " ".join(account.scopes),
        "jti": jti,
        "iat": int(now.timestamp()),
        "exp": int((now + LIFETIME).timestamp()),
    }
    return jwt.encode(claims, key, ALGORITHM, headers={"kid": kid, "typ": TYPE})


def read(token: str, resource: str | Sequence[str]) -> Claims:
    """What one of our tokens says, even if it has ended; raise InvalidToken or WrongAudience."""
    if len(token) > LONGEST:
        raise invalid()
    try:
        header = jwt.get_unverified_header(token)
        if header.get("typ") != TYPE:
            raise invalid()
        claims = jwt.decode(
            token,
            _keys()[header["kid"]],
            algorithms=[ALGORITHM],
            options=OPTIONS,
            audience=resource,
            issuer=settings.MUSEO_PUBLIC_URL,
        )
        return _claims(claims)
    except jwt.InvalidAudienceError:
        raise wrong_audience() from None
    except (jwt.PyJWTError, AttributeError, LookupError, OverflowError, TypeError, ValueError):
        raise invalid() from None


def invalid() -> InvalidToken:
    return InvalidToken(_("This token is not valid, or no longer. Ask for a new one."))


def wrong_audience() -> WrongAudience:
    return WrongAudience(_("This token is not for this address. Ask for one that is."))


def _claims(claims: Mapping[str, Any]) -> Claims:
    kind, _colon, account_id = claims["sub"].partition(":")
    if kind != "service":
        raise ValueError(kind)
    return Claims(
        account_id=int(account_id),
        key_prefix=str(claims["client_id"]),
        scopes=frozenset(claims["scope"].split()),
        jti=claims["jti"],
        ends_at=datetime.fromtimestamp(claims["exp"], UTC),
    )


def _keys() -> dict[str, bytes]:
    """By name (`kid`), the one that signs first."""
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return _keys_of(tuple(settings.MCP_JWT_SECRETS), secrets)


@cache
def _keys_of(shared: Sequence[str], secrets: Sequence[str]) -> dict[str, bytes]:
    # what also signs sessions signs no tokens: a key is for one thing
    made = (hmac.digest(secret.encode(), b"museo access tokens", "sha256") for secret in secrets)
    keys = [*(secret.encode() for secret in shared), *made]
    return {hashlib.sha256(b"kid " + key).hexdigest()[:16]: key for key in keys}
