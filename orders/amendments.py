"""Where an order goes and what the courier should know, changed after it was placed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext

from museo.access.callers import Caller
from museo.access.permissions import may
from museo.access.problems import Invalid, Problem, field_error
from notifications import log
from orders import delivery, lifecycle, notes, tracking
from orders.details import ADDRESS_FIELDS, LABELS, in_one_line, parse_address
from orders.models import Order

# the fields of an address that can become others; the country stays: what was paid depends on it
CHANGEABLE = ("line1", "postal_code", "city")


class TooLateToChange(Problem):
    """The order has gone too far, or has ended."""

    status = 409
    code = "too_late_to_change"


def amend(
    caller: Caller,
    number: str,
    *,
    address: Mapping[str, str] | None = None,
    note: str | None = None,
    now: datetime,
) -> Order:
    """Change the address or the note of an order that the caller may act on; None leaves it.

    Customers can until it is being prepared, and to where its way of delivery goes; staff until it
    is delivered. Of an address only what is CHANGEABLE can be another one.
    """
    order = tracking.find_to_act(caller, number)
    is_staff = may(caller, "orders.change_order")
    wanted: dict[str, Any] = {} if address is None else {"address": _address(order, address)}
    if wanted and not is_staff:
        _require_reached(order, wanted["address"])
    if note is not None:
        wanted["note"] = note
    statuses = lifecycle.AMENDED_BY_STAFF if is_staff else lifecycle.AMENDED_BY_CUSTOMERS
    early = Order.objects.filter(pk=order.pk, status__in=statuses)
    with log.change():
        tracking.hold_row(order)
        was: dict[str, Any] = {"address": order.address, "note": order.note}
        if not early.update(**(wanted or {"note": order.note})):
            raise TooLateToChange(
                gettext("It is too late to change this order: it is %(status)s.")
                % {"status": gettext(lifecycle.text_key(order.status, "label")).lower()},
                order_status=order.status,
            )
        for name, value in wanted.items():
            if was[name] != value:
                notes.write(order, _written(was[name]), by=caller, now=now)
    order.refresh_from_db()
    return order


def form(order: Order) -> list[dict[str, Any]]:
    """The fields of its address that can be changed, as they stand."""
    return [
        {
            "name": name,
            "label": LABELS[name],
            "longest": ADDRESS_FIELDS[name],
            "value": order.address.get(name, ""),
        }
        for name in CHANGEABLE
    ]


def _address(order: Order, wanted: Mapping[str, str]) -> dict[str, str]:
    if not order.address:
        raise Invalid(
            gettext("This order is not sent to an address."),
            errors=[field_error("/address", "not_needed", gettext("Leave this out."))],
        )
    address = parse_address({"address": {"country": order.address.get("country"), **wanted}})
    if address["country"] != order.address.get("country"):
        detail = gettext("The country cannot be changed. Cancel the order and buy again.")
        raise Invalid(detail, errors=[field_error("/address/country", "fixed", detail)])
    return {**order.address, **address}


def _require_reached(order: Order, address: Mapping[str, str]) -> None:
    option = delivery.find(order.delivery)
    if option and address != order.address and not option.reaches(address):
        raise delivery.not_there(option)


def _written(before: str | Mapping[str, str]) -> str:
    """What it was before, for staff."""
    text = before if isinstance(before, str) else in_one_line(before)
    return gettext("Changed; before: %(before)s") % {"before": text or "-"}
