"""What the tables hold before the first test, put back after each test that commits.

Django's flush empties every table and makes all permissions anew, which takes ten times as long.
"""

from functools import cache
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from museo import sql

Rows = list[tuple[Any, ...]]
_kept: dict[str, Rows] = {}


def keep() -> None:
    with connection.cursor() as cursor:
        _kept.update({table: _rows(cursor, table) for table in _in_use()})


def put_back() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        # the log lets go of what lies below its floor
        cursor.execute("UPDATE notifications_loghead SET floor = head")
        changed = [
            table
            for table in sorted(_in_use() | _kept.keys())
            if table not in _kept or _rows(cursor, table) != _kept[table]
        ]
        # events before the head that knows their floor: as the alphabet has it
        for table in changed:
            cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608  a table of ours
        for table in changed:
            # triggers may have written into it meanwhile
            cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608
            for row in _kept.get(table, []):
                values = ", ".join(["%s"] * len(row))
                cursor.execute(f'INSERT INTO "{table}" VALUES ({values})', row)  # noqa: S608


def see_off() -> None:
    """End what threads of the last tests still have open: the database is about to be dropped."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """
        )


def _in_use() -> set[str]:
    """The tables that have rows; to plan the question anew takes longer than to answer it."""
    return {table for (table,) in sql.rows(_question(), ())}


@cache
def _question() -> str:
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM \"{table}\")"  # noqa: S608
        for table in tables
    )


def _rows(cursor: CursorWrapper, table: str) -> Rows:
    cursor.execute(f'SELECT * FROM "{table}" ORDER BY 1')  # noqa: S608
    rows: Rows = cursor.fetchall()
    return rows
