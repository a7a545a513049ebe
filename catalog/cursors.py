"""Cursors: where a page ended, signed for its list, so that the next one goes on from there."""

from collections.abc import Collection, Mapping
from typing import Any

import orjson
from django.core import signing
from django.db.models import Q, QuerySet

from museo.access.problems import BadCursor


def of(name: str, **narrowed: Any) -> str:
    """A list's name: narrowed by other values it is another list."""
    return repr((name, sorted((key, value) for key, value in narrowed.items() if value)))


def page(
    rows: QuerySet[Any, Any], order: Collection[str], listed: str, *, limit: int, cursor: str
) -> tuple[list[Any], str]:
    """The rows after the cursor, and the cursor of those after them; empty at the end."""
    if cursor:
        rows = rows.filter(after(cursor, order, listed))
    found = list(rows.order_by(*order)[: limit + 1])
    shown = found[:limit]
    return shown, at(shown[-1], order, listed) if len(found) > limit else ""


def at(last: Any, order: Collection[str], listed: str) -> str:
    """The place of a row, or of its values by name, in an order such as `("-price", "pk")`."""
    names = [name.removeprefix("-") for name in order]
    values = [last[name] if isinstance(last, Mapping) else getattr(last, name) for name in names]
    return _signer(order, listed).sign(signing.b64_encode(orjson.dumps(values)).decode())


def after(cursor: str, order: Collection[str], listed: str) -> Q:
    """What comes after the cursor's row; raise BadCursor for one of another list."""
    return beyond(place(cursor, order, listed), order)


def place(cursor: str, order: Collection[str], listed: str) -> dict[str, Any]:
    """The values of the cursor's row by name; raise BadCursor for a cursor of another list."""
    try:
        values = orjson.loads(signing.b64_decode(_signer(order, listed).unsign(cursor).encode()))
    except (signing.BadSignature, ValueError) as error:
        raise BadCursor from error
    return dict(zip((name.removeprefix("-") for name in order), values, strict=True))


def beyond(place: Mapping[str, Any], order: Collection[str]) -> Q:
    """What comes after a place in an order."""
    later, same, begins = Q(), Q(), Q()
    for name in order:
        field, beyond = name.removeprefix("-"), "lt" if name.startswith("-") else "gt"
        later |= same & Q(**{f"{field}__{beyond}": place[field]})
        same &= Q(**{field: place[field]})
        # the same is said by all of it, but a database finds no place in an index by an OR
        begins = begins or Q(**{f"{field}__{beyond}e": place[field]})
    return begins & later


def values(cursor: str, order: Collection[str], listed: str) -> list[Any]:
    """What the cursor's row has in this order; raise BadCursor for a cursor of another list."""
    return list(place(cursor, order, listed).values())


def _signer(order: Collection[str], listed: str) -> signing.TimestampSigner:
    """A key for each order of each list: what is signed with one is nothing to the others."""
    return signing.TimestampSigner(salt=f"cursor {' '.join(order)} {listed}")
