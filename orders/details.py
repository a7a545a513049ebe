"""Who buys, where it goes and how it is paid: read from a body, every bad field named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from museo.access.problems import Invalid, field_error
from orders.payments import PROVIDERS
from orders.pricing import DELIVERY_PRICES

# the longest value of each
ADDRESS_FIELDS = {"line1": 200, "city": 100, "postal_code": 20, "country": 2}


@dataclass(frozen=True)
class Details:
    """What a checkout needs to know; `address` has the keys of ADDRESS_FIELDS."""

    email: str
    name: str
    address: Mapping[str, str] = field(default_factory=dict)
    delivery: str = "courier"
    payment_provider: str = "demo"
    payment_token: str = field(default="ok", repr=False)
    # what the customer was shown, in minor units; another sum is not charged
    expected_total: int | None = None

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Details:
        """Read CONTRACT's checkout body; raise Invalid that names every bad field."""
        reader = _Reader(body)
        delivery = reader.choice("/delivery", DELIVERY_PRICES, default="courier")
        details = cls(
            email=reader.email("/email"),
            name=reader.text("/name", 120),
            address=reader.address(is_needed=delivery == "courier"),
            delivery=delivery,
            payment_provider=reader.choice("/payment/provider", PROVIDERS, default="demo"),
            payment_token=reader.text("/payment/token", 200, default="ok"),
            expected_total=reader.amount("/expected_total"),
        )
        reader.finish()
        return details


def parse_address(body: Mapping[str, Any]) -> dict[str, str]:
    """Read the `address` of a body; raise Invalid that names every bad field."""
    reader = _Reader(body)
    address = reader.address(is_needed=True)
    reader.finish()
    return address


class _Reader:
    """Takes values out of a body by JSON pointer and keeps what was wrong with them."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = body
        self.errors: list[dict[str, str]] = []

    def _value(self, pointer: str) -> Any:
        found: Any = self.body
        for name in pointer.strip("/").split("/"):
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def _refuse(self, pointer: str, code: str, detail: str) -> str:
        self.errors.append(field_error(pointer, code, detail))
        return ""

    def text(self, pointer: str, longest: int, *, default: str | None = None) -> str:
        value = self._value(pointer)
        if value is None or value == "":
            return (
                default
                if default is not None
                else self._refuse(pointer, "required", _("Fill this in."))
            )
        if not isinstance(value, str) or not value.strip() or "\x00" in value:
            return self._refuse(pointer, "invalid", _("Write this as text."))
        if len(value) > longest:
            detail = _("Use at most %(longest)s characters.") % {"longest": longest}
            return self._refuse(pointer, "too_long", detail)
        return value.strip()

    def email(self, pointer: str) -> str:
        value = self.text(pointer, 254)
        if value:
            try:
                validate_email(value)
            except ValidationError:
                detail = _("This is no e-mail address. Write it like maya@example.org.")
                return self._refuse(pointer, "invalid", detail)
        return value

    def choice(self, pointer: str, choices: Mapping[str, Any], *, default: str) -> str:
        value = self._value(pointer)
        if value in (None, ""):
            return default
        if not isinstance(value, str) or value not in choices:
            detail = _("Choose one of: %(choices)s.") % {"choices": ", ".join(choices)}
            return self._refuse(pointer, "invalid_choice", detail) or default
        return value

    def amount(self, pointer: str) -> int | None:
        value = self._value(pointer)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self._refuse(pointer, "invalid", _("Write the amount in minor units."))
            return None
        return value

    def address(self, *, is_needed: bool) -> dict[str, str]:
        if not is_needed:
            return {}
        address = {
            name: self.text(f"/address/{name}", longest) for name, longest in ADDRESS_FIELDS.items()
        }
        country = address["country"]
        if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
            detail = _("Write the country as two letters, such as FI.")
            self._refuse("/address/country", "invalid", detail)
        return {**address, "country": country.upper()}

    def finish(self) -> None:
        if self.errors:
            raise Invalid(_("Some values cannot be used. See errors."), errors=self.errors)
