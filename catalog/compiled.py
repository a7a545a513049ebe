"""Queries that Django compiles once, for calls that are made very often.

To compile a query of some joins takes it one to three milliseconds, several times what the database
takes to answer. A compiled query has slots where values are put in at each call; all else of it
stays the same: what decides about its shape must not be a slot.

PostgreSQL, too, plans each of them once in each connection: planning some joins takes it longer
than to find twenty rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
import psycopg
from django.db import connection as this_connection
from django.db.models import BooleanField, Expression, F, Field, QuerySet, Subquery, TextField

Row = dict[str, Any]


class Slot(Expression):
    """A value that comes later, by its name; it is written as `output_field` writes it."""

    def __init__(self, name: str, output_field: Field[Any, Any]) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        return [self.output_field.get_db_prep_value(given[self.name], this_connection)]


class OneOf(Expression):
    """Whether a field has one of the values that come later; of none, nothing is found."""

    conditional = True

    def __init__(self, field: str, name: str) -> None:
        super().__init__(output_field=BooleanField())
        self.source: Any = F(field)
        self.name = name

    def get_source_expressions(self) -> list[Any]:
        return [self.source]

    def set_source_expressions(self, exprs: Sequence[Any]) -> None:
        (self.source,) = exprs

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        sql, params = compiler.compile(self.source)
        # one array, so that the statement is the same for any number of values
        among = "= ANY(%s)" if connection.vendor == "postgresql" else "IN (%s)"
        return f"{sql} {among}", [*params, self]

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        values = list(given[self.name])
        return [values] if values and this_connection.vendor == "postgresql" else values


class Rows(Subquery):
    """All rows of another query in one column: a list of what its `values()` would give."""

    def __init__(self, queryset: QuerySet[Any, Any]) -> None:
        super().__init__(queryset, output_field=TextField())
        self._columns: list[tuple[str, Callable[[Any], Any] | None]] = []

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **more: Any) -> Any:
        inner = self.query.get_compiler(connection=connection)
        sql, params = inner.as_sql(with_col_aliases=True)
        self._columns = [
            (name, READERS.get(expression.output_field.get_internal_type()))
            for name, (expression, _sql, _alias) in zip(
                self.query.selected or (), inner.select, strict=True
            )
        ]
        names = ", ".join(connection.ops.quote_name(alias) for *_column, alias in inner.select)
        if connection.vendor == "postgresql":
            listed = f"JSON_AGG(JSON_BUILD_ARRAY({names}))::text"
        else:
            listed = f"JSON_GROUP_ARRAY(JSON_ARRAY({names}))"
        # of what Django has compiled
        return f"(SELECT {listed} FROM ({sql}) AS listed)", params  # noqa: S608

    def get_db_converters(self, connection: Any) -> list[Any]:
        return [self._read]

    def _read(self, text: str | None, _expression: Any, _connection: Any) -> list[Row]:
        return [
            {
                name: value if read is None or value is None else read(value)
                for (name, read), value in zip(self._columns, row, strict=True)
            }
            for row in (orjson.loads(text) if text else ())
        ]


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


# what JSON of one of the databases has in another form
READERS: Mapping[str, Callable[[Any], Any]] = {
    "BooleanField": bool,
    "DateTimeField": _moment,
    "JSONField": _json,
}


@dataclass(frozen=True, eq=False)
class _Statement:
    """`parts` are what lies between the parameters."""

    parts: Sequence[str]
    params: Sequence[Any]
    names: Sequence[str]
    # of columns that must be read: place, expression, readers
    readers: Sequence[tuple[int, Any, Sequence[Callable[..., Any]]]]


class Compiled:
    """What `build()` makes: a queryset that ends in `values()`."""

    def __init__(self, build: Callable[[], QuerySet[Any, Any]]) -> None:
        self._build = build
        self._statements: dict[str, _Statement] = {}

    def rows(self, **given: Any) -> list[Row]:
        """As `values()` gives them, with the slots' values by name."""
        statement = self._statements.get(this_connection.vendor)
        if statement is None:
            statement = self._statements[this_connection.vendor] = _compiled(self._build())
        filled = _filled(statement, given)
        if filled is None:
            return []
        found = _fetch(*filled)
        return [dict(zip(statement.names, row, strict=True)) for row in _read(statement, found)]


def _fetch(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows of a statement that is planned once."""
    if this_connection.vendor != "postgresql":
        with this_connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())
    this_connection.ensure_connection()
    # counted, logged and its errors translated as those of Django's own cursors
    wrapped: Any = this_connection
    with wrapped._prepare_cursor(_Prepared(this_connection.connection)) as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


class _Prepared(psycopg.RawCursor[Any]):
    """Values go apart from the statement, as $1, $2 …, which stays prepared in its connection."""

    def execute(self, query: Any, params: Any = None, **_more: Any) -> Any:
        return super().execute(query, params, prepare=True)

    def _convert_query(self, query: Any, params: Any = None) -> Any:
        # what Django says was asked
        self._query = super()._convert_query(query, params)
        return self._query


def _compiled(queryset: QuerySet[Any, Any]) -> _Statement:
    query: Any = queryset.query
    compiler = query.get_compiler(connection=this_connection)
    sql, params = compiler.as_sql()
    readers = compiler.get_converters([column[0] for column in compiler.select])
    parts = sql.split("%s")
    if this_connection.vendor == "postgresql":
        parts = [part.replace("%%", "%") for part in parts]
    return _Statement(
        parts=parts,
        params=params,
        names=list(query.selected),
        readers=[(place, expression, each) for place, (each, expression) in readers.items()],
    )


def _filled(statement: _Statement, given: Mapping[str, Any]) -> tuple[str, list[Any]] | None:
    """The SQL and its parameters; None where there is nothing to look for."""
    params: list[Any] = []
    counts = []
    for param in statement.params:
        values = param.values(given) if isinstance(param, Slot | OneOf) else [param]
        if not values:
            return None
        params += values
        counts.append(len(values))
    return _written(statement, tuple(counts)), params


@lru_cache(maxsize=1024)
def _written(statement: _Statement, counts: tuple[int, ...]) -> str:
    """With so many marks for each parameter; on PostgreSQL it is one for each."""
    marks = (
        (f"${place}" for place in range(1, 1 + len(counts)))
        if this_connection.vendor == "postgresql"
        else (", ".join(["%s"] * count) for count in counts)
    )
    first, *parts = statement.parts
    return first + "".join(f"{mark}{part}" for mark, part in zip(marks, parts, strict=True))


def _read(statement: _Statement, rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    if not statement.readers:
        yield from rows
        return
    for row in rows:
        values = list(row)
        for place, expression, readers in statement.readers:
            for read in readers:
                values[place] = read(values[place], expression, this_connection)
        yield values
