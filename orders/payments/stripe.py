"""Stripe: the customer pays on Stripe's page (Checkout Session), a webhook tells us.

Keeps to Stripe's API reference: sessions (docs.stripe.com/api/checkout/sessions), refunds
(/api/refunds), idempotent requests (/api/idempotent_requests), signed webhooks (/webhooks). Every
POST carries our reference as its idempotency key, so asking again never takes the money twice.
Making a session takes no money: what cannot be made is a payment that has failed.

Amounts are in Stripe's smallest unit of a currency (docs.stripe.com/currencies), which is not
always ours: a krona is one of ours, and a hundred of Stripe's.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from django.conf import settings
from django.utils.translation import gettext as _

from catalog import shop
from catalog.money import digits
from museo.lazy import Lazy
from orders.payments.charges import (
    BadNews,
    Charge,
    ChargeRequest,
    Headers,
    News,
    Outcome,
    PaidBack,
    ProviderUnreachable,
    RefundRequest,
)

if TYPE_CHECKING:
    import stripe as library
    from stripe.params.checkout import SessionCreateParams
else:
    # few shops need it, and every process would load it for a fifth of a second
    library = Lazy("stripe")

logger = logging.getLogger(__name__)

SIGNATURE = "Stripe-Signature"
# to connect, and to answer
TIMEOUT = (3.05, 10.0)
RETRIES = 2
# Stripe takes half an hour at the least, and we close the page of a checkout that has ended
PAGE_LIFE = timedelta(hours=1)
ABOUT_SESSIONS = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
)
# of how many digits Stripe's amounts have after the point where that is not two; those of the
# special cases ISK and UGX are written with two, though nobody pays parts of one
DIGITS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV"), 0
    ),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 3),
}
ABOUT_REFUNDS = ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated")


def label() -> str:
    return _("Card or wallet, by Stripe")


def methods() -> dict[str, str]:
    return {"stripe": label()}


def missing() -> list[str]:
    names = ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET")
    return [name for name in names if not getattr(settings, name)]


def charge(request: ChargeRequest) -> Charge:
    """A page of Stripe's on which the customer pays."""
    try:
        return _as_charge(_make(request))
    except library.StripeError as error:
        logger.warning("stripe made no session", extra=_said(request.reference, error))
        code = error.code or "provider_unreachable"
        return Charge(Outcome.DECLINED, provider_reference="", error_code=code[:40])


def look(request: ChargeRequest) -> Charge | None:
    """How the session stands; raise ProviderUnreachable."""
    try:
        if request.known_as:
            return _as_charge(_client().v1.checkout.sessions.retrieve(request.known_as))
        # whoever asked first died before the answer: the same key is answered as at first
        made = _make(request)
        return _as_charge(_client().v1.checkout.sessions.retrieve(made.id))
    except library.InvalidRequestError as error:
        logger.warning("stripe knows no such session", extra=_said(request.reference, error))
        return None
    except library.StripeError as error:
        raise ProviderUnreachable(_said(request.reference, error)) from error


def close(request: ChargeRequest) -> Charge | None:
    """Let nobody pay any more; how the session stands then. Raise ProviderUnreachable."""
    found = look(request)
    if found is None or found.outcome is not Outcome.NEEDS_ACTION:
        return found
    try:
        return _as_charge(_client().v1.checkout.sessions.expire(found.provider_reference))
    except library.InvalidRequestError:
        # it was paid or has expired at this moment
        return look(request)
    except library.StripeError as error:
        raise ProviderUnreachable(_said(request.reference, error)) from error


def refund(request: RefundRequest) -> PaidBack:
    """Send money back; what Stripe refuses has an error code. Raise ProviderUnreachable."""
    try:
        return _as_paid_back(_pay_back(request))
    except (library.InvalidRequestError, library.CardError) as error:
        logger.warning("stripe refused a refund", extra=_said(request.reference, error))
        return PaidBack(provider_reference="", error_code=(error.code or "refused")[:40])
    except library.StripeError as error:
        raise ProviderUnreachable(_said(request.reference, error)) from error


def read(body: bytes, headers: Headers) -> News:
    """A webhook that Stripe has signed; raise BadNews for anything else."""
    try:
        library.WebhookSignature.verify_header(
            body,
            headers.get(SIGNATURE, ""),
            settings.STRIPE_WEBHOOK_SECRET,
            library.Webhook.DEFAULT_TOLERANCE,
        )
        told = orjson.loads(body)
        about = told["data"]["object"]
        return _as_news(str(told["id"]), str(told["type"]), about)
    except library.SignatureVerificationError as error:
        detail = _("The signature does not fit. Check the webhook's secret.")
        raise BadNews(detail) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        detail = _("This webhook cannot be read. Send an event as Stripe's API describes it.")
        raise BadNews(detail) from error


def _as_news(event_id: str, type: str, about: Mapping[str, Any]) -> News:
    if type in ABOUT_SESSIONS:
        is_lost = type == "checkout.session.async_payment_failed"
        failed = Charge(Outcome.DECLINED, str(about["id"]), error_code="payment_failed")
        return News(
            event_id,
            type,
            reference=str(about.get("client_reference_id") or ""),
            charge=failed if is_lost else _as_charge(about),
        )
    if type in ABOUT_REFUNDS:
        reference = str((about.get("metadata") or {}).get("refund", ""))
        return News(event_id, type, reference=reference, paid_back=_as_paid_back(about))
    return News(event_id, type)


# amounts


def _more_digits(currency: str) -> int:
    """How many digits more Stripe's amounts have than ours."""
    return DIGITS.get(currency, 2) - digits(currency)


def _as_stripes(amount: int, currency: str) -> int:
    return int(Decimal(amount).scaleb(_more_digits(currency)))


def _as_ours(amount: int, currency: str) -> tuple[Decimal, str]:
    """Not rounded: parts of one of ours are another sum."""
    return Decimal(amount).scaleb(-_more_digits(currency)), currency


# talking to Stripe


@cache
def _client_of(key: str, api: str) -> library.StripeClient:
    return library.StripeClient(
        key,
        http_client=library.RequestsClient(timeout=TIMEOUT),
        max_network_retries=RETRIES,
        base_addresses={"api": api},
    )


def _client() -> library.StripeClient:
    return _client_of(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE)


def _make(request: ChargeRequest) -> library.checkout.Session:
    """The session of our reference; the same request again is answered by the same session."""
    page = f"{settings.MUSEO_PUBLIC_URL}/pay/{request.reference}"
    params: SessionCreateParams = {
        "mode": "payment",
        "client_reference_id": request.reference,
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": request.currency.lower(),
                    "unit_amount": _as_stripes(request.amount, request.currency),
                    "product_data": {"name": shop.current().name},
                },
            }
        ],
        "success_url": f"{page}?done=1",
        "cancel_url": f"{page}?back=1",
    }
    if request.asked_at:
        params["expires_at"] = int((request.asked_at + PAGE_LIFE).timestamp())
    return _client().v1.checkout.sessions.create(params, {"idempotency_key": request.reference})


def _pay_back(request: RefundRequest) -> library.Refund:
    api = _client().v1
    if request.known_as:
        return api.refunds.retrieve(request.known_as)
    session = api.checkout.sessions.retrieve(request.payment)
    return api.refunds.create(
        {
            "payment_intent": str(session.payment_intent),
            "amount": _as_stripes(request.amount, request.currency),
            "metadata": {"refund": request.reference},
        },
        {"idempotency_key": request.reference},
    )


def _as_charge(session: Any) -> Charge:
    """What a session's `status` and `payment_status` say."""
    name, status = str(session["id"]), session["status"]
    if status == "complete":
        is_paid = session["payment_status"] in ("paid", "no_payment_required")
        took = _as_ours(int(session["amount_total"]), str(session["currency"]).upper())
        return Charge(Outcome.CAPTURED if is_paid else Outcome.PENDING, name, took=took)
    if status == "expired":
        return Charge(Outcome.DECLINED, name, error_code="session_expired")
    return Charge(Outcome.NEEDS_ACTION, name, action_url=str(session["url"]))


def _as_paid_back(refund: Any) -> PaidBack:
    name, status = str(refund["id"]), refund["status"]
    if status in ("failed", "canceled"):
        reason = str(refund.get("failure_reason") or status)
        return PaidBack(name, error_code=reason[:40])
    return PaidBack(name, is_pending=status != "succeeded")


def _said(reference: str, error: library.StripeError) -> dict[str, Any]:
    """For the log: what happened, and nothing of the request's or the answer's body."""
    return {
        "reference": reference,
        "error": type(error).__name__,
        "code": error.code,
        "status": error.http_status,
    }
