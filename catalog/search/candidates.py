"""The one query of a search: what matches, how well, and what the facets count.

Every word must be there, or one that holds it or has the same stem; the last may be a beginning.
What matches is ranked by where the words stand: a whole name or SKU, a name's beginning, a name in
the shopper's language (as whole words, then as beginnings), any name, anywhere; then the newer
product.

No more than CAP products are looked at, the best ranks first: common words cost no more in a large
shop than in a small one. Sorted by price or date, the first CAP of all are.
"""

# all of it is written here but for the parameters: nothing comes from outside
# ruff: noqa: S608
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

from catalog import shop
from catalog.models import Category
from catalog.search import engine, lexicon
from catalog.search.documents import fact
from catalog.search.engine import Token
from catalog.search.reading import Reading
from catalog.search.vocabulary import Known

CAP = 500

LEFT = """
    SELECT 1 FROM catalog_variant v LEFT JOIN catalog_stockitem s ON s.variant_id = v.id
    WHERE v.master_id = e.master_id AND v.is_active
        AND (NOT v.track_stock OR s.on_hand > s.reserved - s.backorder_limit)
"""
IN_STOCK = f"EXISTS ({LEFT})"
# for each that was found: PostgreSQL would look through all stock once to tell it by EXISTS
HAS_STOCK = f"({LEFT} LIMIT 1) IS NOT NULL"
# where all words stand, worst first: tokens tell the tiers, the name itself what is better still
ANYWHERE, NAME, OWN_NAME, WHOLE_WORDS, SHOPS_BEGINNING, OWN_BEGINNING, WHOLE = range(1, 8)
TIERS = (WHOLE_WORDS, OWN_NAME, NAME, ANYWHERE)
RANK = f"""
    CASE
        WHEN e.names LIKE %(whole_own)s OR e.names LIKE %(whole_sku)s THEN {2 * WHOLE}
        WHEN e.names LIKE %(begins_own)s THEN {2 * OWN_BEGINNING}
        WHEN e.names LIKE %(begins_shops)s THEN {2 * SHOPS_BEGINNING}
        ELSE 2 * e.tier
    END
    + CASE WHEN e.category_path LIKE %(path_named)s THEN 1 ELSE 0 END
"""
# what is read of each that was found
ENTRY = "e.master_id, e.names, e.price, e.published_at, e.category_path, e.brand, e.kind"
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
    pk: int
    rank: int
    price: int
    published_at: Any
    category_path: str
    brand: str
    kind: str
    in_stock: bool


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

    def candidates(self) -> list[Candidate]:
        """In their order; for BEST_MATCH from the first on, else the next CAP."""
        tiers = self._tiers()
        stages = ", ".join(self._stage(tier, tiers[:at]) for at, tier in enumerate(tiers))
        found = " UNION ALL ".join(f"SELECT * FROM stage_{tier}" for tier in tiers)
        rows = engine.rows(
            f"""
            WITH {stages}
            SELECT e.master_id, {RANK}, e.price, e.published_at, e.category_path, e.brand, e.kind,
                {HAS_STOCK}
            FROM (
                SELECT * FROM (
                    SELECT *, ROW_NUMBER() OVER (PARTITION BY master_id ORDER BY tier DESC) AS nth
                    FROM ({found}) AS found
                ) AS ordered
                WHERE nth = 1 ORDER BY tier DESC, master_id DESC LIMIT {CAP}
            ) AS e
            """,
            self._parameters(),
        )
        candidates = [Candidate._make(row) for row in rows]
        for name in reversed(self.order):
            by_value = attrgetter(name.removeprefix("-"))
            candidates.sort(key=by_value, reverse=name.startswith("-"))
        return candidates

    def _tiers(self) -> Sequence[int]:
        """Those that an index can tell, the best first; the next fills what is left."""
        return TIERS if self.order == BEST_MATCH and self.reading.words else (ANYWHERE,)

    def _stage(self, tier: int, better: Sequence[int]) -> str:
        """Not asked where a better one is full: it has all that is in those."""
        entries, matching = "catalog_searchentry e", "TRUE"
        if self._wanted(tier):
            entries, matching = engine.source(f"wanted_{tier}")
        is_wanted = [f"(SELECT COUNT(*) FROM stage_{each}) < {CAP}" for each in better]
        conditions = " AND ".join([*is_wanted, matching, *self._conditions()])
        order = "" if self.order == BEST_MATCH else f"ORDER BY {self._order_by()}"
        return f"""
            stage_{tier} AS (
                SELECT {tier} AS tier, {ENTRY} FROM {entries}
                WHERE {conditions} {order} LIMIT {CAP}
            )
        """

    def _conditions(self) -> Iterator[str]:
        yield "e.price IS NOT NULL"
        if self._price_min is not None:
            yield "e.price >= %(price_min)s"
        if self._price_max is not None:
            yield "e.price <= %(price_max)s"
        yield "(e.published_at IS NULL OR e.published_at <= %(now)s)"
        if self.reading.in_stock or self.filters.in_stock:
            yield IN_STOCK
        if self.order == NEWEST:
            # what has no date has no place among the newest
            yield "e.published_at IS NOT NULL"
        if self.after is not None and self.order != BEST_MATCH:
            columns = ", ".join(COLUMNS[name.removeprefix("-")] for name in self.order)
            places = ", ".join(f"%(after_{index})s" for index in range(len(self.order)))
            yield f"({columns}) {'<' if self._is_descending else '>'} ({places})"

    def _order_by(self) -> str:
        direction = "DESC" if self._is_descending else "ASC"
        return ", ".join(f"{COLUMNS[name.removeprefix('-')]} {direction}" for name in self.order)

    @property
    def _is_descending(self) -> bool:
        return self.order[0].startswith("-")

    def _places(self) -> Iterator[Any]:
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

    def _parameters(self) -> dict[str, Any]:
        phrase = " ".join(self.reading.words)
        return {
            **{f"wanted_{tier}": engine.expression(self._wanted(tier)) for tier in TIERS},
            **{f"after_{index}": value for index, value in enumerate(self._places())},
            "now": engine.moment(self.now),
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

    def _wanted(self, tier: int) -> list[list[Token]]:
        own = f"@{self.locale}="
        marks = {WHOLE_WORDS: own, OWN_NAME: own, NAME: "=", ANYWHERE: ""}
        *others, last = self.reading.words or ("",)
        groups = [self._word(word, marks[tier]) for word in others]
        if last:
            groups.append(self._word(last, marks[tier], begins=tier != WHOLE_WORDS))
        return [*groups, *([Token(each)] for each in self._facts())]

    def _word(self, word: str, mark: str, *, begins: bool = False) -> list[Token]:
        languages = dict.fromkeys(
            (self.reading.language, self.locale, shop.current().default_language)
        )
        stems = {lexicon.of(language).stem(word) for language in languages} - {word}
        holding = self.known[word].holding if word in self.known else ()
        alike = {*stems, *(f"~{stem}" for stem in (*stems, word)), *holding} - {word}
        return [Token(f"{mark}{word}", begins), *(Token(f"{mark}{each}") for each in sorted(alike))]

    def _facts(self) -> Iterator[str]:
        if self.filters.category:
            yield fact("category", self.filters.category.path)
        for name in ("brand", "kind", "colour"):
            if value := getattr(self.filters, name):
                yield fact(name, value)
        if self.reading.colour:
            yield fact("colour", self.reading.colour)
