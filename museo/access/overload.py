"""More calls at once than the database has connections for, a database that is away, and defects.

The first two pass: those left over come again.
"""

import sqlite3
import sys

import psycopg
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper as PostgreSQL
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.utils.translation import gettext as _
from psycopg_pool import PoolTimeout

from museo import patience
from museo.access import problems
from museo.access.problems import Problem

COME_AGAIN_SECONDS = 2


class Overloaded(Problem):
    """Nothing was begun, so it can be sent again as it is."""

    status = 503
    code = "overloaded"


class DatabaseAway(Problem):
    """It is stopped, starts, fails over, or takes nothing; what was sent may be sent again."""

    status = 503
    code = "database_away"


class Broken(Problem):
    """What nobody foresaw; it is logged."""

    status = 500
    code = "internal_error"


# it goes, comes or has gone; it is full; it only reads (PostgreSQL, appendix A)
AWAY = ("57P", "08", "53", "25006")
AWAY_ON_SQLITE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR}


def seen_in(error: BaseException | None) -> Problem | None:
    """Whether that is what an error of the database says."""
    cause = getattr(error, "__cause__", None)
    if _is_lost(cause):
        _lose_patience()
    elif not isinstance(cause, PoolTimeout):
        return None
    elif not _is_away():
        return Overloaded(
            _("Very many people are here at this moment. Try again in a few seconds."),
            retry_after=COME_AGAIN_SECONDS,
        )
    return DatabaseAway(
        _("The shop is being looked after. Try again in a few seconds."),
        retry_after=COME_AGAIN_SECONDS,
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """What is answered to an error that nobody caught."""
    problem = seen_in(sys.exc_info()[1]) or Broken(
        _("We have noted it. Nothing you ordered is lost; try again in a minute.")
    )
    if request.path.startswith("/api/"):
        return problems.response(problem, instance=request.path)
    page = loader.render_to_string("500.html", {"problem": problem})
    return HttpResponse(page, status=problem.status, headers=problem.headers())


def _is_lost(cause: BaseException | None) -> bool:
    if isinstance(cause, sqlite3.OperationalError):
        code = getattr(cause, "sqlite_errorcode", 0)
        return code & 0xFF in AWAY_ON_SQLITE
    if isinstance(cause, PoolTimeout) or not isinstance(cause, psycopg.Error):
        return False
    # a connection that broke has no word from the server
    broke = isinstance(cause, psycopg.OperationalError) and cause.sqlstate is None
    return broke or (cause.sqlstate or "").startswith(AWAY)


def _lose_patience() -> None:
    database = connections["default"]
    if isinstance(database, PostgreSQL) and database.pool:
        patience.lose(database.pool)


def _is_away() -> bool:
    """Whether those who waited had nobody to wait for."""
    database = connections["default"]
    pool = database.pool if isinstance(database, PostgreSQL) else None
    return pool is not None and pool.timeout == patience.BRIEF_SECONDS
