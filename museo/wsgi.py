"""Pages and API for a WSGI server; streams, WebSockets and MCP are served by `museo.asgi`."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "museo.settings")
django = get_wsgi_application()

from museo.access import proxies


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Django behind our proxies: limits are counted for the client, not for the proxy."""
    if not proxies.is_trusted(environ.get("REMOTE_ADDR", "")):
        environ.pop("HTTP_X_FORWARDED_PROTO", None)
    elif client := proxies.client(environ.get("HTTP_X_FORWARDED_FOR", "")):
        environ["REMOTE_ADDR"] = client
    return django(environ, start_response)
