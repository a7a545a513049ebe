"""Answers as JSON, written by orjson."""

from collections.abc import Mapping
from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework import renderers
from rest_framework.utils.encoders import JSONEncoder

# moments as REST framework writes them: to the microsecond, with a Z
AS_BEFORE = orjson.OPT_PASSTHROUGH_DATETIME
_other = JSONEncoder().default


class JSONRenderer(renderers.JSONRenderer):
    """REST framework's; it still writes what orjson does not take, such as very large numbers."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        if data is None:
            return b""
        try:
            return orjson.dumps(data, default=_other, option=AS_BEFORE)
        except TypeError:
            return super().render(data, accepted_media_type, renderer_context)


_renderer = JSONRenderer()


class Response(HttpResponse):
    """An answer that is written at once: there is one form, and nobody else has a say in it.

    REST framework's is a template's, which is made, chosen for, and filled in when views are done.
    """

    def __init__(
        self,
        body: Any = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        content_type: str | None = None,
    ) -> None:
        written = _renderer.render(body)
        form = content_type or JSONRenderer.media_type
        super().__init__(written, status=status, headers=headers, content_type=form)
        if not written:
            del self["Content-Type"]
