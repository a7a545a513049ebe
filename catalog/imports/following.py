"""Who may follow an import (`import.imp_…`), and how it stands."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from catalog.imports.models import PERMISSION, Import
from catalog.imports.services import summary
from museo.access.permissions import may
from notifications import log, topics

PREFIX = "import"


def may_read(wanted: Sequence[topics.Wanted]) -> list[set[str]]:
    """Those that exist, for staff who may change products."""
    asked = {name for _caller, names in wanted for name in names}
    known = {each.topic for each in _named(asked)}
    return [
        set(names) & known if known and may(caller, PERMISSION) else set()
        for caller, names in wanted
    ]


def snapshot(names: Collection[str], locale: str) -> Mapping[str, dict[str, Any]]:
    newest = log.newest(names)
    return {
        each.topic: {**summary(each), **_place(newest.get(each.topic, (0, 0)))}
        for each in _named(names)
    }


def _named(names: Collection[str]) -> list[Import]:
    ids = [name.removeprefix(f"{PREFIX}.") for name in names]
    return list(Import.objects.filter(public_id__in=ids))


def _place(place: tuple[int, int]) -> dict[str, int]:
    return dict(zip(("position", "version"), place, strict=True))
