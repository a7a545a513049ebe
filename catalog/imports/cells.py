"""Cells as values: each function reads one kind of text, or raises RowRefused with the reason."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote

import orjson
from django.conf import settings
from django.core.files.storage import default_storage
from django.utils.text import slugify

from catalog import drafts, money
from catalog.imports.problems import RowRefused
from catalog.models import Master
from catalog.places import tender
from catalog.prices import DEAREST
from catalog.stock import MOST_ON_HAND

LARGEST_COUNT = MOST_ON_HAND
MOST_PICTURES = 20
# takes a price before, or a limit, away
NOTHING = "-"
YES = {"yes", "true", "1", "on", "ja", "oui", "sí", "si", "نعم", "wahr", "vrai", "x"}
NO = {"no", "false", "0", "off", "nein", "non", "لا", "falsch", "faux"}
# what no database or no file can hold; `UNREADABLE` stands for it until the row is refused
NO_CHARACTER = re.compile("[\x00\ud800-\udfff\ufffe\uffff]")
UNREADABLE = "\ufffe"
_PLAIN_AMOUNT = re.compile(r"(\d{1,10})(?:[.,](\d{2}))?")


def plain(text: str) -> str:
    """Without what no database keeps; the row of such a cell is refused."""
    return NO_CHARACTER.sub(UNREADABLE, text)


def text_of(value: Any) -> str:
    """A cell's value as somebody would type it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    return str(value)


def text(most: int) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if not cell.isprintable() and NO_CHARACTER.search(cell):
            raise RowRefused("unreadable")
        if len(cell) > most:
            raise RowRefused("too_long", most=most)
        return cell

    return read


_sku = text(64)


def sku(cell: str) -> str:
    """What staff can name it by everywhere else, too."""
    found = _sku(cell.strip())
    if not drafts.is_sku(found):
        raise RowRefused("sku_invalid")
    return found


_product = text(200)


def product(cell: str) -> str:
    """The slug: `Blue bowl` is `blue-bowl`."""
    _product(cell)
    slug = cell if _SLUG.fullmatch(cell) else slugify(cell)
    if not slug or len(slug) > 120:
        raise RowRefused("product_invalid")
    return slug


_SLUG = re.compile(r"[-a-zA-Z0-9_]{1,120}")


def price(cell: str, currency: str) -> int:
    """`84.00`, `84,00`, `1.234,50`, `1,234.50`, `€ 84.00`, `84.00 EUR` in minor units."""
    digits = money.digits(currency)
    plain = _PLAIN_AMOUNT.fullmatch(cell)
    if plain and digits == 2:
        return int(plain[1]) * 100 + int(plain[2] or 0)
    return _price(cell.strip(), currency, digits)


def _price(cell: str, currency: str, digits: int) -> int:
    if cell.startswith("="):
        raise RowRefused("formula")
    number = _decimal(_without_currency(cell, currency))
    if number is None:
        raise RowRefused("price_invalid")
    if number < 0:
        raise RowRefused("price_negative")
    most = money.Money(DEAREST, currency).as_decimal()
    if number > most:
        raise RowRefused("price_too_high", most=str(most))
    amount = number.scaleb(digits)
    if amount != int(amount):
        raise RowRefused("price_fraction", currency=currency, digits=digits)
    return int(amount)


def _without_currency(cell: str, currency: str) -> str:
    """The number alone, if what stands at it is its currency; raise RowRefused for another one."""
    found = _WITH_CURRENCY.fullmatch(cell)
    if found is None:
        return cell
    before, number, after = found.groups()
    # as in -€5
    minus = before[:1] if before[:1] in ("-", "+") else ""
    for each in (before.removeprefix(minus), after):
        _require_currency(each.strip(_AROUND), currency)
    return f"{minus}{number}"


# a point right before the number may belong to either side
_WITH_CURRENCY = re.compile(r"(\D*?)(?<![.,])([-+]?\d(?:[\d.,'\s]*\d)?[.,]?)(\D*)", re.DOTALL)
_AROUND = " \t\r\n\u00a0\u202f" + money.UNSEEN


def _require_currency(written: str, currency: str) -> None:
    if not written or written.upper() == currency or written in money.signs(currency):
        return
    if written.upper() in tender() or _is_sign(written):
        raise RowRefused("price_currency", written=written, currency=currency)
    raise RowRefused("price_invalid")


def _is_sign(written: str) -> bool:
    """Whether it is one of some currency, whichever: `US$`."""
    kinds = [unicodedata.category(each) for each in written]
    return len(kinds) <= 4 and "Sc" in kinds and {"Sc", "Lu"}.issuperset(kinds)


def _decimal(cell: str) -> Decimal | None:
    """Of two kinds of separators the last is the decimal one; of one kind it is that, once."""
    bare = re.sub(r"[\s\u00a0\u202f']", "", cell)
    if not re.fullmatch(r"[-+]?\d[\d.,]{0,40}", bare) or not bare.isascii():
        return None
    last = max(bare.rfind("."), bare.rfind(","))
    whole, part = (bare[:last], bare[last + 1 :]) if last >= 0 else (bare, "")
    between = set(whole) & {".", ","}
    if bare[last : last + 1] in between or len(between) > 1:
        return None
    groups = re.split("[.,]", whole.lstrip("+-"))
    if len(groups) > 1 and any(len(group) != 3 for group in groups[1:]):
        return None
    return Decimal(f"{re.sub('[.,]', '', whole)}.{part or 0}")


def currency(cell: str) -> str:
    code = cell.strip().upper()
    if code not in tender():
        raise RowRefused("currency_unknown")
    return code


def units(cell: str) -> int:
    """A whole number, which spreadsheets may write as 12.0; below zero by what was backordered."""
    if cell.isascii() and cell.isdigit() and len(cell) < 10:
        return int(cell)
    return _whole(cell, least=-LARGEST_COUNT)


def _whole(cell: str, *, least: int) -> int:
    bare = cell.strip().removesuffix(".0")
    if bare.startswith("="):
        raise RowRefused("formula")
    if not re.fullmatch(r"-?[0-9]{1,40}", bare):
        raise RowRefused("number_invalid")
    if not least <= int(bare) <= LARGEST_COUNT:
        raise RowRefused("number_range", least=max(least, 0), most=LARGEST_COUNT)
    return int(bare)


def limit(cell: str) -> int | None:
    if cell.strip() == NOTHING:
        return None
    return _whole(cell, least=1)


def flag(cell: str) -> bool:
    word = cell.strip().lower()
    if word in YES:
        return True
    if word in NO:
        return False
    raise RowRefused("yes_no_invalid")


def _choice(names: type[Master.Kind] | type[Master.Status]) -> Callable[[str], str]:
    def read(cell: str) -> str:
        word = cell.strip().lower()
        if word not in names.values:
            raise RowRefused("choice_invalid", choices=", ".join(names.values))
        return word

    return read


kind = _choice(Master.Kind)
status = _choice(Master.Status)
gtin_text = text(14)


def gtin(cell: str) -> str:
    bare = gtin_text(cell.strip())
    if not (bare.isascii() and bare.isdigit()):
        raise RowRefused("number_invalid")
    return bare


def tags(cell: str) -> list[str]:
    """A JSON list, or words between commas."""
    text(4000)(cell)
    if cell.lstrip().startswith("["):
        words: list[str] = _json(cell, list)
        if not all(isinstance(word, str) for word in words):
            raise RowRefused("object_invalid")
        return words
    return [word.strip() for word in cell.split(",") if word.strip()]


def attributes(cell: str) -> dict[str, Any]:
    """A JSON object, or `Material=Stoneware; Height=12 cm`."""
    text(10_000)(cell)
    return _json(cell, dict) if cell.lstrip().startswith("{") else _pairs(cell)


def options(cell: str) -> dict[str, str]:
    found = attributes(cell)
    for name, label in found.items():
        if not isinstance(label, str):
            raise RowRefused("object_invalid")
        option_label(label)
        option_label(name)
    return found


def option_label(cell: str) -> str:
    label = text(60)(cell)
    if not label.strip():
        raise RowRefused("object_invalid")
    return label


def _pairs(cell: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in cell.split(";") if pair.strip()]
    if not all(equals and name.strip() for name, equals, _value in pairs):
        raise RowRefused("object_invalid")
    return {name.strip(): value.strip() for name, _equals, value in pairs}


def _json(cell: str, kind: type) -> Any:
    try:
        found = orjson.loads(cell)
        kept = orjson.dumps(found)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:
        # also what is read, and is too deep to be kept
        raise RowRefused("object_invalid") from error
    # an escaped null character is one only now
    if not isinstance(found, kind) or b"\\u0000" in kept:
        raise RowRefused("object_invalid")
    return found


def pictures(cell: str) -> list[str]:
    """Addresses between spaces or line ends, or as a JSON list; nothing is fetched."""
    text(20_000)(cell)
    found = _json(cell, list) if cell.lstrip().startswith("[") else cell.split()
    if len(found) > MOST_PICTURES:
        raise RowRefused("pictures_many", most=MOST_PICTURES)
    if not all(isinstance(address, str) and _is_address(address) for address in found):
        raise RowRefused("picture_invalid")
    return list(dict.fromkeys(map(_as_kept, found)))


def _as_kept(address: str) -> str:
    """In the one spelling in which the shop gives it out."""
    if address.startswith(settings.MEDIA_URL):
        return default_storage.url(unquote(address.removeprefix(settings.MEDIA_URL)))
    return quote(address, safe="%/:?#[]@!$&'()*+,;=~")


def _is_address(address: str) -> bool:
    return len(address) <= 500 and bool(_ADDRESS.fullmatch(address)) and "/../" not in address


_ADDRESS = re.compile(r"(?:https://[\w.-]+(?::\d{1,5})?/|/media/)[^\s\x00-\x20\"'<>\\]*")
