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
from notifications.models import Subscription

# what was subscribed by an order ticket ends with the ticket (`subscriptions.end`)
BY_TICKET = "ticket"
NEVER = datetime.max.replace(tzinfo=UTC)


def lost(subscriptions: Iterable[Subscription]) -> set[int]:
    """The ids of those whose topics may no longer be read by whom they are of.

    As many queries for many as for one, but for what staff have by their role.
    """
    wished = [each for each in subscriptions if _kind(each) != BY_TICKET]
    names: dict[str, set[str]] = defaultdict(set)
    for each in wished:
        names[each.who].add(each.topic)
    callers = _callers(names)
    known = list(callers)
    found = topics.readable_by_each([(callers[who], names[who]) for who in known])
    readable = dict(zip(known, found, strict=True))
    return {each.pk for each in wished if each.topic not in readable.get(each.who, ())}


def _kind(subscription: Subscription) -> str:
    return subscription.who.partition(":")[0]


def _callers(whose: Collection[str]) -> dict[str, Caller]:
    """Those who could still call."""
    ids: dict[str, list[int]] = defaultdict(list)
    for who in whose:
        kind, _colon, number = who.partition(":")
        ids[kind].append(int(number))
    callers = {
        who_is(user): caller_for_user(user, locale=user.locale)
        for user in User.objects.filter(pk__in=ids["user"], is_active=True)
    }
    accounts = ServiceAccount.objects.live().filter(pk__in=ids["service"])
    return callers | {access_tokens.who_is(each.pk): _program(each) for each in accounts}


def _program(account: ServiceAccount) -> Caller:
    """A service account as it would call with a token of this moment."""
    scopes = frozenset(account.scopes)
    token = Claims(account.pk, account.key_prefix, scopes, jti="", ends_at=NEVER)
    return Caller(who=access_tokens.who_is(account.pk), scopes=scopes, token=token)
