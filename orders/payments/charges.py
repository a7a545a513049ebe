"""What is asked of a payment provider, and what it answers: charges, refunds, news.

Providers are called outside of any transaction. `reference` is ours and stays the same when a
charge is taken up again, so that a provider never takes the money twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from museo.access.problems import Problem


class ProviderUnreachable(Exception):
    """Nobody knows yet what became of it: ask again later, by the same reference."""


class BadNews(Problem):
    """A webhook that the provider has not signed, or that nobody can read."""

    code = "bad_signature"


class Outcome(StrEnum):
    CAPTURED = "captured"
    DECLINED = "declined"
    # the customer must go somewhere first
    NEEDS_ACTION = "needs_action"
    # the money is on its way; there is no order before it is here
    PENDING = "pending"
    # the shop trusts the customer: the order is placed and paid later
    OWED = "owed"


@dataclass(frozen=True)
class ChargeRequest:
    """`amount` in minor units; `token` stands for the card, as the provider's form gave it.

    `method` is the provider's code of how the customer chose to pay, `asked_at` when first asked,
    `known_as` the provider's own name of the charge, if it has told one.
    """

    reference: str
    amount: int
    currency: str
    token: str = field(default="", repr=False)
    method: str = ""
    known_as: str = ""
    asked_at: datetime | None = None


@dataclass(frozen=True)
class Charge:
    """`action_url` is where the customer confirms, for NEEDS_ACTION; a path is one of ours.

    `took` is how much of which currency, in minor units, where the provider tells it.
    """

    outcome: Outcome
    provider_reference: str
    error_code: str = ""
    action_url: str = ""
    took: tuple[int | Decimal, str] | None = None


@dataclass(frozen=True)
class RefundRequest:
    """`payment` is the provider's own name of the charge; `amount` in minor units.

    `known_as` is the provider's own name of the refund, if it has told one.
    """

    reference: str
    payment: str
    amount: int
    currency: str
    known_as: str = ""


@dataclass(frozen=True)
class PaidBack:
    """Without an `error_code` the money is back, or on its way if it `is_pending`."""

    provider_reference: str
    error_code: str = ""
    is_pending: bool = False


@dataclass(frozen=True)
class News:
    """What a provider's webhook tells: of a payment or of a refund, by our reference.

    `event_id` is the provider's, the same when it tells the same again.
    """

    event_id: str
    type: str
    reference: str = ""
    charge: Charge | None = None
    paid_back: PaidBack | None = None


Headers = Mapping[str, str]
