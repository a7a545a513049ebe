"""What the headers of a request say."""

from functools import cache

from django.http import HttpRequest
from rest_framework.request import Request


def header(request: HttpRequest | Request, name: str) -> str:
    """Empty without it. Django's own way copies them all before it tells of one."""
    return str(request.META.get(_key(name), ""))


@cache
def _key(name: str) -> str:
    return f"HTTP_{name.upper().replace('-', '_')}"
