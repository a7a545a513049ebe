"""Orders without their person: what was bought, when, for how much and to which country stays."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from museo.access.problems import Problem
from notifications.erasure import Person
from orders.discounts import Redemption
from orders.models import Checkout, Order, Payment

# of an address; by it the taxes were reckoned
KEPT = ("country",)


class StillUnderWay(Problem):
    """Somebody has to be found at a door yet; `numbers` are the orders'."""

    status = 409
    code = "still_under_way"


def erase(person: Person, _now: datetime) -> int:
    """Of all orders and checkouts of a person, how many there were; raise StillUnderWay.

    Theirs are those of the account, and those that a guest made with its mail address.
    """
    theirs = Q(email__iexact=person.email)
    if person.user:
        theirs |= Q(user=person.user)
    orders, checkouts = Order.objects.filter(theirs), Checkout.objects.filter(theirs)
    numbers = list(orders.filter(ended_at=None).order_by("pk").values_list("number", flat=True))
    if numbers or checkouts.live().exists():
        raise StillUnderWay(
            _("An order is still under way. Wait until it has ended, or cancel it."),
            numbers=numbers,
        )
    # whose coupon it was, and where their provider asked them for a yes
    Redemption.objects.filter(checkout__in=checkouts).update(email_digest="")
    Payment.objects.filter(checkout__in=checkouts).update(next_action=None)
    _clear(checkouts.exclude(email=""))
    return _clear(orders.exclude(email=""), note="")


def _clear(rows: QuerySet[Any], **more: str) -> int:
    found = rows.values_list("pk", "address")
    for pk, address in found:
        kept = {name: address[name] for name in KEPT if name in address}
        rows.model.objects.filter(pk=pk).update(email="", name="", address=kept, **more)
    return len(found)
