"""Asking a provider about one of our payments: to charge it, how it stands, to close it."""

from orders.models import Payment
from orders.payments import PROVIDERS
from orders.payments.charges import Charge, ChargeRequest


def charge(payment: Payment, *, token: str) -> Charge:
    """Ask for the money; again with the same payment never takes it twice."""
    return PROVIDERS[payment.provider].charge(_request(payment, token))


def look(payment: Payment) -> Charge | None:
    """How it stands; None if the provider has never heard of it. Raise ProviderUnreachable."""
    return PROVIDERS[payment.provider].look(_request(payment))


def close(payment: Payment) -> Charge | None:
    """Let nobody pay it any more, as far as the provider can; how it stood then."""
    provider = PROVIDERS[payment.provider]
    return (provider.close or provider.look)(_request(payment))


def _request(payment: Payment, token: str = "") -> ChargeRequest:
    return ChargeRequest(
        reference=payment.public_id,
        amount=payment.amount,
        currency=payment.currency,
        token=token or payment.method,
        method=payment.method,
        known_as=payment.provider_reference,
        asked_at=payment.created_at,
    )
