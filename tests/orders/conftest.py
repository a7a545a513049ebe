"""The shop's nouns: a moment, a lamp with stock, a guest's basket, an order."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from catalog import stock
from catalog.models import Category, Master, Price, Variant
from catalog.search import index
from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from orders import baskets, checkout
from orders.details import Details
from orders.payments import PROVIDERS, Provider
from orders.payments.charges import Charge, ChargeRequest
from orders.tracking import Placed

SellLamp = Callable[..., Variant]
ADDRESS = {
    "line1": "Museum Street 1",
    "city": "Helsinki",
    "postal_code": "00130",
    "country": "FI",
}
# what a guest sends to buy the basket over REST
PURCHASE = {
    "email": "maya@example.org",
    "name": "Maya Okafor",
    "address": ADDRESS,
    "delivery": "courier",
    "payment": {"provider": "demo", "token": "ok"},
}
# the same on the page, for a lamp
FORM = {
    **ADDRESS,
    "name": "Maya Okafor",
    "email": "maya@example.org",
    "delivery": "courier",
    "payment": "ok",
    "key": "one",
    "expected_total": "13290",
}


def far_away(charge: Callable[[ChargeRequest], Charge]) -> Provider:
    """The demo, as if somebody else had to be asked: outside of any transaction."""
    return replace(PROVIDERS["demo"], charge=charge, is_at_hand=False)


@pytest.fixture
def noon() -> datetime:
    return datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def sell() -> SellLamp:
    """Puts a product with one variant on sale: sku, price in cents, units on hand."""

    def sell(sku: str = "LAMP", *, price: int = 12900, on_hand: int = 10) -> Variant:
        category = Category.objects.filter(slug="light").first() or Category.objects.add_root(
            instance=Category(slug="light", room=Category.Room.LIGHT, name="Light")
        )
        master = Master.objects.create(
            slug=sku.lower(),
            status=Master.Status.ACTIVE,
            primary_category=category,
            name=sku,
        )
        variant = Variant.objects.create(master=master, sku=sku)
        Price.objects.create(variant=variant, amount=price)
        morning = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
        stock.receive(variant, on_hand, at=morning)
        index.refresh([master.pk], now=morning)
        return variant

    return sell


@pytest.fixture
def details() -> Details:
    return Details(email="maya@example.org", name="Maya Okafor", address=ADDRESS)


@pytest.fixture
def guest() -> Caller:
    return Caller()


@pytest.fixture
def staff(db: None) -> Caller:
    return caller_for_user(User.objects.create_superuser("staff@museo.example"), locale="en")


@pytest.fixture
def buy(noon: datetime, details: Details) -> Callable[..., Placed]:
    """Buys as a guest: sku, quantity."""

    def buy(sku: str = "LAMP", quantity: int = 1, *, now: datetime = noon) -> Placed:
        opened = baskets.add(Caller(), sku=sku, quantity=quantity, now=now)
        guest = Caller(basket_token=opened.token)
        return checkout.place(guest, details, now=now, speed=1.0)

    return buy
