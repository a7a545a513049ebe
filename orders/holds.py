"""What a checkout holds while it is under way: stock and a coupon; and how it gives them up."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import F
from django.utils.translation import gettext as _

from catalog import stock
from museo.access.problems import Problem
from orders import contents, coupons
from orders.coupons import Buyer
from orders.models import Basket, Checkout, Payment

# how long stock is kept for somebody who is paying
HOLD = timedelta(minutes=15)
# begun, and not being paid at this moment
WAITING = (Checkout.State.INCOMPLETE, Checkout.State.READY_FOR_COMPLETE)


class CheckoutInProgress(Problem):
    """Another checkout of the same basket is being paid for at this moment."""

    status = 409
    code = "checkout_in_progress"


def reserve(checkout: Checkout, *, instead_of: Collection[str]) -> None:
    """Promise it the stock of its lines; raise OutOfStock."""
    stock.reserve(
        holder=checkout.public_id,
        wanted=contents.units((line["variant_id"], line["quantity"]) for line in checkout.lines),
        expires_at=checkout.expires_at,
        instead_of=instead_of,
    )


def take_coupon(checkout: Checkout, *, now: datetime) -> None:
    """Count the use of its coupon, if it has one; raise CouponRefused."""
    if checkout.coupon:
        buyer = Buyer(checkout.user_id, checkout.email)
        coupons.hold(checkout.coupon, checkout_id=checkout.pk, buyer=buyer, now=now)


def holders(basket_ids: Collection[int]) -> list[str]:
    """Whose reservations are those of these baskets' owners."""
    live = Checkout.objects.live().filter(basket_id__in=basket_ids)
    return list(live.values_list("public_id", flat=True))


def supersede(basket_id: int) -> list[str]:
    """End the earlier checkouts of a locked basket; return the holders of stock to take over.

    Raises CheckoutInProgress.
    """
    ended = []
    for checkout in Checkout.objects.live().filter(basket_id=basket_id).order_by("pk"):
        if checkout.state == Checkout.State.COMPLETE_IN_PROGRESS or not end(checkout):
            raise CheckoutInProgress(
                _("This basket is being paid for at this moment. Wait for its answer."),
                retry_after=1,
            )
        ended.append(checkout.public_id)
    return ended


def end(checkout: Checkout) -> bool:
    """Cancel a checkout where it stands, all but its stock; False if it has moved meanwhile."""
    still = Checkout.objects.filter(pk=checkout.pk, state=checkout.state)
    if not still.update(state=Checkout.State.CANCELED):
        return False
    # the provider is told at once, after this: that moment has passed
    checkout.payments.filter(state__in=Payment.OPEN).update(
        state=Payment.State.CANCELLED, look_at=F("created_at")
    )
    coupons.give_back([checkout.pk])
    return True


def give_up(checkout: Checkout, *, now: datetime) -> bool:
    """Cancel a checkout where it stands and give its stock back; False if it has moved."""
    has_ended = end(checkout)
    if has_ended:
        stock.release(holder=checkout.public_id, at=now)
    return has_ended


def give_up_waiting(basket_id: int, *, now: datetime) -> None:
    """Cancel the checkouts of a locked basket that nobody is paying."""
    waiting = Checkout.objects.filter(basket_id=basket_id, state__in=WAITING)
    for checkout in waiting.order_by("pk"):
        give_up(checkout, now=now)


def hand_over(basket_id: int, *, to: Basket, now: datetime) -> None:
    """What is paid for a locked basket is paid for another locked one, and its user, from now on.

    So is what was given up and may be paid late. What that one had waiting would buy it once more.
    """
    theirs = Checkout.objects.filter(basket_id=basket_id).exclude(state=Checkout.State.COMPLETED)
    at_this_moment = Checkout.State.COMPLETE_IN_PROGRESS
    if Checkout.objects.filter(basket=to, state=at_this_moment).exists():
        # of one basket that is one at a time
        theirs = theirs.exclude(state=at_this_moment)
    handed = list(theirs.values_list("pk", flat=True))
    if handed:
        Checkout.objects.filter(pk__in=handed).update(basket=to, user=to.user_id)
        coupons.hand_over(handed, user_id=to.user_id)
        give_up_waiting(to.pk, now=now)
