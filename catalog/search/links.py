"""The links of the list page that narrow what was found, and widen it again."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.http import QueryDict
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from catalog.models import Master
from catalog.search.interpretation import price_range

Link = dict[str, Any]
LONGEST_NUMBER = 15


def narrowing(asked: QueryDict, facets: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Groups of links, `{"name", "links": [{"label", "count", "query", "is_on"}]}`.

    What is asked for already leads back; a choice of one is none.
    """
    groups = [
        (_("Price"), [*_prices(asked, facets)]),
        (_("Brand"), [*_values(asked, facets, "brand", {})]),
        (_("Kind"), [*_values(asked, facets, "kind", dict(Master.Kind.choices))]),
        (_("Stock"), [*_in_stock(asked, facets)]),
    ]
    return [{"name": name, "links": links} for name, links in groups if links]


def with_words(asked: QueryDict, query: str) -> str:
    """The same page for other words."""
    return _changed(asked, q=query, plain="")


def plainly(asked: QueryDict) -> str:
    """The same words as they stand."""
    return _changed(asked, plain="1")


def amount(asked: QueryDict, name: str) -> int | None:
    """Minor units of the query string; None where it has none, or something else."""
    text = asked.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else None


def _prices(asked: QueryDict, facets: Mapping[str, Any]) -> Iterator[Link]:
    if asked.get("price_min") or asked.get("price_max"):
        low, high = (amount(asked, name) for name in ("price_min", "price_max"))
        query = _changed(asked, price_min="", price_max="")
        yield _link(capfirst(price_range(low, high)), None, query, is_on=True)
        return
    for each in facets.get("price", ()):
        low, high = each["min"], each["max"]
        query = _changed(
            asked,
            price_min="" if low is None else str(low),
            price_max="" if high is None else str(high),
        )
        yield _link(capfirst(price_range(low, high)), each["count"], query)


def _values(
    asked: QueryDict, facets: Mapping[str, Any], name: str, labels: Mapping[str, Any]
) -> Iterator[Link]:
    if on := asked.get(name):
        yield _link(str(labels.get(on, on)), None, _changed(asked, **{name: ""}), is_on=True)
        return
    values = facets.get(name, ())
    for each in values if len(values) > 1 else ():
        label = str(labels.get(each["value"], each["value"]))
        yield _link(label, each["count"], _changed(asked, **{name: each["value"]}))


def _in_stock(asked: QueryDict, facets: Mapping[str, Any]) -> Iterator[Link]:
    label = capfirst(_("in stock"))
    if asked.get("in_stock"):
        yield _link(label, None, _changed(asked, in_stock=""), is_on=True)
    elif facets.get("in_stock"):
        yield _link(label, facets["in_stock"], _changed(asked, in_stock="1"))


def _link(label: str, count: int | None, query: str, *, is_on: bool = False) -> Link:
    return {"label": label, "count": count, "query": query, "is_on": is_on}


def _changed(asked: QueryDict, **values: str) -> str:
    """The query string with these values, from its first page on; an empty one is left out."""
    query = asked.copy()
    query.pop("cursor", None)
    for name, value in values.items():
        query.pop(name, None)
        if value:
            query[name] = value
    return query.urlencode()
