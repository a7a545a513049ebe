"""Bodies as JSON (RFC 8259), read by a parser that depth and size cannot hurt."""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from museo.access.problems import TooLarge


class JSONParser(BaseParser):
    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            read = orjson.loads(stream.read())
            # it reads deeper than anybody can write, who keeps a body or compares it
            orjson.dumps(read)
        except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:
            raise ParseError(str(error)) from error
        except RequestDataTooBig as error:
            raise TooLarge(_("The body is too large. Send less than 1 MB.")) from error
        return read
