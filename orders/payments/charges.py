"""What is asked of a payment provider, and what it answers: charges and refunds.

Providers are called outside of any transaction. `reference` is ours and stays the same when a
charge is taken up again, so that a provider never takes the money twice.
"""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    CAPTURED = "captured"
    DECLINED = "declined"
    NEEDS_ACTION = "needs_action"


@dataclass(frozen=True)
class ChargeRequest:
    """`amount` in minor units; `token` stands for the card, as the provider's form gave it."""

    reference: str
    amount: int
    currency: str
    token: str


@dataclass(frozen=True)
class Charge:
    """`action_url` is the page of this shop where the customer confirms, for NEEDS_ACTION."""

    outcome: Outcome
    provider_reference: str
    error_code: str = ""
    action_url: str = ""


@dataclass(frozen=True)
class RefundRequest:
    """`payment` is the provider's own name of the charge; `amount` in minor units."""

    reference: str
    payment: str
    amount: int
    currency: str


@dataclass(frozen=True)
class PaidBack:
    """Without an `error_code` the money is on its way."""

    provider_reference: str
    error_code: str = ""
