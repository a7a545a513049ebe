"""Which form an answer of REST has: mostly nobody wants any but the first."""

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.settings import api_settings

ANY = "*/*"


class Negotiation(DefaultContentNegotiation):
    """REST framework's, which it asks only where there is something to choose."""

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> Any:
        first, *_others = renderers
        is_choosy = format_suffix or api_settings.URL_FORMAT_OVERRIDE in request.query_params
        if not is_choosy and request.META.get("HTTP_ACCEPT", ANY) in (ANY, first.media_type):
            return first, first.media_type
        return super().select_renderer(request, renderers, format_suffix)
