"""`field__among=values`: like `in`, for thousands of numbers or texts, which go as one parameter.

Django writes a placeholder for each value of `in`, and the driver looks for each of them.
"""

from typing import Any

import orjson
from django.core.exceptions import EmptyResultSet
from django.db.models import Lookup


class Among(Lookup):
    """A field's value is one of many; registered by `catalog.apps`."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        sql, params = self.process_lhs(compiler, connection)
        among = "(SELECT value FROM json_each(%s))"
        return f"{sql} IN {among}", (*params, orjson.dumps(self._values()).decode())

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        sql, params = self.process_lhs(compiler, connection)
        values = self._values()
        kind = "text" if isinstance(values[0], str) else "bigint"
        return f"{sql} = ANY(%s::{kind}[])", (*params, f"{{{','.join(map(_quoted, values))}}}")

    def _values(self) -> list[Any]:
        if values := list(self.rhs):
            return values
        raise EmptyResultSet


def _quoted(value: Any) -> str:
    """As PostgreSQL reads an element of an array."""
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)
