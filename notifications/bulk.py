"""Writes many rows at once: COPY and `UPDATE … FROM` on PostgreSQL, `executemany` on SQLite.

`bulk_create` builds an expression for every value and takes six times as long; the log is written
by every change, and by the clock a thousand events at a time.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models


def insert(model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows of the values of the fields `names`."""
    rows = list(rows)
    if not rows:
        return
    fields = [model._meta.get_field(name) for name in names]
    ready = (
        [
            field.get_db_prep_save(value, connection)  # type: ignore[union-attr]
            for field, value in zip(fields, row, strict=True)
        ]
        for row in rows
    )
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
    ready = [
        [
            field.get_db_prep_save(value, connection)  # type: ignore[union-attr]
            for field, value in zip(fields, row, strict=True)
        ]
        for row in rows
    ]
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            sets = ", ".join(f"{name} = given.{name}" for name in names)
            columns = ", ".join(f"%s::{_type_of(field)}[]" for field in fields)
            cursor.execute(
                # names and types come from the models, values are placeholders
                f"UPDATE {table} SET {sets} FROM unnest({columns})"  # noqa: S608
                f" AS given (id, {', '.join(names)}) WHERE {table}.id = given.id",
                [list(column) for column in zip(*ready, strict=True)],
            )
        else:
            sets = ", ".join(f"{name} = %s" for name in names)
            cursor.executemany(
                # names come from the models, values are placeholders
                f"UPDATE {table} SET {sets} WHERE id = %s",  # noqa: S608
                [[*values, pk] for pk, *values in ready],
            )


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
