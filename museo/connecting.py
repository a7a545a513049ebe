"""How a process keeps its connections to PostgreSQL: in a pool, or one in each thread.

A WSGI server has few threads, which stay: as many as `--blocking-threads` says, and there are as
many connections. To take a connection out of the pool and to put it back takes a tenth of what most
of their calls take, and PostgreSQL answers faster where it is asked over the same one again.
Everywhere else threads are many, and most do something else.
"""

import threading
from collections.abc import Mapping
from typing import Any

from museo import patience

# in the pool of a process
MOST = 16
# until another takes its place, as in a pool: PostgreSQL's part of it grows with what is asked
SECONDS = 3600

_of_thread = threading.local()
_are_threads_few = False


def keep_in_threads() -> None:
    """To be said before the settings are read, where threads are few and stay."""
    global _are_threads_few
    _are_threads_few = True


def seconds() -> int:
    """How long a thread keeps its connection; 0 where calls give it back."""
    return SECONDS if _are_threads_few else 0


def options() -> Mapping[str, Any]:
    """What Django's engine is told of it."""
    if _are_threads_few:
        return {"connect_timeout": int(patience.TRIES_FOR_SECONDS)}
    pool = {
        "min_size": 2,
        "max_size": MOST,
        "timeout": patience.LONG_SECONDS,
        "reconnect_timeout": patience.TRIES_FOR_SECONDS,
        "reconnect_failed": patience.lose,
    }
    return {"pool": pool}


def end_with_thread(connection: Any, **_signal: object) -> None:
    """For Django's signal that there is a connection: one that is kept ends with its thread.

    Only who looks for garbage would find it there, and until then PostgreSQL has one more.
    """
    if connection.settings_dict["CONN_MAX_AGE"]:
        _of_thread.end = _End(connection.connection)


class _End:
    """Closes a connection when nobody holds this any more."""

    def __init__(self, connected: Any) -> None:
        self._connected = connected

    def __del__(self) -> None:
        self._connected.close()
