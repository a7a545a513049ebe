"""The first run: how a shop becomes one's own, in five steps of which each is kept by itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from secrets import token_hex
from typing import Any

from django.utils.text import slugify
from django.utils.translation import override

from catalog import shop, stock
from catalog.models import ALWAYS, Category, Master, Price, Variant
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


def name_shop(*, name: str, country: str, currency: str, time_zone: str) -> None:
    """Step 1; with it the shop has a row."""
    said = {"name": name, "country": country, "currency": currency, "time_zone": time_zone}
    before = shop.current()
    languages = {"languages": list(before.languages), "default_language": before.default_language}
    with log.change():
        shop.begin({**languages, **said})
        shop.change(said, step=NAME)


def speak(*, languages: Collection[str], default_language: str) -> None:
    """Step 2."""
    with log.change():
        fields = {"languages": list(languages), "default_language": default_language}
        shop.change(fields, step=LANGUAGES)


def deliver(*, way: str, price: int, country: str, postal_prefixes: Collection[str]) -> None:
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
        shop.change({}, step=DELIVERY)


def tax(*, rates: Mapping[str, int | None], is_included: bool) -> None:
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
        shop.change({}, step=TAXES)


def suggested_rates(country: str) -> dict[str, int]:
    """What was said before, or else what is usual in the country; by tax class."""
    said = dict(TaxRate.objects.filter(country=country).values_list("tax_class", "basis_points"))
    return said or RATES.get(country, {})


def sell_first(
    *, name: str, room: str, kind: str, price: int, on_hand: int | None, now: datetime
) -> Master:
    """Step 5: a product with one variant, in the shop's default language.

    `on_hand` is None for what is not counted.
    """
    here = shop.current()
    with log.change(), override(here.default_language):
        slug = slugify(name) or token_hex(4)
        master: Master = Master.objects.create(
            slug=_free(slug),
            kind=kind,
            status=Master.Status.ACTIVE,
            published_at=now,
            primary_category=_room(room),
            name=name,
        )
        variant = Variant.objects.create(
            master=master,
            sku=f"{slug[:50]}-{token_hex(2)}".upper(),
            track_stock=on_hand is not None,
        )
        Price.objects.create(
            variant=variant, amount=price, currency=here.currency, valid_from=ALWAYS
        )
        if on_hand:
            stock.adjust(variant, delta=on_hand, by="first run", at=now)
    return master


def open_doors(*, now: datetime) -> None:
    """End the first run: from now on people can buy."""
    with log.change():
        shop.change({}, step=PRODUCT)
        shop.open_doors(now=now)


def deliverable() -> set[str]:
    """The kinds of products that some way of delivery carries."""
    carried = DeliveryOption.objects.filter(is_active=True).values_list("kinds", flat=True)
    return {kind for kinds in carried for kind in kinds}


def _free(slug: str) -> str:
    slug = slug[:100]
    is_taken = Master.objects.filter(slug=slug, deleted_at=None).exists()
    return f"{slug}-{token_hex(2)}" if is_taken else slug


def _room(name: str) -> Category:
    found = Category.objects.filter(translations__name=name).first()
    if found:
        return found  # type: ignore[no-any-return]
    slug = slugify(name)[:40] or token_hex(4)
    if Category.objects.filter(slug=slug).exists():
        slug = f"{slug}-{token_hex(2)}"
    return Category.objects.add_root(instance=Category(slug=slug, name=name))  # type: ignore[no-any-return]
