"""Lists of products without words: the next ones in an order, each read off an index.

Every order has an index over all products, and one that begins with the category. Of a category
each one below it gives its first products, and of these the first are the page's. So a page costs
what it shows, however many products there are; what is narrowed by anything else than a category is
read on until enough has been found.

What is sorted by is what the index knows: see docs/search.md for how late that can be.
"""

# all of it is written here but for the parameters: nothing comes from outside
# ruff: noqa: S608
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from catalog.models import Category
from catalog.search import engine
from catalog.search.candidates import IN_STOCK, Filters

# categories below one that are asked each; of more all is read that lies below it
MOST_SHELVES = 50
# as models.STARS has it
STARS = """
    (CASE WHEN m.rating_count > 0
        THEN CAST(m.rating_sum AS bigint) * 1000 / m.rating_count ELSE 0 END)
"""


@dataclass(frozen=True)
class _Source:
    """What is read for an order: entries `e`, and what they are sorted by."""

    columns: Mapping[str, str]
    tables: str = "catalog_searchentry e"
    condition: str = "TRUE"
    # what its index for a category begins with, and which of a category's columns that is
    shelf: str = "e.category_path"
    of_category: str = "path"


ENTRIES = _Source({"price": "e.price", "published_at": "e.published_at", "pk": "e.master_id"})
# CROSS: SQLite leaves the tables in their order; what is not on sale has no entry, and
# nothing is said of its status, by which SQLite would look for an index
RATED = _Source(
    {"stars": STARS, "rating_count": "m.rating_count", "pk": "m.id"},
    "catalog_master m CROSS JOIN catalog_searchentry e",
    "m.deleted_at IS NULL AND e.master_id = m.id",
    "m.primary_category_id",
    "pk",
)
NAMED = _Source(
    {"called": "n.name", "pk": "n.master_id"},
    "catalog_searchname n CROSS JOIN catalog_searchentry e",
    "n.language = %(locale)s AND e.master_id = n.master_id",
    "n.category_path",
)
SOURCES = {"price": ENTRIES, "published_at": ENTRIES, "stars": RATED, "called": NAMED}


@dataclass(frozen=True)
class Browse:
    """`order` goes in one direction; `place` is where the last page ended, empty for the first."""

    filters: Filters
    # the category that is asked for and those below it; none for all
    shelves: Sequence[Category]
    order: tuple[str, ...]
    place: Mapping[str, Any]
    locale: str
    now: datetime

    def rows(self, count: int) -> list[dict[str, Any]]:
        """The next `count` that can be bought: the values that they are sorted by, and `pk`."""
        found = engine.rows(*self.statement(count))
        return [dict(zip(self._names, row, strict=True)) for row in found]

    def statement(self, count: int) -> tuple[str, dict[str, Any]]:
        few = [] if len(self.shelves) > MOST_SHELVES else self.shelves
        shelves = [getattr(shelf, self._source.of_category) for shelf in few]
        parameters = {
            **{name: value for name, (_condition, value) in self._filters().items()},
            **{f"after_{name}": _value(name, self.place[name]) for name in self.place},
            **{f"shelf_{n}": shelf for n, shelf in enumerate(shelves)},
            "path": f"{self.shelves[0].path}%" if self.shelves else "",
            "locale": self.locale,
            "now": engine.moment(self.now),
            "count": count,
        }
        if not shelves:
            return self._first(self._everywhere()), parameters
        each = [self._first(f"{self._source.shelf} = %(shelf_{n})s") for n in range(len(shelves))]
        if len(each) == 1:
            return each[0], parameters
        found = " UNION ALL ".join(f"SELECT * FROM ({one}) AS one" for one in each)
        places = ", ".join(f"{n} {self._direction}" for n in range(1, len(self._names) + 1))
        return f"SELECT * FROM ({found}) AS found ORDER BY {places} LIMIT %(count)s", parameters

    def _first(self, shelf: str) -> str:
        """The first of all that lie there."""
        columns = ", ".join(f"{self._source.columns[name]} AS {name}" for name in self._names)
        places = ", ".join(
            f"{self._source.columns[name]} {self._direction}" for name in self._names
        )
        conditions = " AND ".join([self._source.condition, shelf, *self._conditions()])
        return (
            f"SELECT {columns} FROM {self._source.tables}"
            f" WHERE {conditions} ORDER BY {places} LIMIT %(count)s"
        )

    def _conditions(self) -> Iterator[str]:
        # not IS NOT NULL, which SQLite does not look for in an index
        yield "e.price >= 0"
        if self._names[0] == "published_at":
            # what has no date has no place among the newest
            yield "e.published_at <= %(now)s"
        else:
            yield "(e.published_at IS NULL OR e.published_at <= %(now)s)"
        if self.place:
            columns = ", ".join(self._source.columns[name] for name in self._names)
            places = ", ".join(f"%(after_{name})s" for name in self._names)
            yield f"({columns}) {'<' if self._direction == 'DESC' else '>'} ({places})"
        if self.filters.in_stock:
            yield IN_STOCK
        for condition, _asked in self._filters().values():
            yield condition

    def _filters(self) -> dict[str, tuple[str, Any]]:
        asked = {
            "price_min": ("e.price >= %(price_min)s", self.filters.price_min),
            "price_max": ("e.price <= %(price_max)s", self.filters.price_max),
            "brand": ("e.brand <> '' AND e.brand = %(brand)s", self.filters.brand),
            "kind": ("e.kind = %(kind)s", self.filters.kind),
        }
        return {name: each for name, each in asked.items() if each[1] not in (None, "")}

    def _everywhere(self) -> str:
        return "e.category_path LIKE %(path)s" if self.shelves else "TRUE"

    @property
    def _source(self) -> _Source:
        return SOURCES[self._names[0]]

    @property
    def _names(self) -> list[str]:
        return [name.removeprefix("-") for name in self.order]

    @property
    def _direction(self) -> str:
        return "DESC" if self.order[0].startswith("-") else "ASC"


def _value(name: str, value: Any) -> Any:
    """Of a cursor, as the database compares it."""
    if name != "published_at":
        return value
    moment = datetime.fromisoformat(value)
    return engine.moment(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
