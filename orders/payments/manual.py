"""Paid by hand: on invoice, or in cash at the door. Staff say when the money is here."""

from django.utils.translation import gettext as _

from orders.payments.charges import Charge, ChargeRequest, Outcome, PaidBack, RefundRequest


def label() -> str:
    return _("Invoice or cash")


def methods() -> dict[str, str]:
    return {"invoice": _("Invoice"), "cash": _("Cash on delivery")}


def charge(request: ChargeRequest) -> Charge:
    """The order is placed; its money is owed."""
    return Charge(Outcome.OWED, provider_reference=f"manual_{request.reference}")


def look(request: ChargeRequest) -> Charge | None:
    """Nobody knows more than the shop itself."""
    return charge(request)


def refund(request: RefundRequest) -> PaidBack:
    """Staff hand the money back the way it came."""
    return PaidBack(provider_reference=f"manual_{request.reference}")
