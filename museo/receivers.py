"""What Django does around every request and finds nothing to do: left out."""

from django.conf import settings
from django.core.cache import close_caches
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries


def leave_out_what_is_idle() -> None:
    """For who serves: together they take as long as a middleware or two."""
    # as the end of the request before it has left them
    request_started.disconnect(close_old_connections)
    # ours is in memory
    request_finished.disconnect(close_caches)
    if not settings.DEBUG:
        # nobody has noted any
        request_started.disconnect(reset_queries)
