"""Checkouts as clients hold them: begun, brought up to date, completed, cancelled.

Business trouble is in the checkout's `messages[]`; the states are the Universal Commerce
Protocol's. Stock is reserved from the start until a deadline, prices are those of the last update,
and paying is `orders.checkout`'s one path.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from catalog import stock
from museo.access.callers import Caller
from museo.access.idempotency import Answer, Attempt, claim
from museo.access.problems import Invalid, NotFound, Problem
from museo.access.tokens import as_name
from notifications import log
from notifications.envelope import timestamp
from orders import baskets, checkout, holds, offers, opening, outcomes, tracking
from orders.details import Details
from orders.models import Basket, Checkout, Payment
from orders.pricing import chosen, money

# updates hold the stock anew, but no longer than this after the beginning
LONGEST_HOLD = timedelta(hours=1)
# what `complete` reads of its body
PAYING = ("/payment", "/expected_total")


class UnknownCheckout(NotFound):
    code = "unknown_checkout"


@dataclass
class _CheckoutAttempt(Attempt):
    """Answers as the checkout; the outcome it is given becomes a part of it."""

    checkout_id: str = ""

    def answer(self, status: int, body: dict[str, Any]) -> None:
        found = Checkout.objects.get(public_id=self.checkout_id)
        super().answer(200, _with_order(_show(found), status, body))


def begin(caller: Caller, body: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """Make a checkout of the caller's basket, in place of an earlier one, and reserve its stock.

    `body` is REST's checkout body, of which anything may still be missing. Raises ShopPaused,
    BasketEmpty, CheckoutInProgress, and Invalid for what cannot be used.
    """
    details, lacking = Details.draft(body, kinds=baskets.kinds(caller))
    with log.change():
        opening.require()
        basket = checkout.basket_of(caller)
        if not basket.lines.exists():
            raise offers.empty()
        earlier = holds.supersede(basket.pk)
        begun = Checkout(basket=basket, created_at=now)
        _bring_up_to_date(begun, details, lacking, caller, instead_of=earlier, now=now)
    return _show(begun)


def update(
    caller: Caller, checkout_id: str, body: Mapping[str, Any], *, now: datetime
) -> dict[str, Any]:
    """Replace what a checkout knows, and take over what is in the basket now.

    One that has ended or is being paid stays as it is.
    """
    details, lacking = Details.draft(body, kinds=baskets.kinds(caller))
    with log.change():
        found = _locked(caller, checkout_id)
        if found.state in holds.WAITING:
            _bring_up_to_date(
                found, details, lacking, caller, instead_of=[found.public_id], now=now
            )
    return _show(found)


def show(caller: Caller, checkout_id: str) -> dict[str, Any]:
    return _show(_find(caller, checkout_id))


def cancel(caller: Caller, checkout_id: str, *, now: datetime) -> dict[str, Any]:
    """Give it up; one that is completed or being paid stays as it is."""
    with log.change():
        found = _locked(caller, checkout_id)
        if found.state in (*holds.WAITING, Checkout.State.REQUIRES_ESCALATION):
            holds.give_up(found, now=now)
            found.refresh_from_db()
    return _show(found)


def complete_once(
    caller: Caller,
    checkout_id: str,
    body: Mapping[str, Any],
    *,
    key: str,
    now: datetime,
    speed: float,
) -> Answer:
    """Pay a checkout and make it an order, under an Idempotency-Key; the answer is the checkout.

    `body` may have `payment` and `expected_total`. What is refused and changed nothing frees the
    key.
    """
    found = _find(caller, checkout_id)
    details = _paying(body)
    claimed = claim(scope=f"{caller.identity} {checkout_id}", key=key, body=body, now=now)
    if isinstance(claimed, Answer):
        return claimed
    attempt = _CheckoutAttempt(claimed.row, found.public_id)
    try:
        payment = checkout.begun(attempt) or _start(
            caller, checkout_id, details, now=now, attempt=attempt
        )
        placed = checkout.charge(
            payment, details.payment_token, now=now, speed=speed, attempt=attempt
        )
    except Problem as problem:
        attempt.forget()
        return Answer(200, _with_message(_show_anew(found), problem))
    order = tracking.confirmation(placed, locale=caller.locale)
    return Answer(200, {**_show_anew(found), "order": order})


def _show_anew(found: Checkout) -> dict[str, Any]:
    """As it is now; a guest who has signed in meanwhile has handed it over."""
    found.refresh_from_db()
    return _show(found)


def _start(
    caller: Caller, checkout_id: str, details: Details, *, now: datetime, attempt: Attempt
) -> Payment:
    """The first transaction of paying: what `checkout.place` does with a basket."""
    with log.change():
        attempt.hold()
        found = _locked(caller, checkout_id)
        if found.state != Checkout.State.READY_FOR_COMPLETE:
            raise _not_ready(found)
        checkout.require_total(found.total, details.expected_total)
        found.state = Checkout.State.COMPLETE_IN_PROGRESS
        found.expires_at = now + holds.HOLD
        found.save(update_fields=["state", "expires_at"])
        payment = checkout.start_payment(found, details, now=now, attempt=attempt)
        # after a declined payment nothing is reserved any more
        holds.reserve(found, instead_of=[found.public_id])
        return payment


class NotReady(Problem):
    """The checkout's state and messages say why."""

    status = 409
    code = "not_ready"


def _not_ready(found: Checkout) -> NotReady:
    sentences = {
        Checkout.State.INCOMPLETE: _("Something is missing. See the messages."),
        Checkout.State.REQUIRES_ESCALATION: _("The payment waits for you. Open continue_url."),
        Checkout.State.COMPLETE_IN_PROGRESS: _("This checkout is being paid at this moment."),
        Checkout.State.COMPLETED: _("This checkout is an order already."),
        Checkout.State.CANCELED: _("This checkout has ended. Begin a new one."),
    }
    return NotReady(sentences[Checkout.State(found.state)])


def _find(caller: Caller, checkout_id: str) -> Checkout:
    found = (
        Checkout.objects.of(caller)
        .filter(public_id=as_name(checkout_id))
        .select_related("basket", "coupon", "order")
        .first()
    )
    if found is None:
        raise UnknownCheckout(_("There is no such checkout, or it is not yours. Begin a new one."))
    return found


def _locked(caller: Caller, checkout_id: str) -> Checkout:
    """The checkout as it is once its basket's row is held, which all who move it hold."""
    baskets.lock(_find(caller, checkout_id).basket_id)
    return _find(caller, checkout_id)


def _paying(body: Mapping[str, Any]) -> Details:
    """How it is paid; the rest is what the checkout knows."""
    details, errors = Details.read(body)
    bad = [error for error in errors if error["pointer"].startswith(PAYING)]
    if bad:
        raise Invalid(_("Some values cannot be used. See errors."), errors=bad)
    return details


def _bring_up_to_date(
    found: Checkout,
    details: Details,
    lacking: Sequence[Mapping[str, str]],
    caller: Caller,
    *,
    instead_of: Collection[str],
    now: datetime,
) -> None:
    offer = offers.make(
        found.basket, details, user_id=caller.user_id, locale=caller.locale, now=now
    )
    checkout.draw_up(found, offer, caller, now=now)
    found.expires_at = min(found.expires_at, found.created_at + LONGEST_HOLD)
    trouble = [offers.message(problem) for problem in offer.problems] + offers.missing(lacking)
    trouble += _reserve(found, instead_of, now=now)
    found.messages = trouble
    ready, incomplete = Checkout.State.READY_FOR_COMPLETE, Checkout.State.INCOMPLETE
    found.state = incomplete if trouble else ready
    found.save()


def _reserve(
    found: Checkout, instead_of: Collection[str], *, now: datetime
) -> list[dict[str, Any]]:
    """Hold all of it, or nothing and say what there is too little of."""
    try:
        with transaction.atomic():
            holds.reserve(found, instead_of=instead_of)
    except stock.OutOfStock as problem:
        for holder in instead_of:
            stock.release(holder=holder, at=now)
        return [{**offers.message(problem), "available": problem.facts["available"]}]
    return []


def _show(found: Checkout) -> dict[str, Any]:
    """REST's checkout."""
    payment = found.payments.order_by("-pk").first() if found.pk else None
    action = payment.next_action if payment and _is_waiting(found) else None
    order = getattr(found, "order", None) if found.state == Checkout.State.COMPLETED else None
    return {
        "id": found.public_id,
        "state": found.state,
        "currency": found.currency,
        "lines": [_line(line, found.currency) for line in found.lines],
        "totals": found.totals,
        "email": found.email,
        "name": found.name,
        "address": found.address,
        "delivery": found.delivery,
        "tip": money(found.tip, found.currency),
        "coupon": {"code": found.coupon.code} if found.coupon else None,
        "messages": [*found.messages, *_of_state(found, payment)],
        "continue_url": action["url"] if action else None,
        "order": {"number": order.number, "order_id": order.number} if order else None,
        "expires_at": timestamp(found.expires_at),
    }


def _is_waiting(found: Checkout) -> bool:
    return found.state == Checkout.State.REQUIRES_ESCALATION


def _line(line: Mapping[str, Any], currency: str) -> dict[str, Any]:
    return {
        "sku": line["sku"],
        "slug": line["slug"],
        "name": line["name"],
        "image": line["image"],
        "modifiers": chosen(line.get("modifiers", ()), currency),
        "quantity": line["quantity"],
        "unit_price": money(line["unit_price"], currency),
        "discount": money(line["discount"], currency),
        "tax": money(line["tax"], currency),
        "total": money(line["total"], currency),
    }


def _of_state(found: Checkout, payment: Payment | None) -> list[dict[str, Any]]:
    """What there is to say of how far it has come."""
    if payment and payment.is_on_its_way and outcomes.is_wanted(payment):
        detail = _("Your payment is on its way. The order is placed as soon as it is here.")
        return [{"type": "info", "code": "payment_pending", "detail": detail}]
    if found.state == Checkout.State.CANCELED:
        detail = _("This checkout has ended. Begin a new one.")
        return [{"type": "error", "code": "canceled", "detail": detail}]
    if _is_waiting(found):
        detail = _("The payment must be confirmed first. Open the address in continue_url.")
        return [{"type": "error", "code": "payment_action_required", "detail": detail}]
    has_failed = payment and payment.state == Payment.State.FAILED
    if has_failed and found.state == Checkout.State.READY_FOR_COMPLETE:
        return [offers.message(outcomes.declined())]
    if found.state in holds.WAITING and _has_moved(found.basket, found.lines):
        detail = _("The basket has changed. Update the checkout to take that over.")
        return [{"type": "warning", "code": "basket_changed", "detail": detail}]
    return []


def _has_moved(basket: Basket, lines: Sequence[Mapping[str, Any]]) -> bool:
    now = basket.lines.values_list("variant_id", "modifiers_hash", "quantity")
    return set(now) != {
        (line["variant_id"], baskets.hash_of_bought(line), line["quantity"]) for line in lines
    }


def _with_order(shown: dict[str, Any], status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """The checkout with its order's confirmation, if that is the outcome."""
    return {**shown, "order": dict(body)} if status == 201 else shown


def _with_message(shown: dict[str, Any], problem: Problem) -> dict[str, Any]:
    """The checkout with a problem that it does not tell of itself."""
    told = {message["code"] for message in shown["messages"]}
    if problem.code in told:
        return shown
    return {**shown, "messages": [*shown["messages"], offers.message(problem)]}
