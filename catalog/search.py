"""Finding products by words, in the caller's language or else the shop's.

Letters match whatever their case and accent: "cafe" finds "Café". Every word must be there, in the
name, the texts, the options, the SKU, the brand, the tags or a category; the name counts most.
"""

import re
import unicodedata
from collections import defaultdict
from typing import Any

from django.conf import settings
from django.db.models import (
    Case,
    Exists,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast

from catalog.models import Category, Master, Variant

# more words than anybody types say nothing more
MOST_WORDS = 8
LONGEST_QUERY = 200


def matching(masters: Any, query: str, *, locale: str) -> Any:
    """Those that have every word of `query`, with a `rank`: the name counts more than the rest."""
    words = query[:LONGEST_QUERY].replace("\x00", " ").split()[:MOST_WORDS]
    patterns = [_pattern(word) for word in words]
    languages = {locale, settings.LANGUAGE_CODE}
    rooms = list(_names(Category, languages).values_list("name", "master__path"))
    masters = masters.annotate(tags_text=Cast("tags", TextField()))
    for pattern in patterns:
        paths = [path for name, path in rooms if re.search(pattern, name)]
        masters = masters.filter(_has(pattern, paths, languages))
    return masters.annotate(rank=_rank(r"\s+".join(patterns), languages))


def _has(pattern: str, paths: list[str], languages: set[str]) -> Q:
    texts = Q(name__regex=pattern) | Q(subtitle__regex=pattern) | Q(description__regex=pattern)
    sold_as = Variant.objects.filter(
        Q(sku__regex=pattern) | Q(option_values__label__regex=pattern), master=OuterRef("pk")
    )
    found = Exists(_of_master(languages).filter(texts)) | Exists(sold_as)
    found |= Q(brand__regex=pattern) | Q(tags_text__regex=pattern)
    for path in paths:
        found |= Q(primary_category__path__startswith=path)
    return found


def _rank(phrase: str, languages: set[str]) -> Case:
    """3 is the name, 2 how it begins, 1 somewhere in it; a whole SKU is as good as the name."""
    names = _of_master(languages)
    sold_as = Variant.objects.filter(sku__regex=f"^{phrase}$", master=OuterRef("pk"))
    return Case(
        When(Exists(names.filter(name__regex=f"^{phrase}$")) | Exists(sold_as), then=Value(3)),
        When(Exists(names.filter(name__regex=f"^{phrase}")), then=Value(2)),
        When(Exists(names.filter(name__regex=phrase)), then=Value(1)),
        default=Value(0),
        output_field=IntegerField(),
    )


def _of_master(languages: set[str]) -> QuerySet[Any]:
    return _names(Master, languages).filter(master=OuterRef("pk"))


def _names(model: Any, languages: set[str]) -> QuerySet[Any]:
    rows: QuerySet[Any] = model._parler_meta.root_model.objects.filter(language_code__in=languages)
    return rows


def _pattern(word: str) -> str:
    """A regular expression for the word in any case and with any accents."""
    return "".join(_letter(character) for character in unicodedata.normalize("NFC", word))


def _letter(character: str) -> str:
    if not character.isalpha():
        return re.escape(character)
    return f"[{ALIKE.get(_plain(character)) or character.lower() + character.upper()}]"


def _plain(character: str) -> str:
    """The letter without its accents, small."""
    return unicodedata.normalize("NFD", character)[0].lower()


def _alike() -> dict[str, str]:
    """Latin letters by their plain form: "e" is "EeÈÉ…èé…ēĕ…"."""
    alike: dict[str, str] = defaultdict(str)
    for character in map(chr, [*range(0x41, 0x5B), *range(0x61, 0x7B), *range(0xC0, 0x180)]):
        if character.isalpha():
            alike[_plain(character)] += character
    return dict(alike)


ALIKE = _alike()
