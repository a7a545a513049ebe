"""Queries that Django compiles once, for calls that are made very often.

To compile a query of some joins takes it one to three milliseconds, several times what the database
takes to answer. A compiled query has slots where values are put in at each call; all else of it
stays the same: what decides about its shape must not be a slot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import BooleanField, Expression, F, Field, QuerySet

Row = dict[str, Any]


class Slot(Expression):
    """A value that comes later, by its name; it is written as `output_field` writes it."""

    def __init__(self, name: str, output_field: Field[Any, Any]) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        return [self.output_field.get_db_prep_value(given[self.name], connection)]


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
        return f"{sql} IN (%s)", [*params, self]

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        return list(given[self.name])


@dataclass(frozen=True)
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
        statement = self._statements.get(connection.vendor)
        if statement is None:
            statement = self._statements[connection.vendor] = _compiled(self._build())
        filled = _filled(statement, given)
        if filled is None:
            return []
        with connection.cursor() as cursor:
            cursor.execute(*filled)
            found = cursor.fetchall()
        return [dict(zip(statement.names, row, strict=True)) for row in _read(statement, found)]


def _compiled(queryset: QuerySet[Any, Any]) -> _Statement:
    query: Any = queryset.query
    compiler = query.get_compiler(connection=connection)
    sql, params = compiler.as_sql()
    readers = compiler.get_converters([column[0] for column in compiler.select])
    return _Statement(
        parts=sql.split("%s"),
        params=params,
        names=list(query.selected),
        readers=[(place, expression, each) for place, (each, expression) in readers.items()],
    )


def _filled(statement: _Statement, given: Mapping[str, Any]) -> tuple[str, list[Any]] | None:
    """The SQL and its parameters; None where there is nothing to look for."""
    sql, params = [statement.parts[0]], []
    for param, part in zip(statement.params, statement.parts[1:], strict=True):
        values = param.values(given) if isinstance(param, Slot | OneOf) else [param]
        if not values:
            return None
        params += values
        sql += [", ".join(["%s"] * len(values)), part]
    return "".join(sql), params


def _read(statement: _Statement, rows: Sequence[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    if not statement.readers:
        yield from rows
        return
    for row in rows:
        values = list(row)
        for place, expression, readers in statement.readers:
            for read in readers:
                values[place] = read(values[place], expression, connection)
        yield values
