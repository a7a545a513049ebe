"""Addresses of people, and whether they are whose they are said to be.

Whoever may name an address could otherwise have the shop write to strangers. So nothing is sent to
an address but a code, until somebody has told the code: whose address it is. What is free: the
e-mail address of one's own account, and a browser, which nobody can name who is not in it. Codes
are few, for each caller and for each address, and say nothing of the caller's choosing.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import override

from museo.access import limits
from museo.access.callers import Caller, who_is
from museo.access.limits import Allowance, Limit, TooOften, network, require_allowance
from museo.access.models import User
from museo.access.problems import Invalid, Problem, field_error
from museo.directions import isolated
from notifications import channels, house, log
from notifications.channels import news
from notifications.channels.message import Content, Message, NotSent
from notifications.models import Contact, Subscription

VALID_FOR = timedelta(minutes=15)
# wrong codes, then another one must be asked for
MOST_TRIES = 5
HOUR, DAY = 3600, 86_400
# codes of one caller, of one network address, to one address
OF_CALLER, OF_NETWORK, TO_ADDRESS = 5, 20, 3
# what is sent to one address in an hour, by whosever wish
LETTERS_AN_HOUR = 60
State = Subscription.State
# why one was disabled that a code lets go on
REFUSED = ("bounced", "complained")


def refuse(addresses: Iterable[tuple[str, str]], *, now: datetime) -> None:
    """Mail addresses, each with whose it is, are none or mind: nobody's until another code."""
    Contact.objects.bulk_create(
        [
            Contact(
                who=who,
                channel=Subscription.Channel.EMAIL,
                address=address,
                code_ends_at=now,
                tries_left=0,
                refused_at=now,
            )
            for who, address in sorted(addresses)
        ],
        update_conflicts=True,
        unique_fields=["who", "channel", "address"],
        update_fields=["confirmed_at", "refused_at"],
    )


class BadCode(Invalid):
    """Not the code, or no longer."""

    code = "bad_code"


class NotReached(Problem):
    """The code did not get out."""

    status = 409
    code = "not_reached"


class WantsNothing(Problem):
    """Whose address it is has said STOP."""

    status = 409
    code = "opted_out"


def is_theirs(who: str, channel: str, address: str) -> bool:
    """Whether all may be sent to it that `who` asks for."""
    if channel not in channels.CHANNELS or channel == Subscription.Channel.WEBPUSH:
        return True
    known = Contact.objects.filter(who=who, channel=channel, address=address)
    if known.exclude(refused_at=None).exists():
        return False
    kind, _colon, number = who.partition(":")
    if kind == "user" and channel == Subscription.Channel.EMAIL:
        own = User.objects.filter(pk=int(number), email__iexact=address, is_active=True)
        if own.exists():
            return True
    return known.exclude(confirmed_at=None).exists()


def of_person(user_id: int) -> list[tuple[str, str]]:
    """The addresses that are known to be a person's, by channel, of those that work here."""
    known = known_of_person(user_id)
    return [pair for pair in known if not channels.CHANNELS[pair[0]].missing()]


def known_of_person(user_id: int) -> list[tuple[str, str]]:
    who = who_is(user_id)
    refused = Contact.objects.filter(who=who, channel="email").exclude(refused_at=None)
    own = User.objects.filter(pk=user_id, is_active=True).exclude(
        email__in=refused.values("address")
    )
    confirmed = Contact.objects.filter(who=who).exclude(confirmed_at=None)
    webpush = Subscription.Channel.WEBPUSH
    # nobody can name a browser who is not in it
    browsers = Subscription.objects.filter(who=who, channel=webpush, state=State.ACTIVE)
    emails = own.values_list("email", flat=True)
    found = [
        *((Subscription.Channel.EMAIL.value, email) for email in emails if email),
        *confirmed.values_list("channel", "address").order_by("pk"),
        *((webpush.value, each) for each in browsers.values_list("address", flat=True)),
    ]
    return list(dict.fromkeys(found))


def take_letter(channel: str, address: str, *, now: datetime) -> Allowance:
    """One of the letters that an address gets in an hour, however many orders are placed for it."""
    key = f"letters:{news.sender_hash(channel, address)}"
    return limits.take(key, Limit(LETTERS_AN_HOUR, HOUR), now=now)


def require_welcome(channel: str, address: str, *, now: datetime) -> None:
    """Before something is sent that did not happen just now; raise WantsNothing, TooOften."""
    if news.has_stopped(channel, address):
        raise wants_nothing()
    allowance = take_letter(channel, address, now=now)
    if not allowance.is_granted:
        raise TooOften(allowance.retry_after)


def wants_nothing() -> WantsNothing:
    return WantsNothing(_("Whoever has this address wants no messages. They can send START."))


def send_code(caller: Caller, *, channel: str, address: str, locale: str, now: datetime) -> None:
    """To the address, in place of the code before. Raises TooOften, WantsNothing, NotReached."""
    if news.has_stopped(channel, address):
        raise wants_nothing()
    _require_few(caller, channel, address, now=now)
    code = f"{secrets.randbelow(10**6):06}"
    key: dict[str, Any] = {"who": caller.who, "channel": channel, "address": address}
    told = {
        "code_hash": _hash(code, **key),
        "code_ends_at": now + VALID_FOR,
        "tries_left": MOST_TRIES,
    }
    Contact.objects.update_or_create(defaults=told, **key)
    name = f"code-{secrets.token_hex(8)}"
    try:
        channels.require(channel).send(Message(address, _letter(code, locale), name, now))
    except NotSent as error:
        raise NotReached(_unreached(error)) from error


def _require_few(caller: Caller, channel: str, address: str, *, now: datetime) -> None:
    for key, most, seconds in (
        (f"codes:{caller.who}", OF_CALLER, HOUR),
        (f"codes of network:{network(caller.address)}", OF_NETWORK, HOUR),
        (f"codes to:{news.sender_hash(channel, address)}", TO_ADDRESS, DAY),
    ):
        require_allowance(key, most=most, seconds=seconds, now=now)


def _letter(code: str, locale: str) -> Content:
    here = house.current()
    with override(locale):
        said = _("%(code)s is your code for messages of %(shop)s.")
        said %= {"code": code, "shop": isolated(here.name)}
        more = _(
            "Enter it where you asked for them, within 15 minutes. If you did not ask for any,"
            " do nothing: none are sent."
        )
    return Content(
        subject=said,
        text=f"{said}\n\n{more}\n",
        short=said,
        chat=said,
        locale=locale,
        reply_to=here.contact_email,
    )


def _unreached(error: NotSent) -> str:
    if error.code == "window_closed":
        return _("Write to the shop there first, then ask again: it may only answer.")
    if error.permanent:
        return _("Nobody is reached at this address. Check it.")
    return _("The code could not be sent. Try again in a few minutes.")


def confirm(subscription: Subscription, code: str, *, now: datetime) -> None:
    """The address is theirs, for all that they wish for: begin to send. Raise BadCode."""
    key = {
        "who": subscription.who,
        "channel": subscription.channel,
        "address": subscription.address,
    }
    asked = Contact.objects.filter(**key, tries_left__gt=0, code_ends_at__gt=now)
    # a try is counted before it is known whether it was right
    if not asked.update(tries_left=F("tries_left") - 1):
        raise bad_code()
    contact = Contact.objects.get(**key)
    if not constant_time_compare(contact.code_hash, _hash(code, **key)):
        raise bad_code()
    same = Contact.objects.filter(pk=contact.pk, code_hash=contact.code_hash)
    told = {"code_hash": "", "tries_left": 0, "confirmed_at": now, "refused_at": None}
    if not same.update(**told):
        raise bad_code()
    waiting = Q(state=State.UNCONFIRMED) | Q(state=State.DISABLED, reason__in=REFUSED)
    mine = Subscription.objects.filter(waiting, **key)
    mine.update(state=State.ACTIVE, reason="", after=log.state().head)
    subscription.refresh_from_db()


def _hash(code: str, *, who: str, channel: str, address: str) -> str:
    """Of six digits nobody finds it who has not the shop's key."""
    return salted_hmac(
        "museo.contact", "\n".join((who, channel, address, code)), algorithm="sha256"
    ).hexdigest()


def bad_code() -> BadCode:
    detail = _("This is not the code, or no longer. Look again, or ask for another one.")
    return BadCode(detail, errors=[field_error("/code", BadCode.code, detail)])
