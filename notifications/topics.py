"""Which app answers for which topics: the one place where the log asks upwards.

Each domain app registers its prefix in `AppConfig.ready()` with two functions that take many
names at once, so that a thousand joining clients cost one query.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from museo.access.callers import Caller

MayRead = Callable[[Caller, Collection[str]], set[str]]
Snapshot = Callable[[Collection[str], str], Mapping[str, dict[str, Any]]]


@dataclass(frozen=True)
class Domain:
    """What is registered for a prefix: who may read, and how a topic stands now in a locale."""

    may_read: MayRead
    snapshot: Snapshot


# what a topic may be called; anything else is unknown to every domain
NAME = re.compile(r"[a-z]+\.[A-Za-z0-9._:-]{1,90}")
_domains: dict[str, Domain] = {}


def register(prefix: str, *, may_read: MayRead, snapshot: Snapshot) -> None:
    _domains[prefix] = Domain(may_read, snapshot)


def readable(caller: Caller, names: Iterable[str]) -> set[str]:
    """Those of `names` that exist and that the caller may read."""
    return {
        name
        for prefix, group in _by_prefix(names).items()
        for name in _domains[prefix].may_read(caller, group)
    }


def snapshots(names: Iterable[str], locale: str) -> dict[str, dict[str, Any]]:
    """How each topic stands now, by name; the shape is its domain's."""
    return {
        name: state
        for prefix, group in _by_prefix(names).items()
        for name, state in _domains[prefix].snapshot(group, locale).items()
    }


def _by_prefix(names: Iterable[str]) -> dict[str, set[str]]:
    groups: dict[str, set[str]] = defaultdict(set)
    for name in names:
        prefix = name.partition(".")[0]
        if prefix in _domains and NAME.fullmatch(name):
            groups[prefix].add(name)
    return groups
