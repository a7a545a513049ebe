"""What follows from reports about mail: nobody is written to who is not there, or minds it.

A report can come before we know that it is ours. So both who keeps a report and who keeps the name
of a message look for the other once that is committed: one of them finds it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from notifications import log, subscriptions
from notifications.channels import email, news
from notifications.channels.news import Heard, Reply, Status
from notifications.channels.states import State
from notifications.models import Report, Subscription

# of an address: it is none, or whose it is says that this is spam
FOR_GOOD = (State.BOUNCED, State.COMPLAINED)


def hear(told: Sequence[Status | Reply], *, now: datetime) -> Heard:
    """Take in what a provider tells, and what follows from it; again is harmless."""
    heard = news.hear(told)
    named = [each.reference for each in told if isinstance(each, Status) and each.state in FOR_GOOD]
    if named:
        obey(named, now=now)
    return heard


def obey(references: Collection[str], *, now: datetime) -> int:
    """Disable what was sent to addresses that these mails say are no good; return how many."""
    told = Report.objects.filter(
        channel=email.NAME, reference__in=references, state__in=FOR_GOOD
    ).values_list("reference", "state")
    reasons: dict[str, str] = dict(told)
    if not reasons:
        return 0
    with log.change() as change:
        return sum(
            subscriptions.disable(change, each, reasons[reference], now=now)
            for reference in sorted(reasons)
            for each in _to_the_same(reference)
        )


def _to_the_same(reference: str) -> list[Subscription]:
    """All to this address that are of the same person."""
    of_mail = Subscription.objects.filter(channel=email.NAME)
    first = of_mail.filter(deliveries__reference=reference).exclude(deliveries__reference="")
    found = first.first()
    if found is None:
        return []
    return list(of_mail.filter(who=found.who, address=found.address).order_by("pk"))
