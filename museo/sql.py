"""Rows written and read by statements of our own, for calls that are made very often.

To make a statement out of models takes Django several times what the database needs to answer it.
What is asked here often PostgreSQL parses and plans once for each connection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, TypeVar

import orjson
import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections, models, transaction

M = TypeVar("M", bound=models.Model)


def ask(statement: str, params: Sequence[Any]) -> Any:
    """The cursor with the answer, to be read at once; `params` as the driver takes them."""
    db = connections[DEFAULT_DB_ALIAS]
    # what counts or names queries sees only those that Django sends
    if db.vendor != "postgresql" or db.queries_logged or db.execute_wrappers:
        cursor = db.cursor()
        cursor.execute(statement, params)
        return cursor
    db.ensure_connection()
    db.validate_no_broken_transaction()
    prepared = _cursor_of(db.connection)
    with db.wrap_database_errors:
        prepared.execute(_numbered(statement), params)
    return prepared


def _cursor_of(connected: Any) -> psycopg.RawCursor[Any]:
    """One for each connection: whoever asks reads the answer before anybody else asks."""
    kept: psycopg.RawCursor[Any] | None = getattr(connected, "asked_by_museo", None)
    if kept is None:
        kept = connected.asked_by_museo = psycopg.RawCursor(connected)
    return kept


@lru_cache(maxsize=1024)
def _numbered(statement: str) -> str:
    """With the marks that PostgreSQL itself knows, $1, $2 …: psycopg need not look for others."""
    first, *parts = statement.split("%s")
    marked = "".join(f"${place}{part}" for place, part in enumerate(parts, 1))
    return (first + marked).replace("%%", "%")


def rows(statement: str, params: Sequence[Any]) -> list[Any]:
    """What a statement brings, as the driver reads it."""
    return ask(statement, [value(each) for each in params]).fetchall()  # type: ignore[no-any-return]


def changed(statement: str, params: Sequence[Any]) -> int:
    """How many rows a statement has changed."""
    return int(ask(statement, [value(each) for each in params]).rowcount)


def value(given: Any) -> Any:
    """As the driver takes it."""
    if type(given) is not datetime:
        return given
    return connections[DEFAULT_DB_ALIAS].ops.adapt_datetimefield_value(given)


def alone() -> AbstractContextManager[Any]:
    """For one statement that is a transaction of its own; SQLite's writers queue before BEGIN."""
    return nullcontext() if connection.vendor == "postgresql" else transaction.atomic()


# rows of models


def insert(row: models.Model, *, unless: str = "") -> bool:
    """Write it as a new row, and read the id that the database gives it.

    False, and nothing is written, if there is one that has the same in the columns `unless`.
    """
    table = _table(type(row), connection.vendor)
    values = row.__dict__
    skip = f" ON CONFLICT ({unless}) DO NOTHING" if unless else ""
    given = [write(values[name]) for name, write in table.writers]
    made = ask(table.insert + skip + table.key, given).fetchone()
    if not made:
        return False
    (row.pk,) = made
    row._state.adding = False
    row._state.db = DEFAULT_DB_ALIAS
    return True


def returned(model: type[M], statement: str, params: Sequence[Any]) -> list[M]:
    """What a statement that ends in RETURNING, or a SELECT, brings: `*` stands for all columns."""
    table = _table(model, connection.vendor)
    found = rows(statement.replace("*", table.columns), params)
    return [model.from_db(DEFAULT_DB_ALIAS, table.names, table.read(row)) for row in found]


@dataclass(frozen=True)
class _Table:
    """A model's, as one engine has it; `writers` are of all but an id that the database gives."""

    names: Sequence[str]
    columns: str
    writers: Sequence[tuple[str, Writer]]
    insert: str
    # gives the id back
    key: str
    # of columns that must be read: place, expression, readers
    readers: Sequence[tuple[int, Any, Sequence[Callable[..., Any]]]]

    def read(self, row: Sequence[Any]) -> Sequence[Any]:
        if not self.readers:
            return row
        values = list(row)
        for place, expression, readers in self.readers:
            for read in readers:
                values[place] = read(values[place], expression, connection)
        return values


@cache
def _table(model: type[models.Model], vendor: str) -> _Table:
    meta = model._meta
    every = list(meta.concrete_fields)
    fields = [field for field in every if not isinstance(field, models.AutoField)]
    quote: Any = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in every)
    into = ", ".join(quote(field.column) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    table, pk = quote(meta.db_table), quote(meta.pk.column)
    expressions = [field.cached_col for field in every]
    readers = [
        connection.ops.get_db_converters(each) + each.get_db_converters(connection)
        for each in expressions
    ]
    return _Table(
        names=[field.attname for field in every],
        columns=columns,
        writers=[(field.attname, writer(field, vendor)) for field in fields],
        # names come from the models, values are placeholders
        insert=f"INSERT INTO {table} ({into}) VALUES ({marks})",  # noqa: S608
        key=f" RETURNING {pk}",
        readers=[
            (place, expression, each)
            for place, (expression, each) in enumerate(zip(expressions, readers, strict=True))
            if each
        ],
    )


# values


Writer = Callable[[Any], Any]
# what a driver takes as it is, in a column of these kinds
PLAIN = frozenset({str, int, bool, type(None)})
PLAIN_FIELDS = (
    models.BooleanField,
    models.CharField,
    models.DateTimeField,
    models.ForeignKey,
    models.IntegerField,
    models.TextField,
)


@cache
def writer(field: Any, vendor: str) -> Writer:
    """Makes a field's value what the driver takes; asking a field costs more than the database."""
    # SQLite has no times: they are texts there
    plain = PLAIN | {datetime} if vendor == "postgresql" else PLAIN

    def ask_the_field(given: Any) -> Any:
        return field.get_db_prep_save(given, connection)

    def write(given: Any) -> Any:
        return given if type(given) in plain else ask_the_field(given)

    def write_json(given: Any) -> Any:
        # what orjson does not know (a number of 70 bits) is the field's to write
        with suppress(TypeError):
            return orjson.dumps(given).decode()
        return ask_the_field(given)

    if isinstance(field, models.JSONField) and field.encoder is None and not field.null:
        return write_json
    return write if isinstance(field, PLAIN_FIELDS) else ask_the_field
