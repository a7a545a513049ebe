"""Where providers tell what became of messages, and what people answered; each is verified.

Twilio calls `twilio/status` and `twilio/messages`, Meta `meta` for WhatsApp and Instagram alike,
the provider of mail `mail/tracking` and `mail/inbound`. Whatever they bring goes to `bounces.hear`.
"""

from collections.abc import Callable, Sequence

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.decorators import api_view, authentication_classes, throttle_classes
from rest_framework.request import Request

from museo.access.admission import CallAllowance
from museo.access.limits import Limit
from museo.access.problems import TooLarge
from museo.access.renderers import Response
from notifications import bounces
from notifications.channels import email, meta, news, require_settings, sms
from notifications.channels.news import Reply, Status

# a provider tells several things of every message, and often at once
OF_PROVIDERS = 50


class ProviderAllowance(CallAllowance):
    """More than others: they are few, and call for everybody."""

    def bucket(self, request: Request) -> tuple[str, Limit]:
        key, limit = super().bucket(request)
        return f"channels:{key}", Limit(limit.most * OF_PROVIDERS)


@api_view(["POST"])
@authentication_classes([])
@throttle_classes([ProviderAllowance])
def twilio_status(request: Request) -> Response:
    """What became of a text message."""
    require_settings(sms.label(), sms.missing())
    return _heard(_of_twilio(request, sms.read_status))


@api_view(["POST"])
@authentication_classes([])
@throttle_classes([ProviderAllowance])
def twilio_messages(request: Request) -> HttpResponse:
    """What somebody wrote to the shop's number; the answer says nothing back to them."""
    require_settings(sms.label(), sms.missing())
    _hear(_of_twilio(request, sms.read_message))
    return HttpResponse("<Response/>", content_type="text/xml")


@api_view(["GET", "POST"])
@authentication_classes([])
@throttle_classes([ProviderAllowance])
def meta_webhook(request: Request) -> HttpResponse:
    """News of WhatsApp and Instagram; GET is how Meta asks whether the webhook is ours."""
    require_settings("Meta", meta.missing())
    if request.method == "GET":
        return HttpResponse(meta.challenge(request.query_params), content_type="text/plain")
    return _heard(meta.read(_body(request), request.headers.get(meta.SIGNATURE, "")))


@api_view(["POST"])
@authentication_classes([])
@throttle_classes([ProviderAllowance])
def mail_tracking(request: Request) -> Response:
    """What became of mails."""
    return _of_mail(request, "tracking")


@api_view(["POST"])
@authentication_classes([])
@throttle_classes([ProviderAllowance])
def mail_inbound(request: Request) -> Response:
    """Mails to the shop."""
    return _of_mail(request, "inbound")


def _of_mail(request: Request, kind: str) -> Response:
    require_settings(email.label(), email.webhook_missing(kind))
    _body(request)
    return _heard(email.read(kind, request._request, now=timezone.now()))


def _of_twilio(
    request: Request, read: Callable[..., Sequence[Status | Reply]]
) -> Sequence[Status | Reply]:
    """Signed is the address that Twilio called, which a proxy may have changed since."""
    url = settings.MUSEO_PUBLIC_URL + request.get_full_path()
    signature = request.headers.get(sms.SIGNATURE, "")
    return read(url, _body(request), signature, now=timezone.now())


def _body(request: Request) -> bytes:
    try:
        return request._request.body
    except RequestDataTooBig as error:
        raise TooLarge(_("The body is too large. Send less than 1 MB.")) from error


def _hear(told: Sequence[Status | Reply]) -> news.Heard:
    return bounces.hear(told, now=timezone.now())


def _heard(told: Sequence[Status | Reply]) -> Response:
    heard = _hear(told)
    return Response({"received": True, "statuses": heard.statuses, "replies": heard.replies})
