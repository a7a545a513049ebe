"""The second factor of a sign-in: a code that changes each half minute (RFC 6238).

A code counts once, and so do those of before it. Whoever has lost the app has recovery codes, each
good for one sign-in. The app's key is sealed, of recovery codes only digests are kept.
"""

from __future__ import annotations

import base64
import secrets
import unicodedata
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from museo.access import encryption, limits
from museo.access.limits import Limit
from museo.access.models import RecoveryCode, SecondFactor, User
from museo.access.problems import Invalid, Problem, field_error
from museo.access.tokens import ALPHABET, digest

# what all apps take, whatever else the address of a key says
DIGITS, SECONDS, HASH = 6, 30, SHA1()  # noqa: S303  the one of RFC 4226
# clocks may differ by so many steps
DRIFT = 1
# the length of what keys the digest (RFC 4226, section 4)
KEY_BYTES = 20
RECOVERY_CODES, LETTERS, GROUP = 10, 16, 4
# nobody types more
MOST_TYPED = 64
# letters that our alphabet does not have, for digits
_READ_WRONGLY = str.maketrans("ILO", "110")
# of wrong codes, for who knows the password: a day of guessing is right with one in 700
WRONG_CODES = Limit(10, 1800)


class WrongCode(Invalid):
    """It is none of this app's, or not of now, or was used before."""

    code = "wrong_code"


class AlreadyOn(Problem):
    """By another window, a moment ago."""

    status = 409
    code = "already_on"


def of(user: User) -> SecondFactor | None:
    return getattr(user, "second_factor", None)


def is_lacking(user: User) -> bool:
    """Whether the shop asks for one of people who work here, and this one has none."""
    is_asked_for = settings.MUSEO_STAFF_SECOND_FACTOR == "required"
    return is_asked_for and user.is_staff and of(user) is None


# a key, before it is anybody's


def new_key() -> str:
    return base64.b32encode(secrets.token_bytes(KEY_BYTES)).decode()


def grouped(code: str) -> str:
    """In fours, to be read and typed."""
    return " ".join(code[at : at + GROUP] for at in range(0, len(code), GROUP))


def address_of(key: str, *, name: str, shop: str) -> str:
    """`otpauth://…`, which apps take from a picture or a link."""
    totp = TOTP(base64.b32decode(key), DIGITS, HASH, SECONDS)
    # a colon would end the shop's name, and apps show a plus as one
    return totp.get_provisioning_uri(name, shop.replace(":", "")).replace("+", "%20")


def code_of(key: str, step: int) -> str:
    """What an app with the key shows in this half minute."""
    return HOTP(base64.b32decode(key), DIGITS, HASH).generate(step).decode()


def step_at(now: datetime) -> int:
    """The half minutes since 1970."""
    return int(now.timestamp()) // SECONDS


# turning it on and off, within a change


def begin(user: User, key: str, typed: str, *, now: datetime) -> list[str]:
    """The key is this person's, if a code of it is right; their recovery codes, shown this once.

    Raises WrongCode, AlreadyOn.
    """
    step = _step_of(key, _plain(typed), now=now)
    if step is None:
        raise _wrong()
    factor, is_new = SecondFactor.objects.get_or_create(
        user=user, defaults={"key": encryption.seal(key), "on_since": now, "last_step": step}
    )
    if not is_new:
        raise AlreadyOn(_("It is on already, with another key."))
    return _recovery_codes(factor)


def renew_recovery_codes(factor: SecondFactor) -> list[str]:
    """Others; those of before open nothing any more."""
    RecoveryCode.objects.filter(factor=factor).delete()
    return _recovery_codes(factor)


def end(user: User) -> bool:
    """Without one from now on; whether there was one."""
    count, _by_model = SecondFactor.objects.filter(user=user).delete()
    return count > 0


def _recovery_codes(factor: SecondFactor) -> list[str]:
    made = [_drawn() for _each in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(factor=factor, code_hash=digest(code)) for code in made
    )
    return [grouped(code) for code in made]


def _drawn() -> str:
    """80 random bits, as the digest has no salt."""
    return "".join(secrets.choice(ALPHABET) for _each in range(LETTERS))


# showing it


def check(factor: SecondFactor, typed: str, *, address: str, now: datetime) -> None:
    """A code of the app or a recovery code, which is used by that; raise TooOften or WrongCode."""
    of_the_person = {f"codes:{factor.user_id}": WRONG_CODES}
    with limits.few_wrong({**limits.of_sign_ins(address), **of_the_person}, now=now):
        if not use(factor, typed, now=now):
            raise _wrong()


def is_recovery_code(typed: str) -> bool:
    return len(_plain(typed)) == LETTERS


def use(factor: SecondFactor, typed: str, *, now: datetime) -> bool:
    """Whether it was right and nobody had used it."""
    code = _plain(typed)
    if is_recovery_code(typed):
        codes = RecoveryCode.objects.unused().filter(factor=factor, code_hash=digest(code))
        return bool(codes.update(used_at=now))
    step = _step_of(encryption.unseal(factor.key), code, now=now)
    if step is None:
        return False
    return bool(
        SecondFactor.objects.filter(pk=factor.pk, last_step__lt=step).update(last_step=step)
    )


def _step_of(key: str, code: str, *, now: datetime) -> int | None:
    """The newest half minute about now whose code this is; None if it is of none."""
    here = step_at(now)
    near = range(here + DRIFT, here - DRIFT - 1, -1)
    return next((step for step in near if constant_time_compare(code_of(key, step), code)), None)


def _plain(typed: str) -> str:
    """Without what was put in between, in the digits and letters that we write ourselves."""
    kept = (sign for sign in typed[:MOST_TYPED].upper() if sign.isalnum())
    code = "".join(str(unicodedata.decimal(sign, sign)) for sign in kept)
    return code.translate(_READ_WRONGLY) if code.isascii() else ""


def _wrong() -> WrongCode:
    detail = _(
        "This code is not right, or it was used before. Take the one that your app shows now; "
        "if that is refused too, look at the clock of your phone."
    )
    return WrongCode(detail, errors=[field_error("/code", WrongCode.code, detail)])
