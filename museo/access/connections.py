"""Connections: what people have let clients do for them, such as an assistant that buys for them.

A client's tokens are opaque and kept as digests by django-oauth-toolkit. What one opens is asked
of the database with each call: what the person has allowed, as far as the person may it still.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, Subquery

from museo.access import access_tokens
from museo.access.callers import App, Caller, caller_for_user
from museo.access.models import Connection, User
from museo.access.scopes import SCOPES
from museo.access.tokens import digest

PREFIX = "mso_"
REFRESH_PREFIX = "msn_"
# a client that nobody has let in, and one that nobody has used since
FORGOTTEN_UNUSED = timedelta(days=1)
FORGOTTEN_USED = timedelta(days=90)


def caller(token: str, resource: str | Sequence[str], *, now: datetime) -> Caller:
    """The person whose agent brings the token, with what is left to the agent; one query.

    Raises InvalidToken, or WrongAudience for a token for another resource.
    """
    found = _live(digest(token), now=now)
    if not _is_for(found.resource, resource):
        raise access_tokens.wrong_audience()
    return _caller(found)


def again(app: App, *, now: datetime) -> Caller:
    """The same, for an app that has called before by a token; raise InvalidToken."""
    return _caller(_live(app.token_digest, now=now))


def _live(token_digest: str, *, now: datetime) -> Any:
    allowed = Connection.objects.filter(user=OuterRef("user"), client=OuterRef("application"))
    found = (
        model("AccessToken")
        .objects.select_related("user__second_factor")
        .annotate(
            connection=Subquery(allowed.values("pk")),
            allowed=Subquery(allowed.values("scopes")),
            client=F("application__client_id"),
        )
        .filter(token_checksum=token_digest, user__is_active=True, expires__gt=now)
        .exclude(connection=None)
        .first()
    )
    if found is None:
        raise access_tokens.invalid()
    return found


def _caller(found: Any) -> Caller:
    person = caller_for_user(found.user, locale=found.user.locale or settings.LANGUAGE_CODE)
    return replace(
        person,
        scopes=person.scopes & set(found.scope.split()) & set(found.allowed),
        app=App(found.connection, found.client, found.token_checksum),
        expires_at=found.expires,
    )


def of_person(user: User) -> list[Connection]:
    """Those that work, newest first."""
    return list(user.connections.select_related("client").order_by("-created_at", "-pk"))


def allow(*, user: User, client: Any, scopes: Collection[str], now: datetime) -> bool:
    """Let a client do this and no more; whether that takes something from it."""
    given = sorted(scopes, key=SCOPES.index)
    connection, is_new = Connection.objects.select_for_update().get_or_create(
        user=user,
        client=client,
        defaults={"scopes": given, "created_at": now, "used_at": now},
    )
    # it is not forgotten for as long as it finds people
    model("Application").objects.filter(pk=client.pk).update(updated=now)
    if is_new:
        return False
    Connection.objects.filter(pk=connection.pk).update(scopes=given)
    return not set(connection.scopes) <= set(given)


def hold(*, user: User, client: Any, now: datetime) -> bool:
    """Keep the connection as it is until the transaction ends; whether there still is one."""
    same = Connection.objects.filter(user=user, client=client, user__is_active=True)
    return bool(same.update(used_at=now))


def keep(app: App) -> bool:
    """The same for an app that calls: what it makes is made before the connection ends, or not."""
    return bool(Connection.objects.filter(pk=app.connection).update(used_at=F("used_at")))


def is_there(connection: int) -> bool:
    """Whether its person lets its client in still."""
    return Connection.objects.filter(pk=connection, user__is_active=True).exists()


def end(connection: Connection, *, now: datetime) -> None:
    """The client's tokens open nothing any more."""
    Connection.objects.filter(pk=connection.pk).delete()
    theirs = {"user_id": connection.user_id, "application_id": connection.client_id}
    model("Grant").objects.filter(**theirs).delete()
    model("RefreshToken").objects.filter(**theirs, revoked=None).update(revoked=now)
    model("AccessToken").objects.filter(**theirs).delete()


def end_family(family: UUID, *, now: datetime) -> Connection | None:
    """The tokens that came of one yes open nothing any more; of which connection, None if none did.

    The connection is held: it ends with the last of its families (`has_tokens`).
    """
    tokens = model("RefreshToken").objects
    known = tokens.filter(token_family=family).values("user_id", "application_id").first()
    if known is None:
        return None
    # the client may be getting its next tokens
    held = Connection.objects.select_for_update().filter(
        user_id=known["user_id"], client_id=known["application_id"]
    )
    connection = held.first()
    if not tokens.filter(token_family=family, revoked=None).update(revoked=now):
        return None
    of_family = tokens.filter(token_family=family).values("access_token_id")
    model("AccessToken").objects.filter(pk__in=of_family).delete()
    return connection


def has_tokens(connection: Connection) -> bool:
    """Whether any of its families goes on."""
    theirs = {"user_id": connection.user_id, "application_id": connection.client_id}
    return bool(model("RefreshToken").objects.filter(**theirs, revoked=None).exists())


def family_of(token: str, *, client: Any) -> UUID | None:
    """Of an access or a refresh token of the client's; None for what is none of them."""
    own = model("RefreshToken").objects.filter(application=client)
    known = Q(token_checksum=digest(token)) | Q(access_token__token_checksum=digest(token))
    found: UUID | None = own.filter(known).values_list("token_family", flat=True).first()
    return found


def forget_unused_clients(*, now: datetime) -> int:
    """Delete clients that registered themselves and that nobody uses; return how many."""
    unused = model("Application").objects.filter(
        ~Exists(Connection.objects.filter(client=OuterRef("pk"))),
        ~Exists(model("AccessToken").objects.filter(application=OuterRef("pk"))),
        registration_source__in=["dcr", "cimd"],
    )
    never = Q(updated__lt=F("created") + timedelta(seconds=1), created__lte=now - FORGOTTEN_UNUSED)
    _all, each = unused.filter(never | Q(updated__lte=now - FORGOTTEN_USED)).delete()
    return int(each.get("oauth2_provider.Application", 0))


def forget_ended(*, now: datetime) -> int:
    """Delete what can open nothing any more, and connections that have nothing left."""
    import_module("oauth2_provider.models").clear_expired()
    live = model("RefreshToken").objects.filter(
        user=OuterRef("user"), application=OuterRef("client"), revoked=None
    )
    codes = model("Grant").objects.filter(user=OuterRef("user"), application=OuterRef("client"))
    Connection.objects.filter(
        ~Exists(live), ~Exists(codes), used_at__lte=now - FORGOTTEN_UNUSED
    ).delete()
    return forget_unused_clients(now=now)


def model(name: str) -> Any:
    """One of django-oauth-toolkit's, of which there are no types."""
    return apps.get_model("oauth2_provider", name)


def _is_for(resources: Collection[str], resource: str | Sequence[str]) -> bool:
    asked = {resource} if isinstance(resource, str) else set(resource)
    return not asked.isdisjoint(resources)
