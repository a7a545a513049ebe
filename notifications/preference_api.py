"""Preferences over REST: shapes only, the rules are in the services."""

from __future__ import annotations

from datetime import time
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request

from museo.access.bodies import OneOf
from museo.access.callers import caller_from_request
from museo.access.renderers import Response
from museo.access.rest import read_body
from notifications import preferring
from notifications.channels import CHANNELS
from notifications.preferences import CHOSEN, Window

CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


class Clock(serializers.RegexField):
    """A time of the day: `22:00`."""

    default_error_messages = {"invalid": gettext_lazy("Write the time like 22:00.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(CLOCK, max_length=5, **options)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return time.fromisoformat(super().run_validation(data))


class QuietHours(serializers.Serializer[Any]):
    starts_at = Clock()
    ends_at = Clock()
    # whether also what is urgent waits for their end
    urgent_too = serializers.BooleanField(default=False)


class Digest(serializers.Serializer[Any]):
    window = OneOf([window.value for window in Window])
    # of a daily one
    at = Clock(required=False)


class Fallback(serializers.Serializer[Any]):
    after_minutes = serializers.IntegerField(min_value=1, max_value=24 * 60)
    channels = serializers.ListField(child=OneOf(list(CHANNELS)), max_length=len(CHANNELS))


class Switches(serializers.Serializer[Any]):
    """By channel; what is left out is on."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {code: serializers.BooleanField(default=True) for code in CHANNELS}


class Categories(serializers.Serializer[Any]):
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {category.value: Switches(required=False) for category in CHOSEN}


class Wishes(serializers.Serializer[Any]):
    """All of a person's preferences; what is left out is as by default."""

    channels = Categories(required=False)
    quiet_hours = QuietHours(required=False, allow_null=True)
    digest = Digest(required=False)
    only_arrival = serializers.BooleanField(default=False)
    # told by the next channel what was not acknowledged
    fallback = Fallback(required=False, allow_null=True)
    time_zone = serializers.CharField(max_length=64, required=False)


@api_view(["GET", "PUT"])
def preference_detail(request: Request) -> Response:
    """What the caller wants to be told, by which channels, and when."""
    caller = caller_from_request(request)
    if request.method == "PUT":
        preferring.save(caller, read_body(Wishes, request), now=timezone.now())
    return Response(preferring.show(caller))
