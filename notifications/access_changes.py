"""What must be heard of access at once: every live process ends the streams it was revoked for."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from museo.access import access_tokens, accounts, connections, grants, second_factor, trail
from museo.access.access_tokens import InvalidToken
from museo.access.accounts import Keys
from museo.access.callers import who_is
from museo.access.grants import Grant, SpentTwice
from museo.access.models import Connection, SecondFactor, ServiceAccount, TokenFamily, User
from notifications import log, subscriptions
from notifications.models import Subscription

# nobody may read it: only the hubs hear it
TOPIC = "access.changes"


def revoke(
    change: log.Change, *, at: datetime, who: str = "", topics: Collection[str] = ()
) -> None:
    """End the streams of `who` (`user:42`), and those that follow any of `topics`.

    Whoever still may read them comes back with the last cursor and has lost nothing.
    """
    data = {"who": who, "topics": sorted(topics)}
    change.event(TOPIC, "access.revoked", data, at=at)


# people who leave


@dataclass(frozen=True)
class Left:
    """How many subscriptions ended with somebody, and the names of the programs of theirs."""

    subscriptions: int
    programs: tuple[str, ...]


def see_off(change: log.Change, user: User, *, now: datetime) -> Left:
    """Streams and subscriptions of somebody end, and those of the programs they answer for."""
    theirs = ServiceAccount.objects.live().filter(created_by=user)
    programs = list(theirs.order_by("pk").select_for_update(no_key=True))
    # at once, for they are locked by id
    ended = subscriptions.end(
        [who_is(user.pk), *(access_tokens.who_is(account.pk) for account in programs)]
    )
    for account in programs:
        revoke_account(account, now=now)
    revoke(change, at=now, who=who_is(user.pk))
    return Left(ended, tuple(account.name for account in programs))


# service accounts


def rotate(name: str, *, now: datetime) -> Keys:
    """Other keys for an account; what the old ones opened ends. Raises UnknownAccount."""
    account = accounts.named(name)
    before, keys = account.key_prefix, accounts.with_new_keys(account)
    with log.change() as change:
        same = ServiceAccount.objects.live().filter(pk=account.pk, key_prefix=before)
        if not same.update(
            key_prefix=account.key_prefix,
            key_hash=account.key_hash,
            secret_hash=account.secret_hash,
        ):
            raise accounts.unknown()
        _end(change, account, now=now)
    return keys


def revoke_account(account: ServiceAccount, *, now: datetime) -> bool:
    """The account signs in no more and its tokens open nothing; whether it was live."""
    with log.change() as change:
        if not ServiceAccount.objects.live().filter(pk=account.pk).update(revoked_at=now):
            return False
        subscriptions.end([access_tokens.who_is(account.pk)])
        _end(change, account, now=now)
    return True


def _end(change: log.Change, account: ServiceAccount, *, now: datetime) -> None:
    TokenFamily.objects.filter(account=account, revoked_at=None).update(revoked_at=now)
    revoke(change, at=now, who=access_tokens.who_is(account.pk))


# their tokens


def renew(refresh_token: str, *, now: datetime) -> Grant:
    """The next tokens; raise InvalidToken. One that was used before also ends its family."""
    with log.change() as change:
        try:
            return grants.renew(refresh_token, now=now)
        except SpentTwice as copied:
            _close(change, copied.family, now=now)
            refusal = copied
    raise refusal


def give_back(token: str, *, now: datetime) -> None:
    """End an access or a refresh token and its family; what is none of ours has ended already."""
    with log.change() as change:
        try:
            family = grants.family_of(token)
        except InvalidToken:
            return
        _close(change, family, now=now)


def _close(change: log.Change, family: TokenFamily, *, now: datetime) -> None:
    if grants.close(family, now=now):
        revoke(change, at=now, who=access_tokens.who_is(family.account_id))


# people's agents


def connect(*, user: User, client: Any, scopes: Collection[str], now: datetime) -> None:
    """A person lets a client do this for them, and no more than this."""
    with log.change() as change:
        if connections.allow(user=user, client=client, scopes=scopes, now=now):
            # those that it still may have it asks for again
            subscriptions.remove(
                Subscription.objects.filter(connection__user=user, connection__client=client)
            )
            revoke(change, at=now, who=who_is(user.pk))


def disconnect(connection: Connection, *, now: datetime) -> bool:
    """The client does nothing more for its person; whether it could until now."""
    with log.change() as change:
        if not Connection.objects.select_for_update().filter(pk=connection.pk).exists():
            return False
        _end_connection(change, connection, now=now)
    return True


def _end_connection(change: log.Change, connection: Connection, *, now: datetime) -> None:
    """Of a row that is held; its callbacks first, by the order in which they are locked."""
    subscriptions.remove(Subscription.objects.filter(connection=connection))
    connections.end(connection, now=now)
    revoke(change, at=now, who=who_is(connection.user_id))


def end_tokens(family: UUID, *, now: datetime) -> bool:
    """All tokens that came of one yes end; whether any was live."""
    with log.change() as change:
        connection = connections.end_family(family, now=now)
        if connection is None:
            return False
        if connections.has_tokens(connection):
            revoke(change, at=now, who=who_is(connection.user_id))
        else:
            _end_connection(change, connection, now=now)
    return True


def give_back_of(client: Any, token: str, *, now: datetime) -> None:
    """A client gives a token back, and with it all that came of the same yes (RFC 7009)."""
    if family := connections.family_of(token, client=client):
        end_tokens(family, now=now)


# a person's second factor


def turn_on_second_factor(user: User, key: str, typed: str, *, now: datetime) -> list[str]:
    """Their recovery codes, shown this once; raise WrongCode or AlreadyOn.

    Whoever else is signed in as this person has to show it, too, at once.
    """
    with log.change() as change:
        codes = second_factor.begin(user, key, typed, now=now)
        _note(change, user, who=who_is(user.pk), what="second_factor.on", at=now)
    return codes


def renew_recovery_codes(factor: SecondFactor, *, now: datetime) -> list[str]:
    with log.change():
        codes = second_factor.renew_recovery_codes(factor)
        who = who_is(factor.user.pk)
        trail.leave_each(who, [("second_factor.codes", who, ())], at=now)
    return codes


def turn_off_second_factor(user: User, *, who: str, now: datetime) -> bool:
    """By the person, or for them by `who`, empty for the machine; whether there was one."""
    with log.change() as change:
        if not second_factor.end(user):
            return False
        _note(change, user, who=who, what="second_factor.off", at=now)
    return True


def _note(change: log.Change, user: User, *, who: str, what: str, at: datetime) -> None:
    trail.leave_each(who, [(what, who_is(user.pk), ())], at=at)
    revoke(change, at=at, who=who_is(user.pk))
