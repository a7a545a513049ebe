"""Statements that PostgreSQL works on while Python goes on.

On a connection one is under way at a time: whoever sends the next one waits for it, and is told if
it has failed. So inside `writing` the rows of one table are made while the database writes those of
another, in the order and with the outcome that they would have had.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from django.db import DatabaseError, connection
from psycopg import errors, generators, pq

# as much as libpq takes in one piece
CHUNK = 128 * 1024

# inside `writing`: whether a statement is under way
_is_under_way: ContextVar[bool | None] = ContextVar("is_under_way", default=None)


@contextmanager
def writing() -> Iterator[None]:
    """Let nobody wait for what is sent inside until something else is sent, or until the end.

    Inside a transaction, which ends after it.
    """
    if connection.vendor != "postgresql" or _is_under_way.get() is not None:
        yield
        return
    token = _is_under_way.set(False)
    try:
        with connection.execute_wrapper(_execute_after_it):
            yield
            settle()
    finally:
        # left where something else has failed, and the transaction with it
        with suppress(DatabaseError):
            settle()
        _is_under_way.reset(token)


def copy(statement: str, text: str) -> None:
    """Send a COPY … FROM STDIN and what it is to read."""
    # what cannot be written is refused before anything is under way
    data = memoryview(text.encode())
    _send(statement, ())
    _answer()
    pgconn = connection.connection.pgconn
    with connection.wrap_database_errors:
        for start in range(0, len(data), CHUNK):
            pgconn.put_copy_data(data[start : start + CHUNK])
        pgconn.put_copy_end()
        pgconn.flush()
    _begin()


def send(statement: str, params: Sequence[bytes] = ()) -> None:
    """Send what changes rows; `params` are the texts of $1, $2 …"""
    _send(statement, params)
    _begin()


def settle() -> None:
    """Wait for what is under way, and raise what it has failed with."""
    if _is_under_way.get():
        _is_under_way.set(False)
        _answer()


def _execute_after_it(execute: Callable[..., Any], *args: Any) -> Any:
    settle()
    return execute(*args)


def _send(statement: str, params: Sequence[bytes]) -> None:
    settle()
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    if connection.queries_logged:
        # who counts or names queries sees these, too
        connection.queries_log.append({"sql": statement, "time": "0"})
    connected = connection.connection
    pgconn = connected.pgconn
    with connection.wrap_database_errors:
        if not connected.autocommit and pgconn.transaction_status == pq.TransactionStatus.IDLE:
            # the driver begins a transaction with the first statement that is its own
            connected.execute("SELECT")
        pgconn.send_query_params(statement.encode(), params)
        connected.wait(generators.send(pgconn))


def _begin() -> None:
    if _is_under_way.get() is None:
        _answer()
    else:
        _is_under_way.set(True)


def _answer() -> None:
    with connection.wrap_database_errors:
        connected = connection.connection
        connected.wait(generators.send(connected.pgconn))
        for result in connected.wait(generators.fetch_many(connected.pgconn)):
            if result.status == pq.ExecStatus.FATAL_ERROR:
                raise errors.error_from_result(result)
