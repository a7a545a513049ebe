"""Service accounts: programs that call, made by staff, signed in by a key and a secret."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from museo.access import scopes as known
from museo.access.models import ServiceAccount, User
from museo.access.problems import Invalid, NotFound, Problem, field_error
from museo.access.tokens import digest, key_prefix

LONGEST_NAME = 80


class WrongKeys(Problem):
    """No live account has this key with this secret; which of the two is wrong is not said."""

    status = 401
    code = "invalid_credentials"


class NameTaken(Problem):
    status = 409
    code = "name_taken"


class UnknownAccount(NotFound):
    code = "unknown_account"


@dataclass(frozen=True)
class Keys:
    """What a program signs in with; they are kept nowhere and shown once."""

    account: ServiceAccount
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)


def create(
    *, name: str, scopes: Collection[str], created_by: User | None = None, now: datetime
) -> Keys:
    """A new account; raise Invalid for a name or scopes that cannot be, NameTaken."""
    _check(name, scopes)
    account = ServiceAccount(
        name=name,
        scopes=sorted(scopes, key=known.SCOPES.index),
        created_by=created_by,
        created_at=now,
    )
    keys = with_new_keys(account)
    try:
        with transaction.atomic():
            account.save(force_insert=True)
    except IntegrityError:
        raise NameTaken(
            _("There is a service account of this name. Rotate or revoke that one.")
        ) from None
    return keys


def _check(name: str, scopes: Collection[str]) -> None:
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        detail = _("Choose a name of 1 to 80 printable characters.")
        raise Invalid(detail, errors=[field_error("/name", "invalid", detail)])
    if not scopes or known.unknown(scopes):
        detail = _("Choose from these scopes: %(scopes)s.") % {"scopes": ", ".join(known.SCOPES)}
        raise Invalid(detail, errors=[field_error("/scopes", "unknown_scope", detail)])


def with_new_keys(account: ServiceAccount) -> Keys:
    """Other keys for the account, which is not saved yet."""
    account.key_prefix = key_prefix()
    keys = Keys(
        account,
        api_key=f"{account.key_prefix}_{secrets.token_urlsafe(24)}",
        api_secret=f"mss_{secrets.token_urlsafe(32)}",
    )
    account.key_hash = digest(keys.api_key)
    account.secret_hash = digest(keys.api_secret)
    return keys


def named(name: str) -> ServiceAccount:
    """The live account of this name; raise UnknownAccount."""
    account = ServiceAccount.objects.live().filter(name=name).first()
    if account is None:
        raise unknown()
    return account


def unknown() -> UnknownAccount:
    return UnknownAccount(_("There is no live service account of this name."))


def identify(api_key: str, api_secret: str) -> ServiceAccount:
    """The account whose keys these are; raise WrongKeys."""
    prefix = "_".join(api_key.split("_")[:2])
    found = ServiceAccount.objects.live().filter(key_prefix=prefix).first()
    # an unknown key costs the same comparisons as a wrong secret
    kept = found or ServiceAccount()
    is_key = constant_time_compare(kept.key_hash, digest(api_key))
    is_secret = constant_time_compare(kept.secret_hash, digest(api_secret))
    if found is None or not (is_key and is_secret):
        raise WrongKeys(_("This key and secret open nothing. Check both, or have new ones made."))
    return found
