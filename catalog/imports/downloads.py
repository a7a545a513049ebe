"""What became of an import's rows, as a file or as sentences; a row at a time."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _

from catalog import purchases
from catalog.imports.columns import LABELS
from catalog.imports.formulas import neutralise
from catalog.imports.models import Import, ImportRow
from catalog.imports.problems import OF_ROWS, WHY_KEPT, words


def refused(found: Import) -> Iterator[str]:
    """The refused rows as CSV: their own columns, the row's number, and why.

    Corrected, it can be imported as it is.
    """
    line = _line_of(found)
    yield line([*found.header, _("row"), _("why")])
    rows = found.rows.filter(outcome=ImportRow.Outcome.REFUSED).order_by("number")
    for row in rows.iterator(chunk_size=1000):
        yield line([*row.cells[: len(found.header)], str(row.number), why(row)])


def kept(found: Import) -> Iterator[str]:
    """The rows that could not be undone, as CSV."""
    line = _line_of(found)
    yield line([_("row"), _("SKU"), _("why")])
    rows = found.rows.filter(was_undone=False).order_by("number")
    for row in rows.iterator(chunk_size=1000):
        yield line([str(row.number), row.sku, str(WHY_KEPT)])


def sentences(found: Import) -> Iterator[str]:
    """The first refused rows, for somebody at a terminal."""
    rows = found.rows.filter(outcome=ImportRow.Outcome.REFUSED).order_by("number")
    for row in rows[:20]:
        yield f"{row.number}: {row.sku or '-'}: {why(row)}"


def warnings(found: Import) -> list[str]:
    """What staff should know of the rows that are not refused."""
    rows = found.rows.exclude(outcome=ImportRow.Outcome.REFUSED)
    return [
        purchases.not_carried_said(kind)
        for kind in sorted(purchases.not_carried())
        if rows.filter(reasons__0__kind=kind).exists()
    ]


def why(row: ImportRow) -> str:
    return " ".join(sentence(reason) for reason in row.reasons)


def sentence(reason: Mapping[str, Any]) -> str:
    """`price: A price is 0 or more.`"""
    label = label_of(reason["field"])
    said = words(OF_ROWS, reason)
    return f"{label}: {said}" if label else said


def label_of(field: str) -> str:
    """What staff call a field: `price (EUR)`."""
    name, _colon, more = field.partition(":")
    if name in ("option", "attribute"):
        return more
    label = str(LABELS.get(name, name))
    return f"{label} ({more})" if more else label


def readable(field: str, value: Any, slugs: Mapping[int, str]) -> Any:
    """A value of a row's changes as callers know it: money, and a category's slug."""
    name, _colon, currency = field.partition(":")
    if name in ("price", "list_price") and value is not None:
        return {"amount": value, "currency": currency}
    return slugs.get(value, "") if name == "category" and value is not None else value


class _Echo:
    """A file that gives back what is written."""

    def write(self, text: str) -> str:
        return text


def _line_of(found: Import) -> Callable[[list[str]], str]:
    """Writes a line with the file's own delimiter: whoever sent it opens such files."""
    writer = csv.writer(_Echo(), delimiter=found.reading.get("delimiter") or ",")
    return lambda cells: str(writer.writerow([neutralise(cell) for cell in cells]))
