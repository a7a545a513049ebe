"""What each product on sale is found by: its tokens, made of all that is written about it.

    vase            a word of any of its texts, in any language
    ~vas            the same without its ending, if it has one
    =vase  =~vas    a word of its name, in any language, of its SKUs or its brand
    @de=vase …      a word of its name in German
    #colour=red     a fact: colour, brand, kind, category (each above it, too)

A shopper's words are letters and digits, so that nothing typed can name a token with a sign.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import Q

from catalog import shop
from catalog.models import Category, Master, OptionValue, Price, Variant
from catalog.search import lexicon, words

# of one text; the rest of a longer one is not found
MOST_WORDS = 1000
MOST_WORDS_OF_A_FACT = 10
# the values of SearchEntry's columns, in their order
Entry = tuple[Any, ...]
# every language there are words for: what has no language of its own may be in any
LEXICONS = tuple(lexicon.of(language) for language in lexicon.LANGUAGES)


@dataclass
class Document:
    """What is collected about one product; `plain` are the words as they are written."""

    tokens: set[str] = field(default_factory=set)
    plain: set[str] = field(default_factory=set)
    names: list[str] = field(default_factory=list)

    def tell(self, text: str, language: str = "", *, marks: Collection[str] = ("",)) -> list[str]:
        """Take in a text; without a language it may be in any."""
        said = words.split(text)[:MOST_WORDS]
        for word in set(said):
            for token in _tokens(word, language):
                self.tokens.update([mark + token for mark in marks])
        self.plain.update(said)
        return said

    def name(self, text: str, language: str = "") -> None:
        """Take in a name or, without a language, a SKU."""
        own = (f"@{language}=",) if language else ()
        said = self.tell(text, language, marks=("", "=", *own))
        if said:
            self.names.append(f"{language or '#'} {' '.join(said)} ")
        self.colour(said, language)

    def colour(self, said: Iterable[str], language: str = "") -> None:
        for known in (lexicon.of(language),) if language else LEXICONS:
            self.tokens.update(fact("colour", colour) for colour in known.colours(said))


@lru_cache(100_000)
def _tokens(word: str, language: str) -> tuple[str, ...]:
    """The word and, marked, its stems that differ from it."""
    lexicons = (lexicon.of(language),) if language else LEXICONS
    stems = {known.stem(word) for known in lexicons} - {word}
    return (word, *(f"~{stem}" for stem in sorted(stems)))


def fact(name: str, value: str) -> str:
    """A token that products have or have not: `#kind=food`."""
    return f"#{name}={'_'.join(words.split(value)[:MOST_WORDS_OF_A_FACT])}"


def entries(masters: Iterable[Master], *, now: datetime) -> tuple[list[Entry], set[str]]:
    """The index entries of products, in a fixed number of queries, and every word of them."""
    masters = list(masters)
    ids = [master.pk for master in masters]
    documents = {master.pk: _of_master(master) for master in masters}
    _tell_texts(documents, ids)
    _tell_variants(documents, ids)
    categories = _Categories.read()
    costs = prices(ids, currency=shop.currency(), now=now)
    made = []
    for master in masters:
        document = documents[master.pk]
        path = categories.tell(document, master.primary_category_id)
        price, until = costs.get(master.pk, (None, None))
        made.append(
            (
                master.pk,
                " ".join(sorted(document.tokens)),
                f"|{'|'.join(document.names)}|",
                price,
                until,
                master.published_at,
                path,
                master.brand,
                master.kind,
                master.revision,
            )
        )
    plain = {word for document in documents.values() for word in document.plain}
    return made, plain


def _of_master(master: Master) -> Document:
    document = Document()
    if master.brand:
        document.tokens.add(fact("brand", master.brand))
        document.colour(document.tell(master.brand, marks=("", "=")))
    document.tokens.add(fact("kind", master.kind))
    for text in [*map(str, master.tags), *map(str, master.attributes.values())]:
        document.colour(document.tell(text))
    for language, facts in master.facts.items():
        for text in map(str, facts.values()):
            document.colour(document.tell(text, language), language)
    return document


def _tell_texts(documents: Mapping[int, Document], ids: Collection[int]) -> None:
    fields = ("master_id", "language_code", "name", "subtitle", "description")
    rows = Master._parler_meta.root_model.objects.filter(master_id__in=ids)
    for pk, language, name, subtitle, description in rows.values_list(*fields):
        document = documents[pk]
        document.name(name, language)
        document.colour(document.tell(subtitle, language), language)
        document.tell(description, language)


def _tell_variants(documents: Mapping[int, Document], ids: Collection[int]) -> None:
    """The SKUs and options of what can be bought."""
    variants = Variant.objects.filter(master_id__in=ids, is_active=True)
    for pk, sku, gtin in variants.values_list("master_id", "sku", "gtin"):
        documents[pk].name(sku)
        documents[pk].name(gtin)
    values = OptionValue.objects.filter(variants__in=variants).distinct()
    for pk, label, labels in values.values_list("option__master", "label", "labels"):
        for language, text in {"": label, **labels}.items():
            documents[pk].colour(documents[pk].tell(text, language), language)


@dataclass(frozen=True)
class _Categories:
    """Where each lies in the tree, and its names by language."""

    paths: Mapping[int, str]
    names: Mapping[str, list[tuple[str, str]]]

    @classmethod
    def read(cls) -> "_Categories":
        paths = dict(Category.objects.values_list("pk", "path"))
        names = defaultdict(list)
        rows = Category._parler_meta.root_model.objects.values_list(
            "master_id", "language_code", "name"
        )
        for pk, language, name in rows:
            names[paths[pk]].append((language, name))
        return cls(paths, names)

    def tell(self, document: Document, pk: int) -> str:
        """A product is in its category and in each above it."""
        path = self.paths[pk]
        for end in range(Category.steplen, len(path) + 1, Category.steplen):
            document.tokens.add(fact("category", path[:end]))
            for language, name in self.names.get(path[:end], ()):
                document.tell(name, language)
        return path


Priced = tuple[int | None, datetime | None]


def prices(ids: Collection[int], *, currency: str, now: datetime) -> dict[int, Priced]:
    """The lowest price of each, and until when it is that for sure."""
    rows = Price.objects.filter(
        Q(valid_to=None) | Q(valid_to__gt=now),
        variant__master__in=ids,
        variant__is_active=True,
        currency=currency,
        sales_channel="web",
    ).values_list("variant__master", "amount", "valid_from", "valid_to")
    by_master = defaultdict(list)
    for pk, *row in rows:
        by_master[pk].append(row)
    return {pk: (_lowest(of_one, now), _changes(of_one, now)) for pk, of_one in by_master.items()}


def _lowest(rows: Iterable[Any], now: datetime) -> int | None:
    return min((amount for amount, begins, _ends in rows if begins <= now), default=None)


def _changes(rows: Iterable[Any], now: datetime) -> datetime | None:
    return min(_moments(rows, now), default=None)


def _moments(rows: Iterable[Any], now: datetime) -> Iterator[datetime]:
    for _amount, *moments in rows:
        yield from (moment for moment in moments if moment and moment > now)
