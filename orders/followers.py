"""Who is told of one order, and by which channels: the switches on its page.

A person's wishes are their own; a guest's are kept by the ticket that opens the order, and end with
it. As everywhere, an address that is not known to be theirs is sent a code first.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from museo.access.callers import Caller
from museo.access.problems import Invalid, field_error
from museo.access.tokens import digest
from notifications import addresses, channels, contacts, masking, subscribing, subscriptions
from notifications.models import Subscription
from orders import buyers, tracking
from orders.models import Order

State = Subscription.State


def ways(caller: Caller, order: Order) -> list[dict[str, Any]]:
    """Each channel that works here and takes a typed address, and how it stands."""
    who, _ticket = _whose(caller, order)
    known: dict[str, Subscription] = {}
    for wish in _wishes(who, order):
        known[wish.channel] = wish
    return [_shown(each, known.get(each["code"])) for each in addresses.choices()]


def _shown(channel: dict[str, Any], wish: Subscription | None) -> dict[str, Any]:
    return {
        "code": channel["code"],
        "label": channel["label"],
        "is_on": wish is not None and wish.state == State.ACTIVE,
        "is_waiting": wish is not None and wish.state == State.UNCONFIRMED,
        # those who have the ticket need not all know it
        "address": masking.masked(wish) if wish else "",
    }


def switch_on(caller: Caller, order: Order, channel: str, address: str, *, now: datetime) -> bool:
    """Whether they are told from now on; if not, a code is on its way to the address.

    Without an address: at the one that was used before, or is known to be theirs. Raises Invalid,
    BadAddress, and what `subscribing.resume` and `contacts.send_code` raise.
    """
    way = _require(channel)
    who, ticket = _whose(caller, order)
    wish = _wishes(who, order).filter(channel=channel).last()
    if not address and wish is not None:
        return wish.state == State.ACTIVE or subscribing.resume(wish)
    address = address or _known_address(caller, channel)
    if not address:
        detail = _("Write where you want to be told.")
        raise Invalid(detail, errors=[field_error("/address", "required", detail)])
    address = way.check(address)
    speaker = replace(caller, who=who)
    state = State.ACTIVE
    if not contacts.is_theirs(who, channel, address):
        contacts.send_code(speaker, channel=channel, address=address, locale=caller.locale, now=now)
        state = State.UNCONFIRMED
    if wish is not None and wish.address != address:
        subscribing.remove(wish)
    subscriptions.begin(
        topic=order.topic,
        channel=Subscription.Channel(channel),
        address=address,
        who=who,
        types=buyers.TYPES,
        locale=caller.locale,
        state=state,
        link=tracking.ticket_url(ticket) if ticket else "",
        now=now,
    )
    return state == State.ACTIVE


def switch_off(caller: Caller, order: Order, channel: str) -> None:
    """Tell them nothing more of it by this channel; what was not confirmed is forgotten."""
    _require(channel)
    who, _ticket = _whose(caller, order)
    for wish in _wishes(who, order).filter(channel=channel):
        if wish.state == State.UNCONFIRMED:
            subscribing.remove(wish)
        else:
            subscriptions.pause(wish)


def confirm(caller: Caller, order: Order, channel: str, code: str, *, now: datetime) -> None:
    """The address is theirs. Raises Invalid and BadCode."""
    _require(channel)
    who, _ticket = _whose(caller, order)
    waiting = _wishes(who, order).filter(channel=channel, state=State.UNCONFIRMED).last()
    if waiting is None:
        raise contacts.bad_code()
    contacts.confirm(waiting, code, now=now)


def _require(channel: str) -> channels.Channel:
    if channel not in addresses.TYPED:
        raise Invalid(_("Choose one of the channels that are offered."))
    return channels.require(channel)


def _whose(caller: Caller, order: Order) -> tuple[str, str]:
    """Under whose name wishes of this order are kept, and the ticket they are kept by, if any."""
    ticket = subscribing.ticket_for(caller, order.topic) or ""
    return (subscriptions.by_ticket(digest(ticket)) if ticket else caller.who), ticket


def _wishes(who: str, order: Order) -> Any:
    return Subscription.objects.of([who]).filter(topic=order.topic, wish="").order_by("pk")


def _known_address(caller: Caller, channel: str) -> str:
    if caller.user_id is None:
        return ""
    known = (address for kind, address in contacts.of_person(caller.user_id) if kind == channel)
    return next(known, "")
