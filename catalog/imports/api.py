"""Imports and exports of products over REST: shapes only."""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.decorators import api_view, parser_classes
from rest_framework.exceptions import ParseError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from catalog.imports import downloads, exports, services
from catalog.imports.columns import LABELS
from catalog.imports.models import Import, ImportRow
from catalog.imports.problems import OF_FILES, words
from catalog.models import Category
from museo.access.callers import caller_from_request
from museo.access.parsers import JSONParser
from museo.access.problems import BadCursor, Invalid, field_error
from museo.access.renderers import Response
from museo.access.rest import newest, next_page, page_size, place, read_body
from museo.access.tokens import as_name

EVENTS = "/api/v1/events?topics="


class FormParser(MultiPartParser):
    """A form with a file; files of some size lie on disk while it is read."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except ParseError as error:
            detail = _("Send a form (multipart/form-data) with the file in `file`.")
            raise Invalid(detail, errors=[field_error("", "invalid", detail)]) from error


class MappingField(serializers.JSONField):
    """`{"Preis": "price"}`; in a form it is JSON, too."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            found = orjson.loads(str(data)) if isinstance(data, str) else data
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
            raise serializers.ValidationError(_("Send an object of columns and their fields."))
        return found


class Upload(serializers.Serializer[Any]):
    file = serializers.FileField(max_length=200)
    dry_run = serializers.BooleanField(default=False)
    mapping = MappingField(default=None)


class Check(serializers.Serializer[Any]):
    mapping = MappingField(default=dict)


@api_view(["GET", "POST"])
@parser_classes([FormParser])
def imports(request: Request) -> Response:
    """POST takes a file and begins with it; GET lists, newest first."""
    caller, now = caller_from_request(request), timezone.now()
    services.require(caller)
    if request.method == "GET":
        return _list(request, Import.objects.visible_to(caller))
    body = read_body(Upload, request)
    file: UploadedFile[Any] = body["file"]
    found = services.start(
        caller,
        file.chunks(),
        file_name=file.name or "",
        mapping=body["mapping"],
        dry_run=body["dry_run"],
        now=now,
    )
    where = request.build_absolute_uri(f"{request.path}/{found.public_id}")
    return Response(shown(found), status=202, headers={"Location": where})


def _list(request: Request, rows: Any) -> Response:
    before = request.query_params.get("cursor", "")
    if before:
        last = rows.filter(public_id=as_name(before)).values_list("pk", flat=True)
        if not last:
            raise BadCursor
        rows = rows.filter(pk__lt=last[0])
    page, following = newest(request, rows)
    return Response({"results": [shown(each) for each in page], "next": following})


@api_view(["GET"])
def one_import(request: Request, public_id: str) -> Response:
    """How an import stands."""
    return Response(shown(services.find(caller_from_request(request), public_id)))


@api_view(["GET"])
def import_rows(request: Request, public_id: str) -> Response:
    """What becomes of each row: `?outcome=create|change|unchanged|refused`; pages by cursor."""
    found = services.find(caller_from_request(request), public_id)
    rows = found.rows.exclude(outcome="").order_by("number")
    outcome = request.query_params.get("outcome", "")
    if outcome and outcome not in ImportRow.Outcome.values:
        detail = _("Choose one of: %(types)s.") % {"types": ", ".join(ImportRow.Outcome.values)}
        raise Invalid(detail, errors=[field_error("/outcome", "invalid_choice", detail)])
    if outcome:
        rows = rows.filter(outcome=outcome)
    after = place(request.query_params.get("cursor", ""))
    if after is not None:
        rows = rows.filter(number__gt=min(after, 2**31 - 1))
    limit = page_size(request)
    page = list(rows[: limit + 1])
    more = str(page[limit - 1].number) if len(page) > limit else ""
    slugs = dict(Category.objects.values_list("pk", "slug"))
    results = [_row(row, slugs) for row in page[:limit]]
    return Response({"results": results, "next": next_page(request, more)})


@api_view(["POST"])
@parser_classes([JSONParser])
def check_import(request: Request, public_id: str) -> Response:
    """Try it once more, with another meaning of the columns."""
    caller = caller_from_request(request)
    found = services.find(caller, public_id)
    mapping = services.mapping_of(found, read_body(Check, request)["mapping"])
    return _begun(services.check(caller, public_id, mapping=mapping, now=timezone.now()))


@api_view(["POST"])
def run_import(request: Request, public_id: str) -> Response:
    """Import what was checked."""
    return _begun(services.run(caller_from_request(request), public_id, now=timezone.now()))


@api_view(["POST"])
def cancel_import(request: Request, public_id: str) -> Response:
    found = services.cancel(caller_from_request(request), public_id, now=timezone.now())
    return Response(shown(found))


@api_view(["POST"])
def undo_import(request: Request, public_id: str) -> Response:
    """Take back what it changed, as far as nobody has changed it since."""
    return _begun(services.undo(caller_from_request(request), public_id, now=timezone.now()))


@api_view(["GET"])
def refused_rows(request: Request, public_id: str) -> HttpResponseBase:
    """The refused rows with their reasons, as CSV to be corrected."""
    found = services.find(caller_from_request(request), public_id)
    return exports.sheet(downloads.refused(found), f"refused-{found.public_id}.csv")


@api_view(["GET"])
def export(request: Request) -> HttpResponseBase:
    """All products: `?type=csv`, `jsonl` or `xlsx`."""
    kind = request.query_params.get("type", "csv")
    parts = exports.export(caller_from_request(request), kind=kind, now=timezone.now())
    return exports.download(parts, kind)


def _begun(found: Import) -> Response:
    return Response(shown(found), status=202)


def shown(found: Import) -> dict[str, Any]:
    """How it stands, what its columns are taken for, and where to hear of it."""
    return {
        "id": found.public_id,
        **services.summary(found),
        "file_name": found.file_name,
        "columns": [
            {"name": name, "field": field}
            for name, field in zip(found.header, found.mapping, strict=True)
        ],
        "fields": list(LABELS),
        "failure": words(OF_FILES, found.failure) if found.failure else "",
        "created_at": found.created_at,
        "finished_at": found.finished_at,
        "topic": found.topic,
        "events_url": f"{EVENTS}{found.topic}",
    }


def _row(row: ImportRow, slugs: Mapping[int, str]) -> dict[str, Any]:
    return {
        "row": row.number,
        "sku": row.sku,
        "outcome": row.outcome,
        "changes": [
            {
                "field": field,
                "old": downloads.readable(field, old, slugs),
                "new": downloads.readable(field, new, slugs),
            }
            for field, (old, new) in row.changes.items()
        ],
        "reasons": [
            {
                "field": reason["field"],
                "code": reason["code"],
                "detail": downloads.sentence(reason),
            }
            for reason in row.reasons
        ],
        "was_undone": row.was_undone,
    }
