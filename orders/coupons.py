"""Coupons: whether one may be used and why not, and that it is used no more often than it may.

A use is counted by one conditional UPDATE when a checkout begins to be paid, with a constraint
behind it, and given back if the checkout comes to nothing, or its order is cancelled while the
goods are still here. What is refunded or sent back later stays used.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q, QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalog import shop
from catalog.money import Money
from museo.access.problems import Problem
from museo.access.tokens import digest
from orders.discounts import Coupon, Redemption
from orders.pricing import Line, Reduction

LIVE = (Redemption.State.HELD, Redemption.State.USED)


class CouponRefused(Problem):
    """`code` is the reason: `coupon_expired`, `coupon_used_up`, …"""

    status = 409

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.code = f"coupon_{reason}"


@dataclass(frozen=True)
class Buyer:
    """Whose uses are counted: the user's, and those under the same e-mail address.

    What a checkout of the basket `basket_id` holds is still theirs to use: the next one of that
    basket takes its place.
    """

    user_id: int | None = None
    email: str = ""
    basket_id: int | None = None

    @property
    def email_digest(self) -> str:
        return digest(self.email.strip().casefold()) if self.email else ""


def find(code: str) -> Coupon:
    """The coupon of a code, however it is written; raise CouponRefused."""
    typed = code.strip().upper()
    is_written_so = typed.isascii() and typed.replace("-", "").isalnum()
    coupon = Coupon.objects.filter(code=typed, is_active=True).first() if is_written_so else None
    if coupon is None:
        raise _unknown()
    return coupon


def refusal(
    coupon: Coupon, lines: Sequence[Line], *, buyer: Buyer, now: datetime
) -> CouponRefused | None:
    """Why the coupon cannot be used for these lines by this buyer; None if it can."""
    named = {"code": coupon.code}
    if not coupon.is_active:
        return _unknown()
    if coupon.starts_at and now < coupon.starts_at:
        return CouponRefused("not_yet", _("Coupon %(code)s is not valid yet.") % named)
    if coupon.ends_at and now >= coupon.ends_at:
        return CouponRefused("expired", _("Coupon %(code)s has expired.") % named)
    if _is_used_up(coupon, buyer):
        return _used_up(coupon)
    if _has_used(coupon, buyer):
        return _already_used(coupon)
    if sum(line.total for line in lines) < coupon.minimum_total:
        least = Money(coupon.minimum_total, shop.currency()).shown(get_language() or "en")
        detail = _("Coupon %(code)s is for baskets of %(least)s or more.")
        return CouponRefused("minimum_not_reached", detail % {**named, "least": least})
    if not _eligible(coupon, lines):
        detail = _("Coupon %(code)s is not for the products in your basket.")
        return CouponRefused("not_for_these", detail % named)
    return None


def reduction(coupon: Coupon, lines: Sequence[Line]) -> Reduction:
    """What it takes off these lines."""
    kind, variant_ids = coupon.kind, frozenset(_eligible(coupon, lines))
    return Reduction(
        variant_ids=variant_ids,
        basis_points=coupon.value if kind == Coupon.Kind.PERCENT else 0,
        amount=coupon.value if kind == Coupon.Kind.FIXED else 0,
        is_delivery_free=kind == Coupon.Kind.FREE_DELIVERY,
    )


def hold(coupon: Coupon, *, checkout_id: int, buyer: Buyer, now: datetime) -> None:
    """Count a use for a checkout, inside the caller's transaction; raise CouponRefused."""
    # this locks the coupon's row: whose uses are counted next waits for this one
    if not _not_used_up(coupon).update(used=F("used") + 1):
        is_there = Coupon.objects.filter(pk=coupon.pk, is_active=True).exists()
        raise _used_up(coupon) if is_there else _unknown()
    if _has_used(coupon, buyer):
        raise _already_used(coupon)
    Redemption.objects.create(
        coupon=coupon,
        checkout_id=checkout_id,
        user_id=buyer.user_id,
        email_digest=buyer.email_digest,
        at=now,
    )


def give_back(checkout_ids: Collection[int]) -> None:
    """What these checkouts held or used can be used again."""
    live = Redemption.objects.filter(checkout_id__in=checkout_ids, state__in=LIVE)
    for redemption in live.order_by("coupon_id"):
        if live.filter(pk=redemption.pk).update(state=Redemption.State.GIVEN_BACK):
            Coupon.objects.filter(pk=redemption.coupon_id).update(used=F("used") - 1)


def hand_over(checkout_ids: Collection[int], *, user_id: int | None) -> None:
    """What these checkouts hold or used counts as this user's."""
    Redemption.objects.filter(checkout_id__in=checkout_ids).update(user_id=user_id)


def use(checkout_id: int) -> None:
    """What a checkout held is used: there is an order."""
    held = Redemption.objects.filter(checkout_id=checkout_id, state=Redemption.State.HELD)
    held.update(state=Redemption.State.USED)


def _not_used_up(coupon: Coupon) -> QuerySet[Coupon]:
    return Coupon.objects.filter(
        Q(usage_limit=None) | Q(used__lt=F("usage_limit")), pk=coupon.pk, is_active=True
    )


def _is_used_up(coupon: Coupon, buyer: Buyer) -> bool:
    limit = coupon.usage_limit
    if limit is None or coupon.used < limit:
        return False
    return coupon.used - _held_by_own(coupon, buyer).count() >= limit


def _held_by_own(coupon: Coupon, buyer: Buyer) -> QuerySet[Redemption]:
    """What the checkouts of the buyer's basket hold, without any by which it was bought."""
    held = Redemption.objects.filter(coupon=coupon, state=Redemption.State.HELD)
    return held.filter(checkout__basket=buyer.basket_id) if buyer.basket_id else held.none()


def _has_used(coupon: Coupon, buyer: Buyer) -> bool:
    if coupon.per_user_limit is None:
        return False
    theirs = Q(user_id=buyer.user_id) if buyer.user_id else Q()
    if buyer.email:
        theirs |= Q(email_digest=buyer.email_digest)
    uses = Redemption.objects.filter(theirs, coupon=coupon, state__in=LIVE)
    others = uses.exclude(pk__in=_held_by_own(coupon, buyer).values("pk"))
    return bool(theirs) and others.count() >= coupon.per_user_limit


def _unknown() -> CouponRefused:
    return CouponRefused("unknown", _("There is no such coupon. Check how it is written."))


def _used_up(coupon: Coupon) -> CouponRefused:
    return CouponRefused("used_up", _("Coupon %(code)s is used up.") % {"code": coupon.code})


def _already_used(coupon: Coupon) -> CouponRefused:
    detail = _("You have used coupon %(code)s already.") % {"code": coupon.code}
    return CouponRefused("already_used", detail)


def _eligible(coupon: Coupon, lines: Sequence[Line]) -> list[int]:
    """The variants of the lines that it is for."""
    paths = [category.path for category in coupon.categories.all()]
    masters = {master.pk for master in coupon.masters.all()}
    if not paths and not masters:
        return [line.variant_id for line in lines]
    return [
        line.variant_id
        for line in lines
        if line.master_id in masters or any(line.category_path.startswith(path) for path in paths)
    ]
