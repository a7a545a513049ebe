"""Statements that PostgreSQL works on while Python goes on.

Inside `writing` they stand in a line, and a thread sends one after the other; whoever asks the
database anything else waits until all are done, and is told if one has failed. So the rows of one
table are made while the database writes those of others, in the order and with the outcome that
they would have had.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from queue import Queue
from threading import Lock, Thread
from typing import Any

from django.db import connection
from psycopg import errors, generators, pq

# libpq keeps a copy of what the database has not taken yet
PIECE = 1024 * 1024


@dataclass(frozen=True)
class Statement:
    """`params` are the texts of $1, $2 …; `data` is what a COPY … FROM STDIN is to read."""

    text: bytes
    params: Sequence[bytes] = ()
    data: bytes | None = None


class Line:
    """Statements that are sent through a connection which nobody else may use meanwhile."""

    def __init__(self, connected: Any) -> None:
        self._connected = connected
        self._waiting: Queue[Statement | None] = Queue()
        # what went wrong first; what stands behind it is not sent
        self._failure: BaseException | None = None
        self._thread: Thread | None = None

    def add(self, statement: Statement) -> None:
        if self._failure:
            self.settle()
        if self._thread is None:
            self._thread = Thread(target=self._work, name="ahead", daemon=True)
            self._thread.start()
        self._waiting.put(statement)

    def settle(self) -> None:
        """Wait for all, and raise what one has failed with."""
        self._waiting.join()
        failure, self._failure = self._failure, None
        if failure:
            raise failure

    def give_up(self) -> None:
        """Wait for the one that is under way, and for no other."""
        self._failure = self._failure or InterruptedError()
        self._waiting.join()

    def close(self) -> None:
        if self._thread:
            self._waiting.put(None)
            self._thread.join()

    def _work(self) -> None:
        while statement := self._waiting.get():
            try:
                if not self._failure:
                    _send(self._connected, statement)
            except BaseException as failure:
                self._failure = failure
            finally:
                self._waiting.task_done()


class Soon:
    """Lets threads have the interpreter soon after they ask for it, while anybody uses this.

    The thread that sends asks for it several times in each statement; for the usual 5 ms each time
    the database would have nothing to do.
    """

    SECONDS = 0.0001

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._usual = 0.0

    @contextmanager
    def used(self) -> Iterator[None]:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(self.SECONDS)
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    sys.setswitchinterval(self._usual)


soon = Soon()

# inside `writing`
_line: ContextVar[Line | None] = ContextVar("line", default=None)


@contextmanager
def writing() -> Iterator[None]:
    """Let nobody wait for what is sent inside until something else is asked, or until the end.

    Inside a transaction, which ends after it.
    """
    if connection.vendor != "postgresql" or _line.get() is not None:
        yield
        return
    connection.ensure_connection()
    line = Line(connection.connection)
    token = _line.set(line)
    try:
        with soon.used(), connection.execute_wrapper(_execute_after_all):
            yield
            settle()
    except BaseException:
        line.give_up()
        raise
    finally:
        _line.reset(token)
        line.close()


def copy(statement: str, text: str) -> None:
    """Send a COPY … FROM STDIN and what it is to read."""
    # what cannot be written is refused before anything is under way
    _give(Statement(statement.encode(), data=text.encode()))


def send(statement: str, params: Sequence[bytes] = ()) -> None:
    """Send what changes rows; `params` are the texts of $1, $2 …"""
    _give(Statement(statement.encode(), params))


def settle() -> None:
    """Wait for what stands in line, and raise what it has failed with."""
    if line := _line.get():
        with connection.wrap_database_errors:
            line.settle()


def _execute_after_all(execute: Callable[..., Any], *args: Any) -> Any:
    settle()
    return execute(*args)


def _give(statement: Statement) -> None:
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    if connection.queries_logged:
        # who counts or names queries sees these, too
        connection.queries_log.append({"sql": statement.text.decode(), "time": "0"})
    with connection.wrap_database_errors:
        if line := _line.get():
            line.add(statement)
        else:
            _send(connection.connection, statement)


# for whoever has the connection to themselves


def _send(connected: Any, statement: Statement) -> None:
    pgconn = connected.pgconn
    if not connected.autocommit and pgconn.transaction_status == pq.TransactionStatus.IDLE:
        # the driver begins a transaction with the first statement that is its own
        connected.execute("SELECT")
    pgconn.send_query_params(statement.text, statement.params)
    _answer(connected)
    if statement.data is not None:
        data = memoryview(statement.data)
        for start in range(0, len(data), PIECE):
            pgconn.put_copy_data(data[start : start + PIECE])
            connected.wait(generators.send(pgconn))
        pgconn.put_copy_end()
        _answer(connected)


def _answer(connected: Any) -> None:
    connected.wait(generators.send(connected.pgconn))
    for result in connected.wait(generators.fetch_many(connected.pgconn)):
        if result.status == pq.ExecStatus.FATAL_ERROR:
            raise errors.error_from_result(result)
