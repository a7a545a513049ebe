"""What a program can have told to it as MCP events: by name, with arguments, from the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, Field

from catalog import events as stock
from catalog import restock
from mcp_bridge import arguments
from mcp_bridge.parameters import Ticket
from mcp_bridge.registry import admit, has_scope
from museo.access.callers import Caller
from museo.access.problems import Invalid, field_error
from notifications.callbacks import Wish
from notifications.wishes import Filter
from orders import tracking, webhooks
from orders.lifecycle import STATUSES
from orders.payments import events as payments

ETA_CHANGED = "order.eta_changed"


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class OfOrders(_Arguments):
    order_id: Annotated[
        str,
        Field(max_length=40, description="The order's number, ORD-…; without it all of yours."),
    ] = ""
    ticket: Ticket = ""


class OfStatuses(OfOrders):
    statuses: Annotated[
        list[Annotated[str, Field(max_length=20, json_schema_extra={"enum": [*STATUSES]})]],
        Field(max_length=len(STATUSES), description="Only these; all without."),
    ] = []


class OfProduct(_Arguments):
    sku: Annotated[str, Field(min_length=1, max_length=64, description="The SKU of a variant.")]


@dataclass(frozen=True)
class OrderMoved:
    """`status_message` is the sentence for the chat; `type` what happened, as in the log."""

    type: str
    order_id: str
    status: str
    status_message: str
    eta: str
    step: int
    steps: int
    late: bool


@dataclass(frozen=True)
class NewTime(OrderMoved):
    reason: str
    held: bool
    promised_at: str


@dataclass(frozen=True)
class PaymentMoved:
    """`amount` is in minor units; there is no order yet while `order_id` is null."""

    type: str
    payment_id: str
    provider: str
    amount: int
    currency: str
    order_id: str | None


@dataclass(frozen=True)
class BackInStock:
    type: str
    sku: str
    variant_id: str
    message: str


# the topic where it is heard, and what must be said there
Heard = tuple[str, Filter]


@dataclass(frozen=True)
class EventKind:
    """One kind of event; `heard` finds where, as far as the caller may know."""

    name: str
    description: str
    scope: str
    takes_ticket: bool
    arguments: type[_Arguments]
    payload: type
    types: Sequence[str]
    heard: Callable[[Caller, Mapping[str, Any]], Heard]

    def is_open_to(self, caller: Caller) -> bool:
        return self.takes_ticket or has_scope(caller, self.scope)

    def definition(self) -> dict[str, Any]:
        """As `events/list` has it."""
        return {
            "name": self.name,
            "description": self.description,
            "delivery": ["webhook"],
            "inputSchema": arguments.schema_of(self.arguments),
            "payloadSchema": arguments.schema_of(self.payload),
        }

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments, each said in one way, so that the same are the same; raise Invalid."""
        read = arguments.parse(self.arguments, given)
        said = {name: value for name, value in read.items() if value}
        if "statuses" in said:
            said["statuses"] = sorted(set(said["statuses"]))
            _require_known(said["statuses"])
        return said

    def admit(self, caller: Caller, ticket: str) -> Caller:
        """The caller with the ticket that came along; raise NotAllowed."""
        admitted = admit(caller, ticket, scope=self.scope, takes_ticket=self.takes_ticket)
        return admitted.with_ticket(ticket)

    def wish(self, caller: Caller, said: Mapping[str, Any]) -> Wish:
        """Raise NotFound for what is not there, or not for the caller."""
        topic, where = self.heard(caller, said)
        opened_with = tracking.topic(said["order_id"]) if "order_id" in said else ""
        return Wish(self.name, said, topic, self.types, where, opened_with)


def _require_known(statuses: Sequence[str]) -> None:
    for status in statuses:
        if status not in STATUSES:
            detail = _("Choose among: %(names)s.") % {"names": ", ".join(STATUSES)}
            raise Invalid(detail, errors=[field_error("/arguments/statuses", "invalid", detail)])


def _of_order(caller: Caller, said: Mapping[str, Any]) -> Heard:
    where = {"status": said["statuses"]} if "statuses" in said else {}
    if "order_id" in said:
        return tracking.find(caller, said["order_id"]).topic, where
    return _of_mine(caller), where


def _of_payment(caller: Caller, said: Mapping[str, Any]) -> Heard:
    """Those of an order are told by its newest payment."""
    if "order_id" not in said:
        return _of_mine(caller), {}
    order = tracking.find(caller, said["order_id"])
    payment = order.payments.order_by("-pk").first()
    if payment is None:
        raise tracking.unknown()
    return payment.topic, {}


def _of_mine(caller: Caller) -> str:
    """Where somebody hears of all that is theirs."""
    topics = tracking.own_topics(replace(caller, tickets=()))
    if len(topics) != 1:
        detail = _("Name the order by its order_id.")
        raise Invalid(detail, errors=[field_error("/arguments/order_id", "required", detail)])
    return topics.pop()


def _of_variant(caller: Caller, said: Mapping[str, Any]) -> Heard:
    return stock.stock_topic(restock.on_sale(said["sku"])), {}


KINDS = {
    kind.name: kind
    for kind in (
        EventKind(
            name="order.status_changed",
            description=(
                "An order has taken a step: placed, confirmed, preparing, out for delivery, "
                "delivered, cancelled, failed or refunded. Tell the person, unasked."
            ),
            scope="orders:read",
            takes_ticket=True,
            arguments=OfStatuses,
            payload=OrderMoved,
            types=[type for type in webhooks.TYPES if type != ETA_CHANGED],
            heard=_of_order,
        ),
        EventKind(
            name=ETA_CHANGED,
            description="An order is expected at another time, is late, or is on hold.",
            scope="orders:read",
            takes_ticket=True,
            arguments=OfOrders,
            payload=NewTime,
            types=[ETA_CHANGED],
            heard=_of_order,
        ),
        EventKind(
            name="payment.updated",
            description="A payment was made, failed, or goes back; `type` says which.",
            scope="orders:read",
            takes_ticket=True,
            arguments=OfOrders,
            payload=PaymentMoved,
            types=payments.TYPES,
            heard=_of_payment,
        ),
        EventKind(
            name="product.back_in_stock",
            description="What was sold out can be had again.",
            scope="shop:read",
            takes_ticket=False,
            arguments=OfProduct,
            payload=BackInStock,
            types=[stock.BACK],
            heard=_of_variant,
        ),
    )
}
