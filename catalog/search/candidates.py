"""The products of a search: what matches, how well, and what the facets count.

Every word must be there, or one that holds it or has the same stem; the last may be a beginning.
What matches is ranked by where the words stand: a whole name or SKU, a name's beginning, a name in
the shopper's language (as whole words, then as beginnings), any name, anywhere; then the newer
product.

One place is looked into after the other, those behind whole words in names only where there are
fewer than ENOUGH before them, and no more than CAP products are found, the newest of SEEN in each
place, the best ranks first: common words cost no more in a large shop than in a small one. Sorted
by price or date, the first CAP of all are.
"""

# all of it is written here but for the parameters: nothing comes from outside
# ruff: noqa: S608
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple

from catalog import shop
from catalog.models import Category
from catalog.search import engine, lexicon
from catalog.search.documents import fact
from catalog.search.engine import Token
from catalog.search.reading import Reading
from catalog.search.vocabulary import Known

CAP = 200
# of so many in one place the newest are taken
SEEN = 500
# so many in better places are enough: those behind are not looked into
ENOUGH = 100

LEFT = """
    SELECT 1 FROM catalog_variant v LEFT JOIN catalog_stockitem s ON s.variant_id = v.id
    WHERE v.master_id = e.master_id AND v.is_active
        AND (NOT v.track_stock OR s.on_hand > s.reserved - s.backorder_limit)
"""
IN_STOCK = f"EXISTS ({LEFT})"
# of the variant that mostly tells it
LEFT_OF_ONE = """
    SELECT 1 FROM catalog_stockitem s
    WHERE s.variant_id = e.one_variant AND s.on_hand > s.reserved - s.backorder_limit
"""
# for each that was found: PostgreSQL would look through all stock once to tell it by EXISTS
HAS_STOCK = f"(({LEFT_OF_ONE} LIMIT 1) IS NOT NULL OR ({LEFT} LIMIT 1) IS NOT NULL)"
# where all words stand, worst first: tokens tell the tiers, the name itself what is better still
ANYWHERE, NAME, OWN_NAME, WHOLE_WORDS, SHOPS_BEGINNING, OWN_BEGINNING, WHOLE = range(1, 8)
TIERS = (WHOLE_WORDS, OWN_NAME, NAME, ANYWHERE)
RANK = f"""
    CASE
        WHEN e.tier = {ANYWHERE} THEN {2 * ANYWHERE}
        WHEN e.names LIKE %(whole_own)s OR e.names LIKE %(whole_sku)s THEN {2 * WHOLE}
        WHEN e.names LIKE %(begins_own)s THEN {2 * OWN_BEGINNING}
        WHEN e.names LIKE %(begins_shops)s THEN {2 * SHOPS_BEGINNING}
        ELSE 2 * e.tier
    END
    + CASE WHEN e.category_path LIKE %(path_named)s THEN 1 ELSE 0 END
"""
# who is called just so comes first, however many have the words
BEGINNING = f"""
    SELECT n.master_id FROM catalog_searchname n
    WHERE n.language = %(locale)s AND n.name >= %(phrase)s AND n.name < %(phrase_end)s
    ORDER BY n.name, n.master_id LIMIT {CAP}
"""
# what is read of each that was found
ENTRY = (
    "e.master_id, e.names, e.price, e.category_path, e.brand, e.kind, e.published_at, e.one_variant"
)
BEST_MATCH = ("-rank", "-pk")
NEWEST = ("-published_at", "-pk")
COLUMNS = {"price": "e.price", "published_at": "e.published_at", "pk": "e.master_id"}


@dataclass(frozen=True)
class Filters:
    """What was asked beside the words; prices are in minor units."""

    category: Category | None = None
    price_min: int | None = None
    price_max: int | None = None
    in_stock: bool = False
    brand: str = ""
    kind: str = ""
    colour: str = ""


class Candidate(NamedTuple):
    """The columns of what is found; `published_at` is only read where it is sorted by."""

    rank: int
    pk: int
    price: int
    category_path: str
    brand: str
    kind: str
    in_stock: bool
    published_at: Any


PK = Candidate._fields.index("pk")
# some hundred of them are read and few are shown: they stay as the database gives them
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Search:
    """`after` is where the last page ended, for orders other than BEST_MATCH."""

    reading: Reading
    known: Mapping[str, Known]
    filters: Filters
    # of the category that the words name; empty if they name none
    path_named: str
    locale: str
    now: datetime
    order: tuple[str, ...]
    after: Sequence[Any] | None = None

    def candidates(self) -> list[Row]:
        """Columns of Candidate, in their order; for BEST_MATCH from the first on, else the next."""
        found = self._best() if self.order == BEST_MATCH and self.reading.words else self._next()
        places = [Candidate._fields.index(name.removeprefix("-")) for name in self.order]
        return sorted(found, key=itemgetter(*places), reverse=_is_descending(self.order))

    def _best(self) -> list[Row]:
        """One statement, planned once: by the words. Texts may rather be found by their prices."""
        is_limited = self._price_min is not None or self._price_max is not None
        tiers = [tier for tier in TIERS if tier != OWN_NAME or not self._is_spelled_out]
        asked = tuple(tier for tier in tiers if tier != ANYWHERE or not is_limited)
        parameters = self._parameters(tiers)
        found = engine.planned(
            _by_place(asked, tuple(self._conditions(price="+e.price"))), parameters
        )
        if is_limited and len(found) < ENOUGH:
            texts = _by_order(self.order, tuple(self._conditions()), has_tokens=True)
            known = {row[PK] for row in found}
            rest = (row for row in engine.rows(texts, parameters) if row[PK] not in known)
            found += islice(rest, CAP - len(found))
        return found

    def _next(self) -> list[Row]:
        """Of a common word by the index of the order, of a rare one by the word."""
        parameters = self._parameters((ANYWHERE,))
        has_tokens = bool(parameters[_parameter(ANYWHERE)])
        statement = _by_order(self.order, tuple(self._conditions()), has_tokens=has_tokens)
        return engine.rows(statement, parameters)

    def _conditions(self, *, price: str = "e.price") -> Iterator[str]:
        yield "e.price IS NOT NULL"
        if self._price_min is not None:
            yield f"{price} >= %(price_min)s"
        if self._price_max is not None:
            yield f"{price} <= %(price_max)s"
        # no index is to be asked for what holds of nearly all
        yield "COALESCE(e.published_at, %(now)s) <= %(now)s"
        if self.reading.in_stock or self.filters.in_stock:
            yield HAS_STOCK
        if self.order == NEWEST:
            # what has no date has no place among the newest
            yield "e.published_at IS NOT NULL"
        if self.after is not None and self.order != BEST_MATCH:
            columns = ", ".join(COLUMNS[name.removeprefix("-")] for name in self.order)
            places = ", ".join(f"%(after_{index})s" for index in range(len(self.order)))
            yield f"({columns}) {'<' if _is_descending(self.order) else '>'} ({places})"

    def _after(self) -> Iterator[Any]:
        """Of `after`, as the database compares them."""
        for name, value in zip(self.order, self.after or (), strict=False):
            is_moment = name.removeprefix("-") == "published_at"
            yield engine.moment(datetime.fromisoformat(value)) if is_moment else value

    @property
    def _price_min(self) -> int | None:
        limits = (self.reading.price_min, self.filters.price_min)
        return max((limit for limit in limits if limit is not None), default=None)

    @property
    def _price_max(self) -> int | None:
        limits = (self.reading.price_max, self.filters.price_max)
        return min((limit for limit in limits if limit is not None), default=None)

    def _parameters(self, tiers: Sequence[int]) -> dict[str, Any]:
        phrase = " ".join(self.reading.words)
        return {
            **dict(self._expressions(tiers)),
            **{f"after_{index}": value for index, value in enumerate(self._after())},
            "now": engine.moment(self.now),
            "locale": self.locale,
            "phrase": phrase,
            "phrase_end": f"{phrase}\U0010ffff",
            "price_min": self._price_min,
            "price_max": self._price_max,
            "whole_own": f"%|{self.locale} {phrase} |%",
            "whole_sku": f"%|# {phrase} |%",
            "begins_own": f"%|{self.locale} {phrase} %",
            "begins_shops": f"%|{shop.current().default_language} {phrase} %",
            # no path is empty
            "path_named": f"{self.path_named}%" if self.path_named else "",
        }

    # tokens

    def _expressions(self, tiers: Sequence[int]) -> Iterator[tuple[str, str]]:
        """Of a place in names without the one before it, which has all of those before."""
        better = ""
        for tier in tiers:
            expression = engine.expression(self._wanted(tier))
            is_alone = tier == ANYWHERE or not better
            yield _parameter(tier), expression if is_alone else engine.without(expression, better)
            better = expression

    def _wanted(self, tier: int) -> list[list[Token]]:
        own = f"@{self.locale}="
        marks = {WHOLE_WORDS: own, OWN_NAME: own, NAME: "=", ANYWHERE: ""}
        begins = tier != WHOLE_WORDS and not (tier == ANYWHERE and self._is_spelled_out)
        *others, last = self.reading.words or ("",)
        groups = [self._word(word, marks[tier]) for word in others]
        if last:
            groups.append(self._word(last, marks[tier], begins=begins))
        return [*groups, *([Token(each)] for each in self._facts())]

    @property
    def _is_spelled_out(self) -> bool:
        """Whether all words that begin so are known: to look for these takes texts less."""
        if self.order != BEST_MATCH or not self.reading.words:
            return False
        last = self.known.get(self.reading.words[-1])
        return last is not None and last.is_spelled_out

    def _word(self, word: str, mark: str, *, begins: bool = False) -> list[Token]:
        languages = self.reading.language, self.locale, shop.current().default_language
        holding = self.known[word].holding if word in self.known else ()
        alike = _alike(word, languages, holding)
        return [Token(f"{mark}{word}", begins), *(Token(f"{mark}{each}") for each in alike)]

    def _facts(self) -> Iterator[str]:
        if self.filters.category:
            yield fact("category", self.filters.category.path)
        for name in ("brand", "kind", "colour"):
            if value := getattr(self.filters, name):
                yield fact(name, value)
        if self.reading.colour:
            yield fact("colour", self.reading.colour)


@lru_cache(4096)
def _alike(word: str, languages: Sequence[str], holding: Sequence[str]) -> Sequence[str]:
    """What else will do for a word: its stems, and words that hold it."""
    stems = {lexicon.of(language).stem(word) for language in languages} - {word}
    return sorted({*stems, *(f"~{stem}" for stem in (*stems, word)), *holding} - {word})


@lru_cache(1024)
def _by_place(tiers: Sequence[int], conditions: Sequence[str]) -> str:
    begins = engine.source_among(_parameter(WHOLE_WORDS), BEGINNING)
    places = {"beginning": _stage(WHOLE_WORDS, begins, conditions)}
    for tier in tiers:
        asked = [*_is_asked(tier, list(places)), *conditions]
        places[f"tier_{tier}"] = _stage(tier, engine.source(_parameter(tier)), asked)
    stages = ", ".join(f"{place} AS ({_newest(stage)})" for place, stage in places.items())
    found = " UNION ALL ".join(f"SELECT * FROM {place}" for place in places)
    return f"WITH {stages} {_read(f'SELECT * FROM ({found}) AS found LIMIT {CAP}', BEST_MATCH)}"


def _newest(stage: str) -> str:
    """A place may hold half the shop: to put all of it in order would take as long."""
    seen = f"SELECT * FROM ({stage} LIMIT {SEEN}) AS seen"
    return f"{seen} ORDER BY seen.master_id DESC LIMIT {CAP}"


def _is_asked(tier: int, better: Sequence[str]) -> Iterator[str]:
    """Of a place behind others, which has all that they have, too."""
    if tier != WHOLE_WORDS:
        counts = " + ".join(f"(SELECT COUNT(*) FROM {place})" for place in better)
        yield f"{counts} < {ENOUGH}"
    if tier in (WHOLE_WORDS, ANYWHERE):
        # few, where it is asked; that they are not named so would be looked up for each text
        for place in better:
            yield f"e.master_id NOT IN (SELECT master_id FROM {place})"


@lru_cache(1024)
def _by_order(order: Sequence[str], conditions: Sequence[str], *, has_tokens: bool) -> str:
    entries = "catalog_searchentry e", "TRUE"
    source = engine.source(_parameter(ANYWHERE)) if has_tokens else entries
    stage = _stage(ANYWHERE, source, conditions)
    ordered = "" if order == BEST_MATCH else f"ORDER BY {_order_by(order)}"
    return _read(f"{stage} {ordered} LIMIT {CAP}", order)


def _read(entries: str, order: Sequence[str]) -> str:
    """Of some entries what a Candidate has."""
    return f"""
        SELECT {RANK}, e.master_id, e.price, e.category_path, e.brand, e.kind, {HAS_STOCK},
            {"e.published_at" if order == NEWEST else "NULL"}
        FROM ({entries}) AS e
    """


def _stage(tier: int, source: tuple[str, str], conditions: Sequence[str]) -> str:
    entries, matching = source
    where = " AND ".join([matching, *conditions])
    return f"SELECT {tier} AS tier, {ENTRY} FROM {entries} WHERE {where}"


def _parameter(tier: int) -> str:
    return f"wanted_{tier}"


def _order_by(order: Sequence[str]) -> str:
    direction = "DESC" if _is_descending(order) else "ASC"
    return ", ".join(f"{COLUMNS[name.removeprefix('-')]} {direction}" for name in order)


def _is_descending(order: Sequence[str]) -> bool:
    return order[0].startswith("-")
