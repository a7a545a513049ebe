"""Files as tables: CSV, XLSX and JSON, each a header and rows of texts.

Nothing of a file is believed: sizes are limited before anything is read, and no formula is
evaluated. Whatever is wrong raises CannotImport with words that say what to do.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson
from django.conf import settings
from django.core.files.storage import FileSystemStorage

from catalog.imports import workbooks
from catalog.imports.cells import text_of
from catalog.imports.formulas import restore
from catalog.imports.limits import LARGEST_FILE, LONGEST_CELL, MOST_COLUMNS, MOST_ROWS
from catalog.imports.problems import CannotImport
from museo.access.tokens import new_token

CHUNK = 64 * 1024
DELIMITERS = ",;\t|"
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# an OLE compound file: what Excel wrote until 2003, and writes around what has a password
OLD_XLS = bytes.fromhex("d0cf11e0a1b11ae1")
# how many objects are asked for their names
ASKED = 1000


@dataclass(frozen=True)
class Reading:
    """How the bytes of a file become a table."""

    format: str
    encoding: str = ""
    delimiter: str = ""
    is_lines: bool = False

    def kept(self) -> dict[str, Any]:
        return asdict(self)


def storage() -> FileSystemStorage:
    """Where uploads lie until they are read: nobody is served from there."""
    return FileSystemStorage(location=settings.MUSEO_HOME / "imports", file_permissions_mode=0o600)


def keep(content: Iterable[bytes]) -> str:
    """Write to disk what comes, a part at a time; return its name. Raises when it is too large."""
    name = new_token()
    path = Path(storage().path(name))
    path.parent.mkdir(mode=0o700, exist_ok=True)
    size = 0
    try:
        with path.open("xb") as file:
            for part in content:
                size += len(part)
                if size > LARGEST_FILE:
                    raise CannotImport("too_large", most=LARGEST_FILE // 1024 // 1024)
                file.write(part)
        if not size:
            raise CannotImport("empty")
    except CannotImport:
        path.unlink()
        raise
    return name


def forget(name: str) -> None:
    storage().delete(name)


def examine(name: str) -> tuple[Reading, list[str], list[list[str]]]:
    """How to read the file, its header and its first rows."""
    reading = _recognise(Path(storage().path(name)))
    header = read_header(name, reading)
    rows = [cells for _number, cells in islice(read(name, reading, header), 5)]
    if not rows:
        raise CannotImport("empty")
    return reading, header, rows


def read_header(name: str, reading: Reading) -> list[str]:
    path = Path(storage().path(name))
    if reading.format == "json":
        names = (key for each in islice(_objects(path, reading), ASKED) for key in each)
        header = list(dict.fromkeys(names))
    else:
        header = [
            cell.strip() for cell in next(_records(path, reading, width=MOST_COLUMNS + 1), [])
        ]
        while header and not header[-1]:
            header.pop()
    if not header:
        raise CannotImport("empty")
    if len(header) > MOST_COLUMNS:
        raise CannotImport("too_many_columns", most=MOST_COLUMNS)
    return header


def read(name: str, reading: Reading, header: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Each row with its number: its cells in the order of the header, and those too many.

    Empty rows are left out, but counted.
    """
    path = Path(storage().path(name))
    for number, cells in _numbered(path, reading, header):
        if number > MOST_ROWS + 1:
            raise CannotImport("too_many_rows", most=MOST_ROWS)
        if any(cells):
            yield number, cells


def _numbered(path: Path, reading: Reading, header: list[str]) -> Iterator[tuple[int, list[str]]]:
    if reading.format == "json":
        for number, flat in enumerate(_objects(path, reading), 1):
            yield number, [flat.pop(key, "") for key in header] + list(flat.values())
        return
    width = len(header)
    records = _records(path, reading, width=width + 1)
    for number, cells in islice(enumerate(records, 1), 1, None):
        missing = width - len(cells)
        if missing > 0:
            cells += [""] * missing
        while len(cells) > width and not cells[-1]:
            cells.pop()
        yield number, [restore(cell) for cell in cells]


def _records(path: Path, reading: Reading, *, width: int) -> Iterator[list[str]]:
    if reading.format == "xlsx":
        return workbooks.rows(path, width=width)
    return _csv(path, reading)


# what it is


def _recognise(path: Path) -> Reading:
    with path.open("rb") as file:
        start = file.read(CHUNK)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        workbooks.require_harmless(path)
        return Reading("xlsx")
    if start.startswith(OLD_XLS):
        raise CannotImport("old_xls")
    encoding = next((name for bom, name in BOMS if start.startswith(bom)), "")
    if not encoding and b"\x00" in start:
        raise CannotImport("not_a_text")
    encoding = _checked(path, encoding)
    first = _first_letters(path, encoding)
    if first[:1] in ("{", "["):
        return Reading("json", encoding=encoding, is_lines=first[0] == "{")
    return Reading("csv", encoding=encoding, delimiter=_delimiter(path, encoding))


def _checked(path: Path, named: str) -> str:
    """The encoding in which all of the file is text: the one it names, else UTF-8, else Latin-1."""
    for encoding in (named,) if named else ("utf-8", "cp1252"):
        try:
            _read_through(path, encoding)
        except UnicodeError as error:
            byte = getattr(error, "start", 0)
        else:
            return encoding
    raise CannotImport("encoding_unknown", encoding=encoding.removesuffix("-sig"), byte=byte)


def _read_through(path: Path, encoding: str) -> None:
    """Raise UnicodeError, whose `start` counts from the beginning of the file."""
    decoder, before = codecs.getincrementaldecoder(encoding)(), 0
    with path.open("rb") as file:
        while part := file.read(CHUNK):
            _decode(decoder, part, before, final=False)
            before += len(part)
        _decode(decoder, b"", before, final=True)


def _decode(decoder: codecs.IncrementalDecoder, part: bytes, before: int, *, final: bool) -> None:
    try:
        decoder.decode(part, final)
    except UnicodeDecodeError as error:
        error.start += before
        raise


def _first_letters(path: Path, encoding: str) -> str:
    with path.open(encoding=encoding) as file:
        return file.read(CHUNK).lstrip()


def _delimiter(path: Path, encoding: str) -> str:
    """The one that the file names, else what most often stands between the names of the columns."""
    with path.open(encoding=encoding, newline="") as file:
        line = file.readline(CHUNK)
    named = _NAMED_DELIMITER.fullmatch(line)
    if named:
        return named["delimiter"]
    outside = "".join(line.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


# CSV


# Excel obeys it and does not show it: `sep=;`
_NAMED_DELIMITER = re.compile(r"""("?)sep=(?P<delimiter>[^\w\s"]|\t)\1\r?\n?""", re.IGNORECASE)


def _csv(path: Path, reading: Reading) -> Iterator[list[str]]:
    csv.field_size_limit(LONGEST_CELL)
    number = 0
    with path.open(encoding=reading.encoding, newline="") as file:
        if not _NAMED_DELIMITER.fullmatch(file.readline(CHUNK)):
            file.seek(0)
        try:
            # strictly: a quotation mark that is never closed would swallow all rows after it
            for cells in csv.reader(file, delimiter=reading.delimiter, strict=True):
                number += 1
                yield cells
        except csv.Error as error:
            if "field larger" in str(error):
                raise CannotImport("cell_too_long", row=number + 1, most=LONGEST_CELL) from error
            raise CannotImport("not_csv", row=number + 1) from error


# JSON


def _objects(path: Path, reading: Reading) -> Iterator[dict[str, str]]:
    for number, each in enumerate(_values(path, reading), 1):
        if not isinstance(each, dict):
            raise CannotImport("not_json", row=number)
        try:
            yield _flat(each)
        except orjson.JSONEncodeError as error:
            # what is within a cell is deeper than can be written again
            raise CannotImport("not_json", row=number) from error


def _values(path: Path, reading: Reading) -> Iterator[Any]:
    with path.open(encoding=reading.encoding) as file:
        if not reading.is_lines:
            yield from _parsed(file.read(), 1)
            return
        # one object may also be written over several lines
        whole = _parsed_or_none(file)
        if whole is not None:
            yield whole
            return
        file.seek(0)
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _parsed(line, number)


def _parsed_or_none(file: IO[str]) -> Any:
    """The one object of a file whose first line is none by itself."""
    try:
        orjson.loads(file.readline())
    except orjson.JSONDecodeError:
        file.seek(0)
        return _parsed(file.read(), 1)
    return None


def _parsed(text: str, row: int) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise CannotImport("not_json", row=row) from error


def _flat(row: dict[str, Any]) -> dict[str, str]:
    """Texts by column: `{"name": {"de": "Schale"}}` is the column `name:de`."""
    flat: dict[str, str] = {}
    for key, value in row.items():
        if isinstance(value, dict) and key not in AS_OBJECTS:
            flat |= {f"{key}:{inner}": text_of(each) for inner, each in value.items()}
        else:
            flat[key] = text_of(value)
    return flat


AS_OBJECTS = ("options", "attributes")
