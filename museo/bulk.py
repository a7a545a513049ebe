"""Writes many rows at once: COPY and `UPDATE … FROM` on PostgreSQL, `executemany` on SQLite.

`bulk_create` builds an expression for every value and takes six times as long; the log is written
by every change, and by the clock a thousand events at a time. To PostgreSQL all rows go as one text
of CSV or JSON, which C makes: to quote value for value costs more than the database does.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from types import MappingProxyType
from typing import Any

import orjson
from django.db import connection, models

from museo import ahead, sql

# so many rows are written as fast by one INSERT
FEW = 8
NOTHING: Mapping[str, Any] = MappingProxyType({})


def insert(
    model: type[models.Model],
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    alike: Mapping[str, Any] = NOTHING,
) -> None:
    """Insert rows of the values of the fields `names`, and of those that are `alike` in all rows.

    A row of a model stands for its id.
    """
    rows = list(rows)
    if not rows:
        return
    is_copied = len(rows) > FEW and connection.vendor == "postgresql"
    if alike and not is_copied:
        rows = [(*row, *alike.values()) for row in rows]
    names = (*names, *alike)
    if len(rows) <= FEW:
        into, marks, write = _few(model, names, connection.vendor)
        values = chain.from_iterable(write(row) for row in rows)
        sql.write(into + ", ".join([marks] * len(rows)), [*values])
        return
    sql.send_noted()
    fields = [model._meta.get_field(name) for name in names]
    rows = _with_ids(fields, rows)
    columns = ", ".join(map(connection.ops.quote_name, names))
    if is_copied:
        copy = f"COPY {model._meta.db_table} ({columns}) {_form(fields)}"
        ahead.copy(copy, _csv(fields, rows, [*alike.values()]))
        return
    with connection.cursor() as cursor:
        marks = ", ".join(["%s"] * len(names))
        # names come from the models, values are placeholders
        into = f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({marks})"  # noqa: S608
        cursor.executemany(into, list(_ready(fields, rows)))


def _with_ids(fields: Sequence[Any], rows: list[Sequence[Any]]) -> list[Sequence[Any]]:
    """A row belongs to another one by a key: only there a model can stand."""
    for place, field in enumerate(fields[: len(rows[0])]):
        if field.is_relation and _has_models([row[place] for row in rows]):
            return [sql.ids(row) for row in rows]
    return rows


def _has_models(values: Sequence[Any]) -> bool:
    # of keys there are many of few types
    return any(issubclass(each, models.Model) for each in set(map(type, values)))


Write = Callable[[Sequence[Any]], list[Any]]


@cache
def _few(model: type[models.Model], names: tuple[str, ...], vendor: str) -> tuple[str, str, Write]:
    """The beginning of the INSERT, a row's placeholders, what makes a row what the driver takes."""
    writers = [sql.writer(model._meta.get_field(name), vendor) for name in names]

    def write(row: Sequence[Any]) -> list[Any]:
        return [to_driver(value) for to_driver, value in zip(writers, row, strict=True)]

    columns = ", ".join(map(connection.ops.quote_name, names))
    # names come from the models, values are placeholders
    into = f"INSERT INTO {model._meta.db_table} ({columns}) VALUES "  # noqa: S608
    return into, f"({', '.join(['%s'] * len(names))})", write


def update(model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Set the fields `names` of rows by id: each of `rows` is an id and the values."""
    rows = list(rows)
    if not rows:
        return
    table, key = model._meta.db_table, model._meta.pk.column
    fields = [model._meta.pk, *(model._meta.get_field(name) for name in names)]
    if connection.vendor == "postgresql":
        sets = ", ".join(f"{name} = given.{name}" for name in names)
        typed = zip((key, *names), map(_type_of, fields), strict=True)
        columns = ", ".join(f"{name} {kind}" for name, kind in typed)
        ahead.send(
            # names and types come from the models, values are one placeholder
            f"UPDATE {table} SET {sets} FROM json_to_recordset($1)"  # noqa: S608
            f" AS given ({columns}) WHERE {table}.{key} = given.{key}",
            [as_json([dict(zip((key, *names), row, strict=True)) for row in rows]).encode()],
        )
        return
    with connection.cursor() as cursor:
        sets = ", ".join(f"{name} = %s" for name in names)
        cursor.executemany(
            # names come from the models, values are placeholders
            f"UPDATE {table} SET {sets} WHERE {key} = %s",  # noqa: S608
            [[*values, pk] for pk, *values in _ready(fields, rows)],
        )


def check_references() -> None:
    """Let PostgreSQL look now whether rows refer to others that are there, not at the end."""
    if connection.vendor == "postgresql":
        ahead.send("SET CONSTRAINTS ALL IMMEDIATE")


# stands around each value, and is in hardly any
QUOTE = "\x01"
# what a value that is not there is written as
NULL = str(None)
TEXTS = (models.CharField, models.TextField)


def _form(fields: Sequence[Any]) -> str:
    """How the text is to be read."""
    empty = [field.column for field in fields if field.null]
    nulls = f", NULL '{NULL}', FORCE_NULL ({', '.join(empty)})" if empty else ""
    if any(field.null and isinstance(field, TEXTS) for field in fields):
        raise TypeError(f"among {empty} a text may be {NULL}")
    return f"FROM STDIN (FORMAT csv, QUOTE '{QUOTE}'{nulls})"


def _csv(fields: Sequence[Any], rows: Sequence[Sequence[Any]], alike: Sequence[Any]) -> str:
    """The rows as lines, each of which ends with what is `alike`."""
    own = len(fields) - len(alike)
    end = "," + _lines(fields[own:], [alike], "\n") if alike else "\n"
    return _lines(fields[:own], rows, end)


def _lines(fields: Sequence[Any], rows: Sequence[Sequence[Any]], end: str) -> str:
    """Filling in a form takes half as long as the module `csv` does."""
    places = [n for n, field in enumerate(fields) if isinstance(field, models.JSONField)]
    if places:
        rows = [*_with_json(rows, places)]
    line = ",".join([f"{QUOTE}%s{QUOTE}"] * len(fields)) + end.replace("%", "%%")
    text = "".join([line % tuple(row) for row in rows])
    if text.count(QUOTE) == line.count(QUOTE) * len(rows):
        return text
    # a text has the sign, too
    return "".join([line % tuple(map(_doubled, row)) for row in rows])


def _doubled(value: Any) -> str:
    return str(value).replace(QUOTE, QUOTE * 2)


def _with_json(rows: Iterable[Sequence[Any]], places: Sequence[int]) -> Iterator[list[Any]]:
    for row in rows:
        values = list(row)
        for place in places:
            if values[place] is not None:
                values[place] = as_json(values[place])
        yield values


def as_json(value: Any) -> str:
    """As PostgreSQL reads it."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # what orjson does not know: a number of 70 bits
        return json.dumps(value, default=str)


# what SQLite's driver takes as it is, in a column of these kinds
PLAIN = (str, int, bool, type(None))
PLAIN_FIELDS = (
    models.BooleanField,
    models.CharField,
    models.ForeignKey,
    models.IntegerField,
    models.TextField,
)


def _ready(fields: Sequence[Any], rows: Sequence[Sequence[Any]]) -> Iterator[list[Any]]:
    """The rows as SQLite's driver takes them; asking a field costs more than the database does."""
    are_plain = [isinstance(field, PLAIN_FIELDS) for field in fields]
    for row in rows:
        yield [
            value if is_plain and type(value) in PLAIN else _asked(field, value)
            for field, is_plain, value in zip(fields, are_plain, row, strict=True)
        ]


def _asked(field: Any, value: Any) -> Any:
    if isinstance(field, models.JSONField) and value is not None:
        return as_json(value)
    return field.get_db_prep_save(value, connection)


def _type_of(field: Any) -> str:
    """The column's type, without what only its making says."""
    return str(field.rel_db_type(connection) if field.primary_key else field.db_type(connection))


def take_ids(model: type[models.Model], count: int) -> list[int]:
    """Ids that nobody else will have, for rows that are to refer to each other at once.

    Call it in the transaction that inserts the rows.
    """
    if not count:
        return []
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                # the sequence's name is looked up once, not for each row
                "WITH sequence AS MATERIALIZED"
                " (SELECT pg_get_serial_sequence(%s, 'id')::regclass AS name)"
                " SELECT nextval(name) FROM sequence, generate_series(1, %s)",
                [table, count],
            )
            return [pk for (pk,) in cursor.fetchall()]
        # this transaction is the one writer
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        last = (cursor.fetchone() or (0,))[0]
        return list(range(last + 1, last + 1 + count))
