"""The first run: how a shop becomes one's own, in five steps of which each is kept by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from secrets import token_hex
from typing import Any

from django.utils.text import slugify
from django.utils.translation import override

from catalog import categories, masters, shop, shopkeeping
from catalog.models import Category, Master
from museo.access.callers import Caller
from notifications import log
from orders.delivery import DeliveryArea, DeliveryOption
from orders.taxes import TaxRate
from orders.usual_rates import RATES

NAME, LANGUAGES, DELIVERY, TAXES, PRODUCT = STEPS = (1, 2, 3, 4, 5)
# what can be chosen first; `digital` is there for what needs nobody to carry it
WAYS: dict[str, dict[str, Any]] = {
    "courier": {
        "name": "Courier to your door",
        "plan": "courier",
        "kinds": ["physical", "food"],
        "needs_address": True,
    },
    "parcel": {
        "name": "Parcel",
        "plan": "parcel",
        "kinds": ["physical"],
        "needs_address": True,
    },
    "pickup": {
        "name": "Pick up in the shop",
        "plan": "pickup",
        "kinds": ["physical", "food"],
        "needs_address": False,
    },
}


def name_shop(
    caller: Caller,
    *,
    name: str,
    contact_email: str,
    country: str,
    currency: str,
    time_zone: str,
    now: datetime,
) -> None:
    """Step 1; with it the shop has a row."""
    said = {
        "name": name,
        "contact_email": contact_email,
        "country": country,
        "currency": currency,
        "time_zone": time_zone,
    }
    before = shop.current()
    languages = {"languages": list(before.languages), "default_language": before.default_language}
    with log.change():
        shopkeeping.begin({**languages, **said}, now=now)
        shopkeeping.change(caller, said, step=NAME, now=now)


def speak(
    caller: Caller, *, languages: Collection[str], default_language: str, now: datetime
) -> None:
    """Step 2."""
    with log.change():
        fields = {"languages": list(languages), "default_language": default_language}
        shopkeeping.change(caller, fields, step=LANGUAGES, now=now)


def deliver(
    caller: Caller,
    *,
    way: str,
    price: int,
    country: str,
    postal_prefixes: Collection[str],
    now: datetime,
) -> None:
    """Step 3: one way for what is carried, in the place of those that a new shop comes with.

    `price` is in minor units; an empty country is everywhere.
    """
    with log.change():
        DeliveryOption.objects.filter(code__in=WAYS).update(is_active=False)
        option, _made = DeliveryOption.objects.update_or_create(
            code=way, defaults={**WAYS[way], "price": price, "is_active": True}
        )
        option.areas.all().delete()
        if country and option.needs_address:
            DeliveryArea.objects.bulk_create(
                DeliveryArea(option=option, country=country, postal_prefix=prefix)
                for prefix in sorted(set(postal_prefixes)) or [""]
            )
        shopkeeping.change(caller, {}, step=DELIVERY, now=now)


def tax(
    caller: Caller, *, rates: Mapping[str, int | None], is_included: bool, now: datetime
) -> None:
    """Step 4: basis points by tax class, for the shop's country; None for none of its own."""
    country = shop.current().country
    with log.change():
        TaxRate.objects.filter(country=country, tax_class__in=rates).delete()
        TaxRate.objects.bulk_create(
            TaxRate(
                country=country,
                tax_class=tax_class,
                basis_points=basis_points,
                is_included=is_included,
            )
            for tax_class, basis_points in rates.items()
            if basis_points is not None
        )
        shopkeeping.change(caller, {}, step=TAXES, now=now)


def suggested_rates(country: str) -> dict[str, int]:
    """What was said before, or else what is usual in the country; by tax class."""
    said = dict(TaxRate.objects.filter(country=country).values_list("tax_class", "basis_points"))
    return said or RATES.get(country, {})


def deliverable() -> set[str]:
    """The kinds of products that some way of delivery carries."""
    carried = DeliveryOption.objects.filter(is_active=True).values_list("kinds", flat=True)
    return {kind for kinds in carried for kind in kinds}


def sell_first(
    caller: Caller,
    *,
    name: str,
    room: str,
    kind: str,
    price: int,
    on_hand: int | None,
    now: datetime,
) -> Master:
    """Step 5: a product with one variant, in the shop's default language.

    `on_hand` is None for what is not counted. Raises what `masters.create` raises.
    """
    here = shop.current()
    money = {"amount": price, "currency": here.currency}
    counted = {"track_stock": False} if on_hand is None else {"on_hand": on_hand}
    sku = f"{slugify(name)[:50] or 'first'}-{token_hex(2)}".upper()
    with log.change():
        fields = {
            "kind": kind,
            "status": Master.Status.ACTIVE,
            "category": _room(room, here.default_language).slug,
            "translations": {here.default_language: {"name": name}},
            "variants": [{"sku": sku, "prices": [{"price": money}], **counted}],
        }
        return masters.create(caller, fields, now=now)


def open_doors(caller: Caller, *, now: datetime) -> None:
    """End the first run: from now on people can buy."""
    with log.change():
        shopkeeping.change(caller, {}, step=PRODUCT, now=now)
        shopkeeping.open_doors(now=now)


def _room(name: str, language: str) -> Category:
    """The category with this name, or a new room."""
    found: Category | None = Category.objects.filter(translations__name=name).first()
    if found:
        return found
    with override(language):
        category = Category(slug=categories.free_slug(name), name=name)
        categories.plant(category, below=None)
    return category
