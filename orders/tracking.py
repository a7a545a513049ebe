"""How an order stands, for everybody who may know: `/track`, snapshots, confirmations, events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Prefetch
from django.utils import timezone
from django.utils.translation import gettext, override

from museo.access.callers import WATCHING, Caller
from museo.access.permissions import may
from museo.access.problems import NotAllowed, NotFound, Problem
from museo.access.tokens import as_name, digest, new_token
from notifications import access_changes, log, subscriptions, topics
from notifications.audiences import user_topic
from notifications.envelope import timestamp
from orders import lifecycle
from orders.models import Adjustment, Order, OrderLine, OrderStep, OrderTicket, Return
from orders.pricing import chosen, money

PREFIX = "order"
STAFF_TOPIC = "staff.orders"
# how long a client that cannot be pushed should wait before it asks again
NEXT_POLL_MS = 2000
# how long after its end an order's ticket opens it
TICKET_LIFE = timedelta(days=30)
# that open one order at a time
MOST_TICKETS = 10
# what of a summary is not for those who only watch, and what stands there for them
OF_BUYERS: Mapping[str, Any] = {
    "name": "",
    "address": {},
    "note": "",
    "cancel_until": None,
    "return_until": None,
    "returns": [],
}


class UnknownOrder(NotFound):
    code = "unknown_order"


class TooManyTickets(Problem):
    status = 409
    code = "too_many_tickets"


@dataclass(frozen=True)
class Placed:
    """A new order, its timetable, and the ticket that opens it, which is nowhere else."""

    order: Order
    ticket: str = field(repr=False)
    due: Sequence[lifecycle.DueStep] = ()


def topic(number: str) -> str:
    return f"{PREFIX}.{number}"


def also_heard_on(user_id: int | None) -> tuple[str, ...]:
    """The other topics of all events of an order."""
    return (user_topic(user_id), STAFF_TOPIC) if user_id else (STAFF_TOPIC,)


def own_topics(caller: Caller) -> set[str]:
    """Where a caller hears of all orders that `visible_to` shows, those to come included.

    Who has nothing but tickets hears of their orders.
    """
    if may(caller, "orders.view_order"):
        return {STAFF_TOPIC}
    if caller.customer_id:
        return {user_topic(caller.customer_id)}
    numbers = (opened_by(ticket) for ticket in caller.tickets)
    return {topic(number) for number in numbers if number}


def find(caller: Caller, number: str) -> Order:
    """The order, if the caller may see it; raise UnknownOrder otherwise."""
    order = Order.objects.visible_to(caller).filter(number=as_name(number)).first()
    if order is None:
        raise unknown()
    return order


def find_to_act(caller: Caller, number: str) -> Order:
    """The order, if the caller may do something with it; raise NotAllowed if they only see it."""
    order = find(caller, number)
    if not may_act(caller, order):
        raise NotAllowed(
            gettext("This link only shows the order. Whoever bought it can change it.")
        )
    return order


def may_act(caller: Caller, order: Order) -> bool:
    """Whether somebody who sees an order may do more than watch it."""
    acting = caller.to_act()
    return acting == caller or Order.objects.visible_to(acting).filter(pk=order.pk).exists()


def unknown() -> UnknownOrder:
    return UnknownOrder(
        gettext("There is no such order, or you may not see it. Use the link you were given.")
    )


def find_for_staff(caller: Caller, number: str) -> Order:
    """The order, for staff who may change it; raise NotAllowed for others who may see it."""
    order = find(caller, number)
    if not may(caller, "orders.change_order"):
        raise NotAllowed(gettext("Only staff who may change orders can do this."))
    return order


def hold_row(order: Order) -> None:
    """Hold the order's row until the transaction ends, and read it as it is now."""
    hold(order.topic)
    order.refresh_from_db()


def hold(topic: str) -> None:
    """Hold the row of a topic's order until the transaction ends."""
    number = topic.removeprefix(f"{PREFIX}.")
    Order.objects.filter(number=number).update(step=F("step"))


def with_steps(orders: Any) -> Any:
    return orders.prefetch_related(Prefetch("steps", OrderStep.objects.order_by("index")))


def opened_by(ticket: str) -> str | None:
    """The number of the order that a ticket opens."""
    opened = OrderTicket.objects.open().filter(token_hash=digest(ticket))
    return opened.values_list("order__number", flat=True).first()


def new_ticket(caller: Caller, number: str, *, now: datetime) -> str:
    """One more ticket that opens an order, for staff to hand out; those there are stay open."""
    return _new_ticket(find_for_staff(caller, number), now=now)


def share(caller: Caller, number: str, *, now: datetime) -> str:
    """One more ticket, to pass on: it shows the order and no more; raise TooManyTickets."""
    order = find_to_act(caller, number)
    with transaction.atomic():
        hold(order.topic)
        if order.tickets.open().count() >= MOST_TICKETS:
            raise TooManyTickets(
                gettext("%(most)s links open this order already. Pass on one of those.")
                % {"most": MOST_TICKETS}
            )
        return _new_ticket(order, WATCHING, now=now)


def _new_ticket(order: Order, prefix: str = "", *, now: datetime) -> str:
    ticket = prefix + new_token()
    OrderTicket.objects.create(order=order, token_hash=digest(ticket), created_at=now)
    return ticket


def ticket_url(ticket: str) -> str:
    return f"{settings.MUSEO_PUBLIC_URL}/t/{ticket}"


def page(topic: str, _data: Mapping[str, Any]) -> str:
    """Where an order is seen by whoever is signed in, or has its ticket."""
    return f"{settings.MUSEO_PUBLIC_URL}/orders/{topic.removeprefix(f'{PREFIX}.')}"


def revoke_tickets(caller: Caller, number: str, *, now: datetime) -> int:
    """Close the order's ticket links, for staff; open streams end. Return how many there were."""
    order = find_for_staff(caller, number)
    with log.change() as change:
        hold_row(order)
        closed = _close(order.tickets.open(), now=now)
        if closed:
            access_changes.revoke(change, at=now, topics=[order.topic])
    return closed


def expire_tickets(*, now: datetime) -> int:
    """Close the tickets of orders that ended TICKET_LIFE ago; return how many."""
    old = OrderTicket.objects.open().filter(order__ended_at__lt=now - TICKET_LIFE)
    # mostly there are none, and then nobody need wait for a write
    if not old.exists():
        return 0
    with transaction.atomic():
        return _close(old, now=now)


def _close(tickets: Any, *, now: datetime) -> int:
    """What was registered by a ticket ends with it."""
    hashes = list(tickets.values_list("token_hash", flat=True))
    subscriptions.end([subscriptions.by_ticket(token_hash) for token_hash in hashes])
    return int(tickets.filter(token_hash__in=hashes).update(revoked_at=now))


def tell(
    change: log.Change,
    order: Order,
    *,
    status: str,
    step: int,
    now: datetime,
    planned_at: datetime | None = None,
) -> None:
    """Tell that an order has reached a status; a step caught up late says when it was planned."""
    data = _facts(order, status, step)
    if _is_waived(order, status):
        data["reason"] = lifecycle.WAIVED
    if planned_at and now - planned_at > lifecycle.GRACE:
        data["planned_at"] = timestamp(planned_at)
    _tell(change, order, f"order.{status}", data, _message_key(order, status), now=now)


def _is_waived(order: Order, status: str) -> bool:
    """Whether nothing goes back for a refunded order, because nothing had been paid."""
    return status == lifecycle.REFUNDED and not order.paid


def _message_key(order: Order, status: str) -> str:
    kind = lifecycle.WAIVED if _is_waived(order, status) else "message"
    return lifecycle.text_key(status, kind)


def tell_new_time(change: log.Change, order: Order, *, reason: str, now: datetime) -> None:
    """Tell that an order is expected at another time, or paused; `reason` as in lifecycle."""
    data = {
        **_facts(order, order.status, order.step),
        "reason": reason,
        "held": order.held_at is not None,
        "promised_at": timestamp(order.promised_at),
    }
    _tell(
        change, order, "order.eta_changed", data, lifecycle.text_key("eta_changed", reason), now=now
    )


def _facts(order: Order, status: str, step: int) -> dict[str, Any]:
    return {
        "order_id": order.number,
        "status": status,
        "eta": timestamp(order.eta),
        "step": step,
        "steps": order.steps_total,
        "late": order.late_at is not None and status not in lifecycle.ENDED,
    }


def _tell(
    change: log.Change,
    order: Order,
    type: str,
    data: Mapping[str, Any],
    text: str,
    *,
    now: datetime,
) -> None:
    also = also_heard_on(order.user_id)
    change.event(order.topic, type, data, at=now, also=also, texts={"status_message": [text, {}]})


def track(order: Order, *, locale: str, now: datetime) -> dict[str, Any]:
    """REST's `GET /orders/{number}/track`."""
    return _stand([order.topic], locale=locale, now=now)[order.topic]


def _stand(names: Collection[str], *, locale: str, now: datetime) -> dict[str, dict[str, Any]]:
    # the versions are read before the orders: a step taken in between is told twice, never skipped
    newest = log.newest(names)
    numbers = [name.removeprefix(f"{PREFIX}.") for name in names]
    stands = {}
    for order in with_steps(Order.objects.filter(number__in=numbers)):
        position, version = newest.get(order.topic, (0, 0))
        stands[order.topic] = _track(
            order, position=position, version=version, locale=locale, now=now
        )
    return stands


def _track(
    order: Order, *, position: int, version: int, locale: str, now: datetime
) -> dict[str, Any]:
    with override(locale):
        return {
            "order_id": order.number,
            "status": order.status,
            "status_message": gettext(_message_key(order, order.status)),
            "eta": timestamp(order.eta),
            "step": order.step,
            "steps": _steps(order),
            "promised_at": timestamp(order.promised_at),
            "late": order.is_late,
            "held": order.held_at is not None,
            "position": position,
            "version": version,
            "now": timestamp(now),
            "next_poll_ms": None if order.status in lifecycle.ENDED else NEXT_POLL_MS,
        }


def _steps(order: Order) -> list[dict[str, Any]]:
    placed = {
        "code": lifecycle.PLACED,
        "label": gettext(lifecycle.text_key(lifecycle.PLACED, "label")),
        "state": "current" if order.step == 0 and order.status not in lifecycle.ENDED else "done",
        "at": timestamp(order.placed_at),
        "due_at": timestamp(order.placed_at),
    }
    return [
        placed,
        *(
            {
                "code": step.status,
                "label": gettext(lifecycle.text_key(step.status, "label")),
                "state": _state(step, order),
                "at": timestamp(step.at) if step.at else None,
                "due_at": timestamp(step.due_at),
            }
            for step in order.steps.all()
        ),
    ]


def _state(step: OrderStep, order: Order) -> str:
    if step.index > order.step:
        return "skipped" if order.status in lifecycle.ENDED else "upcoming"
    is_current = step.index == order.step and order.status not in lifecycle.ENDED
    return "current" if is_current else "done"


def summary(order: Order, *, locale: str, now: datetime) -> dict[str, Any]:
    """REST's `GET /orders/{number}`."""
    lines = list(order.lines.order_by("position"))
    with override(locale):
        return {
            **brief(order),
            "promised_at": timestamp(order.promised_at),
            "late": order.is_late,
            "held": order.held_at is not None,
            "ended_at": timestamp(order.ended_at) if order.ended_at else None,
            "totals": order.totals,
            "given_back": money(order.given_back, order.currency),
            "payable": money(order.payable, order.currency),
            "delivery": order.delivery,
            "name": order.name,
            "address": order.address,
            "note": order.note,
            "cancel_until": timestamp(until) if (until := cancel_until(order)) else None,
            "return_until": timestamp(last) if (last := return_until(order)) else None,
            "receipt_url": f"{settings.MUSEO_PUBLIC_URL}/orders/{order.number}/receipt",
            "returns": _returns(order, lines),
            "adjustments": [
                adjustment(row) for row in order.adjustments.select_related("refund").order_by("pk")
            ],
            "lines": [
                {
                    "position": line.position,
                    "sku": line.sku,
                    "name": line.name,
                    "image": line.image,
                    "modifiers": chosen(line.modifiers, order.currency),
                    "quantity": line.quantity,
                    "unit_price": money(line.unit_price, order.currency),
                    "total": money(line.total, order.currency),
                    "taken_back": line.taken_back,
                    "coming_back": line.coming_back,
                }
                for line in lines
            ],
        }


def seen_by(caller: Caller, order: Order, *, now: datetime) -> dict[str, Any]:
    """`summary`, as far as the caller may know it: who only watches learns nothing of people."""
    told = summary(order, locale=caller.locale, now=now)
    return told if may_act(caller, order) else {**told, **OF_BUYERS}


def adjustment(row: Adjustment) -> dict[str, Any]:
    """What was decided about an order after it was placed; without `refund` nothing goes back."""
    return {
        "id": row.public_id,
        "type": row.kind,
        "amount": money(row.amount, row.currency),
        "refund": row.refund.state if hasattr(row, "refund") else None,
        "lines": row.lines,
        "at": timestamp(row.at),
    }


def of_return(row: Return, lines: Iterable[OrderLine]) -> dict[str, Any]:
    """What somebody asked to send back, and what became of it."""
    return {
        "id": row.public_id,
        "state": row.state,
        "lines": row.goods(lines),
        "reason": row.reason,
        "answer": row.answer,
        "requested_at": timestamp(row.requested_at),
        "decided_at": timestamp(row.decided_at) if row.decided_at else None,
    }


def returns(order: Order) -> list[dict[str, Any]]:
    """The returns of an order, oldest first."""
    return _returns(order, list(order.lines.all()))


def _returns(order: Order, lines: Collection[OrderLine]) -> list[dict[str, Any]]:
    rows = order.returns.prefetch_related("lines").order_by("pk")
    return [of_return(row, lines) for row in rows]


def return_until(order: Order) -> datetime | None:
    """Until when an order can be sent back; None if it cannot."""
    if order.status != lifecycle.DELIVERED or order.ended_at is None:
        return None
    return order.ended_at + lifecycle.RETURN_WINDOW


def cancel_until(order: Order) -> datetime | None:
    """When its customer can no longer cancel an order, as planned; None if that has passed."""
    early = lifecycle.BY_CUSTOMERS[lifecycle.CANCELLED]
    if order.status not in early:
        return None
    late = order.steps.exclude(status__in=early).order_by("index").first()
    return late.due_at if late else order.eta


def brief(order: Order) -> dict[str, Any]:
    """A row of `GET /orders`, in the active language."""
    return {
        "number": order.number,
        "order_id": order.number,
        "status": order.status,
        "status_message": gettext(_message_key(order, order.status)),
        "payment_status": order.payment_status,
        "placed_at": timestamp(order.placed_at),
        "eta": timestamp(order.eta),
        "total": money(order.total, order.currency),
    }


def confirmation(placed: Placed, *, locale: str) -> dict[str, Any]:
    """REST's answer to `POST /orders/checkout`."""
    order = placed.order
    with override(locale):
        return {
            **brief(order),
            "ticket": placed.ticket,
            "track_url": ticket_url(placed.ticket),
            "events_url": f"{settings.MUSEO_PUBLIC_URL}/api/v1/orders/{order.number}/events",
            "upcoming": [
                {
                    "code": step.status,
                    "label": gettext(lifecycle.text_key(step.status, "label")),
                    "due_at": timestamp(step.due_at),
                }
                for step in placed.due
            ],
            "payment": {"status": order.payment_status},
        }


# what the log asks of this app


def may_read(wanted: Sequence[topics.Wanted]) -> list[set[str]]:
    """Those order topics that each caller may read, in one query: `visible_to` for many."""
    numbers = {name.removeprefix(f"{PREFIX}.") for _caller, names in wanted for name in names}
    keys: dict[str, set[int | str]] = defaultdict(set)
    for number, user_id, ticket, revoked_at in Order.objects.filter(number__in=numbers).values_list(
        "number", "user_id", "tickets__token_hash", "tickets__revoked_at"
    ):
        opened = keys[topic(number)]
        if user_id:
            opened.add(user_id)
        if ticket and revoked_at is None:
            opened.add(ticket)
    return [
        {name for name in names if name in keys and _opens(caller, keys[name])}
        for caller, names in wanted
    ]


def _opens(caller: Caller, keys: Collection[int | str]) -> bool:
    return (
        caller.customer_id in keys
        or any(digest(ticket) in keys for ticket in caller.tickets)
        or may(caller, "orders.view_order")
    )


def snapshot(names: Collection[str], locale: str) -> Mapping[str, dict[str, Any]]:
    """`/track` of each order topic, in a fixed number of queries."""
    return _stand(names, locale=locale, now=timezone.now())
