"""What a basket would cost with these details, and what stands in the way of buying it so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from catalog import names, shop
from catalog.money import Money
from museo.access.problems import Invalid, Problem, field_error
from museo.directions import isolated
from notifications.envelope import timestamp
from orders import contents, coupons, delivery, lifecycle, opening, plans, pricing, taxes
from orders.contents import Contents
from orders.coupons import Buyer
from orders.delivery import DeliveryOption
from orders.details import Details
from orders.models import Basket, Coupon
from orders.terms import stamps


class BasketEmpty(Problem):
    status = 409
    code = "basket_empty"


class TooMany(Problem):
    """More of a variant than an order may have; the limit may be newer than the basket.

    Its name is looked up where none is given.
    """

    status = 409
    code = "quantity_out_of_range"

    def __init__(self, sku: str, most: int, *, name: str = "") -> None:
        detail = _("An order may have %(max)s of %(name)s.")
        super().__init__(detail % {"max": most, "name": isolated(name or names.of(sku))}, sku=sku)


@dataclass(frozen=True)
class Offer:
    """`coupon` is None where it cannot be used; `problems` say so, the first to mend first."""

    details: Details
    contents: Contents
    lines: Sequence[pricing.Line]
    totals: list[dict[str, Any]]
    option: DeliveryOption | None
    coupon: Coupon | None
    problems: Sequence[Problem]

    @property
    def total(self) -> int:
        return int(self.totals[-1]["amount"])

    def require(self) -> None:
        """Raise the first problem, if there is one."""
        for problem in self.problems:
            raise problem


def make(
    basket: Basket,
    details: Details,
    *,
    user_id: int | None,
    locale: str,
    now: datetime,
    found: Contents | None = None,
) -> Offer:
    """The basket at the prices, taxes and rules of `now`; nothing is written.

    `found` is what is in it, if that was read before.
    """
    inside = found or contents.of(basket.pk, locale=locale, now=now)
    lines = inside.lines
    option = delivery.find(details.delivery, stamp=inside.stamp)
    refused = _coupon_refused(basket, lines, Buyer(user_id, details.email, basket.pk), now)
    coupon = None if refused else basket.coupon
    quote = pricing.quote(
        lines,
        currency=basket.currency,
        rates=taxes.rates(_taxing_country(option, details), now=now, stamp=inside.stamp),
        reduction=coupons.reduction(coupon, lines) if coupon else None,
        delivery=pricing.Fee(option.price, option.tax_class) if option else None,
        tip=details.tip,
    )
    obstacle = (
        delivery.obstacle(option, kinds=inside.kinds, address=details.address, now=now)
        if option
        else delivery.no_way()
    )
    problems = [
        _nothing_in_it(lines),
        *(pricing.not_for_sale(line) for line in lines if not line.is_for_sale),
        *too_many(inside),
        refused,
        obstacle,
        _tip_refused(details, lines),
    ]
    return Offer(
        details=details,
        contents=inside,
        lines=quote.lines,
        totals=quote.totals,
        option=option,
        coupon=coupon,
        problems=[problem for problem in problems if problem],
    )


def glance(
    basket: Basket, inside: Contents, *, user_id: int | None, now: datetime
) -> tuple[pricing.Quote, Problem | None]:
    """What a basket costs before anything is known of its delivery; why its coupon is refused."""
    lines = inside.lines
    refused = (
        _coupon_refused(basket, lines, Buyer(user_id, basket_id=basket.pk), now) if lines else None
    )
    coupon = None if refused or not lines else basket.coupon
    quote = pricing.quote(
        lines,
        currency=basket.currency,
        rates=taxes.rates(shop.current().country, now=now, stamp=inside.stamp) if lines else {},
        reduction=coupons.reduction(coupon, lines) if coupon else None,
    )
    return quote, refused


def too_many(inside: Contents) -> list[TooMany]:
    """What an order may not have so many of."""
    return [TooMany(line.sku, most, name=line.name) for line, most in inside.above_limit]


def message(problem: Problem) -> dict[str, Any]:
    """A problem as `messages[]` of a basket or a checkout has it."""
    sku = {"sku": problem.facts["sku"]} if "sku" in problem.facts else {}
    return {"type": "error", "code": problem.code, "detail": problem.detail, **sku}


def missing(errors: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Fields that are not filled in yet, as messages."""
    return [
        {
            "type": "error",
            "code": error["code"],
            "detail": error["detail"],
            "path": error["pointer"],
        }
        for error in errors
    ]


def _taxing_country(option: DeliveryOption | None, details: Details) -> str:
    """Where the goods are handed over: at the address, else in the shop."""
    country = details.address.get("country", "") if option and option.needs_address else ""
    return country or shop.current().country


def _nothing_in_it(lines: Sequence[pricing.Line]) -> BasketEmpty | None:
    return None if lines else empty()


def empty() -> BasketEmpty:
    return BasketEmpty(_("Your basket is empty. Put something in first."))


def _coupon_refused(
    basket: Basket, lines: Sequence[pricing.Line], buyer: Buyer, now: datetime
) -> Problem | None:
    return coupons.refusal(basket.coupon, lines, buyer=buyer, now=now) if basket.coupon else None


def _tip_refused(details: Details, lines: Sequence[pricing.Line]) -> Problem | None:
    food = sum(line.total for line in lines if line.kind == opening.FOOD)
    if details.tip <= food:
        return None
    detail = (
        _("A tip may be as much as the dishes cost.")
        if food
        else _("A tip is for the kitchen: nothing in your basket is cooked.")
    )
    return Invalid(detail, errors=[field_error("/tip", "tip_not_possible", detail)])


def deliveries(
    kinds: Collection[str], *, address: Mapping[str, str], now: datetime, speed: float
) -> list[dict[str, Any]]:
    """REST's `GET /basket/delivery-options`: what can be chosen now, with its time."""
    wait = opening.wait(kinds, now=now)
    return [
        {
            "code": option.code,
            "label": option.label,
            "price": Money(option.price, shop.currency()).as_dict(),
            "needs_address": option.needs_address,
            "eta": timestamp(_eta(option, now, speed, wait)),
        }
        for option in delivery.options(kinds)
        if delivery.obstacle(option, kinds=kinds, address=address, now=now) is None
    ]


def soonest(kind: str, *, now: datetime, speed: float) -> tuple[DeliveryOption, datetime] | None:
    """The shop's first way for products of a kind, and when it would be there; None without one."""
    stamp = stamps().first()
    wait = opening.wait([kind], now=now)
    for option in delivery.options([kind], stamp=stamp):
        if option.is_open(now):
            return option, _eta(option, now, speed, wait, stamp=stamp)
    return None


def _eta(
    option: DeliveryOption,
    now: datetime,
    speed: float,
    wait: timedelta,
    *,
    stamp: str | None = None,
) -> datetime:
    _plan, steps = plans.find(option.plan, stamp=stamp)
    return lifecycle.timetable(steps, placed_at=now, speed=speed, wait=wait)[-1].due_at
