"""What a subscription wants of what its topic hears: types, and what an event's data must say."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

Filter = Mapping[str, Collection[Any]]


def wants(type: str, data: Mapping[str, Any], *, types: Collection[str], where: Filter) -> bool:
    """No types are all types; each field of `where` lists what it may be.

    True is true only, though Python takes it for 1.
    """
    if types and type not in types:
        return False
    return all(_is_one_of(data.get(name), allowed) for name, allowed in where.items())


def _is_one_of(value: Any, allowed: Collection[Any]) -> bool:
    is_yes_or_no = isinstance(value, bool)
    return any(value == each and is_yes_or_no == isinstance(each, bool) for each in allowed)
