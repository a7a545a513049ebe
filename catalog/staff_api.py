"""Products and stock for staff over REST: shapes only, the rules are in the services."""

import re
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request

from catalog import counts, masters, sheets, staff
from catalog.models import Master
from museo.access.bodies import OneOf
from museo.access.callers import caller_from_request
from museo.access.headers import header
from museo.access.problems import Problem
from museo.access.renderers import Response
from museo.access.rest import is_yes, next_page, once_only, page_size, read_body, seen

# as far as a JSON number goes that every client reads alike; the rules narrow it
LARGEST = 2**53 - 1
# the ETag of a product is its revision
TAG = re.compile(r'"[1-9][0-9]{0,8}"')


class RevisionMissing(Problem):
    status = 428
    code = "if_match_required"


class RevisionUnreadable(Problem):
    """No revision of a product looks like this."""

    status = 412
    code = "edited_meanwhile"


class Number(serializers.IntegerField):
    """A whole number; 84.5 is none, and neither is a word."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"min_value": -LARGEST, "max_value": LARGEST, **options})


class Text(serializers.CharField):
    """Kept as it was sent; how long it may be is the service's rule."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"trim_whitespace": False, "allow_blank": True, **options})


class Amount(serializers.Serializer[Any]):
    amount = Number()
    currency = Text()


class PriceBody(serializers.Serializer[Any]):
    price = Amount()
    list_price = Amount(required=False, allow_null=True)
    sales_channel = Text(required=False)
    valid_from = serializers.DateTimeField(required=False, allow_null=True)
    valid_to = serializers.DateTimeField(required=False, allow_null=True)


class ValueBody(serializers.Serializer[Any]):
    code = Text()
    # a field of the shape, which takes the place of the serializer's own attribute
    label = Text(required=False)  # type: ignore[assignment]
    labels = serializers.DictField(child=Text(), required=False)


class OptionBody(serializers.Serializer[Any]):
    code = Text()
    name = Text(required=False)
    names = serializers.DictField(child=Text(), required=False)
    values = ValueBody(many=True, required=False)


class ModifierBody(serializers.Serializer[Any]):
    code = Text()
    name = Text(required=False)
    names = serializers.DictField(child=Text(), required=False)
    price = Amount(required=False)
    is_active = serializers.BooleanField(required=False)


class ModifierGroupBody(serializers.Serializer[Any]):
    code = Text()
    name = Text(required=False)
    names = serializers.DictField(child=Text(), required=False)
    minimum = Number(required=False)
    maximum = Number(required=False)
    modifiers = ModifierBody(many=True, required=False)


class VariantBody(serializers.Serializer[Any]):
    id = Text(required=False)
    sku = Text(required=False)
    gtin = Text(required=False)
    is_active = serializers.BooleanField(required=False)
    track_stock = serializers.BooleanField(required=False)
    max_per_order = Number(required=False, allow_null=True)
    prep_seconds = Number(required=False, allow_null=True)
    options = serializers.DictField(child=Text(), required=False)
    # of a new variant only: what is there is counted by PUT /admin/stock
    on_hand = Number(required=False)
    remove = serializers.BooleanField(required=False)
    prices = PriceBody(many=True, required=False)


class TextsBody(serializers.Serializer[Any]):
    name = Text(required=False)
    subtitle = Text(required=False)
    description = Text(required=False)


@extend_schema_field({"type": ["string", "number", "boolean"]})
class Fact(serializers.Field[Any, Any, Any, Any]):
    """A word, a number, or yes and no."""

    default_error_messages = {"invalid": gettext_lazy("Write a text, a number, true or false.")}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str | int | float | bool):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class MasterBody(serializers.Serializer[Any]):
    """A product; what it does not say stays as it is, or is plain where PUT replaces."""

    kind = OneOf(choices=Master.Kind.choices, required=False)
    slug = Text(required=False)
    status = OneOf(choices=Master.Status.choices, required=False)
    tax_class = OneOf(choices=Master.TaxClass.choices, required=False, allow_blank=True)
    brand = Text(required=False)
    category = Text(required=False)
    tags = serializers.ListField(child=Text(), required=False)
    attributes = serializers.DictField(child=Fact(), required=False)
    facts = serializers.DictField(child=serializers.DictField(child=Fact()), required=False)
    published_at = serializers.DateTimeField(required=False, allow_null=True)
    default_sku = Text(required=False)
    translations = serializers.DictField(child=TextsBody(), required=False)
    options = OptionBody(many=True, required=False)
    modifier_groups = ModifierGroupBody(many=True, required=False)
    variants = VariantBody(many=True, required=False)


class CountBody(serializers.Serializer[Any]):
    """How many there are now, or by how many more or fewer: one of the two."""

    sku = Text()
    on_hand = Number(required=False)
    delta = Number(required=False)


class CountsBody(serializers.Serializer[Any]):
    items = CountBody(many=True)


@api_view(["GET", "POST"])
def master_list(request: Request) -> Response:
    """GET lists all products, drafts too; POST makes one."""
    caller = caller_from_request(request)
    if request.method == "POST":
        masters.require(caller, "add")
        fields = read_body(MasterBody, request)
        return _written(masters.create(caller, fields, now=timezone.now()), status=201)
    asked = request.query_params
    page = sheets.listing(
        caller,
        status=asked.get("status", ""),
        is_deleted=is_yes(request, "deleted"),
        sku=asked.get("sku", ""),
        limit=page_size(request),
        cursor=asked.get("cursor", ""),
    )
    return Response({"results": page.results, "next": next_page(request, page.next_cursor)})


@api_view(["GET", "PUT", "PATCH", "DELETE"])
def master_detail(request: Request, product_id: str) -> Response:
    """Read, replace, change or delete one product; writing takes `If-Match` with its ETag."""
    caller, now = caller_from_request(request), timezone.now()
    if request.method == "GET":
        # no 304: its stock and its stars move without a new revision
        return _answer(sheets.sheet(caller, product_id))
    if request.method == "DELETE":
        masters.require(caller, "delete")
        revision = _revision(request, product_id)
        return _written(masters.delete(caller, product_id, revision=revision, now=now))
    masters.require(caller, "change")
    write = masters.replace if request.method == "PUT" else masters.update
    revision, fields = _revision(request, product_id), read_body(MasterBody, request)
    return _written(write(caller, product_id, fields, revision=revision, now=now))


@api_view(["POST"])
def master_restore(request: Request, product_id: str) -> Response:
    """Bring a deleted product back; takes `If-Match`."""
    caller = caller_from_request(request)
    masters.require(caller, "change")
    revision, now = _revision(request, product_id), timezone.now()
    return _written(masters.restore(caller, product_id, revision=revision, now=now))


@api_view(["GET", "PUT"])
def stock_list(request: Request) -> Response:
    """GET lists the shelves by SKU; PUT counts up to a thousand of them, all or nothing."""
    caller = caller_from_request(request)
    if request.method == "PUT":
        staff.require(caller, "catalog.change_stockitem")
        return once_only(
            counts.write_once(
                caller,
                read_body(CountsBody, request)["items"],
                key=header(request, "Idempotency-Key"),
                now=timezone.now(),
            )
        )
    page = counts.listing(
        caller,
        limit=page_size(request, default=100, largest=counts.MOST_AT_ONCE),
        cursor=request.query_params.get("cursor", ""),
    )
    return Response({"results": page.results, "next": next_page(request, page.next_cursor)})


def _written(master: Master, *, status: int = 200) -> Response:
    return _answer(sheets.whole(master), status=status)


def _answer(sheet: Mapping[str, Any], *, status: int = 200) -> Response:
    headers = {"ETag": f'"{sheet["revision"]}"', "Cache-Control": "private, no-cache"}
    return Response(sheet, status=status, headers=headers)


def _revision(request: Request, product_id: str) -> int | None:
    """What `If-Match` says was seen: of several the one that there is; None for `*`."""
    if not header(request, "If-Match").strip():
        raise RevisionMissing(_("Send If-Match with the ETag that you have read."))
    tags = seen(request)
    if tags is None:
        return None
    revisions = sorted(int(tag.strip('"')) for tag in tags if TAG.fullmatch(tag))
    if not revisions:
        said = _("If-Match names no ETag of a product. Send it as it was: in quotes, without W/.")
        raise RevisionUnreadable(said)
    if len(revisions) > 1 and (now := masters.find(product_id).revision) in revisions:
        return now
    return revisions[-1]
