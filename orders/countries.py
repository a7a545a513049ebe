"""The countries that an address can be in, as readers of a language call them."""

from __future__ import annotations

from functools import lru_cache

from babel import Locale, UnknownLocaleError
from django.utils.translation import to_locale

from catalog import shop
from catalog.search import words
from orders import delivery

CODE_LENGTH = 2


def choices(language: str, *, chosen: str) -> list[tuple[str, str]]:
    """Codes and names: where the shop delivers to, or everywhere; the shop's own country first.

    One that is `chosen` already stays among them: what is wrong with it is said beside it.
    """
    names = _names(language)
    codes = _reached() or set(names)
    home = shop.current().country
    others = sorted(codes - {home}, key=lambda code: words.fold(names.get(code) or code))
    return [
        (code, names.get(code, code))
        for code in dict.fromkeys([home, *others, *([chosen] if chosen else [])])
    ]


def name(code: str, language: str) -> str:
    """What readers of a language call it; the code itself of what is none."""
    return _names(language).get(code) or code


def _reached() -> set[str]:
    """The countries of all areas; empty if a way of delivery goes everywhere."""
    carried = [option for option in delivery.OPTIONS.get() if option.needs_address]
    areas = [{area.country.upper() for area in option.areas.all()} for option in carried]
    return set().union(*areas) if all(areas) else set()


@lru_cache(maxsize=16)
def _names(language: str) -> dict[str, str]:
    try:
        territories = Locale.parse(to_locale(language)).territories
    except (ValueError, UnknownLocaleError):
        territories = Locale("en").territories
    # the rest are continents, and the whole world
    return {
        code: str(name)
        for code, name in territories.items()
        if len(code) == CODE_LENGTH and code.isalpha() and code not in NOT_COUNTRIES
    }


# what has a code and no address
NOT_COUNTRIES = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ", "AC", "CP", "CQ", "DG", "EA"})
