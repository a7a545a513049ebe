"""Makes the shop ready to open: the database, the translations, the demo, the staff login."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection, connections
from django.db.backends.postgresql.base import DatabaseWrapper as PostgreSQL
from django.utils import timezone

from catalog.demo.fill import is_filled
from catalog.search import index
from museo.access import heartbeat
from museo.access.models import Heartbeat
from museo.ops import lock, staff, translations
from museo.ops.preflight import CannotStart


def shop(home: Path, *, demo: bool) -> staff.Login | None:
    reach_database()
    translations.compile_changed(settings.BASE_DIR / "locale")
    call_command("migrate", interactive=False, verbosity=0)
    login = staff.ensure(home)
    if demo:
        call_command("demo", orders=True, verbosity=0)
    # what an older version of the shop has sold
    index.catch_up(now=timezone.now())
    # who watches from here on needs no database
    let_go()
    return login


def is_ones_own() -> bool:
    """Whether the shop was open before, and without the demo."""
    reach_database()
    # a new database has no tables yet
    has_tables = Heartbeat._meta.db_table in connection.introspection.table_names()
    return has_tables and bool(heartbeat.last_of_all()) and not is_filled()


def let_go() -> None:
    """Of every connection to the database."""
    connections.close_all()
    if isinstance(database := connections["default"], PostgreSQL):
        database.close_pool()


def reach_database() -> None:
    try:
        with connection.wrap_database_errors:
            _connect_once()
    except DatabaseError as problem:
        raise CannotStart(
            f"The database {_where()} cannot be reached: {_reason(problem)}. "
            "Correct DATABASE_URL, or leave it out: then the shop keeps its own SQLite file."
        ) from problem


@contextmanager
def in_words(home: Path) -> Iterator[None]:
    """Say in a sentence what a person can mend; anything else is a fault and shows itself."""
    try:
        yield
    except lock.AlreadyRuns as problem:
        raise CannotStart(str(problem)) from problem
    except OSError as problem:
        sentence = _said_of_file(problem, home)
        if not sentence:
            raise
        raise CannotStart(sentence) from problem
    except OperationalError as problem:
        raise CannotStart(f"The database refused: {_reason(problem)}.") from problem


def _connect_once() -> None:
    database = connections["default"]
    if not isinstance(database, PostgreSQL):
        database.ensure_connection()
        return
    # past the pool, which would try for a long time and log every attempt
    parameters = {**database.get_connection_params(), "connect_timeout": 5}
    database.Database.connect(**parameters).close()


def _where() -> str:
    at = connection.settings_dict
    if not at["HOST"]:
        return str(at["NAME"])
    return f"{at['NAME']} at {at['HOST']}:{at['PORT'] or 5432}"


def _reason(problem: Exception) -> str:
    """The last part of the driver's first line: the parts before say what is known anyway."""
    line = str(problem).strip().partition("\n")[0]
    return line.rpartition("failed: ")[2].strip().rstrip(".") or type(problem).__name__


def _said_of_file(problem: OSError, home: Path) -> str | None:
    if problem.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"The disk that holds {home} is full. Free some of it and start again."
    if problem.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"{problem.filename or home} may not be written: {problem.strerror}."
    return None
