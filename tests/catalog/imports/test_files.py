"""Any file that people have is read as they mean it, or refused before it costs anything."""

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openpyxl import Workbook
from pytest_django.fixtures import Settings

from catalog.imports import files, limits
from catalog.imports.problems import CannotImport

Table = list[list[str]]


@pytest.fixture
def kept(settings: Settings, tmp_path: Path) -> Path:
    """Where uploads lie."""
    settings.MUSEO_HOME = tmp_path
    return tmp_path / "imports"


@pytest.fixture
def table(kept: Path) -> Callable[[bytes], Table]:
    """The header and the rows of a file."""

    def table(content: bytes) -> Table:
        name = files.keep([content])
        reading, header, _sample = files.examine(name)
        return [header, *(cells for _number, cells in files.read(name, reading, header))]

    return table


def workbook(*rows: list[object]) -> bytes:
    made, file = Workbook(write_only=True), io.BytesIO()
    sheet = made.create_sheet()
    for row in rows:
        sheet.append(row)
    made.save(file)
    return file.getvalue()


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


TEXT = 'sku;name\nA;Schüssel\nB;"ein;\nzwei"\n'
ROWS = [["sku", "name"], ["A", "Schüssel"], ["B", "ein;\nzwei"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_a_csv_is_read_in_its_encoding(table: Callable[[bytes], Table], encoding: str) -> None:
    assert table(TEXT.encode(encoding)) == ROWS


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(table: Callable[[bytes], Table], delimiter: str) -> None:
    line = delimiter.join
    content = "\r\n".join([line(["sku", '"a,b;c|d"', "name"]), line(["A", "", "x"]), ""])

    assert table(content.encode()) == [["sku", "a,b;c|d", "name"], ["A", "", "x"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    ("first", "delimiter"),
    [
        ("sep=;\r\n", ";"),
        ("SEP=,\n", ","),
        ("sep=\t\n", "\t"),
        ("sep=^\r\n", "^"),
        ('"sep=;"\n', ";"),
    ],
)
def test_the_delimiter_that_a_file_names_is_obeyed(
    table: Callable[[bytes], Table], first: str, delimiter: str, encoding: str
) -> None:
    lines = [["sku", "a,b;c|d"], ["A", "x"]]
    content = first + "\n".join(f'{one}{delimiter}"{other}"' for one, other in lines)

    assert table(content.encode(encoding)) == lines


def test_the_line_that_names_the_delimiter_is_not_counted(kept: Path) -> None:
    """Spreadsheet programs do not show it."""
    name = files.keep([b"sep=;\nsku;name\nA;a\n\nB;b"])
    reading, header, _sample = files.examine(name)

    assert list(files.read(name, reading, header)) == [(2, ["A", "a"]), (4, ["B", "b"])]


@pytest.mark.parametrize("first", ["sep=", "sep=^ x", "separator", "sep=a"])
def test_a_column_may_be_called_nearly_so(table: Callable[[bytes], Table], first: str) -> None:
    assert table(f"{first}\tsku\nx\tA\n".encode()) == [[first, "sku"], ["x", "A"]]


def test_a_workbook_is_read_as_texts(table: Callable[[bytes], Table]) -> None:
    content = workbook(["sku", "price", "stock", "active"], [15, 84.5, 3.0, True], [None, "=A1"])

    assert table(content) == [
        ["sku", "price", "stock", "active"],
        ["15", "84.5", "3", "yes"],
        ["", "=A1", "", ""],
    ]


@pytest.mark.parametrize(
    "content",
    [
        b'[{"sku": "A", "name": {"de": "Schale"}}, {"sku": "B", "stock": 3}]',
        b'{"sku": "A", "name": {"de": "Schale"}}\n\n{"sku": "B", "stock": 3}\n',
    ],
)
def test_json_is_a_table_too(table: Callable[[bytes], Table], content: bytes) -> None:
    assert table(content) == [["sku", "name:de", "stock"], ["A", "Schale", ""], ["B", "", "3"]]


def test_one_object_over_several_lines_is_one_row(table: Callable[[bytes], Table]) -> None:
    assert table(b'{\n "sku": "A",\n "options": {"Size": "S"}\n}') == [
        ["sku", "options"],
        ["A", '{"Size":"S"}'],
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"sku,name\n", "empty"),
        (b"\n\n", "empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not_a_text"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(500), "old_xls"),
        ("sku,name\nA,ü\n".encode("utf-8-sig") + b"\xff", "encoding_unknown"),
        (b"sku,name\nA,\x81\n", "encoding_unknown"),
        (b'sku,name\nA,"never closed\nB,b\n', "not_csv"),
        (b"sku,name\nA," + b"x" * (limits.LONGEST_CELL + 1), "cell_too_long"),
        (",".join(map(str, range(201))).encode() + b"\n1", "too_many_columns"),
        (b'[{"sku": 1}, 2]', "not_json"),
        (b'[{"sku": 1', "not_json"),
        (b'{"sku": 1}\n{"sku"\n', "not_json"),
        (b'[{"sku": "\\ud800"}]', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'[{"sku": ' + b"[" * 300 + b"]" * 300 + b"}]", "not_json"),
        (zipped(hello=b"world"), "format_unknown"),
        (b"PK\x03\x04 no zip at all", "not_xlsx"),
        (workbook(["sku"], ["A"])[:-200], "not_xlsx"),
        (zipped(**{"[Content_Types].xml": b"<a/>"}), "not_xlsx"),
        (zipped(**{"[Content_Types].xml": b"<a/>", "b": bytes(64_000_000)}), "unpacks_too_large"),
    ],
)
def test_what_is_no_table_is_refused_with_its_reason(
    table: Callable[[bytes], Table], kept: Path, content: bytes, code: str
) -> None:
    with pytest.raises(CannotImport) as refused:
        table(content)

    assert refused.value.code == code
    assert "%(" not in refused.value.detail


def test_a_bomb_is_refused_before_it_is_unpacked(
    table: Callable[[bytes], Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = zipped(**{"[Content_Types].xml": b"<a/>", "xl/worksheets/sheet1.xml": bytes(10**8)})
    assert len(bomb) < 200_000

    def unpacked(*_arguments: object) -> None:
        raise AssertionError("it was unpacked")

    monkeypatch.setattr(zipfile.ZipFile, "open", unpacked)
    with pytest.raises(CannotImport, match="far too large"):
        table(bomb)


def test_entities_of_xml_are_not_followed(table: Callable[[bytes], Table]) -> None:
    file = io.BytesIO(workbook(["sku"], ["A"]))
    evil = b'<!DOCTYPE a [<!ENTITY b "bbbb">]><worksheet>&b;</worksheet>'
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["xl/worksheets/sheet1.xml"] = evil

    with pytest.raises(CannotImport) as refused:
        table(zipped(**members))

    assert refused.value.code == "not_xlsx"


def test_rows_beyond_the_limit_are_refused(
    table: Callable[[bytes], Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_ROWS", 3)

    assert len(table(b"sku\n" + b"A\n" * 3)) == 4
    with pytest.raises(CannotImport) as refused:
        table(b"sku\n" + b"A\n" * 4)

    assert refused.value.code == "too_many_rows"


def test_a_file_that_is_too_large_leaves_nothing_behind(kept: Path) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(1024 * 1024)

    with pytest.raises(CannotImport) as refused:
        files.keep(endless())

    assert (refused.value.code, refused.value.status) == ("too_large", 413)
    assert list(kept.iterdir()) == []
