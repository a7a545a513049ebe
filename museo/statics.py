"""Files of `static/` as they are on the disk, also while the shop runs.

Whitenoise looks at each file once and keeps how long it was: one that changes would come out cut,
under the ETag of before.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import closing
from http import HTTPStatus
from wsgiref.headers import Headers

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import MissingFileError, StaticFile

# a file is seldom written again while it is read
TRIES = 5
GetResponse = Callable[[HttpRequest], HttpResponseBase]
Stats = Mapping[str, os.stat_result]


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Looks again at what has changed, and sends as many bytes as it says."""

    def __init__(self, get_response: GetResponse) -> None:
        # by URL: where the file is, and how it was when it was looked at
        self._seen: dict[str, tuple[str, str]] = {}
        self._get_response = get_response
        super().__init__(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        for _try in range(TRIES):
            try:
                found = self._find(request.path_info)
                answer = found and _whole(found, request)
            except (FileNotFoundError, MissingFileError):
                found = None
            if found is None:
                return self._get_response(request)
            if answer is not None:
                return answer
        return HttpResponse(status=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "1"})

    def get_static_file(self, path: str, url: str, stat_cache: Stats | None = None) -> StaticFile:
        if not self.autorefresh:
            # first of all: what changes from here on is seen
            self._seen[url] = path, _version(path)
        return super().get_static_file(path, url)

    def add_cache_headers(self, headers: Headers, path: str, url: str) -> None:
        super().add_cache_headers(headers, path, url)
        headers["ETag"] = f'"{_version(path)}"'

    def _find(self, url: str) -> StaticFile | None:
        if self.autorefresh:
            return self.find_file(url)
        if url not in self.files:
            return None
        path, version = self._seen[url]
        if _version(path) != version:
            self.files[url] = self.get_static_file(path, url)
        return self.files[url]


def _version(path: str) -> str:
    """Another one after each change."""
    at = os.stat(path)
    return f"{at.st_mtime_ns:x}-{at.st_size:x}"


def _whole(found: StaticFile, request: HttpRequest) -> HttpResponse | None:
    """None if the file was written meanwhile."""
    said = found.get_response(request.method, request.META)
    headers = dict(said.headers)
    content = b""
    if said.file is not None:
        with closing(said.file):
            content = said.file.read()
        if len(content) != int(headers["Content-Length"]):
            return None
    answer = HttpResponse(content, status=said.status, headers=headers)
    if "Content-Type" not in headers:
        del answer["Content-Type"]
    return answer
