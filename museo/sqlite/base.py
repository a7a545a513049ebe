"""Django's SQLite engine, with WAL, IMMEDIATE transactions and a fair turn for every writer."""

from typing import Any

from django.db.backends.sqlite3 import base

from museo.sqlite.gate import Gate, gate_at

PRAGMAS = "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA journal_size_limit=67108864"


class DatabaseWrapper(base.DatabaseWrapper):
    """`OPTIONS["gate"]`: the lock file that writers queue at before BEGIN; none, no queue."""

    _gate: Gate | None = None
    _in_turn = False

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        path = params.pop("gate", None)
        self._gate = gate_at(path) if path and not self.is_in_memory_db() else None
        self.transaction_mode = "IMMEDIATE"
        self.init_commands = PRAGMAS.split(";")
        params.setdefault("timeout", 20)
        return params

    def _start_transaction_under_autocommit(self) -> None:
        if self._gate and not self._in_turn:
            self._gate.enter()
            self._in_turn = True
        try:
            super()._start_transaction_under_autocommit()
        except BaseException:
            self._leave()
            raise

    def _commit(self) -> None:
        super()._commit()
        self._leave()

    def _rollback(self) -> None:
        try:
            super()._rollback()
        finally:
            self._leave()

    def _close(self) -> None:
        try:
            super()._close()
        finally:
            self._leave()

    def _leave(self) -> None:
        if self._in_turn and self._gate:
            self._in_turn = False
            self._gate.leave()
