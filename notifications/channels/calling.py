"""Calls to providers over HTTP: one client, with bounds, whose failures are NotSent."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from ssl import SSLContext
from typing import Any

import httpx2

from notifications.channels.message import NotSent

TIMEOUT = httpx2.Timeout(10, connect=3.05)
# whoever asks to be left alone for longer is asked again then
LONGEST_PAUSE = timedelta(days=1)


def client() -> httpx2.Client:
    """Of this process; what it has open is shared by all threads."""
    with making:
        return _client()


# held by whoever makes what all threads share
making = threading.Lock()


@cache
def tls() -> SSLContext:
    """Of all calls of this process; reading the certificates takes longer than many a call."""
    return httpx2.create_ssl_context(trust_env=False)


@cache
def _client() -> httpx2.Client:
    return httpx2.Client(timeout=TIMEOUT, verify=tls(), follow_redirects=False, trust_env=False)


def post(url: str, *, by: httpx2.Client | None = None, **request: Any) -> httpx2.Response:
    """The answer, whatever it says; raise NotSent if there is none."""
    try:
        return (by or client()).post(url, **request)
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        raise NotSent("unreachable", permanent=False, detail=type(error).__name__) from error


def general_refusal(response: httpx2.Response, *, now: datetime, detail: str) -> NotSent:
    """What a status means wherever it comes from; a provider's own codes are asked first."""
    status = response.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        pause = retry_after(response.headers.get("Retry-After", ""), now=now)
        return NotSent("too_often", permanent=False, retry_after=pause, detail=detail)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return NotSent("not_authorized", permanent=False, detail=detail)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        pause = retry_after(response.headers.get("Retry-After", ""), now=now)
        return NotSent("unreachable", permanent=False, retry_after=pause, detail=detail)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return NotSent("too_large", permanent=True, detail=detail)
    return NotSent("refused", permanent=True, detail=detail)


def retry_after(value: str, *, now: datetime) -> timedelta | None:
    """Seconds or a date (RFC 9110, section 10.2.3); None for anything else."""
    if value.isascii() and value.isdigit():
        return min(timedelta(seconds=int(value[:9])), LONGEST_PAUSE)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta(0)), LONGEST_PAUSE)


def as_json(response: httpx2.Response) -> dict[str, Any]:
    """The object of an answer; empty for anything else."""
    try:
        told = response.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
