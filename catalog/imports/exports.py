"""All products as a file that can be imported again: CSV, JSON lines or XLSX.

Products are read some hundred at a time and written as they come, so the shop may have as many as
it likes.
"""

from __future__ import annotations

import codecs
import csv
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import IO, Any

import orjson
from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _

from catalog import shop
from catalog.imports import workbooks
from catalog.imports.book import TEXTS, Categories, Sold, open_book
from catalog.imports.cells import NOTHING, text_of
from catalog.imports.columns import languages
from catalog.imports.files import CHUNK
from catalog.imports.formulas import neutralise
from catalog.models import Master, Price, Variant
from catalog.money import Money
from catalog.places import tender
from museo.access.callers import Caller
from museo.access.permissions import may
from museo.access.problems import Invalid, NotAllowed, field_error

AT_ONCE = 500
PERMISSION = "catalog.view_master"
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
OF_MASTER = ("kind", "status", "brand")
Row = Mapping[str, Any]


def export(
    caller: Caller, *, kind: str, now: datetime, ids: Sequence[int] | None = None
) -> Iterator[bytes]:
    """The file in parts; all living products, or those of `ids`. Raises NotAllowed and Invalid."""
    if not may(caller, PERMISSION):
        raise NotAllowed(_("Only staff who may see products can export them."))
    if kind not in WRITERS:
        detail = _("Choose one of: %(types)s.") % {"types": ", ".join(WRITERS)}
        raise Invalid(detail, errors=[field_error("/type", "invalid_choice", detail)])
    return WRITERS[kind](columns(), _rows(ids, now))


def columns() -> list[str]:
    """The same as an import knows; each language and currency that the shop has."""
    spoken = languages()
    return [
        *("sku", "product", "options"),
        *(f"{name}:{language}" for name in TEXTS for language in spoken),
        *("category", *OF_MASTER, "tags", "attributes", "pictures"),
        *(f"{name}:{currency}" for currency in _in_use() for name in ("price", "list_price")),
        *("stock", "gtin", "active", "track_stock", "max_per_order"),
    ]


def _in_use() -> list[str]:
    """The currencies that there are prices in, and the shop's."""
    used = Price.objects.order_by().values_list("currency", flat=True).distinct()
    return sorted({shop.currency(), *(tender() & set(used))})


def _rows(ids: Sequence[int] | None, now: datetime) -> Iterator[Row]:
    categories = Categories()
    in_use = _in_use()
    for skus in _skus(ids):
        book = open_book(skus, (), currencies=in_use, is_locked=False, now=now)
        for product in sorted(book.all, key=lambda product: product.pk or 0):
            for sold in product.variants.values():
                yield _row(sold, categories)


def _skus(ids: Sequence[int] | None) -> Iterator[list[str]]:
    """The SKUs of some hundred products at a time."""
    last = 0
    while True:
        masters = Master.objects.filter(deleted_at=None, pk__gt=last).order_by("pk")
        if ids is not None:
            masters = masters.filter(pk__in=ids)
        found = list(masters.values_list("pk", flat=True)[:AT_ONCE])
        if not found:
            return
        yield list(Variant.objects.filter(master_id__in=found).values_list("sku", flat=True))
        last = found[-1]


def _row(sold: Sold, categories: Categories) -> Row:
    product = sold.product
    row: dict[str, Any] = {
        "sku": sold.sku,
        "product": product.slug,
        "options": sold.options or None,
        "category": categories.slugs.get(product.category or 0, ""),
        "tags": product.fields["tags"] or None,
        "attributes": product.fields["attributes"] or None,
        "pictures": product.pictures or None,
        "stock": sold.on_hand,
        "gtin": sold.fields["gtin"],
        "active": sold.fields["is_active"],
        "track_stock": sold.fields["track_stock"],
        "max_per_order": sold.fields["max_per_order"],
    }
    row |= {name: product.fields[name] for name in OF_MASTER}
    for language, texts in product.texts.items():
        row |= {f"{name}:{language}": texts[name] for name in TEXTS}
    for currency, amounts in sold.prices.items():
        row[f"price:{currency}"] = _typed(amounts.amount, currency)
        before = amounts.list_amount
        row[f"list_price:{currency}"] = NOTHING if before is None else _typed(before, currency)
    return row


def _typed(amount: int, currency: str) -> str:
    """84.00, as it is read again."""
    return str(Money(amount, currency).as_decimal())


def download(parts: Iterator[bytes], kind: str) -> StreamingHttpResponse:
    """The exported file as an answer."""
    return attachment(parts, f"products.{kind}", kind)


def sheet(lines: Iterator[str], name: str) -> StreamingHttpResponse:
    """Lines of CSV as an answer; its mark tells spreadsheet programs that it is UTF-8."""
    return attachment(codecs.iterencode(lines, "utf-8-sig"), name, "csv")


def attachment(parts: Iterator[bytes], name: str, kind: str) -> StreamingHttpResponse:
    """A file that is sent as it is made."""
    return StreamingHttpResponse(
        parts,
        content_type=CONTENT_TYPES[kind],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


# ways of writing


def _csv(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    # with it spreadsheet programs know that it is UTF-8
    yield "\ufeff".encode()
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([neutralise(text_of(row.get(column))) for column in columns])
        if buffer.tell() > CHUNK:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


def _json_lines(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    part: list[bytes] = []
    for row in rows:
        kept = {column: row[column] for column in columns if row.get(column) not in (None, "")}
        part.append(orjson.dumps(kept, option=orjson.OPT_APPEND_NEWLINE))
        if len(part) == AT_ONCE:
            yield b"".join(part)
            part.clear()
    yield b"".join(part)


def _xlsx(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    """A zip is finished at its end: it is written to disk, and read from there."""
    with tempfile.TemporaryFile() as file:
        _write_workbook(file, columns, rows)
        file.seek(0)
        while part := file.read(CHUNK):
            yield part


def _write_workbook(file: IO[bytes], columns: Sequence[str], rows: Iterable[Row]) -> None:
    from openpyxl import Workbook

    workbook = Workbook(write_only=True)
    sheet: Any = workbook.create_sheet(title=_("Products"))
    sheet.append(list(columns))
    for row in rows:
        sheet.append([_typed_cell(sheet, row.get(column)) for column in columns])
    workbook.save(file)


def _typed_cell(sheet: Any, value: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell

    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    cell = WriteOnlyCell(sheet, value=workbooks.escape(neutralise(text_of(value))))
    # text, whatever it looks like
    cell.data_type = "s"
    return cell


WRITERS: Mapping[str, Callable[[Sequence[str], Iterable[Row]], Iterator[bytes]]] = {
    "csv": _csv,
    "jsonl": _json_lines,
    "xlsx": _xlsx,
}
