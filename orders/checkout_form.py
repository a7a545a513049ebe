"""The form by which somebody buys: read as REST's checkout body, and shown with its sum.

The page of the checkout and that of a payment link are this form; neither has prices of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from catalog import shop
from catalog.money import Money, NoAmount
from museo.access.callers import Caller
from museo.access.problems import by_field
from orders import baskets, countries, offers, opening, payments, pricing
from orders.baskets import OpenBasket
from orders.details import ADDRESS_FIELDS, LABELS, Details


def body(typed: Mapping[str, str]) -> dict[str, Any]:
    """The form as REST's checkout body; one that shows no sum agrees to none."""
    return {
        "email": typed.get("email", ""),
        "name": typed.get("name", ""),
        "address": {name: typed.get(name, "") for name in ADDRESS_FIELDS},
        "delivery": typed.get("delivery", ""),
        "tip": _amount(typed.get("tip", "")),
        "payment": {
            "provider": payments.provider_of(typed.get("payment", "")),
            "token": typed.get("payment", ""),
        },
        "expected_total": number(typed.get("expected_total", "")),
    }


def number(text: str) -> int:
    """What was typed; 0, which nobody can buy or pay, for what is no number."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else 0


def shown(
    opened: OpenBasket,
    values: Mapping[str, str],
    caller: Caller,
    *,
    problem: Mapping[str, Any] | None,
    pays: Collection[str] = payments.ALL_KINDS,
    now: datetime,
) -> dict[str, Any]:
    """What the templates of the form show: the basket at the price of what was typed.

    `pays` are the kinds of providers to choose from.
    """
    basket = baskets.show(opened, locale=caller.locale, now=now)
    kinds = baskets.kinds(caller)
    details, _errors = Details.read(body(values), kinds=kinds)
    offer = offers.make(
        opened.basket, details, user_id=caller.user_id, locale=caller.locale, now=now
    )
    options = offers.deliveries(
        kinds, address=details.address, now=now, speed=settings.MUSEO_CLOCK_SPEED
    )
    told = {problem.detail for problem in offer.problems} | {
        message["detail"] for message in opening.messages(kinds, now=now)
    }
    told -= {(problem or {}).get("detail")}
    ways = payments.offered(pays)
    return {
        "basket": basket,
        "countries": countries.choices(caller.locale, chosen=values.get("country", "")),
        "values": values,
        "problem": problem,
        "errors": by_field((problem or {}).get("errors", [])),
        "labels": {**LABELS, "tip": _("Tip for the kitchen")},
        "options": options,
        "delivery": details.delivery,
        "today": timezone.localdate(now),
        "needs_address": any(option["needs_address"] for option in options),
        "takes_tip": opening.FOOD in kinds,
        "told": sorted(told),
        "payment": values.get("payment") or next(iter(ways), ""),
        "payments": ways.items(),
        "totals": offer.totals,
        "to_pay": pricing.money(offer.total, basket["currency"]),
    }


def _amount(text: str) -> Any:
    """What was typed in major units, in minor ones; what is no amount stays as it is."""
    try:
        return Money.typed(text, shop.currency()).amount if text.strip() else 0
    except NoAmount:
        return text
