"""What may be chosen with a dish: how it is shown, and what a choice of codes comes to.

The choices go with a product's other rows in one statement; their price is on top of a variant's,
in the shop's currency. A code stands for one modifier of a product.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.db.models import F
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalog.compiled import Row, Rows
from catalog.languages import in_language
from catalog.models import Modifier
from museo.access.problems import Invalid, field_error
from museo.directions import isolated

# more than any dish has
MOST_CHOSEN = 50


class BadModifiers(Invalid):
    """Something that cannot be chosen, or too little or too much of it."""

    status = 422
    code = "bad_modifiers"


@dataclass(frozen=True)
class Chosen:
    """A modifier as a line has it; `price` in minor units of one unit."""

    code: str
    name: str
    price: int

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


def of(master: Any) -> Rows:
    """All modifiers of a master, as a column that the functions below take."""
    return Rows(
        Modifier.objects.filter(master=master)
        .order_by("group__position", "group", "position", "pk")
        .values(
            "code",
            "name",
            "names",
            "price",
            "is_active",
            in_group=F("group__code"),
            group_name=F("group__name"),
            group_names=F("group__names"),
            minimum=F("group__minimum"),
            maximum=F("group__maximum"),
        )
    )


def shown(rows: Sequence[Row], *, currency: str, locale: str) -> list[dict[str, Any]]:
    """The groups with what can be chosen now; a group that has nothing is not there."""
    return [
        {
            "code": code,
            "name": in_language(group[0]["group_name"], group[0]["group_names"], locale),
            "minimum": _minimum(group),
            "maximum": group[0]["maximum"],
            "choices": [
                {
                    "code": row["code"],
                    "name": in_language(row["name"], row["names"], locale),
                    "price": {"amount": row["price"], "currency": currency},
                }
                for row in group
            ],
        }
        for code, group in _groups(rows).items()
    ]


def require(rows: Sequence[Row], codes: Sequence[str]) -> int:
    """What these choices cost on top, for one unit; raise BadModifiers."""
    if faults := _faults(rows, codes):
        raise BadModifiers(faults[0]["detail"], errors=faults)
    return sum(row["price"] for row in rows if row["code"] in codes)


def can_be_chosen(rows: Sequence[Row], codes: Sequence[str]) -> bool:
    return not _faults(rows, codes)


def chosen(rows: Sequence[Row], codes: Sequence[str], *, locale: str) -> tuple[Chosen, ...]:
    """The choices in the menu's order; one that is gone by its code alone."""
    known = {row["code"] for row in rows}
    return (
        *(
            Chosen(row["code"], in_language(row["name"], row["names"], locale), row["price"])
            for row in rows
            if row["code"] in codes
        ),
        *(Chosen(code, code, 0) for code in codes if code not in known),
    )


def whole_name(name: str, modifiers: Sequence[Mapping[str, Any]]) -> str:
    """With what was chosen, where a line's name stands alone: "Filter coffee (Large, Oat milk)"."""
    return f"{name} ({_(', ').join(each['name'] for each in modifiers)})" if modifiers else name


def hash_of(codes: Sequence[str]) -> str:
    """The same for the same choices, in whatever order; empty for none."""
    return sha256("\n".join(sorted(codes)).encode()).hexdigest() if codes else ""


def _groups(rows: Sequence[Row]) -> Mapping[str, list[Row]]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["is_active"]:
            groups[row["in_group"]].append(row)
    return groups


def _minimum(group: Sequence[Row]) -> int:
    """Nobody must choose what there is not."""
    return int(min(group[0]["minimum"], len(group)))


def _faults(rows: Sequence[Row], codes: Sequence[str]) -> list[dict[str, str]]:
    if not rows and not codes:
        return []
    groups = _groups(rows)
    offered = {row["code"] for group in groups.values() for row in group}
    return [
        *_unknown(codes, offered),
        *(fault for group in groups.values() for fault in _out_of_range(group, codes)),
    ]


def _unknown(codes: Sequence[str], offered: set[str]) -> list[dict[str, str]]:
    faults = []
    for index, code in enumerate(codes):
        if code not in offered:
            said = _("This cannot be chosen here. Read the product again.")
            faults.append(field_error(f"/modifiers/{index}", "unknown_modifier", said))
        elif code in codes[:index]:
            said = _("This is chosen twice.")
            faults.append(field_error(f"/modifiers/{index}", "twice", said))
    return faults


def _out_of_range(group: Sequence[Row], codes: Sequence[str]) -> list[dict[str, str]]:
    count = sum(row["code"] in codes for row in group)
    least, most = _minimum(group), group[0]["maximum"]
    if least <= count <= most:
        return []
    said = (
        _("%(group)s: choose at least %(count)s.")
        if count < least
        else _("%(group)s: choose at most %(count)s.")
    ) % {
        "group": isolated(
            in_language(group[0]["group_name"], group[0]["group_names"], get_language() or "")
        ),
        "count": least if count < least else most,
    }
    return [field_error("/modifiers", "too_few" if count < least else "too_many", said)]
