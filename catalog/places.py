"""Countries, currencies and time zones to choose from, named in the reader's language."""

from datetime import date
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.core import get_global
from babel.numbers import get_territory_currencies
from django.conf import settings
from django.utils.translation import get_language, get_language_info

Choices = list[tuple[str, str]]
# Babel's territories that nobody sells in
NO_COUNTRIES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})
# where nearly everybody lives, of countries with several time zones
MAIN = {"DE": "Europe/Berlin", "ES": "Europe/Madrid", "PT": "Europe/Lisbon"}
# Babel 2.18 still says lev
NEWER_TENDER = {"BG": (date(2026, 1, 1), "EUR")}


def countries() -> Choices:
    names = _locale().territories
    return sorted(((code, str(names.get(code, code))) for code in _countries()), key=_by_name)


def is_country(code: str) -> bool:
    """Whether it is the code of one, in capitals."""
    return code in _countries()


def currencies() -> Choices:
    names = _locale().currencies
    said = ((code, f"{names.get(code, code)} ({code})") for code in tender())
    return sorted(said, key=_by_name)


def time_zones() -> Choices:
    return [(zone, zone.replace("_", " ")) for zone in _time_zones()]


def languages() -> Choices:
    """Those that Museo speaks, each in its own words."""
    return [
        (code, str(get_language_info(code)["name_local"])) for code, _name in settings.LANGUAGES
    ]


def time_zone_of(country: str) -> str:
    """A country's time zone; empty for one that has several."""
    zones: list[str] = get_global("territory_zones").get(country, [])
    return MAIN.get(country) or (zones[0] if len(zones) == 1 else "")


def currency_of(country: str, day: date) -> str:
    """What is tender in a country; empty for one that has several, or none."""
    found = _tender_of(country, day)
    return found[0] if len(found) == 1 else ""


@lru_cache(maxsize=1)
def tender() -> frozenset[str]:
    """The currencies that are legal tender somewhere today (ISO 4217), or were until lately.

    A shop that keeps its prices in one goes on with it.
    """
    today = date.today()  # noqa: DTZ011
    return frozenset(
        code for land in _countries() for code in get_territory_currencies(land, today)
    )


def _tender_of(country: str, day: date) -> list[str]:
    since, currency = NEWER_TENDER.get(country, (date.max, ""))
    return [currency] if day >= since else list(get_territory_currencies(country, day))


def _by_name(choice: tuple[str, str]) -> str:
    return choice[1].casefold()


def _locale() -> Locale:
    return Locale.parse(get_language() or settings.LANGUAGE_CODE, sep="-")


@lru_cache(maxsize=1)
def _countries() -> frozenset[str]:
    known: Any = Locale("en").territories
    return frozenset(code for code in known if len(code) == 2 and code.isalpha()) - NO_COUNTRIES


@lru_cache(maxsize=1)
def _time_zones() -> list[str]:
    placed: Any = get_global("zone_territories")
    return ["UTC", *sorted(zone for zone in placed if not zone.startswith("Etc/"))]
