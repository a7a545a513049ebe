"""A provider that moves no money: its token says what happens. For trying the shop out."""

from orders.payments.charges import Charge, ChargeRequest, Outcome, PaidBack, RefundRequest

OUTCOMES = {
    "ok": Outcome.CAPTURED,
    "declined": Outcome.DECLINED,
    "needs_action": Outcome.NEEDS_ACTION,
}


def charge(request: ChargeRequest) -> Charge:
    """`ok` pays, `needs_action` asks the customer first, anything else is declined."""
    outcome = OUTCOMES.get(request.token, Outcome.DECLINED)
    return Charge(
        outcome=outcome,
        provider_reference=f"demo_{request.reference}",
        error_code="card_declined" if outcome is Outcome.DECLINED else "",
        action_url=f"/pay/{request.reference}" if outcome is Outcome.NEEDS_ACTION else "",
    )


def refund(request: RefundRequest) -> PaidBack:
    """Always agrees."""
    return PaidBack(provider_reference=f"demo_{request.reference}")
