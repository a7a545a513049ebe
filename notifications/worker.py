"""The service worker, at an address from which it looks after all pages (its scope is `/`)."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_safe

FILE = "js/service-worker.js"


def _etag(request: HttpRequest) -> str:
    return f'"{hashlib.sha256(_script()).hexdigest()[:32]}"'


@lru_cache(maxsize=1)
def _script() -> bytes:
    return Path(str(finders.find(FILE))).read_bytes()


@require_safe
@cache_control(no_cache=True, public=True)
@condition(etag_func=_etag)
def service_worker(request: HttpRequest) -> HttpResponse:
    """Asked for anew by each browser, so that a newer one is not missed."""
    return HttpResponse(_script(), content_type="text/javascript; charset=utf-8")
