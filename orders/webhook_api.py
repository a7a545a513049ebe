"""Webhooks of one order over REST: shapes only, the rules are in the services."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request

from museo.access.bodies import OneOf
from museo.access.callers import caller_from_request
from museo.access.renderers import Response
from museo.access.rest import read_object
from notifications.envelope import timestamp
from notifications.models import Subscription
from orders import webhooks


class WebhookBody(serializers.Serializer[Any]):
    # whether it can be one is said by the service
    webhook_url = serializers.CharField(default="", trim_whitespace=False)
    types = serializers.ListField(child=OneOf(webhooks.TYPES), default=list)


@api_view(["GET", "POST", "DELETE"])
def order_webhook(request: Request, number: str) -> Response:
    """POST registers an address, DELETE removes one by `?id=` or `?webhook_url=`, or all."""
    if request.method == "POST":
        return _register(request, number)
    caller = caller_from_request(request)
    if request.method == "GET":
        found = webhooks.registered(caller, number).order_by("pk")
        return Response({"results": [_shape(each) for each in found]})
    removed = webhooks.remove(
        caller,
        number,
        webhook_id=request.query_params.get("id", ""),
        url=request.query_params.get("webhook_url", ""),
    )
    return Response({"success": True, "message": _("Webhook removed"), "removed": removed})


def _register(request: Request, number: str) -> Response:
    asked = WebhookBody(data={**_in_query(request), **read_object(request)})
    asked.is_valid(raise_exception=True)
    new = webhooks.register(
        caller_from_request(request),
        number,
        url=asked.validated_data["webhook_url"],
        types=asked.validated_data["types"],
        now=timezone.now(),
    )
    told = {"success": True, "message": _("Webhook registered"), "secret": new.secret}
    headers = {"Cache-Control": "no-store"}
    return Response({**told, **_shape(new.subscription)}, status=201, headers=headers)


def _in_query(request: Request) -> dict[str, Any]:
    """What came in the address; the body counts more."""
    query = request.query_params
    types = [word for word in query.get("types", "").split(",") if word]
    asked = {"webhook_url": query.get("webhook_url", ""), "types": types}
    return {name: value for name, value in asked.items() if value}


def _shape(row: Subscription) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "webhook_url": row.address,
        "types": row.types,
        "created_at": timestamp(row.created_at),
    }
