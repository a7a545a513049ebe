"""What each product on sale is found by: its tokens, made of all that is written about it.

    vase            a word of any of its texts, in any language
    ~vas            the same without its ending, if it has one
    =vase  =~vas    a word of its name, in any language, of its SKUs or its brand
    @de=vase …      a word of its name in German
    #colour=red     a fact: colour, brand, kind, category (each above it, too)

A shopper's words are letters and digits, so that nothing typed can name a token with a sign.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.db.models import Min, Q, QuerySet

from catalog import shop
from catalog.models import Category, Master, Price, Variant
from catalog.search import lexicon, words
from catalog.search.models import SearchEntry

# of one text; the rest of a longer one is not found
MOST_WORDS = 1000
MOST_WORDS_OF_A_FACT = 10
# the values of SearchEntry's columns, in their order
Entry = tuple[Any, ...]
# product, language, name to sort by, path of its category
Name = tuple[int, str, str, str]
# as many letters as a list is sorted by
LONGEST_SORT_NAME = 160
# what stands before a token: that it is of a name, and in which language
Marks = tuple[str, ...]
# every language there are words for: what has no language of its own may be in any
LEXICONS = tuple(lexicon.of(language) for language in lexicon.LANGUAGES)


@dataclass
class Document:
    """What is collected about one product; `plain` are the words as they are written."""

    tokens: set[str] = field(default_factory=set)
    plain: set[str] = field(default_factory=set)
    names: list[str] = field(default_factory=list)
    # the first that can be bought
    one_variant: int | None = None

    def tell(
        self, text: str, language: str = "", *, marks: Marks = ("",), is_coloured: bool = False
    ) -> list[str]:
        """Take in a text; without a language it may be in any."""
        if not text:
            return []
        said = words.split(text)[:MOST_WORDS]
        for word in said:
            self.tokens.update(_tokens(word, language, marks, is_coloured))
        self.plain.update(said)
        return said

    def tell_fact(self, text: str, language: str = "", *, marks: Marks = ("",)) -> None:
        """Take in a short text that many products share."""
        tokens, said = _told(text, language, marks)
        self.tokens |= tokens
        self.plain |= said

    def name(self, text: str, language: str = "") -> None:
        """Take in a name or, without a language, a SKU."""
        marks = ("", "=", f"@{language}=") if language else ("", "=")
        said = self.tell(text, language, marks=marks, is_coloured=True)
        if said:
            self.names.append(f"{language or '#'} {' '.join(said)} ")

    def take(self, other: Document) -> None:
        """Take in all that another one says."""
        self.tokens |= other.tokens
        self.plain |= other.plain


@lru_cache(1000)
def _told(text: str, language: str, marks: Marks) -> tuple[frozenset[str], frozenset[str]]:
    """What the text is found by, and its words."""
    document = Document()
    document.tell(text, language, marks=marks, is_coloured=True)
    return frozenset(document.tokens), frozenset(document.plain)


@lru_cache(100_000)
def _tokens(word: str, language: str, marks: Marks, is_coloured: bool) -> tuple[str, ...]:
    """The word and, marked, its stems that differ from it; a colour if it is one."""
    lexicons = (lexicon.of(language),) if language else LEXICONS
    stems = {known.stem(word) for known in lexicons} - {word}
    tokens = [word, *(f"~{stem}" for stem in sorted(stems))]
    colours = {colour for known in lexicons for colour in known.colours([word])}
    return (
        *(mark + token for mark in marks for token in tokens),
        *(fact("colour", colour) for colour in sorted(colours if is_coloured else ())),
    )


@lru_cache(1000)
def fact(name: str, value: str) -> str:
    """A token that products have or have not: `#kind=food`."""
    return f"#{name}={'_'.join(words.split(value)[:MOST_WORDS_OF_A_FACT])}"


class Product(NamedTuple):
    """What the row of a product says of it."""

    pk: int
    slug: str
    brand: str
    kind: str
    tags: list[Any]
    attributes: Mapping[str, Any]
    facts: Mapping[str, Mapping[str, Any]]
    primary_category_id: int
    published_at: datetime | None
    revision: int


@dataclass
class Written:
    """Rows of all that is written about products on sale and what can be bought of them."""

    products: Sequence[Product]
    # product, language, name, subtitle, description
    texts: Iterable[tuple[int, str, str, str, str]]
    # id, product, SKU, GTIN
    variants: Iterable[tuple[int, int, str, str]]
    # variant, label, labels by language
    options: Iterable[tuple[int, str, Mapping[str, str]]]
    # product, amount in the shop's currency, since when, until when
    prices: Iterable[tuple[int, int, datetime, datetime | None]]
    around: Around


def read(masters: QuerySet[Master], *, now: datetime) -> Written:
    """In a fixed number of queries."""
    products = [Product(*row) for row in masters.values_list(*Product._fields)]
    ids = [product.pk for product in products]
    texts = Master._parler_meta.root_model.objects.filter(master_id__among=ids)
    variants = list(
        Variant.objects.filter(master_id__among=ids, is_active=True).values_list(
            "pk", "master_id", "sku", "gtin"
        )
    )
    values = Variant.option_values.through.objects.filter(
        variant_id__among=[pk for pk, *_rest in variants]
    )
    return Written(
        products,
        texts.values_list("master_id", "language_code", "name", "subtitle", "description"),
        variants,
        values.values_list("variant_id", "optionvalue__label", "optionvalue__labels"),
        _price_rows(ids, currency=shop.currency(), now=now),
        Around.read(),
    )


@dataclass(frozen=True)
class Around:
    """What is the same for all products: their categories, the shop's language and currency."""

    categories: Categories
    language: str
    currency: str

    @classmethod
    def read(cls) -> Around:
        its = shop.current()
        return cls(Categories.read(), its.default_language, its.currency)


class Made(NamedTuple):
    """The index entries of products, what they are called in lists, and every word of them."""

    entries: list[Entry]
    names: list[Name]
    words: set[str]


def entries(written: Written, *, now: datetime) -> Made:
    documents = {product.pk: _of_product(product) for product in written.products}
    called: dict[int, dict[str, str]] = defaultdict(dict)
    for pk, language, name, subtitle, description in written.texts:
        called[pk][language] = name
        document = documents[pk]
        document.name(name, language)
        document.tell(subtitle, language, is_coloured=True)
        document.tell(description, language)
    _tell_variants(documents, written)
    around = written.around
    costs = _costs(written.prices, now)
    made: list[Entry] = []
    names: list[Name] = []
    for product in written.products:
        document = documents[product.pk]
        path = around.categories.tell(document, product.primary_category_id)
        names += _sort_names(
            product.pk, called[product.pk], product.slug, path, shops=around.language
        )
        price, until = costs.get(product.pk, (None, None))
        made.append(
            (
                product.pk,
                " ".join(sorted(document.tokens)),
                f"|{'|'.join(document.names)}|",
                price,
                until,
                product.published_at,
                path,
                product.brand,
                product.kind,
                product.revision,
                document.one_variant,
            )
        )
    plain = {word for document in documents.values() for word in document.plain}
    return Made(made, names, plain)


def first_variants(ids: Collection[int]) -> list[tuple[int, int]]:
    """Of each product the first that can be bought of it."""
    active = Variant.objects.filter(master_id__among=ids, is_active=True).order_by("master_id")
    return list(active.values_list("master_id").annotate(first=Min("pk")))


def names(ids: Collection[int], *, shops: str) -> list[Name]:
    """What products of the index are called, where the shop's language is `shops`."""
    texts = Master._parler_meta.root_model.objects.filter(master_id__among=ids)
    called: dict[int, dict[str, str]] = defaultdict(dict)
    for pk, language, name in texts.values_list("master_id", "language_code", "name"):
        called[pk][language] = name
    entries = SearchEntry.objects.filter(pk__among=ids).order_by("pk")
    return [
        name
        for pk, slug, path in entries.values_list("pk", "master__slug", "category_path")
        for name in _sort_names(pk, called[pk], slug, path, shops=shops)
    ]


def _sort_names(
    pk: int, called: Mapping[str, str], slug: str, path: str, *, shops: str
) -> Iterator[Name]:
    """For each language the name that cards show: that in it, in the shop's, in any, the slug."""
    folded = {
        language: words.fold(name)[:LONGEST_SORT_NAME] for language, name in called.items() if name
    }
    anywhere = folded[min(folded)] if folded else slug
    otherwise = folded.get(shops, anywhere)
    for language in shop.ALL_LANGUAGES:
        yield pk, language, folded.get(language, otherwise), path


def _of_product(product: Product) -> Document:
    document = Document()
    if product.brand:
        document.tokens.add(fact("brand", product.brand))
        document.tell_fact(product.brand, marks=("", "="))
    document.tokens.add(fact("kind", product.kind))
    for text in [*map(str, product.tags), *map(str, product.attributes.values())]:
        document.tell_fact(text)
    for language, facts in product.facts.items():
        for text in map(str, facts.values()):
            document.tell_fact(text, language)
    return document


def _tell_variants(documents: Mapping[int, Document], written: Written) -> None:
    """The SKUs and options of what can be bought."""
    of_variants = {}
    for variant_id, pk, sku, gtin in written.variants:
        document = of_variants[variant_id] = documents[pk]
        document.one_variant = min(variant_id, document.one_variant or variant_id)
        document.name(sku)
        if gtin:
            document.name(gtin)
    for variant_id, label, labels in written.options:
        for language, text in {"": label, **labels}.items():
            of_variants[variant_id].tell_fact(text, language)


@dataclass(frozen=True)
class Categories:
    """Where each lies in the tree, and its names by language."""

    paths: Mapping[int, str]
    names: Mapping[str, list[tuple[str, str]]]
    # what products of a path are found by
    said: dict[str, Document] = field(default_factory=dict)

    @classmethod
    def read(cls) -> Categories:
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
        if path not in self.said:
            self.said[path] = self._of(path)
        document.take(self.said[path])
        return path

    def _of(self, path: str) -> Document:
        document = Document()
        for end in range(Category.steplen, len(path) + 1, Category.steplen):
            document.tokens.add(fact("category", path[:end]))
            for language, name in self.names.get(path[:end], ()):
                document.tell(name, language)
        return document


Priced = tuple[int | None, datetime | None]


def prices(ids: Collection[int], *, currency: str, now: datetime) -> dict[int, Priced]:
    """The lowest price of each, and until when it is that for sure."""
    return _costs(_price_rows(ids, currency=currency, now=now), now)


def _price_rows(ids: Collection[int], *, currency: str, now: datetime) -> Iterable[Any]:
    return Price.objects.filter(
        Q(valid_to=None) | Q(valid_to__gt=now),
        variant__master_id__among=ids,
        variant__is_active=True,
        currency=currency,
        sales_channel="web",
    ).values_list("variant__master_id", "amount", "valid_from", "valid_to")


def _costs(rows: Iterable[Any], now: datetime) -> dict[int, Priced]:
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
