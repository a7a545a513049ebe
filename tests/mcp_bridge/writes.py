"""Which tables were written to, and committed, as the database itself notes it by triggers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.db import connection

OPERATIONS = ("INSERT", "UPDATE", "DELETE")
# what is noted of a call whether it is answered or refused
OF_EVERY_CALL = ("access_trail",)
# what else tells something in the meantime
OF_THE_LOG = {
    f"notifications_{name}" for name in ("event", "eventtext", "eventtopic", "loghead", "topic")
}


@contextmanager
def noted() -> Iterator[None]:
    """From now on; until then `taken` cannot be asked."""
    tables = [model._meta.db_table for model in apps.get_models()]
    watched = [table for table in tables if table not in OF_EVERY_CALL]
    begin, end = TRIGGERS[connection.vendor](watched)
    _run(["CREATE TABLE written (name varchar(100))", *begin])
    try:
        yield
    finally:
        _run([*end, "DROP TABLE written"])


def taken() -> set[str]:
    """The tables written to since this was asked last."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM written RETURNING name")
        return {name for (name,) in cursor.fetchall()}


def _on_sqlite(tables: list[str]) -> tuple[list[str], list[str]]:
    names = [(table, kind) for table in tables for kind in OPERATIONS]
    begin = [
        f'CREATE TRIGGER "written_{table}_{kind}" AFTER {kind} ON "{table}"'  # noqa: S608  ours
        f" BEGIN INSERT INTO written VALUES ('{table}'); END"
        for table, kind in names
    ]
    return begin, [f'DROP TRIGGER "written_{table}_{kind}"' for table, kind in names]


def _on_postgresql(tables: list[str]) -> tuple[list[str], list[str]]:
    note = (
        "CREATE FUNCTION note_written() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO written VALUES (TG_TABLE_NAME); RETURN NULL; END'"
    )
    begin = [
        f'CREATE TRIGGER written AFTER {" OR ".join(OPERATIONS)} ON "{table}"'
        " FOR EACH ROW EXECUTE FUNCTION note_written()"
        for table in tables
    ]
    return [note, *begin], ["DROP FUNCTION note_written CASCADE"]


TRIGGERS = {"sqlite": _on_sqlite, "postgresql": _on_postgresql}


def _run(statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
