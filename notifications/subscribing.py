"""Subscriptions as those have them whose they are: made, changed, tried out, played again."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from museo import bulk
from museo.access.callers import Caller
from museo.access.limits import require_allowance
from museo.access.problems import (
    Invalid,
    NotAllowed,
    NotFound,
    NotSignedIn,
    Problem,
    field_error,
)
from museo.access.tokens import digest
from museo.directions import isolated
from notifications import (
    channels,
    contacts,
    dispatcher,
    following,
    house,
    log,
    subscriptions,
)
from notifications import topics as the_topics
from notifications.channels import event_wire, news, posting, webhook, webhook_wire
from notifications.channels.message import BadAddress, Content, Message
from notifications.envelope import timestamp
from notifications.models import Contact, Delivery, Subscription
from notifications.parcels import Cargo, ToPerson, ToProgram
from notifications.preferences import Plan
from notifications.subscriptions import NewSubscription, UnknownSubscription
from notifications.wishes import Filter, wants

# of one caller
MOST = 100
# that are told of one topic by the tickets that open it
MOST_BROWSERS = 10
# events that are played again in one go
MOST_REPLAYED = 5000
TESTS_PER_MINUTE = 10
# to a person: tests, and what is sent once more
AGAIN_AN_HOUR = 5
LONGEST_ADDRESS = 1000
PATIENCE_OF_TESTS = timedelta(seconds=10)


class TooManySubscriptions(Problem):
    status = 409
    code = "too_many_subscriptions"


class IsDisabled(Problem):
    """Nothing is sent to it until it is resumed."""

    status = 409
    code = "subscription_disabled"


class NotConfirmed(Problem):
    """Whose address it is has to agree first."""

    status = 409
    code = "not_confirmed"


class AlreadySubscribed(Problem):
    """The same topic at the same address."""

    status = 409
    code = "already_subscribed"


class UnknownDelivery(UnknownSubscription):
    code = "unknown_delivery"


def create(
    caller: Caller,
    *,
    topics: Collection[str],
    channel: str = Subscription.Channel.WEBHOOK,
    address: str,
    types: Collection[str] = (),
    where: Filter | None = None,
    locale: str = "",
    now: datetime,
) -> NewSubscription:
    """From now on; to an address that is not known to be theirs once it is confirmed.

    A browser may also be subscribed by the ticket that opens a topic: it is asked by its owner,
    and nobody else reads what it is sent. Raises NotSignedIn, NotFound of a topic, NotConfigured,
    BadWebhook, BadAddress, TooManySubscriptions, and what `contacts.send_code` raises.
    """
    locale = locale or caller.locale
    # the same wish, in whichever order they are named
    topic, *further = sorted(set(topics))
    begin = partial(
        subscriptions.begin,
        topic=topic,
        further=further,
        types=types,
        where=where,
        locale=locale,
        now=now,
    )
    is_browser = channel == Subscription.Channel.WEBPUSH
    if is_browser and not further and (ticket := ticket_for(caller, topic)):
        return _by_ticket(ticket, topic, address, begin)
    if not caller.who:
        raise NotSignedIn(_("Sign in, or bring a token, to subscribe."))
    if caller.app is not None and channel == Subscription.Channel.WEBHOOK:
        # it would go on when the app is disconnected
        raise NotAllowed(_("An app that acts for somebody has them told at their own addresses."))
    _require_readable(caller.to_act(), topics)
    address = _checked(channel, address)
    mine = Subscription.objects.of([caller.who]).filter(channel=channel, is_automatic=False)
    if mine.exclude(topic=topic, address=address).count() >= MOST:
        raise TooManySubscriptions(
            _("You have %(most)s subscriptions. Remove one first.") % {"most": MOST}
        )
    state = Subscription.State.ACTIVE
    if not contacts.is_theirs(caller.who, channel, address):
        contacts.send_code(caller, channel=channel, address=address, locale=locale, now=now)
        state = Subscription.State.UNCONFIRMED
    kind = Subscription.Channel(channel)
    return begin(channel=kind, address=address, who=caller.who, state=state)


def _require_readable(caller: Caller, topics: Collection[str]) -> None:
    """All of them; raise NotFound."""
    if len(following.readable(caller, topics)) < len(set(topics)):
        raise NotFound(_("You may not follow all of these topics, or not all of them exist."))


def ticket_for(caller: Caller, topic: str) -> str | None:
    """The ticket that opens a topic to a caller who could not read it otherwise."""
    guests = [Caller(tickets=(ticket,)) for ticket in caller.keys]
    if not guests:
        return None
    asked = [(each, [topic]) for each in (replace(caller, tickets=()), *guests)]
    own, *by_ticket = the_topics.readable_by_each(asked)
    opens = (ticket for ticket, found in zip(caller.keys, by_ticket, strict=True) if found)
    return None if own else next(opens, None)


def _by_ticket(
    ticket: str, topic: str, address: str, begin: Callable[..., NewSubscription]
) -> NewSubscription:
    """A browser, for as long as the ticket is open."""
    channel = Subscription.Channel.WEBPUSH
    address = _checked(channel, address)
    with transaction.atomic():
        # one at a time, and none by a ticket that is being closed
        the_topics.hold(topic)
        following.readable(Caller(tickets=(ticket,)), [topic])
        browsers = Subscription.objects.filter(topic=topic, channel=channel)
        others = browsers.filter(who__startswith=subscriptions.by_ticket("")).exclude(
            address=address
        )
        if others.count() >= MOST_BROWSERS:
            raise TooManySubscriptions(
                _("%(most)s browsers are told of this already. Switch one off first.")
                % {"most": MOST_BROWSERS}
            )
        who = subscriptions.by_ticket(digest(ticket))
        return begin(channel=channel, address=address, who=who)


def _checked(channel: str, address: str) -> str:
    """The address as it is kept."""
    if channel != Subscription.Channel.WEBHOOK:
        return _short_enough(channels.require(channel).check(address))
    try:
        webhook.check(address)
    except webhook.BadWebhook as error:
        # here the field has another name
        errors = [field_error("/address", error.code, error.detail)]
        raise webhook.BadWebhook(error.detail, errors=errors) from error
    return address


def _short_enough(address: str) -> str:
    """What was put into one form may have become longer."""
    if len(address) > LONGEST_ADDRESS:
        raise BadAddress(_("This address is too long."))
    return address


def find(caller: Caller, public_id: str) -> Subscription:
    """Raise UnknownSubscription for one that the caller may not see."""
    visible = Subscription.objects.visible_to(caller)
    found = visible.filter(public_id=public_id).first() if public_id.isprintable() else None
    if found is None:
        raise subscriptions.unknown()
    return found


def change(
    caller: Caller, subscription: Subscription, wanted: Mapping[str, Any], *, now: datetime
) -> None:
    """Set `types`, `filter`, `locale`, `topics`; of another topic they hear from now on.

    Raises NotAllowed and NotFound of topics, AlreadySubscribed.
    """
    fields = dict(wanted)
    topics = sorted(set(fields.pop("topics", ())))
    if topics:
        subscriptions.require_own(caller, subscription)
        _require_readable(_as_whose(caller, subscription), topics)
        fields["topic"] = topics[0]
    if not fields:
        return
    try:
        with transaction.atomic():
            same = Subscription.objects.filter(pk=subscription.pk)
            same.update(**fields, changed_at=now)
            subscription.refresh_from_db()
            if topics:
                subscriptions.keep_further(subscription, topics)
    except IntegrityError as error:
        raise AlreadySubscribed(
            _("Another subscription of yours has this topic and this address already.")
        ) from error


def _as_whose(caller: Caller, subscription: Subscription) -> Caller:
    """With the right that it is kept by: one by a ticket outlasts an account, a role, an app."""
    mine = [each for each in caller.tickets if _is_by(subscription, each)]
    return replace(caller.by_tickets_alone(), tickets=(mine[0],), who="") if mine else caller


def _is_by(subscription: Subscription, ticket: str) -> bool:
    return subscription.who == subscriptions.by_ticket(digest(ticket))


def remove(subscription: Subscription) -> None:
    """End it; an address by which its owner is told of nothing more is no longer known either."""
    kept = {
        "who": subscription.who,
        "channel": subscription.channel,
        "address": subscription.address,
    }
    with transaction.atomic():
        subscriptions.remove(Subscription.objects.filter(pk=subscription.pk))
        if not Subscription.objects.filter(**kept).exists():
            Contact.objects.filter(**kept, refused_at=None).delete()


def resume(subscription: Subscription) -> bool:
    """Go on; raise NotConfirmed if whoever has the address ended it, or has never agreed."""
    is_free = subscription.state in (Subscription.State.ACTIVE, Subscription.State.PAUSED)
    if not is_free and not contacts.is_theirs(
        subscription.who, subscription.channel, subscription.address
    ):
        raise NotConfirmed(
            _(
                "The address has to be confirmed first."
                " Subscribe it again, then enter the code that is sent there."
            )
        )
    return subscriptions.resume(subscription)


# trying it out


@dataclass(frozen=True)
class Tested:
    """What an address said; `code` is empty if it was content."""

    status: int | None
    code: str = ""
    detail: str = ""


def test(caller: Caller, subscription: Subscription, *, now: datetime) -> Tested:
    """Send a `subscription.test` at once, outside of the log and of all order.

    To a person only what is running: raises NotConfigured, IsDisabled, WantsNothing.
    """
    require_allowance(
        f"subscription tests:{caller.identity}", most=TESTS_PER_MINUTE, seconds=60, now=now
    )
    if subscription.channel == Subscription.Channel.WEBHOOK:
        return asyncio.run(_try(_test_of_program(subscription, now=now), now))
    return asyncio.run(_try(_test_of_person(subscription, now=now), now))


def _test_of_program(subscription: Subscription, *, now: datetime) -> Cargo:
    if subscription.shape == Subscription.Shape.EVENT:
        letter = event_wire.verification(subscription, secrets.token_urlsafe(32))
        return ToProgram(subscription.address, letter, total=PATIENCE_OF_TESTS)
    id = f"test_{uuid4().hex}"
    told = {"id": id, "type": "subscription.test", "timestamp": timestamp(now)}
    data = {"topic": subscription.topic, "data": {"subscription_id": subscription.public_id}}
    letter = webhook_wire.of(subscription, id=id, told={**told, **data}, about={})
    return ToProgram(subscription.address, letter, total=PATIENCE_OF_TESTS)


def _test_of_person(subscription: Subscription, *, now: datetime) -> Cargo:
    channels.require(subscription.channel)
    if subscription.state != Subscription.State.ACTIVE:
        raise _disabled()
    require_few_again(subscription, now=now)
    contacts.require_welcome(subscription.channel, subscription.address, now=now)
    here = house.current()
    with override(subscription.locale):
        said = _("This is a test: messages of %(shop)s arrive here.") % {
            "shop": isolated(here.name)
        }
    content = Content(
        said,
        said,
        short=said,
        chat=said,
        locale=subscription.locale,
        reply_to=here.contact_email,
    )
    heard = news.last_heard_at(subscription.channel, subscription.address)
    key = f"test-{uuid4().hex}"
    message = Message(subscription.address, content, key, now, last_heard_at=heard)
    return ToPerson(subscription.channel, message)


async def _try(cargo: Cargo, now: datetime) -> Tested:
    async with posting.pool() as connections:
        outcome = await cargo.send(connections, now=now)
    if outcome.refusal is None:
        return Tested(outcome.status)
    return Tested(outcome.status, outcome.refusal.code, outcome.refusal.detail)


# again


@dataclass(frozen=True)
class Replayed:
    """So many deliveries were made pending; `following` is the position to go on after, if any."""

    deliveries: int
    following: int | None


def replay(
    caller: Caller,
    subscription: Subscription,
    *,
    after: int,
    until: int | None = None,
    is_missed_only: bool = False,
    now: datetime,
) -> Replayed:
    """Send again what the topic heard in (after, until], in order; or only what never arrived.

    Raises IsDisabled, and NotFound if the caller may no longer read the topic.
    """
    _require_readable(caller, subscription.topics)
    require_few_again(subscription, now=now)
    # what the dispatcher has not come to yet, it will make itself
    made = dispatcher.position()
    end = made if until is None else min(until, made)
    if end <= after:
        return Replayed(0, None)
    events = log.read(subscription.topics, after=after, until=end, limit=MOST_REPLAYED)
    is_all = len(events) < MOST_REPLAYED
    wanted = {
        event.position: event
        for event in events
        if wants(event.type, event.data, types=subscription.types, where=subscription.filter)
    }
    with transaction.atomic():
        _hold(subscription)
        known = Delivery.objects.filter(subscription=subscription, position__in=wanted)
        positions = set(known.values_list("position", flat=True))
        count = _again(known, is_missed_only=is_missed_only, now=now)
        new = [event for position, event in wanted.items() if position not in positions]
        rows = [dispatcher.row(subscription, event, Plan(now), now=now) for event in new]
        bulk.insert(Delivery, dispatcher.FIELDS, rows)
        if dispatcher.is_of_person(subscription):
            # to a person the newest says all
            dispatcher.leave_out_older([subscription.pk], now=now)
    return Replayed(count + len(rows), None if is_all else events[-1].position)


def resend(caller: Caller, public_id: str, *, now: datetime) -> Delivery:
    """Send one again; raise UnknownDelivery, IsDisabled."""
    delivery = find_delivery(caller, public_id)
    require_few_again(delivery.subscription, now=now)
    with transaction.atomic():
        _hold(delivery.subscription)
        same = Delivery.objects.filter(pk=delivery.pk)
        _again(same, is_missed_only=False, now=now)
    delivery.refresh_from_db()
    return delivery


def require_few_again(subscription: Subscription, *, now: datetime) -> None:
    """To a person little is sent that did not happen just now; raise TooOften."""
    if subscription.channel not in dispatcher.IN_FULL:
        key = f"again:{subscription.public_id}"
        require_allowance(key, most=AGAIN_AN_HOUR, seconds=3600, now=now)


def find_delivery(caller: Caller, public_id: str) -> Delivery:
    subscription_id, _dash, position = public_id.rpartition("-")
    is_one = position.isascii() and position.isdigit() and len(position) <= 18
    visible = Delivery.objects.visible_to(caller).select_related("subscription")
    found = (
        visible.filter(subscription__public_id=subscription_id, position=position).first()
        if is_one and subscription_id.isprintable()
        else None
    )
    if found is None:
        raise UnknownDelivery(_("There is no such delivery, or it is not yours."))
    return found


def _hold(subscription: Subscription) -> None:
    """Lock it, as results do; raise IsDisabled."""
    same = Subscription.objects.filter(pk=subscription.pk).select_for_update(no_key=True)
    state = same.values_list("state", flat=True).first()
    if state is None:
        raise subscriptions.unknown()
    if state in (Subscription.State.DISABLED, Subscription.State.UNCONFIRMED):
        raise _disabled()


def _disabled() -> IsDisabled:
    return IsDisabled(_("This subscription is disabled. Resume it first."))


def _again(known: Any, *, is_missed_only: bool, now: datetime) -> int:
    """Make those pending that have ended or are gathered, and those due that wait for a try."""
    ended = known.exclude(state=Delivery.State.PENDING)
    if is_missed_only:
        ended = ended.exclude(state=Delivery.State.SENT)
    anew = {"due_at": now, "attempts_made": 0, "reason": ""}
    waiting = known.pending().filter(leased_by="", due_at__gt=now).update(**anew)
    sent_again = {"state": Delivery.State.PENDING, "ended_at": None, "told_by": None, **anew}
    return int(waiting + ended.update(**sent_again))


def require_range(position: int | None, after: int | None, until: int | None) -> tuple[int, Any]:
    """`position` is one; else all after a position, up to another if it is named."""
    if position is not None and after is None and until is None:
        return position - 1, position
    if after is not None and position is None:
        return after, until
    detail = _("Name one position, or the one after which to begin.")
    raise Invalid(detail, errors=[field_error("/after", "invalid", detail)])
