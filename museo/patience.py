"""How long a call waits for a connection to PostgreSQL: long while it answers, briefly otherwise.

While the database is away nobody is helped by waiting; the few threads of a web process would all
wait, and even to say so they would have no time. The pool tells of its tries (`reconnect_failed`),
calls tell of connections that broke (`museo.access.overload`), and the first one that answers ends
it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

LONG_SECONDS = 10.0
BRIEF_SECONDS = 1.0
# how long one try to connect goes on; the next call is the next try
TRIES_FOR_SECONDS = 2.0

_hasty: WeakSet[ConnectionPool[Any]] = WeakSet()


def lose(pool: ConnectionPool[Any]) -> None:
    """The database of this pool does not answer."""
    pool.timeout = BRIEF_SECONDS
    _hasty.add(pool)


def regain(connection: Any, **_signal: object) -> None:
    """For Django's signal that a call has got its connection: one that answers ends the haste.

    The pool's own hook for connections that come back would take a change of threads each time.
    """
    if not _hasty or connection.vendor != "postgresql" or connection.pool not in _hasty:
        return
    # raises what the call's own first statement would
    connection.connection.execute("SELECT 1")
    connection.pool.timeout = LONG_SECONDS
    _hasty.discard(connection.pool)
