"""A provider that moves no money: its token says what happens. For trying the shop out.

`ok` pays, `needs_action` asks the customer first, `later` is paid by a webhook that comes some
seconds later, and anything else is declined. It keeps no books: what it answers follows from the
token and the time, so it answers the same about the same charge whenever it is asked.
"""

import hmac
import json
from datetime import timedelta

from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from orders.payments.charges import (
    BadNews,
    Charge,
    ChargeRequest,
    Headers,
    News,
    Outcome,
    PaidBack,
    RefundRequest,
)

SIGNATURE = "Demo-Signature"
# how long the money of `later` is on its way
ON_ITS_WAY = timedelta(seconds=10)
OUTCOMES = {
    "ok": Outcome.CAPTURED,
    "declined": Outcome.DECLINED,
    "needs_action": Outcome.NEEDS_ACTION,
    "later": Outcome.PENDING,
}


def label() -> str:
    return _("Demo: no money moves")


def methods() -> dict[str, str]:
    return {
        "ok": _("Test card that pays"),
        "needs_action": _("Test card that asks you to confirm"),
        "later": _("Test transfer that arrives later"),
        "declined": _("Test card that is declined"),
    }


def charge(request: ChargeRequest) -> Charge:
    return _answer(request.reference, OUTCOMES.get(request.token, Outcome.DECLINED))


def look(request: ChargeRequest) -> Charge | None:
    """What `charge` answered; by now the money of `later` may be here."""
    return _answer(request.reference, OUTCOMES.get(request.method, Outcome.DECLINED))


def _answer(reference: str, outcome: Outcome) -> Charge:
    return Charge(
        outcome=outcome,
        provider_reference=f"demo_{reference}",
        error_code="card_declined" if outcome is Outcome.DECLINED else "",
        action_url=f"/pay/{reference}" if outcome is Outcome.NEEDS_ACTION else "",
    )


def refund(request: RefundRequest) -> PaidBack:
    """Always agrees."""
    return PaidBack(provider_reference=f"demo_{request.reference}")


# webhooks


def news(reference: str, outcome: Outcome) -> tuple[bytes, dict[str, str]]:
    """The body and headers with which the demo bank tells how a charge ended."""
    told = {
        "id": f"demo_evt_{reference}_{outcome}",
        "type": f"charge.{outcome}",
        "reference": reference,
    }
    body = json.dumps(told).encode()
    return body, {SIGNATURE: _signature(body)}


def read(body: bytes, headers: Headers) -> News:
    """A webhook of the demo bank; raise BadNews if it is not the bank's."""
    signed = headers.get(SIGNATURE, "").encode()
    if not hmac.compare_digest(_signature(body).encode(), signed):
        raise BadNews(_("The signature does not fit. Check the webhook's secret."))
    told = json.loads(body)
    return News(
        event_id=told["id"],
        type=told["type"],
        reference=told["reference"],
        charge=_answer(told["reference"], Outcome(told["type"].removeprefix("charge."))),
    )


def _signature(body: bytes) -> str:
    return salted_hmac("demo bank", body, algorithm="sha256").hexdigest()
