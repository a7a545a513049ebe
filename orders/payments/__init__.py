"""Payment providers: one module each, one line in PROVIDERS."""

from collections.abc import Callable

from orders.payments import demo
from orders.payments.charges import Charge, ChargeRequest

PROVIDERS: dict[str, Callable[[ChargeRequest], Charge]] = {"demo": demo.charge}
