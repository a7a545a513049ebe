"""Pages and API for a WSGI server; streams, WebSockets and MCP are served by `museo.asgi`.

What `museo.edge` is around those, this is around these, by the same rules.
"""

import os
from collections.abc import Callable, Iterable
from functools import partial
from io import BytesIO
from typing import Any

from django.core.wsgi import get_wsgi_application

from museo import connecting, garbage

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "museo.settings")
connecting.keep_in_threads()
with garbage.not_among_what_is_loaded():
    django = get_wsgi_application()

from museo import edge, receivers
from museo.access import context, problems, proxies

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
REASONS = {400: "Bad Request", 413: "Content Too Large"}

receivers.leave_out_what_is_idle()
garbage.keep_what_is_loaded()


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    _look_behind_proxies(environ)
    path = environ["PATH_INFO"]
    name = context.begin(environ.get("HTTP_X_CORRELATION_ID", ""))
    start = partial(_start, start_response, path, name)
    largest = edge.largest_body(path)
    length = _length(environ, largest)
    if not edge.is_our_host(environ.get("HTTP_HOST", "")):
        return _refuse(edge.another_host(), environ, start)
    if length.isdigit() and int(length) > largest:
        cookies, accepted = environ.get("HTTP_COOKIE", ""), environ.get("HTTP_ACCEPT_LANGUAGE", "")
        with edge.language_of(cookies, accepted):
            return _refuse(edge.too_large(largest), environ, start)
    return django(environ, start)


def _length(environ: Environ, largest: int) -> str:
    """That of the body; one that comes in pieces says none, and would be taken for none."""
    if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        body = environ["wsgi.input"].read(largest + 1)
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(body), str(len(body))
    return environ.get("CONTENT_LENGTH") or ""


def _look_behind_proxies(environ: Environ) -> None:
    """Limits are counted for the client, not for the proxy."""
    if not proxies.is_trusted(environ.get("REMOTE_ADDR", "")):
        if "HTTP_X_FORWARDED_FOR" in environ:
            edge.warn_of_proxy()
        environ.pop("HTTP_X_FORWARDED_PROTO", None)
    elif client := proxies.client(environ.get("HTTP_X_FORWARDED_FOR", "")):
        environ["REMOTE_ADDR"] = client


def _start(
    start_response: StartResponse,
    path: str,
    name: str,
    status: str,
    headers: list[tuple[str, str]],
    exc_info: Any = None,
) -> Any:
    """Begin the answer, with our headers where it has none of its own."""
    names = {name.lower() for name, _text in headers}
    own = [header for header in edge.own_headers(path, name) if header[0] not in names]
    return start_response(status, [*headers, *own], exc_info)


def _refuse(problem: problems.Problem, environ: Environ, start: StartResponse) -> list[bytes]:
    kind, body = edge.written(problem, environ["PATH_INFO"], environ.get("HTTP_ACCEPT", ""))
    headers = [("content-type", kind), ("content-length", str(len(body)))]
    start(f"{problem.status} {REASONS[problem.status]}", headers)
    return [body]
