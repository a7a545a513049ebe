"""Statements that PostgreSQL is asked without a cursor; each test has a connection of its own."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg import errors
from psycopg.pq import TransactionStatus

from museo import wire
from museo.wire import Wire

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no wire"),
]
NAMED = "SELECT name FROM pg_prepared_statements WHERE statement = $1"


@pytest.fixture
def connected() -> Iterator[Any]:
    other = connection.copy()
    other.ensure_connection()
    # a new one: nothing is prepared in it
    with psycopg.connect(other.connection.info.dsn) as new:
        yield new
    other.close()


@pytest.fixture
def asked(connected: Any) -> Wire:
    made = wire.of(connected)
    made.ask("CREATE TEMPORARY TABLE things (id int PRIMARY KEY, number int)", [])
    connected.commit()
    return made


def often(asked: Wire, statement: str) -> None:
    for number in range(wire.OFTEN):
        asked.ask(statement, [number])


def test_what_is_asked_often_is_prepared_once_and_stays_so_after_a_rollback(
    connected: Any, asked: Wire
) -> None:
    for _ in range(3):
        often(asked, "SELECT 40 + $1")
        connected.rollback()

    assert len(asked.ask(NAMED, ["SELECT 40 + $1"]).rows) == 1
    assert asked.ask("SELECT 40 + $1", [2]).fetchall() == [(42,)]


def test_what_is_known_to_be_asked_often_is_prepared_at_once(asked: Wire) -> None:
    asked.ask("SELECT 40 + $1", [2], is_often=True)

    assert len(asked.ask(NAMED, ["SELECT 40 + $1"]).rows) == 1


def test_an_answer_counts_rows(asked: Wire) -> None:
    added = asked.ask("INSERT INTO things VALUES (1, 7), ($1, 7)", [2])
    found = asked.ask("SELECT id FROM things WHERE number = $1", [7])

    assert (added.rowcount, added.fetchone()) == (2, None)
    assert (found.rowcount, found.fetchall(), found.fetchone()) == (2, [(1,), (2,)], (1,))


def test_several_are_asked_in_one_message_and_answered_each(connected: Any, asked: Wire) -> None:
    asked.ask("INSERT INTO things VALUES (1, 7), (2, 7)", [])
    raise_it = "UPDATE things SET number = number + 1 WHERE id = $1"

    for _ in range(wire.OFTEN):
        told = asked.ask_each(raise_it, [[1], [3], [2], [2]])

    assert [each.rowcount for each in told] == [1, 0, 1, 1]
    found = asked.ask("SELECT id, number FROM things ORDER BY id", []).fetchall()
    assert found == [(1, 7 + wire.OFTEN), (2, 7 + 2 * wire.OFTEN)]


@pytest.mark.parametrize("is_often", [False, True])
def test_one_that_fails_among_several_is_said_and_all_are_undone(
    connected: Any, asked: Wire, is_often: bool
) -> None:
    divide = "INSERT INTO things VALUES ($1, 12 / $1)"

    with pytest.raises(errors.DivisionByZero):
        asked.ask_each(divide, [[1], [0], [2]], is_often=is_often, commits=True)

    assert connected.info.transaction_status == TransactionStatus.INERROR
    connected.rollback()
    assert asked.ask("SELECT count(*) FROM things", []).fetchone() == (0,)


def test_the_last_statement_may_commit(connected: Any, asked: Wire) -> None:
    add = "INSERT INTO things VALUES ($1, 0)"
    often(asked, add)
    assert connected.info.transaction_status == TransactionStatus.INTRANS

    asked.ask(add, [wire.OFTEN], commits=True)

    assert connected.info.transaction_status == TransactionStatus.IDLE
    connected.rollback()
    assert asked.ask("SELECT count(*) FROM things", []).fetchone() == (wire.OFTEN + 1,)


def test_what_commit_refuses_is_said_and_undone(connected: Any, asked: Wire) -> None:
    asked.ask(
        "CREATE TEMPORARY TABLE parts (thing int REFERENCES things DEFERRABLE INITIALLY DEFERRED)",
        [],
    )
    connected.commit()
    add = "INSERT INTO parts VALUES ($1)"
    often(asked, add)

    with pytest.raises(errors.ForeignKeyViolation):
        asked.ask(add, [9], commits=True)

    assert connected.info.transaction_status == TransactionStatus.IDLE
    assert asked.ask("SELECT count(*) FROM parts", []).fetchone() == (0,)


def test_a_statement_that_fails_is_said_and_the_next_is_answered(
    connected: Any, asked: Wire
) -> None:
    for _ in range(wire.OFTEN + 1):
        with pytest.raises(errors.DivisionByZero):
            asked.ask("SELECT 1 / $1", [0])
        connected.rollback()

    assert asked.ask("SELECT 1 / $1", [1]).fetchone() == (1,)


def test_what_somebody_has_thrown_away_is_prepared_again(connected: Any, asked: Wire) -> None:
    often(asked, "SELECT 40 + $1")
    connected.execute("DEALLOCATE ALL")

    with pytest.raises(errors.InvalidSqlStatementName):
        asked.ask("SELECT 40 + $1", [2])
    connected.rollback()

    assert asked.ask("SELECT 40 + $1", [2]).fetchone() == (42,)


def test_a_table_that_was_changed_is_asked_anew(connected: Any, asked: Wire) -> None:
    often(asked, "SELECT number FROM things WHERE id = $1")
    connected.execute("ALTER TABLE things ALTER number TYPE numeric")
    connected.commit()

    with pytest.raises(errors.FeatureNotSupported):
        asked.ask("SELECT number FROM things WHERE id = $1", [1])
    connected.rollback()

    assert asked.ask("SELECT number FROM things WHERE id = $1", [1]).rows == []


def test_no_more_are_kept_than_may_be(
    connected: Any, asked: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MOST_KEPT", 2)
    for number in range(4):
        often(asked, f"SELECT {number} + $1")

    kept = asked.ask("SELECT statement FROM pg_prepared_statements ORDER BY 1", []).rows
    assert kept == [("SELECT 2 + $1",), ("SELECT 3 + $1",)]


def test_a_plan_grows_with_its_table(connected: Any, asked: Wire) -> None:
    find = "SELECT number FROM things WHERE id = $1"
    asked.ask("INSERT INTO things VALUES (1, 1)", [])
    asked.ask("ANALYZE things", [])
    often(asked, find)
    asked.ask("INSERT INTO things SELECT n, n FROM generate_series(2, 20000) n", [])
    ((name,),) = asked.ask(NAMED, [find]).rows

    def plan() -> str:
        connected.execute("SET plan_cache_mode = force_generic_plan")
        return " ".join(row[0] for row in connected.execute(f"EXPLAIN EXECUTE {name}(7)"))

    assert "Seq Scan" in plan()
    for number in range(wire.PLANNED_ANEW_AFTER):
        asked.ask(find, [number])
    assert "Index Scan" in plan()


def test_a_connection_that_is_lost_is_said_as_such(asked: Wire) -> None:
    with pytest.raises(psycopg.OperationalError):
        asked.ask("SELECT pg_terminate_backend(pg_backend_pid())", [])
    with pytest.raises(psycopg.OperationalError):
        asked.ask("SELECT 1", [])
