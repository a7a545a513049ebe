"""Locks are taken in one order everywhere, so nobody waits for somebody who waits for them.

On PostgreSQL: SQLite has one writer at a time.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import combinations_with_replacement
from typing import Any

import pytest
from django.db import OperationalError, connection

from catalog import stock
from catalog.models import StockItem, Variant
from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from museo.access.problems import Problem
from notifications import log
from orders import (
    adjustments,
    amendments,
    baskets,
    checkout,
    checkouts,
    delays,
    deliveries,
    lateness,
    outcomes,
    returns,
    services,
)
from orders.details import Details
from orders.models import Coupon, Order, Plan
from orders.payments import demo, links, settlement
from orders.payments.charges import Outcome
from tests.orders.conftest import SellLamp
from tests.together import at_once

pytestmark = pytest.mark.usefixtures("committed")

THINGS = ["BOWL", "LAMP", "MUG", "PRINT", "SCARF", "VASE"]
THREADS = 16
Act = Callable[[], object]


@pytest.fixture
def things(sell: SellLamp) -> list[Variant]:
    Plan.objects.filter(code="courier").update(slot_minutes=60, orders_per_slot=50)
    return [sell(sku, on_hand=500) for sku in THINGS]


@pytest.fixture
def baskets_to_buy(request: pytest.FixtureRequest) -> int:
    return 1000 if request.config.getoption("--long") else 96


def guest_with(skus: Iterable[str], now: datetime) -> Caller:
    token = ""
    for sku in skus:
        token = baskets.add(Caller(basket_token=token), sku=sku, quantity=1, now=now).token or token
    return Caller(basket_token=token)


def tried(act: Act) -> object:
    """What it returned, or how it was refused; anything else is a fault of ours."""
    try:
        return act()
    except Problem as refusal:
        return refusal


def crowd(
    count: int, details: Details, staff: Caller, things: list[Variant], now: datetime
) -> list[Act]:
    """Sixteen who work at once: buyers of three things, beside them the clock and staff."""
    chance = random.Random(7)  # noqa: S311  the same baskets each time
    guests = [guest_with(chance.sample(THINGS, 3), now) for _ in range(count)]
    asking = replace(details, payment_token="needs_action")

    def buy(guests: list[Caller]) -> list[object]:
        return [
            tried(
                partial(
                    checkout.place, guest, asking if at % 4 == 0 else details, now=now, speed=1.0
                )
            )
            for at, guest in enumerate(guests)
        ]

    def release() -> list[object]:
        later = now + timedelta(hours=1)
        return [tried(partial(checkout.release_expired, now=later)) for _ in range(count // 8)]

    def edit() -> list[object]:
        chance = random.Random(8)  # noqa: S311
        return [
            tried(partial(stock_edit, chance.choice(things), chance.choice([-1, 1]), now))
            for _ in range(count // 4)
        ]

    def cancel() -> list[object]:
        cancelled = []
        for _ in range(count // 8):
            order = Order.objects.filter(status="placed").order_by("?").first()
            if order:
                cancelled.append(tried(partial(adjustments.cancel, staff, order.number, now=now)))
        return cancelled

    buyers = THREADS - 3
    return [*(partial(buy, guests[at::buyers]) for at in range(buyers)), release, edit, cancel]


def stock_edit(variant: Variant, delta: int, now: datetime) -> None:
    with log.change():
        stock.take_stock([stock.Count(variant.sku, delta=delta)], by="staff", at=now)


def test_baskets_with_the_same_things_in_any_order_never_deadlock(
    things: list[Variant], details: Details, staff: Caller, noon: datetime, baskets_to_buy: int
) -> None:
    results = at_once(crowd(baskets_to_buy, details, staff, things, noon))

    failed = [result for result in results if isinstance(result, Exception)]
    assert failed == []
    said = Counter(type(one).__name__ for done in results for one in done)  # type: ignore[attr-defined]
    assert said["Placed"] > baskets_to_buy / 4
    while checkout.release_expired(now=noon + timedelta(hours=2)):
        # so many at a time
        pass
    assert not StockItem.objects.exclude(reserved=0).exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_in_no_order_they_deadlock(
    things: list[Variant],
    details: Details,
    staff: Caller,
    noon: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def in_no_order(pks: set[int]) -> list[int]:
        return random.sample(sorted(pks), len(pks))

    monkeypatch.setattr(stock, "_in_order", in_no_order)
    results = at_once(crowd(64, details, staff, things, noon))

    failed = [result for result in results if isinstance(result, Exception)]
    assert failed
    assert all(isinstance(failure, OperationalError) for failure in failed)
    assert any("deadlock detected" in str(failure) for failure in failed)


@dataclass(frozen=True)
class Scene:
    """A customer with a full basket, orders, and a payment that waits for an answer."""

    customer: Caller
    visitor: Caller
    order: Order
    # an order on invoice, and what a link to pay it ends with
    owing: Order
    link: str
    payment_id: str
    thing: Variant


def scene(things: list[Variant], details: Details, now: datetime) -> Scene:
    user = User.objects.create_user(f"maya{User.objects.count()}@example.org")
    customer = caller_for_user(user, locale="en")
    for sku in THINGS[:3]:
        baskets.add(customer, sku=sku, quantity=2, now=now)
    order = checkout.place(customer, details, now=now, speed=1.0).order
    baskets.add(customer, sku=THINGS[1], quantity=1, now=now)
    on_invoice = replace(details, payment_provider="manual", payment_token="invoice")
    owing = checkout.place(customer, on_invoice, now=now, speed=1.0).order
    for sku in reversed(THINGS[:3]):
        baskets.add(customer, sku=sku, quantity=1, now=now)
    Coupon.objects.get_or_create(code="TEN", defaults={"value": 1000, "usage_limit": 10_000})
    baskets.apply_coupon(customer, "TEN", now=now)
    asking = replace(details, payment_token="needs_action")
    with pytest.raises(outcomes.PaymentActionRequired) as asked:
        checkout.place(customer, asking, now=now, speed=1.0)
    token = guest_with(THINGS[1:4], now).basket_token
    return Scene(
        customer=customer,
        visitor=replace(customer, basket_token=token),
        order=order,
        owing=owing,
        link=links.for_order(customer, owing.number, now=now).token,
        payment_id=str(asked.value.facts["payment_id"]),
        thing=things[1],
    )


def services_of(at: Scene, details: Details, staff: Caller, now: datetime) -> dict[str, Act]:
    """Everything that takes locks, all of it of the same things."""
    later = now + timedelta(hours=1)
    number = at.order.number
    body = {"email": details.email, "name": details.name, "address": dict(details.address)}

    def checkout_in_steps() -> None:
        begun = checkouts.begin(at.customer, body, now=now)["id"]
        checkouts.update(at.customer, begun, body, now=now)
        checkouts.complete_once(at.customer, begun, {}, key=begun, now=now, speed=1.0)

    news, headers = demo.news(at.payment_id, Outcome.CAPTURED)
    by_link: dict[str, Any] = {"method": "ok", "body": {}, "locale": "en", "now": now, "speed": 1.0}
    return {
        "add": partial(baskets.add, at.customer, sku=THINGS[0], quantity=1, now=now),
        "merge": partial(baskets.merge, at.visitor, now=now),
        "reorder": partial(baskets.reorder, at.customer, number, now=now),
        "place": partial(checkout.place, at.customer, details, now=now, speed=1.0),
        "finish": partial(
            outcomes.finish_payment, at.payment_id, approved=True, now=now, speed=1.0
        ),
        "begin": partial(checkouts.begin, at.customer, body, now=now),
        "in steps": checkout_in_steps,
        "coupon": partial(baskets.apply_coupon, at.customer, "TEN", now=now),
        "expire": partial(baskets.expire, now=later + baskets.LIFETIME),
        "release": partial(checkout.release_expired, now=later),
        "advance": partial(services.advance, staff, number, to="confirmed", now=now),
        "tick": partial(services.advance_due, now=later),
        "cancel": partial(adjustments.cancel, staff, number, now=now),
        "refund": partial(adjustments.refund, staff, number, units={1: 1}, now=now),
        "hear": partial(settlement.hear, "demo", news, headers, now=now, speed=1.0),
        "look": partial(settlement.look_after, now=later, speed=1.0),
        "receive": partial(settlement.mark_paid, staff, at.owing.number, now=now),
        "give up": partial(adjustments.cancel, staff, at.owing.number, now=now),
        "link": lambda: links.pay(links.find(at.link), **by_link),
        "stock": partial(stock_edit, at.thing, 1, now),
        "late": partial(lateness.tell_overdue, now=later),
        "hold": partial(delays.hold, staff, number, now=now),
        "resume": partial(delays.resume, staff, number, now=now),
        "revise": partial(delays.revise, staff, number, eta=later, now=now),
        "fail": partial(deliveries.fail, staff, number, now=now),
        "try again": partial(deliveries.try_again, staff, number, now=now, speed=1.0),
        "amend": partial(amendments.amend, staff, number, note="Ring", now=now),
        "send back": partial(returns.ask, staff, number, units={1: 1}, now=later),
    }


def test_every_pair_of_services_gets_along(
    things: list[Variant],
    details: Details,
    staff: Caller,
    noon: datetime,
    request: pytest.FixtureRequest,
) -> None:
    # each pair sells some
    StockItem.objects.update(on_hand=100_000)
    names = services_of(scene(things, details, noon), details, staff, noon)
    pairs = list(combinations_with_replacement(names, 2))
    if not request.config.getoption("--long"):
        pairs = random.Random(9).sample(pairs, 16)  # noqa: S311  the same pairs each time
    for pair in pairs:
        acts = services_of(scene(things, details, noon), details, staff, noon)

        results = at_once([partial(tried, acts[name]) for name in pair * 2])

        failed = [result for result in results if isinstance(result, Exception)]
        assert not [one for one in failed if not isinstance(one, Problem)], pair
