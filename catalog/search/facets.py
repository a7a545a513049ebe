"""How many of what was found are of each category, brand, kind and price, and in stock."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from catalog.models import Category
from catalog.search.candidates import Candidate, Row

MOST_VALUES = 10
# a price range ends where about this part of the products does, at a round amount
PARTS = 4

Facets = dict[str, Any]


def count(candidates: Sequence[Row], categories: Mapping[str, tuple[str, str]]) -> Facets:
    """`categories` has the slug and the name of each path; what only one value has is no choice."""
    columns = zip(Candidate._fields, zip(*candidates, strict=True), strict=False)
    found: Mapping[str, Sequence[Any]] = defaultdict(tuple, columns)
    paths = Counter(found["category_path"])
    below: Counter[str] = Counter()
    for path, products in paths.items():
        for end in range(Category.steplen, len(path) + 1, Category.steplen):
            below[path[:end]] += products
    return {
        "category": [
            {"value": categories[path][0], "label": categories[path][1], "count": products}
            for path, products in below.most_common(MOST_VALUES)
            if path in categories
        ],
        "price": _ranges(sorted(found["price"])),
        "in_stock": sum(found["in_stock"]),
        "brand": _values(found["brand"]),
        "kind": _values(found["kind"]),
    }


def _values(values: Iterable[str]) -> list[dict[str, Any]]:
    found = Counter(values)
    del found[""]
    return [{"value": value, "count": times} for value, times in found.most_common(MOST_VALUES)]


def _ranges(prices: Sequence[int]) -> list[dict[str, Any]]:
    """Ranges with about as many products each; `max` belongs to the range, None is no limit."""
    steps = [prices[len(prices) * part // PARTS] for part in range(1, PARTS)] if prices else []
    limits = sorted({_rounded(step) for step in steps if prices[0] <= _rounded(step) < prices[-1]})
    if not limits:
        return []
    edges = [0, *(bisect_right(prices, limit) for limit in limits), len(prices)]
    lows, highs = [None, *(limit + 1 for limit in limits)], [*limits, None]
    return [
        {"min": low, "max": high, "count": edges[at + 1] - edges[at]}
        for at, (low, high) in enumerate(zip(lows, highs, strict=True))
        if edges[at + 1] > edges[at]
    ]


def _rounded(amount: int) -> int:
    """Up to one or two figures: 1250 is 1500, 8230 is 8500."""
    step = 5 * int("1" + "0" * max(len(str(amount)) - 2, 0))
    return -(-amount // step) * step
