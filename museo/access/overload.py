"""More calls at once than the database has connections for: those left over come again."""

import sys

from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.utils.translation import gettext as _
from django.views import defaults
from psycopg_pool import PoolTimeout

from museo.access import problems
from museo.access.problems import Problem

COME_AGAIN_SECONDS = 2


class Overloaded(Problem):
    """Nothing was begun, so it can be sent again as it is."""

    status = 503
    code = "overloaded"


def seen_in(error: BaseException | None) -> Overloaded | None:
    """Whether that is what an error of the database says."""
    if not isinstance(getattr(error, "__cause__", None), PoolTimeout):
        return None
    return Overloaded(
        _("Very many people are here at this moment. Try again in a few seconds."),
        retry_after=COME_AGAIN_SECONDS,
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's page for an error that nobody caught."""
    problem = seen_in(sys.exc_info()[1])
    if problem is None:
        return defaults.server_error(request)
    if request.path.startswith("/api/"):
        return problems.response(problem, instance=request.path)
    page = loader.render_to_string("503.html", {"problem": problem})
    return HttpResponse(page, status=problem.status, headers=problem.headers())
