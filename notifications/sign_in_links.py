"""Signing in by a link that is sent to one's e-mail address: whoever reads the mail has it.

A link opens once, within its time, and only its digest is kept. An address without an account gets
one when its link is opened. Nobody is told whether an address has an account, and staff, who may do
more than buy, come in by their password alone.
"""

from __future__ import annotations

import logging
import secrets
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from museo.access.callers import Caller
from museo.access.limits import network, require_allowance
from museo.access.models import SignInLink, User
from museo.access.problems import Invalid, Problem, field_error
from museo.access.tokens import digest
from museo.directions import isolated
from notifications import channels, house
from notifications.channels import email as mail
from notifications.channels import news
from notifications.channels.message import BadAddress, Content, Message, NotSent

logger = logging.getLogger(__name__)

VALID_FOR = timedelta(minutes=30)
HOUR = 3600
# to one address, and of one network
TO_ADDRESS, OF_NETWORK = 5, 20


class NotSentNow(Problem):
    """The mail did not get out."""

    status = 409
    code = "not_sent"


class LinkOver(Problem):
    """It was opened before, or its time is over, or it never was one."""

    status = 410
    code = "link_over"


def send(caller: Caller, email: str, *, onward: str = "", now: datetime) -> None:
    """A link to the address, that leads `onward` here. Raises Invalid, TooOften, NotSentNow."""
    address = _checked(email).lower()
    require_allowance(
        f"sign-in links of network:{network(caller.address)}",
        most=OF_NETWORK,
        seconds=HOUR,
        now=now,
    )
    key = f"sign-in links to:{news.sender_hash('email', address)}"
    require_allowance(key, most=TO_ADDRESS, seconds=HOUR, now=now)
    if User.objects.filter(email__iexact=address).exclude(is_staff=False, is_active=True).exists():
        logger.info("no sign-in link for staff or a closed account")
        return
    token = secrets.token_urlsafe(24)
    SignInLink.objects.create(email=address, token_hash=digest(token), ends_at=now + VALID_FOR)
    message = Message(
        address, _letter(_url(token, onward), caller.locale), f"link-{secrets.token_hex(8)}", now
    )
    try:
        channels.require(mail.NAME).send(message)
    except NotSent as error:
        raise NotSentNow(_("The mail could not be sent. Try again in a few minutes.")) from error


def _checked(email: str) -> str:
    try:
        return mail.check(email)
    except BadAddress as error:
        errors = [field_error("/email", BadAddress.code, error.detail)]
        raise Invalid(error.detail, errors=errors) from error


def _url(token: str, onward: str) -> str:
    query = f"?{urlencode({'next': onward})}" if onward else ""
    return f"{settings.MUSEO_PUBLIC_URL}/login/link/{token}{query}"


def _letter(url: str, locale: str) -> Content:
    here = house.current()
    with override(locale):
        subject = _("Sign in at %(shop)s") % {"shop": isolated(here.name)}
        more = _(
            "Open this link within half an hour; it works once. If you did not ask for it, do"
            " nothing: nobody is signed in."
        )
    text = f"{more}\n\n{url}\n"
    return Content(
        subject=subject,
        text=text,
        short=text,
        chat=text,
        locale=locale,
        reply_to=here.contact_email,
    )


def whose(token: str, *, now: datetime) -> str:
    """The address that an open link was sent to; raise LinkOver."""
    email = SignInLink.objects.open(now).filter(token_hash=digest(token)).values_list("email")
    for (address,) in email:
        return str(address)
    raise _over()


def redeem(token: str, *, now: datetime) -> User:
    """Who the link is for, once; raise LinkOver."""
    link = SignInLink.objects.filter(token_hash=digest(token))
    with transaction.atomic():
        if not link.open(now).update(used_at=now):
            raise _over()
        user = _account(link.get().email)
    # it may have been closed, or become staff's, since the link was sent
    if user.is_staff or not user.is_active:
        raise _over()
    return user


def is_for(token: str, user: User) -> bool:
    """Whether a link, over or not, was sent to this person."""
    links = SignInLink.objects.filter(token_hash=digest(token), email__iexact=user.email)
    return links.exists()


def _account(email: str) -> User:
    known = User.objects.filter(email__iexact=email).first()
    if known is not None:
        return known
    try:
        with transaction.atomic():
            return User.objects.create_user(email)
    except IntegrityError:
        # by another link, at the same moment
        return User.objects.get(email__iexact=email)


def _over() -> LinkOver:
    return LinkOver(_("This link was used before, or its time is over. Ask for another one."))
