"""Subscriptions: standing wishes to be told of a topic, by a channel, at an address."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from museo import sql
from museo.access.callers import Caller
from museo.access.encryption import seal
from museo.access.problems import NotAllowed, NotFound
from notifications import log
from notifications.audiences import user_topic
from notifications.channels.signatures import SECRET_PREFIX
from notifications.models import (
    Contact,
    Delivery,
    FurtherTopic,
    Subscription,
    SubscriptionQuerySet,
    whose,
)
from notifications.wishes import Filter

# as the Standard Webhooks specification has them: 24 to 64 bytes
SECRET_BYTES = 32
# how long the secret before is good for
OVERLAP = timedelta(days=1)
STAFF = "staff.ops"
GUEST = "guest"
# what is told of one that was disabled
MESSAGES = {
    "gone": gettext_noop("subscription.gone.message"),
    "failing": gettext_noop("subscription.failing.message"),
    "bad_address": gettext_noop("subscription.bad_address.message"),
    "not_allowed": gettext_noop("subscription.not_allowed.message"),
    "bounced": gettext_noop("subscription.bounced.message"),
    "complained": gettext_noop("subscription.complained.message"),
}
State = Subscription.State
AS_NEW = {"state": State.ACTIVE, "reason": "", "failing_since": None, "rests_until": None}


class UnknownSubscription(NotFound):
    code = "unknown_subscription"


@dataclass(frozen=True)
class NewSubscription:
    """A subscription, and the secret by which a program knows us, which is shown once."""

    subscription: Subscription
    secret: str = field(repr=False)


def begin(
    *,
    topic: str,
    further: Collection[str] = (),
    channel: Subscription.Channel,
    address: str,
    who: str,
    types: Collection[str] = (),
    where: Filter | None = None,
    shape: Subscription.Shape = Subscription.Shape.ENVELOPE,
    locale: str,
    state: Subscription.State = State.ACTIVE,
    link: str = "",
    is_once: bool = False,
    now: datetime,
) -> NewSubscription:
    """From now on; for the same address of the same caller, that one with a new secret.

    Whoever calls this has asked whether `who` may read the topics, and use the address. `link` is
    where a person follows it; one `is_once` ends with the first event that they are told. The
    `further` topics stand in for those that it had besides.
    """
    head = log.state().head
    secret = _new_secret() if channel == Subscription.Channel.WEBHOOK else ""
    wanted = {
        "types": sorted(set(types)),
        "filter": dict(where or {}),
        "shape": shape,
        "locale": locale,
        "secret": seal(secret) if secret else "",
        **AS_NEW,
        "state": state,
        "link": seal(link) if link else "",
        "is_once": is_once,
        "until": None,
        "is_automatic": False,
        "changed_at": now,
        # of what was told before this wish is another one
        **({"after": head} if is_once else {}),
    }
    with transaction.atomic():
        subscription, is_new = Subscription.objects.update_or_create(
            topic=topic,
            channel=channel,
            address=address,
            who=who,
            # those of events are begun elsewhere (`callbacks`)
            wish="",
            defaults=wanted,
            create_defaults={**wanted, "after": head, "created_at": now},
        )
        if further or not is_new:
            keep_further(subscription, further)
    return NewSubscription(subscription, secret)


def keep_further(subscription: Subscription, topics: Collection[str]) -> None:
    """These, and no others, besides its first topic."""
    others = set(topics) - {subscription.topic}
    subscription.further.exclude(topic__in=others).delete()
    FurtherTopic.objects.bulk_create(
        [FurtherTopic(subscription=subscription, topic=each) for each in sorted(others)],
        ignore_conflicts=True,
    )


def hear_further(*, of: str, topic: str, type: str, now: datetime) -> None:
    """Tell people who are told of a topic, and want this type, of a further topic from here on.

    For what happens so seldom that they are not subscribed to it before; called with its event.
    Programs hear the topics that they have named.
    """
    told = Subscription.objects.about(of).exclude(channel=Subscription.Channel.WEBHOOK)
    others = told.exclude(further__topic=topic).order_by("pk")
    # held in the order in which results are written
    held = others.select_for_update(no_key=True)
    new = [each.pk for each in held if not each.types or type in each.types]
    FurtherTopic.objects.bulk_create(
        [FurtherTopic(subscription_id=pk, topic=topic) for pk in new], ignore_conflicts=True
    )
    Subscription.objects.filter(pk__in=new).update(changed_at=now)


def begin_with_topic(
    *,
    topic: str,
    channel: Subscription.Channel,
    address: str,
    who: str,
    types: Collection[str],
    link: str,
    locale: str,
    now: datetime,
) -> Subscription:
    """Of a topic that begins in the same transaction, to a person; one INSERT, and no question.

    `link` is where they follow it, if that is not the topic's own page.
    """
    new = sql.new(
        Subscription,
        topic=topic,
        channel=channel,
        address=address,
        who=who,
        types=list(types),
        link=seal(link) if link else "",
        locale=locale,
        after=0,
        is_automatic=True,
        created_at=now,
    )
    sql.insert(new)
    return new


def _new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def require_own(caller: Caller, subscription: Subscription) -> None:
    """Who only looks after a subscription learns no secret of it; raise NotAllowed."""
    if subscription.who not in whose(caller):
        raise _not_own()


def require_own_secret(caller: Caller, subscription: Subscription) -> None:
    """An app learns none of its person's: it would know it when it is disconnected."""
    require_own(caller, subscription)
    if caller.app is not None and subscription.who == caller.who:
        raise _not_own()


def _not_own() -> NotAllowed:
    return NotAllowed(_("Only those whose subscription it is get a new secret."))


def rotate(subscription: Subscription, *, now: datetime) -> NewSubscription:
    """A new secret; for OVERLAP what is sent is signed with the one before, too."""
    secret = _new_secret()
    same = Subscription.objects.filter(pk=subscription.pk, secret=subscription.secret)
    changed = same.update(
        secret=seal(secret),
        previous_secret=subscription.secret,
        previous_secret_until=now + OVERLAP,
    )
    if not changed:
        raise unknown()
    subscription.refresh_from_db()
    return NewSubscription(subscription, secret)


def pause(subscription: Subscription) -> bool:
    """What waits goes on waiting, and what happens meanwhile is left out; whether it was active."""
    return _move(subscription, {State.ACTIVE}, State.PAUSED)


def resume(subscription: Subscription) -> bool:
    """Go on from here, also after it was disabled; whether it did not run.

    Whoever calls this has asked whether they may (`subscribing.resume`).
    """
    return _move(subscription, {State.PAUSED, State.DISABLED}, State.ACTIVE)


def _move(subscription: Subscription, states: Collection[State], to: State) -> bool:
    same = Subscription.objects.filter(pk=subscription.pk, state__in=states)
    moved = same.update(**{**AS_NEW, "state": to})
    subscription.refresh_from_db()
    return bool(moved)


def disable(change: log.Change, held: Iterable[Subscription], reason: str, *, now: datetime) -> int:
    """Send nothing more to those that are active, of rows that are locked; return how many.

    Whose they are is told, or else staff: once, however many are to one address.
    """
    active = [each for each in held if each.state == State.ACTIVE]
    same = Subscription.objects.filter(pk__in=[each.pk for each in active], state=State.ACTIVE)
    ended = same.update(state=State.DISABLED, reason=reason)
    for one in {(each.who, each.address): each for each in active}.values():
        _tell_ended(change, one, reason, now=now)
    return ended


def _tell_ended(
    change: log.Change, subscription: Subscription, reason: str, *, now: datetime
) -> None:
    whose, _colon, user_id = subscription.who.partition(":")
    change.event(
        user_topic(int(user_id)) if whose == "user" else STAFF,
        "notification",
        {
            "notification_id": uuid4().hex,
            "notification_type": "warning",
            "data": {"subscription_id": subscription.public_id, "reason": reason},
        },
        at=now,
        texts={"message": [MESSAGES[reason], {}]},
    )


def by_ticket(token_hash: str) -> str:
    """Whose a subscription is that somebody made by an order ticket."""
    return f"ticket:{token_hash}"


def by_guest(digest: str) -> str:
    """Whose one wish of a guest is: nobody's who could sign in."""
    return f"{GUEST}:{digest}"


def end(whose: Collection[str]) -> int:
    """End those of callers, and forget their addresses; return how many subscriptions."""
    with transaction.atomic():
        ended = remove(Subscription.objects.of(whose))
        Contact.objects.filter(who__in=whose).delete()
    return ended


def remove(wanted: SubscriptionQuerySet) -> int:
    """Delete them with their deliveries; return how many subscriptions there were.

    Locked in the order in which results are written: subscriptions, then deliveries, each by id.
    """
    with transaction.atomic():
        ids = list(wanted.order_by("pk").select_for_update().values_list("pk", flat=True))
        if not ids:
            return 0
        waiting = Delivery.objects.waiting().filter(subscription__in=ids).order_by("pk")
        list(waiting.select_for_update().values_list("pk", flat=True))
        Subscription.objects.filter(pk__in=ids).delete()
    return len(ids)


def unknown() -> UnknownSubscription:
    return UnknownSubscription(_("There is no such subscription, or it is not yours."))
