"""Subscriptions as those have them whose they are: made, changed, tried out, played again."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.utils.translation import gettext as _

from museo import bulk
from museo.access.callers import Caller
from museo.access.limits import require_allowance
from museo.access.problems import Invalid, NotSignedIn, Problem, field_error
from notifications import dispatcher, following, log, subscriptions
from notifications.channels import posting, webhook, webhook_wire
from notifications.channels.sending import NotSent
from notifications.envelope import timestamp
from notifications.models import Delivery, Subscription
from notifications.preferences import Plan
from notifications.subscriptions import NewSubscription, UnknownSubscription
from notifications.wishes import Filter, wants

# of one caller
MOST = 100
# events that are played again in one go
MOST_REPLAYED = 5000
TESTS_PER_MINUTE = 10
PATIENCE_OF_TESTS = timedelta(seconds=10)


class TooManySubscriptions(Problem):
    status = 409
    code = "too_many_subscriptions"


class IsDisabled(Problem):
    """Nothing is sent to it until it is resumed."""

    status = 409
    code = "subscription_disabled"


class UnknownDelivery(UnknownSubscription):
    code = "unknown_delivery"


def create(
    caller: Caller,
    *,
    topic: str,
    address: str,
    types: Collection[str] = (),
    where: Filter | None = None,
    locale: str = "",
    now: datetime,
) -> NewSubscription:
    """From now on. Raises NotSignedIn, NotFound of the topic, BadWebhook, TooManySubscriptions."""
    if not caller.who:
        raise NotSignedIn(_("Sign in, or bring a token, to subscribe."))
    following.readable(caller, [topic])
    _check(address)
    mine = Subscription.objects.of([caller.who])
    if mine.exclude(topic=topic, address=address).count() >= MOST:
        raise TooManySubscriptions(
            _("You have %(most)s subscriptions. Remove one first.") % {"most": MOST}
        )
    return subscriptions.begin(
        topic=topic,
        channel=Subscription.Channel.WEBHOOK,
        address=address,
        who=caller.who,
        types=types,
        where=where,
        locale=locale or caller.locale,
        now=now,
    )


def _check(address: str) -> None:
    """As `webhook.check`; here the field has another name."""
    try:
        webhook.check(address)
    except webhook.BadWebhook as error:
        errors = [field_error("/address", error.code, error.detail)]
        raise webhook.BadWebhook(error.detail, errors=errors) from error


def find(caller: Caller, public_id: str) -> Subscription:
    """Raise UnknownSubscription for one that the caller may not see."""
    visible = Subscription.objects.visible_to(caller)
    found = visible.filter(public_id=public_id).first() if public_id.isprintable() else None
    if found is None:
        raise subscriptions.unknown()
    return found


def change(subscription: Subscription, wanted: Mapping[str, Any]) -> None:
    """Set `types`, `filter`, `locale`."""
    if wanted:
        Subscription.objects.filter(pk=subscription.pk).update(**wanted)
        subscription.refresh_from_db()


# trying it out


@dataclass(frozen=True)
class Tested:
    """What an address said; `code` is empty if it was content."""

    status: int | None
    code: str = ""
    detail: str = ""


def test(caller: Caller, subscription: Subscription, *, now: datetime) -> Tested:
    """Send a `subscription.test` at once, outside of the log and of all order."""
    require_allowance(
        f"subscription tests:{caller.identity}", most=TESTS_PER_MINUTE, seconds=60, now=now
    )
    id = f"test_{uuid4().hex}"
    told = {"id": id, "type": "subscription.test", "timestamp": timestamp(now)}
    data = {"topic": subscription.topic, "data": {"subscription_id": subscription.public_id}}
    letter = webhook_wire.of(subscription, id=id, told={**told, **data}, about={})
    return asyncio.run(_post(subscription.address, webhook_wire.request(letter, at=now), now))


async def _post(address: str, request: webhook_wire.Request, now: datetime) -> Tested:
    answer = None
    try:
        async with posting.pool() as connections:
            answer = await posting.post(
                connections,
                address,
                headers=request.headers,
                body=request.body,
                total=PATIENCE_OF_TESTS,
            )
        posting.require_yes(answer, now=now)
    except NotSent as error:
        return Tested(answer.status if answer else None, error.code, error.detail)
    return Tested(answer.status)


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
    following.readable(caller, [subscription.topic])
    # what the dispatcher has not come to yet, it will make itself
    made = dispatcher.position()
    end = made if until is None else min(until, made)
    if end <= after:
        return Replayed(0, None)
    events = log.read([subscription.topic], after=after, until=end, limit=MOST_REPLAYED)
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
    return Replayed(count + len(rows), None if is_all else events[-1].position)


def resend(caller: Caller, public_id: str, *, now: datetime) -> Delivery:
    """Send one again; raise UnknownDelivery, IsDisabled."""
    delivery = find_delivery(caller, public_id)
    with transaction.atomic():
        _hold(delivery.subscription)
        same = Delivery.objects.filter(pk=delivery.pk)
        _again(same, is_missed_only=False, now=now)
    delivery.refresh_from_db()
    return delivery


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
    if state == Subscription.State.DISABLED:
        raise IsDisabled(_("This subscription is disabled. Resume it first."))


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
