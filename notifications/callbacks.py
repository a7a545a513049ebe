"""Callbacks: webhooks of programs that say where to and with which secret (MCP Events).

They go the way of all webhooks and differ in how they begin and end. Who, where to, which event and
with which arguments make a callback's id, so that asking twice is asking once. It is begun only
after the address has given a challenge back, and holds for a time; asking again goes on from there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.db import transaction
from django.db.models import Min, Q
from django.utils.translation import gettext as _

from museo.access import access_tokens, connections
from museo.access.callers import Caller
from museo.access.encryption import seal, unseal
from museo.access.limits import require_allowance
from museo.access.problems import Invalid, NotSignedIn, Problem, field_error
from museo.access.tokens import digest
from notifications import dispatcher, following, log, retention, subscribing, subscriptions, topics
from notifications.channels import event_wire, posting, webhook, webhook_wire
from notifications.channels.message import NotSent
from notifications.channels.signatures import SECRET_PREFIX
from notifications.models import Delivery, EventTopic, Subscription, SubscriptionQuerySet, whose
from notifications.wishes import Filter

# how long one holds that names no time; what is shorter would be asked for all the time
USUAL, LONGEST, SHORTEST = timedelta(days=7), timedelta(days=30), timedelta(minutes=5)
# that are told by one ticket
MOST_BY_TICKET = 10
# as the Standard Webhooks specification has them
SECRET_BYTES = range(24, 65)
A_MINUTE = 60
ASKED_A_MINUTE = 60
# to one host, whoever asks; and by one who asks, to whichever
CHALLENGES_A_MINUTE = 60
CHALLENGES_OF_ONE_A_MINUTE = 10
PATIENCE = timedelta(seconds=10)
CALLBACK = {
    "shape": Subscription.Shape.EVENT,
    "channel": Subscription.Channel.WEBHOOK,
}


class BadSecret(Invalid):
    """None that could sign."""

    code = "bad_secret"


class CallbackRefused(Problem):
    """Nobody there gave the challenge back; `reason` says why, and nothing of what is there."""

    status = 409
    code = "callback_refused"

    def __init__(self, reason: str) -> None:
        detail = _("The callback did not give the challenge back. Nothing is sent there.")
        super().__init__(detail, reason=reason)


@dataclass(frozen=True)
class Wish:
    """An event by its name and arguments, and what of which topic that is."""

    event: str
    arguments: Mapping[str, Any]
    topic: str
    types: Collection[str]
    where: Filter = field(default_factory=dict)
    # whose ticket opens the topic to guests, if that is another one
    opened_with: str = ""


@dataclass(frozen=True)
class Asked:
    """A wish that may be fulfilled, by whom and where to."""

    wish: Wish
    caller: Caller
    who: str
    address: str
    secret: str = field(repr=False)
    # the address has given a challenge back before
    is_known: bool

    @property
    def id(self) -> str:
        return _id(self.who, self.address, self.wish.event, self.wish.arguments)


@dataclass(frozen=True)
class Since:
    """From where on, of what was told before; without a cursor from now on."""

    cursor: log.Cursor | None = None
    longest_ago: timedelta | None = None


@dataclass(frozen=True)
class Granted:
    """`cursor`: up to there nothing is missing; `is_truncated` if it begins later than asked."""

    id: str
    expires_at: datetime
    cursor: str
    is_truncated: bool


def ask(caller: Caller, wish: Wish, *, address: str, secret: str, now: datetime) -> Asked:
    """Whether the caller may have this told there.

    Raises NotSignedIn, NotFound of the topic, BadWebhook, BadSecret, TooOften.
    """
    who = _whose(caller, wish)
    require_allowance(f"callbacks:{who}", most=ASKED_A_MINUTE, seconds=A_MINUTE, now=now)
    _require_secret(secret)
    webhook.check(address)
    is_known = _running(now).filter(who=who, address=address).exists()
    if not is_known:
        _take_challenge(who, address, now=now)
    return Asked(wish, caller, who, address, secret, is_known=is_known)


def _whose(caller: Caller, wish: Wish) -> str:
    """By what right: somebody's own, or that of the ticket that opens the topic."""
    if ticket := subscribing.ticket_for(caller, wish.topic):
        return subscriptions.by_ticket(digest(ticket))
    if not caller.who:
        raise NotSignedIn(_("Sign in, or bring a token, to subscribe."))
    following.readable(caller.to_act(), [wish.topic])
    return caller.who


def _take_challenge(who: str, address: str, *, now: datetime) -> None:
    """One of theirs first, so that nobody takes all of a host that others ask, too."""
    host = urlsplit(address).hostname or ""
    for key, most in (
        (f"challenges of:{who}", CHALLENGES_OF_ONE_A_MINUTE),
        (f"challenges:{host}", CHALLENGES_A_MINUTE),
    ):
        require_allowance(key, most=most, seconds=A_MINUTE, now=now)


def _require_secret(secret: str) -> None:
    try:
        size = len(base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not secret.startswith(SECRET_PREFIX) or size not in SECRET_BYTES:
        detail = _("The secret is whsec_ and 24 to 64 random bytes as base64.")
        raise BadSecret(detail, errors=[field_error("/delivery/secret", BadSecret.code, detail)])


def _running(now: datetime) -> SubscriptionQuerySet:
    """Those that are told now."""
    running = Subscription.objects.filter(**CALLBACK, state=Subscription.State.ACTIVE)
    return running.filter(Q(expires_at=None) | Q(expires_at__gt=now))


async def verify(asked: Asked, *, now: datetime) -> None:
    """Ask the address whether it wants to be told; raise CallbackRefused."""
    challenge = secrets.token_urlsafe(32)
    there = Subscription(public_id=asked.id, secret=seal(asked.secret))
    request = webhook_wire.request(event_wire.verification(there, challenge), at=now)
    try:
        async with posting.pool() as connections:
            answer = await posting.post(
                connections,
                asked.address,
                headers=request.headers,
                body=request.body,
                total=PATIENCE,
            )
    except NotSent as error:
        raise CallbackRefused(_reason(error)) from error
    if not 200 <= answer.status < 300:
        raise CallbackRefused("http_5xx" if answer.status >= 500 else "http_4xx")
    if not event_wire.is_answered(answer.body, challenge):
        raise CallbackRefused("challenge_failed")


def _reason(error: NotSent) -> str:
    """As the draft names them."""
    return "timeout" if "Timeout" in error.detail else "connection_refused"


def begin(asked: Asked, *, since: Since, lasts: timedelta, now: datetime) -> Granted:
    """From now on, or from where it was; call it after the address was verified.

    An app's ends with its connection, too. Raises InvalidToken of one that has ended, NotFound of
    the topic, TooManySubscriptions.
    """
    with transaction.atomic():
        # one at a time, and none by a ticket that is being closed
        topics.hold(asked.wish.opened_with or asked.wish.topic)
        if asked.caller.app and not connections.keep(asked.caller.app):
            raise access_tokens.invalid()
        if _whose(asked.caller, asked.wish) != asked.who:
            raise subscriptions.unknown()
        _require_few(asked, now=now)
        before = Subscription.objects.filter(public_id=asked.id).select_for_update().first()
        is_going_on = before is not None and _running(now).filter(pk=before.pk).exists()
        after, is_truncated = _beginning(asked.wish.topic, since, now=now)
        begins = {"after": after, "until": None, **subscriptions.AS_NEW}
        wanted = {
            "changed_at": now,
            **_told(asked),
            **_signed(asked, before, now=now),
            **({} if is_going_on else begins),
            "expires_at": now + min(max(lasts, SHORTEST), LONGEST),
        }
        row, _is_new = Subscription.objects.update_or_create(
            public_id=asked.id,
            defaults=wanted,
            create_defaults={**wanted, "created_at": now},
        )
    if since.cursor and not is_going_on:
        subscribing.replay(asked.caller, row, after=after, is_missed_only=True, now=now)
    return Granted(
        row.public_id, wanted["expires_at"], reached(row), is_truncated and not is_going_on
    )


def _told(asked: Asked) -> dict[str, Any]:
    return {
        **CALLBACK,
        "topic": asked.wish.topic,
        "types": sorted(set(asked.wish.types)),
        "filter": dict(asked.wish.where),
        "event": asked.wish.event,
        "wish": asked.id,
        "address": asked.address,
        "who": asked.who,
        "connection_id": asked.caller.app.connection if asked.caller.app else None,
        "locale": asked.caller.locale,
    }


def _signed(asked: Asked, before: Subscription | None, *, now: datetime) -> dict[str, Any]:
    """Another secret takes the place of the one before, which also signs for a while."""
    if before and unseal(before.secret) == asked.secret:
        return {}
    earlier = {
        "previous_secret": before.secret if before else "",
        "previous_secret_until": now + subscriptions.OVERLAP if before else None,
    }
    return {"secret": seal(asked.secret), **earlier}


def _require_few(asked: Asked, *, now: datetime) -> None:
    is_by_ticket = asked.who.startswith(subscriptions.by_ticket(""))
    most = MOST_BY_TICKET if is_by_ticket else subscribing.MOST
    mine = Subscription.objects.of([asked.who]).filter(channel=Subscription.Channel.WEBHOOK)
    others = mine.exclude(expires_at__lte=now).exclude(public_id=asked.id)
    if others.count() >= most:
        raise subscribing.TooManySubscriptions(
            _("You have %(most)s subscriptions. Remove one first.") % {"most": most}
        )


def _beginning(topic: str, since: Since, *, now: datetime) -> tuple[int, bool]:
    """The position after which it begins, and whether that is later than was asked for."""
    state, cursor = log.state(), since.cursor
    if cursor is None:
        return state.head, False
    if cursor.epoch not in (None, state.epoch) or cursor.position > state.head:
        return state.head, True
    begins = max(cursor.position, state.floor)
    if since.longest_ago is not None:
        begins = max(begins, retention.last_before(now - since.longest_ago))
    heard = EventTopic.objects.filter(topic=topic, position__gt=begins).order_by("-position")
    last_too_many = heard.values_list("position", flat=True)[subscribing.MOST_REPLAYED :].first()
    begins = max(begins, last_too_many or 0)
    return begins, begins > cursor.position


def reached(subscription: Subscription) -> str:
    """The cursor up to which everything was told, or given up."""
    state = log.state()
    waiting = Delivery.objects.waiting().filter(subscription=subscription)
    first = waiting.aggregate(first=Min("position"))["first"]
    made = dispatcher.position()
    told = made if first is None else min(made, first - 1)
    return log.format_cursor(state.epoch, max(subscription.after, told))


def end(caller: Caller, *, event: str, arguments: Mapping[str, Any], address: str) -> None:
    """Tell no more; raise UnknownSubscription if nothing of theirs was told so."""
    ids = [_id(who, address, event, arguments) for who in whose(caller)]
    found = Subscription.objects.of(whose(caller)).filter(public_id__in=ids, **CALLBACK)
    if not subscriptions.remove(found):
        raise subscriptions.unknown()


def end_expired(*, now: datetime) -> int:
    """Forget those whose time is over; return how many there were."""
    expired = Subscription.objects.filter(expires_at__lte=now)
    return subscriptions.remove(expired) if expired.exists() else 0


def _id(who: str, address: str, event: str, arguments: Mapping[str, Any]) -> str:
    """The same for the same, whatever the order in which it is said."""
    said = orjson.dumps([who, address, event, arguments], option=orjson.OPT_SORT_KEYS)
    return f"sub_{hashlib.sha256(said).hexdigest()[:24]}"
