"""Which app answers for which topics: the one place where the log asks upwards.

Each domain app registers its prefix in `AppConfig.ready()` with two functions that take many
names at once, so that a thousand joining clients cost one query.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from museo.access.callers import Caller

# a caller, and the topics that this caller asks for
Wanted = tuple[Caller, Collection[str]]
MayRead = Callable[[Sequence[Wanted]], list[set[str]]]
Snapshot = Callable[[Collection[str], str], Mapping[str, dict[str, Any]]]
# where people see what an event of a topic is about, by the event's data; empty for nowhere
Page = Callable[[str, Mapping[str, Any]], str]
# who may read a topic stays as it is until the transaction ends
Hold = Callable[[str], None]


def _nowhere(name: str, data: Mapping[str, Any]) -> str:
    return ""


def _loosely(name: str) -> None:
    """Nothing opens it that could be closed meanwhile."""


@dataclass(frozen=True)
class Domain:
    """What is registered for a prefix: what each caller may read, and how topics stand now."""

    may_read: MayRead
    snapshot: Snapshot
    page: Page
    hold: Hold


# what a topic may be called; anything else is unknown to every domain
NAME = re.compile(r"[a-z]+\.[A-Za-z0-9._:-]{1,90}")
_domains: dict[str, Domain] = {}


def register(
    prefix: str,
    *,
    may_read: MayRead,
    snapshot: Snapshot,
    page: Page = _nowhere,
    hold: Hold = _loosely,
) -> None:
    _domains[prefix] = Domain(may_read, snapshot, page, hold)


def page(name: str, data: Mapping[str, Any]) -> str:
    """The address at which people see what an event of a topic is about; empty if there is none."""
    domain = _domains.get(name.partition(".")[0])
    return domain.page(name, data) if domain else ""


def hold(name: str) -> None:
    """Until the transaction ends nobody closes what opens the topic, such as a ticket."""
    if domain := _domains.get(name.partition(".")[0]):
        domain.hold(name)


def readable(caller: Caller, names: Iterable[str]) -> set[str]:
    """Those of `names` that exist and that the caller may read."""
    return readable_by_each([(caller, set(names))])[0]


def readable_by_each(wanted: Sequence[Wanted]) -> list[set[str]]:
    """`readable` for many callers, in as many queries as for one."""
    found: list[set[str]] = [set() for _each in wanted]
    asked: dict[str, list[tuple[int, Wanted]]] = defaultdict(list)
    for index, (caller, names) in enumerate(wanted):
        for prefix, group in _by_prefix(names).items():
            asked[prefix].append((index, (caller, group)))
    for prefix, questions in asked.items():
        answers = _domains[prefix].may_read([question for _index, question in questions])
        for (index, _question), answer in zip(questions, answers, strict=True):
            found[index] |= answer
    return found


def snapshots(names: Iterable[str], locale: str) -> dict[str, dict[str, Any]]:
    """How each topic stands now, by name; the shape is its domain's."""
    return snapshots_for_each([(frozenset(names), locale)])[0]


def snapshots_for_each(
    wanted: Sequence[tuple[Collection[str], str]],
) -> list[dict[str, dict[str, Any]]]:
    """`snapshots` for many, in as many queries as there are languages among them."""
    names_by_locale: dict[str, set[str]] = defaultdict(set)
    for names, locale in wanted:
        names_by_locale[locale].update(names)
    states = {locale: _states(names, locale) for locale, names in names_by_locale.items()}
    return [
        {name: states[locale][name] for name in names if name in states[locale]}
        for names, locale in wanted
    ]


def _states(names: Iterable[str], locale: str) -> dict[str, dict[str, Any]]:
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


def about(word: str) -> list[str]:
    """The topics that could be about what is called so, of whatever domain."""
    return [f"{prefix}.{word}" for prefix in _domains]
