"""Addresses that forms are sent to: whoever opens one as a page is led to the form's page."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

View = Callable[..., HttpResponseBase]


def form_of(page: str, *shared: str) -> Callable[[View], View]:
    """Only POST; GET leads to this page, whose address has the parts `shared` in it, too.

    One comes by GET after signing in again, for another language, or out of the history.
    """

    def led(view: View) -> View:
        posted: View = require_POST(view)

        @wraps(view)
        def sent(request: HttpRequest, *args: Any, **named: Any) -> HttpResponseBase:
            if request.method in ("GET", "HEAD"):
                shown = reverse(page, kwargs={name: named[name] for name in shared})
                return HttpResponseRedirect(shown)
            return posted(request, *args, **named)

        return sent

    return led
