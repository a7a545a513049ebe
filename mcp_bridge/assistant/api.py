"""The assistant over REST: shapes only, the rules are in `intake`, `leases`, `conversations`."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request

from mcp_bridge.assistant import conversations, intake, leases
from mcp_bridge.models import Conversation
from museo.access.callers import caller_from_request
from museo.access.headers import header
from museo.access.renderers import Response
from museo.access.rest import read_body

LONGEST_KEY = 200


class MessageBody(serializers.Serializer[Any]):
    # longer ones are refused in words, whoever sends them
    message = serializers.CharField(
        required=False, default="", allow_blank=True, trim_whitespace=False
    )
    conversation_id = serializers.CharField(required=False, default="", allow_blank=True)
    client_type = serializers.CharField(required=False, default="", allow_blank=True)
    # as S3's clients spell it
    clientType = serializers.CharField(required=False, default="", allow_blank=True)  # noqa: N815
    locale = serializers.CharField(required=False, default="", allow_blank=True)
    confirm = serializers.CharField(required=False, default="", allow_blank=True, max_length=40)
    agree = serializers.BooleanField(required=False, default=True)
    details = serializers.DictField(required=False)


@api_view(["POST"])
def message_list(request: Request) -> Response:
    """Say something; the answer comes on `events_url`."""
    body = read_body(MessageBody, request)
    accepted = intake.accept(
        caller_from_request(request),
        text=body["message"],
        conversation_id=body["conversation_id"],
        client_type=body["client_type"] or body["clientType"],
        locale=body["locale"],
        confirm=body["confirm"],
        agree=body["agree"],
        details=body.get("details"),
        key=header(request, "Idempotency-Key")[:LONGEST_KEY],
        now=timezone.now(),
    )
    return Response(accepted.shown(), status=202)


@api_view(["GET"])
def message_detail(request: Request, message_id: str) -> Response:
    """How a message stands."""
    caller = caller_from_request(request)
    found = conversations.find(caller, message_id, now=timezone.now())
    return Response(conversations.show(found))


@api_view(["POST"])
def message_stop(request: Request, message_id: str) -> Response:
    """Begin no further tool."""
    caller = caller_from_request(request)
    return Response(conversations.show(leases.stop(caller, message_id, now=timezone.now())))


@api_view(["GET", "DELETE"])
def conversation_detail(request: Request, conversation_id: str) -> Response:
    """All that was said, or its end."""
    caller, now = caller_from_request(request), timezone.now()
    found = conversations.find_conversation(caller, conversation_id, now=now)
    if request.method == "GET":
        return Response(conversations.show_conversation(found))
    conversations.forget(Conversation.objects.filter(pk=found.pk), now=now)
    return Response({"removed": True})
