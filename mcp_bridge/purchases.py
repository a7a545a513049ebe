"""Buying through an agent: first a question for the person, then the order, once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from mcp_bridge import confirmations
from mcp_bridge.confirmations import Agreement
from museo.access.callers import Caller
from museo.access.idempotency import Answer, claim, request_hash
from museo.access.problems import Problem
from museo.access.tokens import digest
from orders import baskets, checkout, pricing, tracking
from orders.checkout import BasketEmpty
from orders.details import Details


class AnsweredBefore(Problem):
    """The same confirmation was refused before, in these words."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        facts = {name: body[name] for name in ("payment_id", "next_action") if name in body}
        super().__init__(body["detail"], errors=body["errors"], **facts)
        self.status = status
        self.code = body["code"]


@dataclass(frozen=True)
class Offer:
    """The purchase as it would be now."""

    agreement: Agreement
    lines: list[dict[str, Any]]
    totals: list[dict[str, Any]]


def offer(caller: Caller, body: Mapping[str, Any], *, now: datetime) -> Offer:
    """What the caller's basket costs with these details; raise what a checkout would."""
    details = Details.parse(body)
    opened = baskets.require(caller) if caller.basket_token else baskets.find(caller)
    lines = pricing.price_lines(
        opened.basket.lines.order_by("pk") if opened else [], locale=caller.locale, now=now
    )
    if opened is None or not lines:
        raise BasketEmpty(_("Your basket is empty. Put something in first."))
    pricing.require_for_sale(lines)
    totals = pricing.totals(lines, delivery=details.delivery)
    agreement = Agreement(
        caller=caller.identity,
        basket=opened.basket.public_id,
        revision=opened.basket.revision,
        total=totals[-1]["amount"],
        details=request_hash(body),
    )
    return Offer(agreement, baskets.show(opened, locale=caller.locale, now=now)["lines"], totals)


def place(
    caller: Caller, body: Mapping[str, Any], confirm: str, *, now: datetime, speed: float
) -> dict[str, Any]:
    """Place the order that was agreed to, as CONTRACT's `POST /orders/checkout` answers it.

    The same confirmation again, after a lost answer, gets the same order.
    """
    agreed = confirmations.read(confirm, now=now)
    details = replace(Details.parse(body), expected_total=agreed.total)
    claimed = claim(scope=f"{caller.identity} place_order", key=digest(confirm), body=body, now=now)
    if isinstance(claimed, Answer):
        return _again(claimed)
    try:
        # work that was begun before has the basket in its hands
        if not claimed.subject:
            confirmations.require_same(agreed, offer(caller, body, now=now).agreement)
        placed = checkout.place(caller, details, now=now, speed=speed, attempt=claimed)
    except Problem:
        claimed.forget()
        raise
    return tracking.confirmation(placed, locale=caller.locale)


def _again(answer: Answer) -> dict[str, Any]:
    if answer.status >= 400:
        raise AnsweredBefore(answer.status, answer.body)
    return answer.body
