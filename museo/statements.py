"""What migrations run that Django has no operation for: statements of each engine, triggers."""

from collections.abc import Sequence
from typing import Any

from django.db.migrations import RunPython


def statements(
    *,
    postgresql: Sequence[str],
    sqlite: Sequence[str],
    postgresql_back: Sequence[str],
    sqlite_back: Sequence[str],
) -> RunPython:
    """Run those of the engine at hand, and those of the way back when it is undone."""

    def forwards(apps: Any, schema_editor: Any) -> None:
        _run(schema_editor, postgresql, sqlite)

    def backwards(apps: Any, schema_editor: Any) -> None:
        _run(schema_editor, postgresql_back, sqlite_back)

    return RunPython(forwards, backwards)


def append_only(table: str, words: str) -> RunPython:
    """Nobody changes a row of `table`; who tries is told that `words` are append-only."""
    refusal = f"{words} are append-only"
    trigger, function = f"{table}_append_only", f"{table}_is_append_only"
    return statements(
        postgresql=[
            f"CREATE FUNCTION {function}() RETURNS trigger AS $$ BEGIN"
            f" RAISE EXCEPTION '{refusal}'; END $$ LANGUAGE plpgsql",
            f"CREATE TRIGGER {trigger} BEFORE UPDATE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION {function}()",
        ],
        sqlite=[
            f"CREATE TRIGGER {trigger} BEFORE UPDATE ON {table}"
            f" BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
        ],
        postgresql_back=[f"DROP TRIGGER {trigger} ON {table}", f"DROP FUNCTION {function}()"],
        sqlite_back=[f"DROP TRIGGER {trigger}"],
    )


def _run(schema_editor: Any, postgresql: Sequence[str], sqlite: Sequence[str]) -> None:
    for statement in postgresql if schema_editor.connection.vendor == "postgresql" else sqlite:
        schema_editor.execute(statement)
