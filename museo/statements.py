"""What migrations run that Django has no operation for: statements of each engine, triggers."""

from collections.abc import Sequence
from typing import Any

from django.db.migrations.operations.base import Operation


class Statements(Operation):
    """Runs those of the engine at hand, and those of the way back when it is undone.

    Unlike `RunPython` it has no models made anew, as these were then: that takes far longer.
    """

    def __init__(
        self,
        *,
        postgresql: Sequence[str],
        sqlite: Sequence[str],
        postgresql_back: Sequence[str],
        sqlite_back: Sequence[str],
    ) -> None:
        self.postgresql = postgresql
        self.sqlite = sqlite
        self.postgresql_back = postgresql_back
        self.sqlite_back = sqlite_back

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Models stay as they are."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        _run(schema_editor, self.postgresql, self.sqlite)

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        _run(schema_editor, self.postgresql_back, self.sqlite_back)

    def describe(self) -> str:
        return "Statements of the engine"


def append_only(table: str, words: str) -> Statements:
    """Nobody changes a row of `table`; who tries is told that `words` are append-only."""
    refusal = f"{words} are append-only"
    trigger, function = f"{table}_append_only", f"{table}_is_append_only"
    return Statements(
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
