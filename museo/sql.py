"""Rows written and read by statements of our own, for calls that are made very often.

To make a statement out of models takes Django several times what the database needs to answer it.
What is asked here often PostgreSQL parses and plans once for each connection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, TypeVar

import orjson
import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections, models, transaction
from django.db.models.base import ModelState

from museo import wire

M = TypeVar("M", bound=models.Model)


def ask(statement: str, params: Sequence[Any], *, is_last: bool = False) -> Any:
    """The cursor with the answer, to be read at once; `params` as the driver takes them.

    After what `is_last` a transaction asks nothing more: PostgreSQL is told of its end with it.
    """
    db = connections[DEFAULT_DB_ALIAS]
    if db.vendor != "postgresql" or _is_watched(db):
        cursor = db.cursor()
        cursor.execute(statement, params)
        return cursor
    # one within another ends with that
    commits = is_last and len(db.atomic_blocks) == 1
    return _ask(db, _numbered(statement), params, commits=commits)


def ask_marked(statement: str, params: Sequence[Any]) -> Any:
    """The same of a statement with PostgreSQL's own marks, $1, $2 …, that is prepared at once."""
    db = connections[DEFAULT_DB_ALIAS]
    if not _is_watched(db):
        return _ask(db, statement, params, is_often=True)
    db.ensure_connection()
    wrapped: Any = db
    cursor = wrapped._prepare_cursor(_Watched(db.connection))
    cursor.execute(statement, params)
    return cursor


def _is_watched(db: Any) -> bool:
    """What counts or names queries sees only those that Django sends."""
    return bool(db.queries_logged or db.execute_wrappers)


class _Watched(psycopg.RawCursor[Any]):
    """Tells Django what was asked."""

    def _convert_query(self, query: Any, params: Any = None) -> Any:
        self._query = super()._convert_query(query, params)
        return self._query


def _ask(db: Any, statement: str, params: Sequence[Any], **options: bool) -> wire.Answer:
    with _at_work(db) as asked:
        return asked.ask(statement, params, **options)


@contextmanager
def _at_work(db: Any) -> Iterator[wire.Wire]:
    """The wire of the connection, in Django's transaction and with Django's errors."""
    db.ensure_connection()
    db.validate_no_broken_transaction()
    with db.wrap_database_errors:
        yield wire.of(db.connection)


@lru_cache(maxsize=1024)
def _numbered(statement: str) -> str:
    """With the marks that PostgreSQL itself knows, $1, $2 …"""
    first, *parts = statement.split("%s")
    marked = "".join(f"${place}{part}" for place, part in enumerate(parts, 1))
    return (first + marked).replace("%%", "%")


def rows(statement: str, params: Sequence[Any]) -> list[Any]:
    """What a statement brings, as the driver reads it."""
    return ask(statement, [value(each) for each in params]).fetchall()  # type: ignore[no-any-return]


def changed(statement: str, params: Sequence[Any]) -> int:
    """How many rows a statement has changed."""
    (count,) = changed_each(statement, [params])
    return count


def changed_each(statement: str, every: Sequence[Sequence[Any]]) -> list[int]:
    """How many rows each set of values has changed, one after the other, in one message."""
    given = [[value(each) for each in params] for params in every]
    db = connections[DEFAULT_DB_ALIAS]
    if not given or db.vendor != "postgresql" or _is_watched(db):
        return [int(ask(statement, params).rowcount) for params in given]
    with _at_work(db) as asked:
        return [each.rowcount for each in asked.ask_each(_numbered(statement), given)]


def value(given: Any) -> Any:
    """As the driver takes it."""
    if type(given) is not datetime:
        return given
    return connections[DEFAULT_DB_ALIAS].ops.adapt_datetimefield_value(given)


def alone() -> AbstractContextManager[Any]:
    """For one statement that is a transaction of its own; SQLite's writers queue before BEGIN."""
    return nullcontext() if connection.vendor == "postgresql" else transaction.atomic()


# PostgreSQL's asynchronous commit, of the transaction in which it is asked for
ASYNCHRONOUS = "set_config('synchronous_commit', 'off', true)"


@contextmanager
def asynchronous() -> Iterator[None]:
    """A transaction whose end nobody waits for: within a second it is on the disk.

    What a power cut takes, it takes whole. Within another it is written with that one.
    """
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if is_outermost and connection.vendor == "postgresql":
            ask(f"SELECT {ASYNCHRONOUS}", [])
        yield


def write_asynchronously(statement: str, params: Sequence[Any]) -> None:
    """The same for one statement that changes rows, without a message more."""
    is_all = connection.vendor == "postgresql" and not connection.in_atomic_block
    with alone():
        ask(
            f"{statement} RETURNING {ASYNCHRONOUS}" if is_all else statement,
            [value(each) for each in params],
        )


# several in one


@dataclass
class _Write:
    """A statement whose answer nobody waits for, but `row`, whose id it gives.

    A model among `params` stands for its id. `later` are the columns of `row` that hold such ids.
    """

    statement: str
    params: list[Any]
    row: models.Model | None = None
    later: Sequence[tuple[str, models.Model]] = ()

    def know(self, made: Any) -> None:
        if self.row is None:
            return
        self.row.pk = made
        _is_written(self.row)
        for name, other in self.later:
            # to set the attribute would make Django forget the row that it stands for
            vars(self.row)[name] = other.pk


_noted: ContextVar[list[_Write] | None] = ContextVar("noted", default=None)


@contextmanager
def together(*, asynchronously: bool = False) -> Iterator[None]:
    """Sends what is written inside (`insert`, `write`, `bulk.insert`) as one, at its end.

    So nothing inside may look for it, or count on the id of a row: others refer to it by the row.
    Within another it joins that one. SQLite is sent one after the other. `asynchronously`: as
    `asynchronous`, where this is all of a transaction.
    """
    if _noted.get() is not None:
        yield
        return
    token = _noted.set([])
    try:
        yield
        send_noted(asynchronously=asynchronously and not connection.in_atomic_block)
    finally:
        _noted.reset(token)


def write(statement: str, params: Sequence[Any]) -> None:
    """Change what is there without a look at how many rows there were."""
    _write(_Write(statement, [value(each) for each in params]))


def send_noted(*, asynchronously: bool = False) -> None:
    """Write what was noted so far."""
    noted = _noted.get()
    if not noted:
        return
    if len(noted) > 1 and connection.vendor == "postgresql":
        _send_as_one(noted, asynchronously=asynchronously)
    else:
        for each in noted:
            _send(each)
    noted.clear()


def _write(given: _Write) -> None:
    noted = _noted.get()
    if noted is None:
        _send(given)
    else:
        noted.append(given)


def _send(given: _Write) -> None:
    answer = ask(given.statement, ids(given.params))
    if given.row:
        given.know(answer.fetchone()[0])


def ids(params: Iterable[Any]) -> list[Any]:
    """With the id of each row that stands among them."""
    return [each.pk if isinstance(each, models.Model) else each for each in params]


def _send_as_one(noted: Sequence[_Write], *, asynchronously: bool) -> None:
    """As parts of one statement, each of which may ask those before it for an id."""
    places = {id(each.row): place for place, each in enumerate(noted) if each.row}
    parts = tuple(
        (each.statement, tuple(places.get(id(param)) for param in each.params)) for each in noted
    )
    params = [param for each in noted for param in each.params if id(param) not in places]
    asked = [*map(_made, places.values()), *([ASYNCHRONOUS] if asynchronously else [])]
    ((*pks,),) = ask(_as_one(parts, tuple(asked)), ids(params)).fetchall()
    for each, pk in zip((each for each in noted if each.row), pks, strict=False):
        each.know(pk)


# a statement, and for each of its values the place of the part that makes it, if one does
_Part = tuple[str, tuple[int | None, ...]]


@lru_cache(maxsize=256)
def _as_one(parts: tuple[_Part, ...], asked: tuple[str, ...]) -> str:
    made = ", ".join(f"made_{n} AS ({_asking(*part)})" for n, part in enumerate(parts))
    return f"WITH {made} SELECT {', '.join(asked) or '1'}"


def _made(place: int) -> str:
    # only a number of ours is put in
    return f"(SELECT made FROM made_{place})"  # noqa: S608


def _asking(statement: str, makers: Sequence[int | None]) -> str:
    """The statement, in which what stands for a row that is made with it asks for its id."""
    first, *parts = statement.split("%s")
    marks = ["%s" if place is None else _made(place) for place in makers]
    return first + "".join(f"{mark}{part}" for mark, part in zip(marks, parts, strict=True))


# rows of models


def new(model: type[M], **values: Any) -> M:
    """What `model(**values)` makes, in a third of the time, and without its signals."""
    fields = _blank(model)
    row = model.__new__(model)
    row._state = ModelState()
    known = vars(row)
    known.update(fields.defaults)
    for name, make in fields.made:
        if name not in values:
            known[name] = make()
    for name, given in values.items():
        if name in known:
            known[name] = given
        else:
            # what it belongs to
            setattr(row, name, given)
    return row


@dataclass(frozen=True)
class _Blank:
    """What the fields of a new row have; `made` are those that each row has its own of."""

    defaults: Mapping[str, Any]
    made: Sequence[tuple[str, Callable[[], Any]]]


@cache
def _blank(model: type[models.Model]) -> _Blank:
    fields: Sequence[Any] = model._meta.concrete_fields
    made = [field for field in fields if field.has_default() and callable(field.default)]
    return _Blank(
        {field.attname: None if field in made else field.get_default() for field in fields},
        [(field.attname, field.default) for field in made],
    )


def insert(row: models.Model) -> None:
    """Write it as a new row, and read the id that the database gives it."""
    table = _table(type(row), connection.vendor)
    given = _given(table, row)
    # what it belongs to may be noted to be written before it
    new = {
        name: other
        for name, other in row._state.fields_cache.items()
        if isinstance(other, models.Model) and other.pk is None and name in table.relations
    }
    for name, other in new.items():
        given[table.relations[name][0]] = other
    later = [(table.relations[name][1], other) for name, other in new.items()]
    _write(_Write(table.insert + table.key, given, row, later))


def insert_unless(row: models.Model, *, same: str) -> bool:
    """The same; False, and nothing is written, if there is one with the same in these columns."""
    table = _table(type(row), connection.vendor)
    skip = f" ON CONFLICT ({same}) DO NOTHING"
    made = ask(table.insert + skip + table.key, _given(table, row)).fetchone()
    if made:
        _Write("", [], row).know(made[0])
    return bool(made)


def _given(table: _Table, row: models.Model) -> list[Any]:
    values = row.__dict__
    return [write(values[name]) for name, write in table.writers]


def returned(model: type[M], statement: str, params: Sequence[Any]) -> list[M]:
    """What a statement that ends in RETURNING, or a SELECT, brings: `*` stands for all columns."""
    table = _table(model, connection.vendor)
    found = rows(statement.replace("*", table.columns), params)
    return [_known(model, dict(zip(table.names, table.read(row), strict=True))) for row in found]


def _known(model: type[M], values: Mapping[str, Any]) -> M:
    row = model.__new__(model)
    row._state = ModelState()
    vars(row).update(values)
    _is_written(row)
    return row


def _is_written(row: models.Model) -> None:
    row._state.adding = False
    row._state.db = DEFAULT_DB_ALIAS


@dataclass(frozen=True)
class _Table:
    """A model's, as one engine has it; `writers` are of all but an id that the database gives."""

    names: Sequence[str]
    columns: str
    writers: Sequence[tuple[str, Writer]]
    insert: str
    # gives the id back
    key: str
    # of what a row may belong to: the place among the writers, and the column's name
    relations: Mapping[str, tuple[int, str]]
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
        key=f" RETURNING {pk} AS made",
        relations={
            field.name: (place, field.attname)
            for place, field in enumerate(fields)
            if isinstance(field, models.ForeignKey)
        },
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

    def write_key(given: Any) -> Any:
        return given if isinstance(given, models.Model) else write(given)

    def write_json(given: Any) -> Any:
        # what orjson does not know (a number of 70 bits) is the field's to write
        with suppress(TypeError):
            return orjson.dumps(given).decode()
        return ask_the_field(given)

    if isinstance(field, models.JSONField) and field.encoder is None and not field.null:
        return write_json
    if isinstance(field, models.ForeignKey):
        return write_key
    return write if isinstance(field, PLAIN_FIELDS) else ask_the_field
