"""XLSX: read a row at a time with openpyxl, which parses by defusedxml; written the same way.

openpyxl takes as long to load as a sixth of the shop, so it is loaded by whoever needs it.

A workbook is a zip of XML. What it says of its unpacked size is checked before anything is
unpacked, and Python's zipfile unpacks no more than that. Formulas are read as their text.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from catalog.imports.cells import text_of
from catalog.imports.limits import (
    DENSEST,
    HARMLESS,
    LARGEST_UNPACKED,
    LONGEST_CELL,
    MOST_COLUMNS,
    MOST_MEMBERS,
    MOST_ROWS,
)
from catalog.imports.problems import CannotImport

# what a damaged workbook makes openpyxl and zipfile raise
DAMAGED = (
    zipfile.BadZipFile,
    ParseError,
    ArithmeticError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
# ECMA-376, ST_Xstring: `_x000D_` is a carriage return
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_TO_ESCAPE = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


def require_harmless(path: Path) -> None:
    """Raise CannotImport for what is no workbook, or would unpack to far too much."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except DAMAGED as error:
        raise CannotImport("not_xlsx") from error
    if "[Content_Types].xml" not in {member.filename for member in members}:
        raise CannotImport("format_unknown")
    unpacked = sum(member.file_size for member in members)
    packed = max(1, path.stat().st_size)
    is_dense = unpacked > HARMLESS and unpacked > DENSEST * packed
    if unpacked > LARGEST_UNPACKED or is_dense or len(members) > MOST_MEMBERS:
        raise CannotImport("unpacks_too_large")


def rows(path: Path, *, width: int = MOST_COLUMNS + 1) -> Iterator[list[str]]:
    """The rows of the first sheet, as texts; no wider than `width`, whatever the sheet says."""
    from openpyxl import DEFUSEDXML, load_workbook

    if not DEFUSEDXML:
        raise RuntimeError("openpyxl does not use defusedxml; it must be installed.")
    require_harmless(path)
    with path.open("rb") as file:
        try:
            workbook = load_workbook(file, read_only=True)
        except DAMAGED as error:
            raise CannotImport("not_xlsx") from error
        yield from _texts(workbook, width)


def _texts(workbook: Any, width: int) -> Iterator[list[str]]:
    if not workbook.worksheets:
        raise CannotImport("empty")
    sheet = workbook.worksheets[0]
    # what the sheet says of its size may be wrong
    sheet.reset_dimensions()
    read = sheet.iter_rows(max_row=MOST_ROWS + 2, max_col=width, values_only=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(read, None)
        except DAMAGED as error:
            raise CannotImport("not_xlsx") from error
        if cells is None:
            return
        yield [_text(cell, number) for cell in cells]


def _text(value: Any, row: int) -> str:
    if not isinstance(value, str):
        return text_of(value)
    if len(value) > LONGEST_CELL:
        raise CannotImport("cell_too_long", row=row, most=LONGEST_CELL)
    return unescape(value)


def escape(text: str) -> str:
    """As a workbook holds it: what XML cannot hold is written by its number."""
    return _TO_ESCAPE.sub(lambda found: f"_x{ord(found[0]):04X}_", text)


def unescape(text: str) -> str:
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
