"""`/metrics` for Prometheus: the figures of this process, for this machine and for staff."""

import prometheus_client
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache


@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """What every module measures; 404 for strangers."""
    if not (_is_this_machine(request) or request.user.is_staff):
        raise Http404
    return HttpResponse(
        prometheus_client.generate_latest(), content_type=prometheus_client.CONTENT_TYPE_LATEST
    )


def _is_this_machine(request: HttpRequest) -> bool:
    is_forwarded = "X-Forwarded-For" in request.headers
    return request.META.get("REMOTE_ADDR") in {"127.0.0.1", "::1"} and not is_forwarded
