"""Subscriptions and their deliveries over REST: shapes only, the rules are in the services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request

from museo.access.bodies import OneOf
from museo.access.callers import Caller, caller_from_request
from museo.access.problems import BadCursor
from museo.access.renderers import Response
from museo.access.rest import newest, read_body
from notifications import browsers, contacts, subscribing, subscriptions
from notifications.channels import news
from notifications.envelope import timestamp
from notifications.masking import masked
from notifications.models import Attempt, Delivery, Report, Subscription, whose

NO_STORE = {"Cache-Control": "no-store"}
LOCALES = [code for code, _name in settings.LANGUAGES]
# of one subscription
MOST_TOPICS = 20
# what JSON keeps exactly everywhere
LARGEST = 2**53


class Scalar(serializers.JSONField):
    """A text, a number, true, false or null."""

    default_error_messages = {
        "invalid": gettext_lazy("Use texts of at most 100 characters, whole numbers, true or null.")
    }

    def to_internal_value(self, data: Any) -> Any:
        is_number = isinstance(data, int) and abs(data) < LARGEST
        is_text = isinstance(data, str) and len(data) <= 100 and "\0" not in data
        if not is_number and not is_text:
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class Names(serializers.ListField):
    """Names of topics."""

    child = serializers.CharField(max_length=100)

    def __init__(self) -> None:
        super().__init__(max_length=MOST_TOPICS, allow_empty=False, required=False)


class TypeOfEvent(serializers.RegexField):
    default_error_messages = {
        "invalid": gettext_lazy("Name a type of event, such as order.delivered.")
    }

    def __init__(self) -> None:
        super().__init__(r"^[a-z_]+(\.[a-z_]+)*$", max_length=60)


class Wish(serializers.Serializer[Any]):
    topics = Names()
    types = serializers.ListField(
        child=TypeOfEvent(),
        max_length=50,
        required=False,
    )
    filter = serializers.DictField(
        child=serializers.ListField(child=Scalar(allow_null=True), max_length=20), required=False
    )
    locale = OneOf(LOCALES, required=False)

    def validate_filter(self, value: dict[str, Any]) -> dict[str, Any]:
        """At most five fields, of names such as data has."""
        if len(value) > 5 or not all(name.isidentifier() and len(name) <= 60 for name in value):
            raise serializers.ValidationError(_("Name at most five fields of an event's data."))
        return value


class NewWish(Wish):
    topic = serializers.CharField(max_length=100, required=False)
    channel = OneOf(Subscription.Channel.values, default="webhook")
    address = serializers.CharField(max_length=1000, trim_whitespace=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One `topic`, or several `topics`."""
        topic = attrs.pop("topic", None)
        named = [*attrs.get("topics", ()), *([topic] if topic else ())]
        if not named:
            raise serializers.ValidationError({"topic": _("Name the topic, or several `topics`.")})
        return {**attrs, "topics": named}


class Asked(serializers.Serializer[Any]):
    topic = serializers.CharField(max_length=100, required=False)
    channel = OneOf(Subscription.Channel.values, required=False)


class Moved(serializers.Serializer[Any]):
    before = serializers.CharField(max_length=1000, trim_whitespace=False)
    after = serializers.CharField(max_length=1000, trim_whitespace=False)


class Code(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=20)


class ChangedWish(Wish):
    new_secret = serializers.BooleanField(default=False)


class Range(serializers.Serializer[Any]):
    position = serializers.IntegerField(min_value=1, max_value=LARGEST, required=False)
    after = serializers.IntegerField(min_value=0, max_value=LARGEST, required=False)
    until = serializers.IntegerField(min_value=1, max_value=LARGEST, required=False)
    missed_only = serializers.BooleanField(default=False)


class Wanted(serializers.Serializer[Any]):
    subscription = serializers.CharField(max_length=40, required=False)
    state = OneOf(Delivery.State.values, required=False)
    position = serializers.IntegerField(min_value=1, max_value=LARGEST, required=False)


@api_view(["GET", "POST"])
def subscription_list(request: Request) -> Response:
    """One's own subscriptions, newest first; POST makes one.

    The secret of a webhook is shown once; an address of a person may have to be confirmed.
    """
    caller = caller_from_request(request)
    if request.method == "POST":
        made = create(caller, read_body(NewWish, request), now=timezone.now())
        return Response(made, status=201, headers=NO_STORE)
    asked = Asked(data=request.query_params.dict())
    asked.is_valid(raise_exception=True)
    wanted = dict(asked.validated_data)
    visible = Subscription.objects.visible_to(caller)
    if topic := wanted.pop("topic", ""):
        visible = visible.about(topic)
    visible = visible.filter(**wanted).prefetch_related("further")
    rows, following = _page(request, visible, _subscription_after, caller)
    return Response({"results": [shape(row, caller) for row in rows], "next": following})


def create(caller: Caller, wish: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """A new subscription as its owner sees it this once, for what `NewWish` has read."""
    new = subscribing.create(
        caller,
        topics=wish["topics"],
        channel=wish["channel"],
        address=wish["address"],
        types=wish.get("types", ()),
        where=wish.get("filter"),
        locale=wish.get("locale", ""),
        now=now,
    )
    secret = {"secret": new.secret} if new.secret else {}
    return {**shape(new.subscription, caller), **secret}


@api_view(["GET", "PATCH", "DELETE"])
def subscription_detail(request: Request, subscription_id: str) -> Response:
    """PATCH with `new_secret` answers one; the one before is good for another day."""
    caller = caller_from_request(request)
    found = subscribing.find(caller, subscription_id)
    if request.method == "DELETE":
        subscribing.remove(found)
        return Response({"removed": True})
    if request.method == "GET":
        return Response(shape(found, caller))
    wish = read_body(ChangedWish, request)
    needs_secret = wish.pop("new_secret")
    if needs_secret:
        subscriptions.require_own_secret(caller, found)
    subscribing.change(caller, found, wish, now=timezone.now())
    if not needs_secret:
        return Response(shape(found, caller))
    new = subscriptions.rotate(found, now=timezone.now())
    return Response({**shape(new.subscription, caller), "secret": new.secret}, headers=NO_STORE)


@api_view(["POST"])
def moved(request: Request) -> Response:
    """A browser's push service has given it another address; it is known by the one before."""
    told = read_body(Moved, request)
    return Response({"moved": browsers.move(before=told["before"], after=told["after"])})


@api_view(["POST"])
def pause(request: Request, subscription_id: str) -> Response:
    """Send nothing until it is resumed."""
    caller = caller_from_request(request)
    found = subscribing.find(caller, subscription_id)
    subscriptions.pause(found)
    return Response(shape(found, caller))


@api_view(["POST"])
def resume(request: Request, subscription_id: str) -> Response:
    """Go on, also after it was disabled."""
    caller = caller_from_request(request)
    found = subscribing.find(caller, subscription_id)
    subscribing.resume(found)
    return Response(shape(found, caller))


@api_view(["POST"])
def confirm(request: Request, subscription_id: str) -> Response:
    """Tell the code that was sent to the address: from then on it is told."""
    caller = caller_from_request(request)
    found = subscribing.find(caller, subscription_id)
    contacts.confirm(found, read_body(Code, request)["code"], now=timezone.now())
    return Response(shape(found, caller))


@api_view(["POST"])
def test(request: Request, subscription_id: str) -> Response:
    """Send a `subscription.test` now, and tell what came back."""
    caller = caller_from_request(request)
    found = subscribing.find(caller, subscription_id)
    told = subscribing.test(caller, found, now=timezone.now())
    return Response(
        {
            "sent": not told.code,
            "status": told.status,
            "code": told.code or None,
            "detail": told.detail,
        }
    )


@api_view(["POST"])
def replay(request: Request, subscription_id: str) -> Response:
    """Send again: one by `position`, a range by `after` and `until`, all since `after`."""
    caller = caller_from_request(request)
    found = subscribing.find(caller, subscription_id)
    wanted = read_body(Range, request)
    after, until = subscribing.require_range(*map(wanted.get, ("position", "after", "until")))
    replayed = subscribing.replay(
        caller,
        found,
        after=after,
        until=until,
        is_missed_only=wanted["missed_only"],
        now=timezone.now(),
    )
    return Response({"deliveries": replayed.deliveries, "next_after": replayed.following})


@api_view(["GET"])
def delivery_list(request: Request) -> Response:
    """Deliveries of one's subscriptions, newest first, with their attempts."""
    caller = caller_from_request(request)
    asked = Wanted(data=request.query_params.dict())
    asked.is_valid(raise_exception=True)
    wanted = dict(asked.validated_data)
    deliveries = Delivery.objects.visible_to(caller)
    if public_id := wanted.pop("subscription", ""):
        deliveries = deliveries.filter(subscription__public_id=public_id)
    deliveries = deliveries.filter(**wanted).select_related("subscription")
    rows, following = _page(
        request, deliveries.prefetch_related("attempts"), _delivery_after, caller
    )
    told = news.reports({(row.subscription.channel, row.reference) for row in rows})
    return Response({"results": [_delivery(row, told) for row in rows], "next": following})


@api_view(["POST"])
def resend(request: Request, delivery_id: str) -> Response:
    """Send it once more, in the order of its topic."""
    sent = subscribing.resend(caller_from_request(request), delivery_id, now=timezone.now())
    told = news.reports({(sent.subscription.channel, sent.reference)})
    return Response(_delivery(sent, told))


def _page(request: Request, rows: Any, find: Any, caller: Caller) -> tuple[Sequence[Any], Any]:
    """Newest first, and the address of the next one; `find` says where a cursor is."""
    if after := request.query_params.get("cursor", ""):
        rows = rows.filter(pk__lt=find(caller, after))
    return newest(request, rows)


def _subscription_after(caller: Caller, cursor: str) -> int:
    try:
        return subscribing.find(caller, cursor).pk
    except subscriptions.UnknownSubscription as error:
        raise BadCursor from error


def _delivery_after(caller: Caller, cursor: str) -> int:
    try:
        return subscribing.find_delivery(caller, cursor).pk
    except subscribing.UnknownDelivery as error:
        raise BadCursor from error


def shape(row: Subscription, caller: Caller) -> dict[str, Any]:
    """As its owner sees it; who looks after all of them sees where it leads in short."""
    return {
        "id": row.public_id,
        "topic": row.topic,
        "topics": row.topics,
        "types": row.types,
        "filter": row.filter,
        "channel": row.channel,
        "address": _address(row, caller),
        "locale": row.locale,
        "state": row.state,
        "reason": row.reason,
        "failing_since": _moment(row.failing_since),
        "after": row.after,
        "event": row.event,
        "expires_at": _moment(row.expires_at),
        "created_at": timestamp(row.created_at),
    }


def _address(row: Subscription, caller: Caller) -> str:
    if row.channel == Subscription.Channel.WEBPUSH:
        return browsers.name(row.address)
    return row.address if row.who in whose(caller) else masked(row)


def _delivery(row: Delivery, reports: Mapping[tuple[str, str], Report]) -> dict[str, Any]:
    report = reports.get((row.subscription.channel, row.reference))
    is_pending = row.state == Delivery.State.PENDING
    return {
        "id": row.public_id,
        "subscription": row.subscription.public_id,
        "topic": row.topic,
        "position": row.position,
        "state": row.state,
        "reason": row.reason,
        "due_at": _moment(row.due_at if is_pending else None),
        "created_at": timestamp(row.created_at),
        "ended_at": _moment(row.ended_at),
        "report": _report(report) if report else None,
        "attempts": [
            _attempt(attempt) for attempt in sorted(row.attempts.all(), key=lambda each: each.pk)
        ],
    }


def _report(row: Report) -> dict[str, Any]:
    return {"state": row.state, "code": row.code, "at": timestamp(row.at)}


def _attempt(row: Attempt) -> dict[str, Any]:
    return {
        "at": timestamp(row.at),
        "duration_ms": round(row.duration.total_seconds() * 1000),
        "status": row.status,
        "code": row.code,
        "detail": row.detail,
        "request": row.request,
        "response": row.response,
    }


def _moment(at: datetime | None) -> str | None:
    return timestamp(at) if at else None
