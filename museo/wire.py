"""What PostgreSQL is asked often: prepared once in each connection, asked by one message of libpq.

A psycopg cursor takes Python longer than PostgreSQL takes to answer, and lets go of the interpreter
several times, each time for whoever computes. And psycopg forgets what is prepared with every
ROLLBACK.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors, generators
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.types.datetime import TimestamptzLoader
from psycopg.types.numeric import Int8Dumper

# asked so often, a statement is prepared; and so many are kept
OFTEN = 5
MOST_KEPT = 200
MOST_COUNTED = 2000
# after so many statements all are planned anew, and again after four times as many: a plan of when
# a table was small reads the whole of it, until that is analyzed
PLANNED_ANEW_AFTER, TIMES = 50, 4
# that it is not there any more, or that its columns are of other types now
STALE = frozenset({"26000", "0A000"})
WELL = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a cursor would tell of one statement."""

    rows: Sequence[tuple[Any, ...]]
    rowcount: int

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self.rows)

    def fetchone(self) -> tuple[Any, ...] | None:
        return self.rows[0] if self.rows else None


def of(connected: Any) -> Wire:
    """The one of a connection."""
    kept: Wire | None = getattr(connected, "wire_of_museo", None)
    if kept is None:
        kept = connected.wire_of_museo = Wire(connected)
    return kept


# by its text and the types of its values
_Key = tuple[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class _Question:
    """A statement with its values as the server reads them; `name` if it is prepared."""

    statement: str
    name: bytes | None = None
    values: Any = None
    types: Any = None
    formats: Any = None

    def ask(self, pgconn: Any) -> Any:
        if self.name is None:
            text = self.statement.encode()
            return pgconn.exec_params(text, self.values, self.types, self.formats)
        return pgconn.exec_prepared(self.name, self.values, self.formats)

    def send(self, pgconn: Any) -> None:
        """The same in a message with others, without a look at the answer."""
        if self.name is None:
            text = self.statement.encode()
            pgconn.send_query_params(text, self.values, self.types, self.formats)
        else:
            pgconn.send_query_prepared(self.name, self.values, self.formats)


BEGIN, COMMIT = _Question("BEGIN"), _Question("COMMIT")


class Wire:
    """Whoever asks has the connection to themselves."""

    def __init__(self, connected: psycopg.Connection[Any]) -> None:
        self._connected = connected
        self._pgconn: Any = connected.pgconn
        cursor = psycopg.RawCursor(connected)
        # a statement is prepared for each mix of types: numbers are of one size, small ones, too
        cursor.adapters.register_dumper(int, Int8Dumper)
        read_moments_in_c(cursor)
        self._values = Transformer(cursor)
        self._uses: dict[_Key, int] = {}
        self._names: dict[_Key, bytes] = {}
        self._number = 0
        self._asked = 0
        self._planned_anew_at = PLANNED_ANEW_AFTER

    def ask(
        self,
        statement: str,
        params: Sequence[Any],
        *,
        is_often: bool = False,
        commits: bool = False,
    ) -> Answer:
        """The answer to a statement with $1, $2 …, of values as psycopg takes them.

        It begins the transaction that Django has begun; it may end it.
        """
        (answer,) = self.ask_each(statement, [params], is_often=is_often, commits=commits)
        return answer

    def ask_each(
        self,
        statement: str,
        every: Iterable[Sequence[Any]],
        *,
        is_often: bool = False,
        commits: bool = False,
    ) -> list[Answer]:
        """The same for several sets of values, one after the other, in one message."""
        is_first = self._begins()
        try:
            self._plan_anew()
            questions = [self._question(statement, each, is_often=is_often) for each in every]
            if len(questions) == 1 and not (is_first or commits):
                results = [questions[0].ask(self._pgconn)]
            else:
                results = self._send(questions, begins=is_first, commits=commits)
        except MemoryError:
            # what psycopg says of a connection that is gone
            raise psycopg.OperationalError("the connection is lost") from None
        return [self._read(self._require(result)) for result in results]

    def _question(self, statement: str, params: Sequence[Any], *, is_often: bool) -> _Question:
        values = self._values.dump_sequence(params, [PyFormat.AUTO] * len(params))
        types = tuple(self._values.types or ())
        name = self._name((statement, types), is_often=is_often)
        return _Question(statement, name, values, types, self._values.formats)

    def _begins(self) -> bool:
        is_idle = self._pgconn.transaction_status == TransactionStatus.IDLE
        return is_idle and not self._connected.autocommit

    def _command(self, text: bytes) -> None:
        self._require(self._pgconn.exec_(text))

    def _plan_anew(self) -> None:
        """The plans of foreign keys, too."""
        self._asked += 1
        if self._asked == self._planned_anew_at:
            self._planned_anew_at *= TIMES
            self._command(b"DISCARD PLANS")

    def _name(self, key: _Key, *, is_often: bool) -> bytes | None:
        """Under which it is prepared; None of what is not asked often."""
        if name := self._names.pop(key, None):
            # the newest again, of those that are kept
            self._names[key] = name
        elif is_often or self._is_often(key):
            if len(self._names) >= MOST_KEPT:
                oldest = self._names.pop(next(iter(self._names)))
                self._command(b"DEALLOCATE " + oldest)
            self._number += 1
            name = b"museo_%d" % self._number
            statement, types = key
            self._require(self._pgconn.prepare(name, statement.encode(), types))
            self._names[key] = name
        return name

    def _is_often(self, key: _Key) -> bool:
        if len(self._uses) > MOST_COUNTED:
            self._uses.clear()
        self._uses[key] = uses = self._uses.get(key, 0) + 1
        return uses >= OFTEN

    def _send(self, questions: Sequence[_Question], *, begins: bool, commits: bool) -> list[Any]:
        """All in one message: between them nobody waits for this process."""
        before, after = [BEGIN] * begins, [COMMIT] * commits
        message = [*before, *questions, *after]
        self._pgconn.enter_pipeline_mode()
        try:
            for each in message:
                each.send(self._pgconn)
            self._pgconn.pipeline_sync()
            results = self._connected.wait(_results(self._pgconn, len(message)))
        except BaseException:
            # nobody knows what comes next on it
            self._connected.close()
            raise
        self._pgconn.exit_pipeline_mode()
        for result in results:
            self._require(result)
        return results[len(before) : len(message) - len(after)]

    def _require(self, result: Any) -> Any:
        """Raise what went wrong."""
        if result.status not in WELL:
            error = errors.error_from_result(result)
            if error.sqlstate is None:
                # no word from the server
                raise psycopg.OperationalError(str(error))
            if error.sqlstate in STALE:
                # somebody has thrown them away, or changed a table
                self._names.clear()
            raise error
        return result

    def _read(self, result: Any) -> Answer:
        rows: Sequence[Any] = ()
        if result.status == ExecStatus.TUPLES_OK:
            self._values.set_pgresult(result)
            rows = self._values.load_rows(0, result.ntuples, tuple)
        return Answer(rows, result.command_tuples or 0)


def _results(pgconn: Any, count: int) -> Generator[Any, Any, list[Any]]:
    """One of each statement in a message, as psycopg waits for them."""
    yield from generators.send(pgconn)
    results = []
    for _ in range(count):
        (result,) = yield from generators.fetch_many(pgconn)
        results.append(result)
    # that of the message's end
    yield from generators.fetch_many(pgconn)
    return results


def read_moments_in_c(cursor: Any) -> None:
    """As the driver reads them: Django's way brings the same, and takes several times as long."""
    cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
