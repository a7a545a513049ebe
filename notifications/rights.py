"""Whether those who asked to be told may still be: asked when it is sent, not when it was wished.

A role that was lost or an account that was closed ends what is sent without anybody's doing; who
gets it back is told of what comes then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from museo.access import access_tokens
from museo.access.access_tokens import Claims
from museo.access.callers import Caller, caller_for_user, who_is
from museo.access.models import ServiceAccount, User
from notifications import topics
from notifications.models import Delivery, EventTopic, Subscription
from notifications.subscriptions import GUEST

# what was subscribed by an order ticket ends with the ticket (`subscriptions.end`)
BY_TICKET = "ticket"
NEVER = datetime.max.replace(tzinfo=UTC)


def refused(deliveries: Collection[Delivery]) -> set[int]:
    """The ids of those that must not go out: heard on no topic that its reader may still read.

    As many queries for many as for one, but for what staff have by their role.
    """
    lost = _lost({each.subscription_id: each.subscription for each in deliveries}.values())
    asked = [each for each in deliveries if each.subscription_id in lost]
    if not asked:
        return set()
    heard: dict[int, set[str]] = defaultdict(set)
    rows = EventTopic.objects.filter(position__in={each.position for each in asked})
    for position, topic in rows.values_list("position", "topic"):
        heard[position].add(topic)
    return {
        each.pk
        for each in asked
        if not heard[each.position] & (set(each.subscription.topics) - lost[each.subscription_id])
    }


def _lost(subscriptions: Iterable[Subscription]) -> dict[int, set[str]]:
    """By id, the topics of them that may no longer be read by whom they are of, if any."""
    wished = [each for each in subscriptions if _kind(each) != BY_TICKET]
    names: dict[str, set[str]] = defaultdict(set)
    for each in wished:
        names[each.who].update(each.topics)
    callers = _callers(names)
    known = list(callers)
    found = topics.readable_by_each([(callers[who], names[who]) for who in known])
    readable = dict(zip(known, found, strict=True))
    missing = {each.pk: set(each.topics) - readable.get(each.who, set()) for each in wished}
    return {pk: topics for pk, topics in missing.items() if topics}


def _kind(subscription: Subscription) -> str:
    return subscription.who.partition(":")[0]


def _callers(whose: Collection[str]) -> dict[str, Caller]:
    """Those who could still call."""
    ids: dict[str, list[int]] = defaultdict(list)
    for who in whose:
        kind, _colon, number = who.partition(":")
        if kind != GUEST:
            ids[kind].append(int(number))
    callers = {
        who_is(user.pk): caller_for_user(user, locale=user.locale)
        for user in User.objects.filter(pk__in=ids["user"], is_active=True)
    }
    accounts = ServiceAccount.objects.live().filter(pk__in=ids["service"])
    # what all may read
    callers |= {each: Caller() for each in whose if each.startswith(f"{GUEST}:")}
    return callers | {access_tokens.who_is(each.pk): _program(each) for each in accounts}


def _program(account: ServiceAccount) -> Caller:
    """A service account as it would call with a token of this moment."""
    scopes = frozenset(account.scopes)
    token = Claims(account.pk, account.key_prefix, scopes, jti="", ends_at=NEVER)
    return Caller(who=access_tokens.who_is(account.pk), scopes=scopes, token=token)
