"""Queries that Django compiles once, for calls that are made very often.

To compile a query of some joins takes it one to three milliseconds, several times what the database
takes to answer. A compiled query has slots where values are put in at each call; all else of it
stays the same: what decides about its shape must not be a slot.

PostgreSQL, too, plans each of them once in each connection: planning some joins takes it longer
than to find twenty rows. It is sent nothing but the slots' values, each of them once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import psycopg
from django.db import connection as this_connection
from django.db.models import BooleanField, Expression, F, Field, QuerySet, Subquery, TextField

from museo import sql

Row = dict[str, Any]
Reader = Callable[[Any], Any]


class Slot(Expression):
    """A value that comes later, by its name; it is written as `output_field` writes it."""

    def __init__(self, name: str, output_field: Field[Any, Any]) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def value(self, given: Any) -> Any:
        return self.output_field.get_db_prep_value(given, this_connection)


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
        column, params = compiler.compile(self.source)
        # one value, so that the statement is the same for any number of them
        is_postgresql = connection.vendor == "postgresql"
        among = "= ANY(%s)" if is_postgresql else "IN (SELECT value FROM json_each(%s))"
        return f"{column} {among}", [*params, self]

    def value(self, given: Any) -> Any:
        values = list(given)
        return values if this_connection.vendor == "postgresql" else orjson.dumps(values).decode()


class Rows(Subquery):
    """All rows of another query in one column: a list of what its `values()` would give."""

    def __init__(self, queryset: QuerySet[Any, Any]) -> None:
        super().__init__(queryset, output_field=TextField())
        self._names: Sequence[str] = ()
        self._readers: Sequence[tuple[str, Reader]] = ()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **more: Any) -> Any:
        inner = self.query.get_compiler(connection=connection)
        sql, params = inner.as_sql(with_col_aliases=True)
        self._names = list(self.query.selected or ())
        kinds = [expression.output_field.get_internal_type() for expression, *_sql in inner.select]
        readers = READERS[connection.vendor]
        self._readers = [
            (name, readers[kind])
            for name, kind in zip(self._names, kinds, strict=True)
            if kind in readers
        ]
        names = ", ".join(connection.ops.quote_name(alias) for *_column, alias in inner.select)
        if connection.vendor == "postgresql":
            listed = f"JSON_AGG(JSON_BUILD_ARRAY({names}))::text"
        else:
            listed = f"JSON_GROUP_ARRAY(JSON_ARRAY({names}))"
        # of what Django has compiled
        return f"(SELECT {listed} FROM ({sql}) AS listed)", params  # noqa: S608

    def read(self, text: str | None) -> list[Row]:
        return _named(orjson.loads(text), self._names, self._readers) if text else []

    def get_db_converters(self, connection: Any) -> list[Any]:
        return [lambda text, _expression, _connection: self.read(text)]


def _named(
    rows: Sequence[Sequence[Any]], names: Sequence[str], readers: Sequence[tuple[str, Reader]]
) -> list[Row]:
    """Each row by its columns' names, with those read that must be."""
    named = [dict(zip(names, row)) for row in rows]  # noqa: B905 - compared once, when compiled
    for name, read in readers:
        for row in named:
            row[name] = read(row[name])
    return named


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _flag(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


# what JSON of a database has in another form
READERS: Mapping[str, Mapping[str, Reader]] = {
    "postgresql": {"DateTimeField": _moment},
    "sqlite": {"DateTimeField": _moment, "BooleanField": _flag, "JSONField": _json},
}


@dataclass(frozen=True, eq=False)
class _Statement:
    """On PostgreSQL `params` are slots alone, each of them once."""

    text: str
    params: Sequence[Any]
    names: Sequence[str]
    readers: Sequence[tuple[str, Reader]]


class Compiled:
    """What `build()` makes: a queryset that ends in `values()`."""

    def __init__(self, build: Callable[[], QuerySet[Any, Any]]) -> None:
        self._build = build
        self._statements: dict[str, _Statement] = {}

    def rows(self, **given: Any) -> list[Row]:
        """As `values()` gives them, with the slots' values by name."""
        vendor = this_connection.vendor
        statement = self._statements.get(vendor)
        if statement is None:
            statement = self._statements[vendor] = _compiled(self._build())
        params = []
        for param in statement.params:
            if isinstance(param, OneOf) and not given[param.name]:
                return []
            is_slot = isinstance(param, Slot | OneOf)
            params.append(param.value(given[param.name]) if is_slot else param)
        ask = sql.ask_marked if vendor == "postgresql" else sql.ask
        return _named(ask(statement.text, params).fetchall(), statement.names, statement.readers)


def _compiled(queryset: QuerySet[Any, Any]) -> _Statement:
    query: Any = queryset.query
    compiler = query.get_compiler(connection=this_connection)
    text, params = compiler.as_sql()
    names = list(query.selected)
    if this_connection.vendor == "postgresql":
        text, params = _marked(text, params)
    converters = compiler.get_converters([column[0] for column in compiler.select])
    readers = [(names[place], _reader(*each)) for place, each in converters.items()]
    if len(names) != len(compiler.select):
        raise ValueError("a compiled query selects what it names")
    return _Statement(text, params, names, readers)


def _reader(converters: Sequence[Callable[..., Any]], expression: Any) -> Reader:
    if isinstance(expression, Rows):
        return expression.read

    def read(value: Any) -> Any:
        for convert in converters:
            value = convert(value, expression, this_connection)
        return value

    return read


def _marked(text: str, params: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    """With a mark for each slot, $1, $2 …, however often it stands there, and all else put in."""
    slots: dict[str, Any] = {}
    parts = [part.replace("%%", "%") for part in text.split("%s")]
    marked = parts[0]
    for param, part in zip(params, parts[1:], strict=True):
        if isinstance(param, Slot | OneOf):
            slots.setdefault(param.name, param)
            mark = f"${list(slots).index(param.name) + 1}"
        else:
            mark = psycopg.sql.Literal(param).as_string(this_connection.connection)
        marked += mark + part
    return marked, list(slots.values())
