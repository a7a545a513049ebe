"""What failed for good: sent again for staff, each by the service that its owner has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import ngettext

from museo.access import trail
from museo.access.callers import Caller
from museo.access.problems import Problem
from notifications import subscribing
from notifications.models import Delivery, Subscription

# in one go
MOST = 200


@dataclass(frozen=True)
class SentAgain:
    """So many are under way again; why others are not, each reason once."""

    deliveries: int
    refusals: tuple[str, ...] = ()

    def said(self) -> str:
        words = ngettext(
            "%(count)s delivery is sent again.",
            "%(count)s deliveries are sent again.",
            self.deliveries,
        )
        return words % {"count": self.deliveries}


def of(subscription: Subscription) -> list[Delivery]:
    """What failed of it, oldest first: what its topic is told in order."""
    failed = Delivery.objects.filter(subscription=subscription, state=Delivery.State.FAILED)
    return list(failed.select_related("subscription").order_by("position")[:MOST])


def unsent(subscription: Subscription) -> list[Delivery]:
    """The same, and what waits for its next try."""
    states = [Delivery.State.FAILED, Delivery.State.PENDING]
    rows = Delivery.objects.filter(subscription=subscription, state__in=states)
    return list(rows.select_related("subscription").order_by("position")[:MOST])


def send_again(caller: Caller, deliveries: Iterable[Delivery], *, now: datetime) -> SentAgain:
    """Each by itself: one that cannot be sent holds no other up.

    In the order in which rows are locked by whoever writes results: by subscription.
    """
    again, refusals = list[str](), dict[str, None]()
    for each in sorted(deliveries, key=lambda each: (each.subscription_id, each.position)):
        try:
            subscribing.resend(caller, each.public_id, now=now)
            again.append(each.public_id)
        except Problem as problem:
            refusals[problem.detail] = None
    trail.leave_many(caller, "delivery.sent_again", again, at=now)
    return SentAgain(len(again), tuple(refusals))
