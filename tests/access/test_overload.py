"""More at once than there are connections, or no database: pages and REST ask to come again."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.test import Client
from psycopg_pool import PoolTimeout

from catalog import products
from museo import patience
from museo.access import overload
from tests.processes import eventually


@pytest.fixture
def _full(monkeypatch: pytest.MonkeyPatch) -> None:
    def listing(**_wanted: Any) -> None:
        # as Django passes on what the pool says
        raise OperationalError("couldn't get a connection after 10.00 sec") from PoolTimeout()

    monkeypatch.setattr(products, "listing", listing)


@pytest.mark.django_db
@pytest.mark.usefixtures("_full")
@pytest.mark.parametrize(
    ("path", "type"),
    [("/", "text/html; charset=utf-8"), ("/api/v1/catalog/products", "application/problem+json")],
)
def test_who_finds_no_room_is_asked_to_come_again(path: str, type: str) -> None:
    answer = Client(raise_request_exception=False).get(path)

    assert (answer.status_code, answer["Content-Type"]) == (503, type)
    assert answer["Retry-After"] == "2"
    assert "Very many people are here" in answer.content.decode()


AWAY = (
    psycopg.errors.AdminShutdown(),
    psycopg.errors.CannotConnectNow(),
    psycopg.errors.DiskFull(),
    psycopg.errors.ReadOnlySqlTransaction(),
    psycopg.OperationalError("consuming input failed: server closed the connection unexpectedly"),
)


@pytest.mark.django_db
@pytest.mark.parametrize("cause", AWAY, ids=lambda cause: type(cause).__name__)
@pytest.mark.parametrize("path", ["/", "/api/v1/catalog/products"])
def test_while_the_database_is_away_people_are_asked_to_come_again(
    monkeypatch: pytest.MonkeyPatch, cause: Exception, path: str
) -> None:
    def listing(**_wanted: Any) -> None:
        raise OperationalError("it is away") from cause

    monkeypatch.setattr(products, "listing", listing)

    answer = Client(raise_request_exception=False).get(path)

    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert "The shop is being looked after" in answer.content.decode()


def test_a_full_disk_and_a_read_only_file_are_seen_on_sqlite(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "full")) as database:
        database.execute("CREATE TABLE trial (text)")
        database.execute("PRAGMA max_page_count = 2")
        problem = seen(lambda: database.execute("INSERT INTO trial VALUES (zeroblob(9000))"))
        assert problem == "database_away"
        database.execute("PRAGMA query_only = on")
        assert seen(lambda: database.execute("DELETE FROM trial")) == "database_away"
        assert seen(lambda: database.execute("SELECT nothing FROM trial")) is None


def seen(ask: Callable[[], object]) -> str | None:
    """The code of the problem that is seen in what a question raises."""
    try:
        ask()
    except sqlite3.Error as cause:
        error = OperationalError()
        error.__cause__ = cause
        problem = overload.seen_in(error)
        return problem.code if problem else None
    raise AssertionError("nothing was raised")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no pool")
@pytest.mark.usefixtures("committed")
def test_nobody_waits_long_for_a_database_that_is_away_until_it_answers() -> None:
    pool: Any = connection.pool  # type: ignore[attr-defined]
    with psycopg.connect(pool.conninfo, **pool.kwargs) as admin:
        admin.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """
        )
    patience.lose(pool)
    assert pool.timeout == patience.BRIEF_SECONDS

    assert not answers()
    assert pool.timeout == patience.BRIEF_SECONDS

    eventually(answers)
    assert pool.timeout == patience.LONG_SECONDS


def answers() -> bool:
    """Whether a call gets a connection that works."""
    connection.close()
    try:
        connection.ensure_connection()
    except OperationalError:
        return False
    return True


@pytest.mark.django_db
def test_another_error_stays_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def listing(**_wanted: Any) -> None:
        raise OperationalError("the server is away")

    monkeypatch.setattr(products, "listing", listing)

    client = Client(raise_request_exception=False, headers={"Accept-Language": "de"})
    page, call = client.get("/"), client.get("/api/v1/catalog/products")

    assert (page.status_code, call.status_code) == (500, 500)
    assert "Bei uns ist etwas schiefgegangen" in page.content.decode()
    assert '<a class="btn" href="/">' in page.content.decode()
    in_arabic = client.get("/", headers={"Accept-Language": "ar"}).content.decode()
    assert 'dir="rtl"' in in_arabic
    assert "حدث خطأ من جهتنا" in in_arabic
    assert call.json()["code"] == "internal_error"
    assert "versuchen Sie es in einer Minute noch einmal" in call.json()["detail"]
    assert overload.seen_in(None) is None
