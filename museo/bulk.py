"""Writes many rows at once: COPY and `UPDATE … FROM` on PostgreSQL, `executemany` on SQLite.

`bulk_create` builds an expression for every value and takes six times as long; the log is written
by every change, and by the clock a thousand events at a time.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import orjson
from django.db import connection, models


def insert(model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of the values of the fields `names`."""
    rows = list(rows)
    if not rows:
        return
    fields = [model._meta.get_field(name) for name in names]
    ready = _ready(fields, rows)
    columns = ", ".join(names)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {model._meta.db_table} ({columns}) FROM STDIN") as copy:
                for row in ready:
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(names))
            # names come from the models, values are placeholders
            into = f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({marks})"  # noqa: S608
            cursor.executemany(into, list(ready))


def update(model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Set the fields `names` of rows by id: each of `rows` is an id and the values."""
    rows = list(rows)
    if not rows:
        return
    fields = [model._meta.pk, *(model._meta.get_field(name) for name in names)]
    ready = list(_ready(fields, rows))
    table, key = model._meta.db_table, model._meta.pk.column
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            sets = ", ".join(f"{name} = given.{name}" for name in names)
            columns = ", ".join(f"%s::{_type_of(field)}[]" for field in fields)
            cursor.execute(
                # names and types come from the models, values are placeholders
                f"UPDATE {table} SET {sets} FROM unnest({columns})"  # noqa: S608
                f" AS given ({key}, {', '.join(names)}) WHERE {table}.{key} = given.{key}",
                [list(column) for column in zip(*ready, strict=True)],
            )
        else:
            sets = ", ".join(f"{name} = %s" for name in names)
            cursor.executemany(
                # names come from the models, values are placeholders
                f"UPDATE {table} SET {sets} WHERE {key} = %s",  # noqa: S608
                [[*values, pk] for pk, *values in ready],
            )


# what a driver takes as it is, in a column of these kinds
PLAIN = (str, int, bool, type(None))
PLAIN_FIELDS = (
    models.BooleanField,
    models.CharField,
    models.DateTimeField,
    models.ForeignKey,
    models.IntegerField,
    models.TextField,
)


def _ready(fields: Sequence[Any], rows: Sequence[Sequence[Any]]) -> Iterator[list[Any]]:
    """The rows as the driver takes them; asking a field costs more than the database does."""
    # SQLite has no times: they are texts there
    plain = (*PLAIN, datetime) if connection.vendor == "postgresql" else PLAIN
    are_plain = [isinstance(field, PLAIN_FIELDS) for field in fields]
    for row in rows:
        yield [
            value if is_plain and type(value) in plain else _asked(field, value)
            for field, is_plain, value in zip(fields, are_plain, row, strict=True)
        ]


def _asked(field: Any, value: Any) -> Any:
    if isinstance(field, models.JSONField) and field.encoder is None and value is not None:
        # what orjson does not know (a number of 70 bits) is the field's to write
        with suppress(TypeError):
            return orjson.dumps(value).decode()
    return field.get_db_prep_save(value, connection)


def _type_of(field: Any) -> str:
    """The column's type, without what only its making says."""
    return str(field.rel_db_type(connection) if field.primary_key else field.db_type(connection))


def take_ids(model: type[models.Model], count: int) -> list[int]:
    """Ids that nobody else will have, for rows that are to refer to each other at once.

    Call it in the transaction that inserts the rows.
    """
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
                [table, count],
            )
            return [pk for (pk,) in cursor.fetchall()]
        # this transaction is the one writer
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        last = (cursor.fetchone() or (0,))[0]
        return list(range(last + 1, last + 1 + count))
