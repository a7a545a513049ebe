"""How a query was understood: for programs in a fixed shape, for people in a sentence."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from catalog import shop
from catalog.search.reading import Reading
from catalog.templatetags.money import money

COLOURS = {
    "black": gettext_noop("black"),
    "white": gettext_noop("white"),
    "grey": gettext_noop("grey"),
    "red": gettext_noop("red"),
    "orange": gettext_noop("orange"),
    "yellow": gettext_noop("yellow"),
    "green": gettext_noop("green"),
    "blue": gettext_noop("blue"),
    "purple": gettext_noop("purple"),
    "pink": gettext_noop("pink"),
    "brown": gettext_noop("brown"),
    "beige": gettext_noop("beige"),
    "gold": gettext_noop("gold"),
    "silver": gettext_noop("silver"),
}
SORTS = {
    "price": gettext_noop("lowest price first"),
    "-price": gettext_noop("highest price first"),
    "newest": gettext_noop("newest first"),
}


def interpretation(reading: Reading, *, query: str, locale: str) -> dict[str, Any]:
    """Prices in minor units of the shop's currency; `corrected` by the word as it was typed."""
    return {
        "query": query,
        "locale": locale,
        "words": list(reading.words),
        "category": reading.category or None,
        "price_min": reading.price_min,
        "price_max": reading.price_max,
        "currency": shop.currency(),
        "colour": reading.colour or None,
        "in_stock": reading.in_stock,
        "sort": reading.sort or None,
        "quantity": reading.quantity,
        "corrected": dict(reading.corrected),
        "text": sentence(reading),
    }


def sentence(reading: Reading) -> str:
    """“mugs”, red, up to €20.00, in stock; in the active language."""
    parts = [_("“%(words)s”") % {"words": " ".join(reading.words)}] if reading.words else []
    if reading.colour:
        parts.append(_(COLOURS[reading.colour]))
    if price := price_range(reading.price_min, reading.price_max):
        parts.append(price)
    if reading.in_stock:
        parts.append(_("in stock"))
    if reading.sort:
        parts.append(_(SORTS[reading.sort]))
    return _(", ").join(parts)


def price_range(low: int | None, high: int | None) -> str:
    """In minor units, both included; None is no limit, and of two the text is empty."""
    if low is not None and high is not None:
        return _("%(low)s to %(high)s") % {"low": _money(low), "high": _money(high)}
    if high is not None:
        return _("up to %(price)s") % {"price": _money(high)}
    if low is not None:
        return _("from %(price)s") % {"price": _money(low)}
    return ""


def _money(amount: int) -> str:
    return money({"amount": amount, "currency": shop.currency()})
