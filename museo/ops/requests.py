"""What pages and API are asked, and how they do: counted, timed, and at `debug` written down."""

import logging
import time
from collections.abc import Callable

import prometheus_client as metrics
from django.http import HttpRequest, HttpResponseBase

logger = logging.getLogger(__name__)

SECONDS = metrics.Histogram("museo_request_seconds", "How long requests take", ["face"])
ANSWERS = metrics.Counter("museo_requests", "Requests, by the first digit", ["face", "status"])
FACES = (("/api/", "api"), ("/admin/", "admin"), ("", "page"))


def measured(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware around all others."""

    def answering(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = get_response(request)
        seconds = time.perf_counter() - began
        face = next(name for start, name in FACES if request.path.startswith(start))
        SECONDS.labels(face).observe(seconds)
        ANSWERS.labels(face, f"{response.status_code // 100}xx").inc()
        if logger.isEnabledFor(logging.DEBUG):
            # the route, not the address: what stands in that may open something
            match = request.resolver_match
            logger.debug(
                "answered",
                extra={
                    "method": request.method,
                    "route": match.route if match else "",
                    "status": response.status_code,
                    "seconds": round(seconds, 4),
                },
            )
        return response

    return answering
