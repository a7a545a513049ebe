"""Who calls with `Authorization: Bearer`: the same for REST, streams and MCP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from museo.access import access_tokens, connections
from museo.access.access_tokens import Claims
from museo.access.callers import Caller
from museo.access.models import ServiceAccount


def bearer_token(authorization: str) -> str:
    """The token of an `Authorization` header; empty if that says something else."""
    scheme, _, value = authorization.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def caller_from_bearer(token: str, resource: str | Sequence[str], *, now: datetime) -> Caller:
    """Whoever the token speaks for; one query.

    Raises InvalidToken, or WrongAudience for a token of ours that is for another resource.
    """
    if token.startswith(connections.PREFIX):
        return connections.caller(token, resource, now=now)
    return _account(access_tokens.read(token, resource), now=now)


def again(bearer: Caller, *, now: datetime) -> Caller:
    """The same bearer some time later; raise InvalidToken if the token opens nothing any more.

    Whoever brought none is who they were.
    """
    if bearer.app is not None:
        return connections.again(bearer.app, now=now)
    return bearer if bearer.token is None else _account(bearer.token, now=now)


def _account(claims: Claims, *, now: datetime) -> Caller:
    account = ServiceAccount.objects.opened_by(claims).first()
    if account is None or claims.ends_at <= now:
        raise access_tokens.invalid()
    return Caller(
        who=access_tokens.who_is(account.pk),
        # what the account has lost meanwhile, its token has lost too
        scopes=claims.scopes & frozenset(account.scopes),
        token=claims,
        expires_at=claims.ends_at,
    )
