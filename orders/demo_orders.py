"""The orders that a new demo shop begins with, so that its board and its charts have something.

They are bought and moved on by the services that everybody uses, at moments of the last hour, and
go on by the clock. At whatever speed the shop runs, they take an hour: time enough to look around.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings

from catalog import shop
from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from orders import baskets, checkout, delays, services
from orders.details import Details
from orders.models import Order

# of life's: a courier takes an hour then
PACE = 1 / 5

Happening = Callable[[datetime], None]


def begin(*, now: datetime) -> None:
    """Let the last hour of a shop happen; it has sold nothing yet. Joins the caller's change."""
    # where money moves, nobody buys for show
    if "demo" not in settings.MUSEO_PAYMENT_PROVIDERS:
        return
    for minutes_ago, happens in sorted(_last_hour(), key=lambda each: each[0], reverse=True):
        at = now - timedelta(minutes=minutes_ago)
        _move_on(at)
        happens(at)
    _move_on(now)


def _last_hour() -> Iterable[tuple[int, Happening]]:
    """What happened so many minutes ago."""
    yield 65, _buys("Sara Haddad", "Ullankatu 4", "ALMOND-CAKE", "MINT-TEA")
    yield 52, _buys("Kaisa Mäki", "Runeberginkatu 21", "MARGHERITA", "HERB-SALAD")
    yield 47, _buys("Maya Okafor", "Museum Street 1", "AMPHORA-VASE")
    yield 31, _buys("Rui Silva", "Hämeentie 12", "SUSHI-BOX", "SUSHI-BOX", "SEA-BUCKTHORN-SODA")
    yield 28, _buys("Dana Novak", "Fleminginkatu 7", "ROUND-TEAPOT", "TEA-BOWL", "TEA-BOWL")
    yield 19, _buys("Emil Brandt", "", "CARDAMOM-BUN", "FILTER-COFFEE", delivery="pickup")
    yield 15, _buys("Noor Rahimi", "", "DAY-TICKET", "DAY-TICKET", delivery="digital")
    yield 13, _buys("Ines Moreau", "Kalevankatu 30", "SHAKSHUKA", "FATTOUSH")
    yield 6, _staff(delays.hold, "Dana Novak")
    yield 4, _staff(_comes_later, "Kaisa Mäki")
    yield 1, _buys("Jonas Weber", "Pohjoisranta 2", "TWO-STRIPE-MUG-BLUE", "POSTCARD-SET")


def _buys(name: str, line1: str, *skus: str, delivery: str = "courier") -> Happening:
    address = {"line1": line1, "city": "Helsinki", "postal_code": "00130", "country": "FI"}
    details = Details(
        email=f"{name.partition(' ')[0].lower()}@people.example",
        name=name,
        address=address if line1 else {},
        delivery=delivery,
    )
    return partial(_buy, details, skus)


def _buy(details: Details, skus: Iterable[str], at: datetime) -> None:
    guest = Caller(locale=shop.current().default_language)
    for sku in skus:
        guest = guest.with_basket(baskets.add(guest, sku=sku, quantity=1, now=at).token)
    checkout.place(guest, details, now=at, speed=PACE)


def _staff(act: Callable[..., object], name: str) -> Happening:
    return lambda at: _act(act, name, at)


def _act(act: Callable[..., object], name: str, at: datetime) -> None:
    owner = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    # without anybody who works there, nobody has said so
    if owner:
        staff = caller_for_user(owner, locale=settings.LANGUAGE_CODE)
        act(staff, Order.objects.get(name=name).number, now=at)


def _comes_later(caller: Caller, number: str, *, now: datetime) -> None:
    eta = Order.objects.get(number=number).eta + timedelta(minutes=25)
    delays.revise(caller, number, eta=eta, now=now)


def _move_on(until: datetime) -> None:
    """Take each step when it was due."""
    while due := Order.objects.due(until).order_by("next_step_at").first():
        services.advance_due(now=due.next_step_at or until, is_time_left=lambda: False)
