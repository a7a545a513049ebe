"""What follows from reports about mail: nobody is written to who is not there, or minds it.

A report can come before we know that it is ours. So both who keeps a report and who keeps the name
of a message look for the other once that is committed: one of them finds it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from notifications import contacts, log, subscriptions
from notifications.channels import email, news
from notifications.channels.news import Heard, Reply, Status
from notifications.channels.states import State
from notifications.models import Delivery, Report, Subscription

# of an address: it is none, or whose it is says that this is spam
FOR_GOOD = (State.BOUNCED, State.COMPLAINED)
# who is told where
Address = tuple[str, str]


def hear(told: Sequence[Status | Reply], *, now: datetime) -> Heard:
    """Take in what a provider tells, and what follows from it; again is harmless."""
    heard = news.hear(told)
    named = [each.reference for each in told if isinstance(each, Status) and each.state in FOR_GOOD]
    if named:
        obey(named, now=now)
    return heard


def obey(references: Collection[str], *, now: datetime) -> int:
    """Disable what was sent to addresses that these mails say are no good; return how many.

    Whose they are may go on when they have told another code (`contacts.confirm`).
    """
    told = Report.objects.filter(
        channel=email.NAME, reference__in=references, state__in=FOR_GOOD
    ).values_list("reference", "state")
    reasons: dict[str, str] = dict(told)
    if not reasons:
        return 0
    with log.change() as change:
        addresses = _addresses(reasons)
        ended = _of_addresses(addresses)
        contacts.refuse(addresses, now=now)
        return sum(
            subscriptions.disable(change, ended[reason], reason, now=now)
            for reason in sorted(ended)
        )


def _addresses(reasons: Mapping[str, str]) -> dict[Address, str]:
    """To whom these mails went, and the reason."""
    # nothing else is found by its index
    named = Delivery.objects.filter(reference__in=reasons).exclude(reference="")
    of_mail = named.filter(subscription__channel=email.NAME).order_by("pk")
    rows = of_mail.values_list("reference", "subscription__who", "subscription__address")
    return {(who, address): reasons[reference] for reference, who, address in rows}


def _of_addresses(reasons: Mapping[Address, str]) -> dict[str, list[Subscription]]:
    """All that is mailed there to the same people, by the reason to end it; locked by id."""
    found = Subscription.objects.filter(
        channel=email.NAME,
        who__in={who for who, _address in reasons},
        address__in={address for _who, address in reasons},
    )
    ended: dict[str, list[Subscription]] = defaultdict(list)
    for each in found.order_by("pk").select_for_update(no_key=True):
        if reason := reasons.get((each.who, each.address)):
            ended[reason].append(each)
    return ended
