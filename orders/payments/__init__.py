"""Payment providers: one module each, one line in PROVIDERS."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from catalog import shop
from museo.access.problems import Problem
from orders.payments import demo, manual, stripe
from orders.payments.charges import (
    Charge,
    ChargeRequest,
    Headers,
    News,
    PaidBack,
    RefundRequest,
)


class NotConfigured(Problem):
    """The shop does not offer this provider, or its settings are missing."""

    status = 409
    code = "payment_provider_not_configured"


@dataclass(frozen=True)
class Provider:
    """Called outside of any transaction, and perhaps again for the same reference.

    One that `is_at_hand` answers of itself, asking nobody, and may be asked within one.
    `kind` is how the customer pays: `instant`, `redirect` to the provider's page, or `later`.
    `methods` are codes of ways to pay, unlike those of all other providers, and their names.
    """

    charge: Callable[[ChargeRequest], Charge]
    refund: Callable[[RefundRequest], PaidBack]
    # how a charge stands; None if the provider has never heard of it
    look: Callable[[ChargeRequest], Charge | None]
    kind: str
    label: Callable[[], str]
    methods: Callable[[], dict[str, str]]
    currencies: Callable[[], list[str]]
    is_at_hand: bool = False
    # the names of settings without which it does not work
    missing: Callable[[], list[str]] = list
    # reads a webhook's body; raises BadNews
    read: Callable[[bytes, Headers], News] | None = None
    # an unpaid charge can be paid no more; what it was when that was asked
    close: Callable[[ChargeRequest], Charge | None] | None = None


PROVIDERS = {
    "demo": Provider(
        charge=demo.charge,
        refund=demo.refund,
        look=demo.look,
        kind="instant",
        label=demo.label,
        methods=demo.methods,
        currencies=lambda: [shop.currency()],
        is_at_hand=True,
        read=demo.read,
    ),
    "manual": Provider(
        charge=manual.charge,
        refund=manual.refund,
        look=manual.look,
        kind="later",
        label=manual.label,
        methods=manual.methods,
        currencies=lambda: [shop.currency()],
        is_at_hand=True,
    ),
    "stripe": Provider(
        charge=stripe.charge,
        refund=stripe.refund,
        look=stripe.look,
        kind="redirect",
        label=stripe.label,
        methods=stripe.methods,
        currencies=lambda: [shop.currency()],
        missing=stripe.missing,
        read=stripe.read,
        close=stripe.close,
    ),
}


def require(code: str) -> Provider:
    """The provider, ready to work; raise NotConfigured that says what is missing."""
    provider = PROVIDERS.get(code)
    if provider is None or code not in settings.MUSEO_PAYMENT_PROVIDERS:
        raise NotConfigured(
            _("This shop does not take payments by %(provider)s. Choose one of: %(others)s.")
            % {"provider": code[:20], "others": ", ".join(settings.MUSEO_PAYMENT_PROVIDERS)}
        )
    if missing := provider.missing():
        raise NotConfigured(
            _("%(provider)s is not configured. Set %(names)s.")
            % {"provider": provider.label(), "names": ", ".join(missing)}
        )
    return provider


def describe() -> list[dict[str, Any]]:
    """REST's `GET /payment/providers`, in the active language."""
    return [
        {
            "code": code,
            "label": provider.label(),
            "kind": provider.kind,
            "currencies": provider.currencies(),
            "configured": is_configured(code),
            "methods": [{"code": way, "label": name} for way, name in provider.methods().items()],
        }
        for code, provider in PROVIDERS.items()
    ]


def is_configured(code: str) -> bool:
    return code in settings.MUSEO_PAYMENT_PROVIDERS and not PROVIDERS[code].missing()


def name_of(code: str, method: str) -> str:
    """How somebody paid, for people; a provider that is gone has no name."""
    provider = PROVIDERS.get(code)
    return (provider.methods().get(method) or provider.label()) if provider else "-"


ALL_KINDS = ("instant", "redirect", "later")


def offered(kinds: Collection[str] = ALL_KINDS) -> dict[str, str]:
    """The ways to pay that work in this shop, by the code of their method."""
    return {way: name for _code, way, name in _ways(kinds)}


def provider_of(method: str, *, kinds: Collection[str] = ALL_KINDS) -> str:
    """The provider that has this method, if it works in this shop; empty if none has."""
    return next((code for code, way, _name in _ways(kinds) if way == method), "")


def _ways(kinds: Collection[str]) -> Iterator[tuple[str, str, str]]:
    for code in settings.MUSEO_PAYMENT_PROVIDERS:
        provider = PROVIDERS[code]
        if is_configured(code) and provider.kind in kinds:
            for way, name in provider.methods().items():
                yield code, way, name
