"""Buying through an agent: first a question for the person, then the order, once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mcp_bridge import confirmations
from mcp_bridge.confirmations import Agreement
from museo.access.callers import Caller
from museo.access.idempotency import Answer, claim, request_hash
from museo.access.problems import Problem
from museo.access.tokens import digest
from orders import baskets, checkout, offers, opening, tracking
from orders.details import Details

TOOL = "place_order"


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
    delivery: str
    lines: list[dict[str, Any]]
    totals: list[dict[str, Any]]


def offer(caller: Caller, body: Mapping[str, Any], *, now: datetime) -> Offer:
    """What the caller's basket costs with these details; raise what a checkout would."""
    opening.require()
    details = Details.parse(body, kinds=baskets.kinds(caller))
    opened = baskets.require(caller) if caller.basket_token else baskets.find(caller)
    if opened is None:
        raise offers.empty()
    offered = offers.make(
        opened.basket, details, user_id=caller.user_id, locale=caller.locale, now=now
    )
    offered.require()
    agreement = Agreement(
        tool=TOOL,
        caller=caller.identity,
        about=opened.basket.public_id,
        version=opened.basket.revision,
        total=offered.total,
        details=request_hash(body),
    )
    lines = baskets.show(opened, locale=caller.locale, now=now)["lines"]
    return Offer(agreement, details.delivery, lines, offered.totals)


def place(
    caller: Caller, body: Mapping[str, Any], confirm: str, *, now: datetime, speed: float
) -> dict[str, Any]:
    """Place the order that was agreed to, as REST's `POST /orders/checkout` answers it.

    The same confirmation again, after a lost answer, gets the same order.
    """
    agreed = confirmations.read(confirm, tool=TOOL, now=now)
    claimed = claim(scope=f"{caller.identity} {TOOL}", key=digest(confirm), body=body, now=now)
    if isinstance(claimed, Answer):
        return _again(claimed)
    try:
        details = Details.parse(body, kinds=baskets.kinds(caller))
        # work that was begun before has the basket in its hands
        if not claimed.subject:
            confirmations.require_same(agreed, offer(caller, body, now=now).agreement)
        placed = checkout.place(
            caller,
            replace(
                details,
                expected_total=agreed.total,
                expected_revision=agreed.version,
            ),
            now=now,
            speed=speed,
            attempt=claimed,
        )
    except Problem:
        claimed.forget()
        raise
    return tracking.confirmation(placed, locale=caller.locale)


def _again(answer: Answer) -> dict[str, Any]:
    if answer.status >= 400:
        raise AnsweredBefore(answer.status, answer.body)
    return answer.body
