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
    fields: list[Any] = [model._meta.pk, *map(model._meta.get_field, names)]
    if connection.vendor == "postgresql":
        columns = ", ".join(f"{field.column} {_read_as(field)}" for field in fields)
        sets = ", ".join(
            f"{field.column} = given.{field.column}::{_type_of(field)}" for field in fields[1:]
        )
        ahead.send(
            # names and types come from the models, values are one placeholder
            f"UPDATE {table} SET {sets} FROM json_to_recordset($1)"  # noqa: S608
            f" AS given ({columns}) WHERE {table}.{key} = given.{key}",
            [_as_objects(fields, rows).encode()],
        )
        return
    with connection.cursor() as cursor:
        sets = ", ".join(f"{name} = %s" for name in names)
        cursor.executemany(
            # names come from the models, values are placeholders
            f"UPDATE {table} SET {sets} WHERE {key} = %s",  # noqa: S608
            [[*values, pk] for pk, *values in _ready(fields, rows)],
        )


def insert_missing(model: type[models.Model], name: str, values: Iterable[str]) -> None:
    """Insert a row for each value of a unique field that no row has yet, in their order."""
    values = list(values)
    if not values:
        return
    if connection.vendor == "postgresql":
        table, column = model._meta.db_table, connection.ops.quote_name(name)
        ahead.send(
            # names come from the models, values are one placeholder; what is there takes no id
            f"INSERT INTO {table} ({column})"  # noqa: S608
            " SELECT given.value FROM json_array_elements_text($1) WITH ORDINALITY"
            " AS given (value, place) WHERE NOT EXISTS"
            f" (SELECT FROM {table} known WHERE known.{column} = given.value)"
            " ORDER BY given.place ON CONFLICT DO NOTHING",
            [as_json(values).encode()],
        )
        return
    known = set(
        model._default_manager.filter(**{f"{name}__among": values}).values_list(name, flat=True)
    )
    new = [model(**{name: value}) for value in values if value not in known]
    model._default_manager.bulk_create(new, ignore_conflicts=True)


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
    rows = _with_json(fields, rows)
    line = ",".join([f"{QUOTE}%s{QUOTE}"] * len(fields)) + end.replace("%", "%%")
    text = "".join([line % tuple(row) for row in rows])
    if text.count(QUOTE) == line.count(QUOTE) * len(rows):
        return text
    # a text has the sign, too
    return "".join([line % tuple(map(_doubled, row)) for row in rows])


def _doubled(value: Any) -> str:
    return str(value).replace(QUOTE, QUOTE * 2)


def _as_objects(fields: Sequence[Any], rows: Sequence[Sequence[Any]]) -> str:
    """JSON within JSON is a text: PostgreSQL would read it twice, and slowly."""
    columns = [field.column for field in fields]
    return as_json([dict(zip(columns, row, strict=True)) for row in _with_json(fields, rows)])


def _with_json(fields: Sequence[Any], rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    places = [n for n, field in enumerate(fields) if isinstance(field, models.JSONField)]
    return [_texts_at(places, row) for row in rows] if places else rows


def _texts_at(places: Sequence[int], row: Sequence[Any]) -> Sequence[Any]:
    values = list(row)
    for place in places:
        if values[place] is not None:
            values[place] = as_json(values[place])
    return values


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


def _read_as(field: Any) -> str:
    """What it is within an object of JSON."""
    return "text" if isinstance(field, models.JSONField) else _type_of(field)


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
                # and what it gives is read as one row
                " SELECT ARRAY(SELECT nextval(name) FROM generate_series(1, %s)) FROM sequence",
                [table, count],
            )
            ((ids,),) = cursor.fetchall()
            return list(ids)
        # this transaction is the one writer
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        last = (cursor.fetchone() or (0,))[0]
        return list(range(last + 1, last + 1 + count))
