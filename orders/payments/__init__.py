"""Payment providers: one module each, one line in PROVIDERS."""

from collections.abc import Callable
from dataclasses import dataclass

from orders.payments import demo
from orders.payments.charges import Charge, ChargeRequest, PaidBack, RefundRequest


@dataclass(frozen=True)
class Provider:
    """Called outside of any transaction, and perhaps again for the same reference."""

    charge: Callable[[ChargeRequest], Charge]
    refund: Callable[[RefundRequest], PaidBack]


PROVIDERS = {"demo": Provider(demo.charge, demo.refund)}
