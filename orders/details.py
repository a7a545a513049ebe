"""Who buys, where it goes and how it is paid: read from a body, every bad field named."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog import places
from museo.access.problems import Invalid, field_error
from notifications.channels import email as mail
from notifications.channels.message import BadAddress
from orders import delivery
from orders.payments import PROVIDERS

# the longest value of each
ADDRESS_FIELDS = {"line1": 200, "city": 100, "postal_code": 20, "country": 2}
# what the fields of a person and their address are called, in the order of a form
LABELS: Mapping[str, Any] = {
    "name": gettext_lazy("Full name"),
    "email": gettext_lazy("E-mail, for what happens next"),
    "line1": gettext_lazy("Street address"),
    "postal_code": gettext_lazy("Postcode"),
    "city": gettext_lazy("City"),
    "country": gettext_lazy("Country"),
}
LONGEST_NAME = 120
# a tip or a total of more is a mistake; it fits into any column
MOST = 10**12
REQUIRED = "required"


@dataclass(frozen=True)
class Details:
    """What a checkout needs to know; `address` has the keys of ADDRESS_FIELDS."""

    email: str = ""
    name: str = ""
    address: Mapping[str, str] = field(default_factory=dict)
    delivery: str = "courier"
    # in minor units
    tip: int = 0
    payment_provider: str = "demo"
    payment_token: str = field(default="ok", repr=False)
    # what the customer was shown, in minor units; another sum is not charged
    expected_total: int | None = None
    # the revision of the basket that they were shown; another one is not bought
    expected_revision: int | None = None

    @classmethod
    def parse(
        cls, body: Mapping[str, Any], *, kinds: Collection[str] = (), stamp: str | None = None
    ) -> Details:
        """Read REST's checkout body; raise Invalid that names every bad field.

        `kinds` are those of the products: they restrict how it can be delivered.
        """
        details, errors = cls.read(body, kinds=kinds, stamp=stamp)
        if errors:
            raise _refused(errors)
        return details

    @classmethod
    def draft(
        cls, body: Mapping[str, Any], *, kinds: Collection[str] = ()
    ) -> tuple[Details, list[dict[str, str]]]:
        """The same, but what is missing is no fault yet: it is returned beside the details."""
        details, errors = cls.read(body, kinds=kinds)
        if bad := [error for error in errors if error["code"] != REQUIRED]:
            raise _refused(bad)
        return details, errors

    @classmethod
    def read(
        cls, body: Mapping[str, Any], *, kinds: Collection[str] = (), stamp: str | None = None
    ) -> tuple[Details, list[dict[str, str]]]:
        """The details, and an error for each field that is missing or cannot be used."""
        reader = _Reader(body)
        options = {option.code: option for option in delivery.options(kinds, stamp=stamp)}
        chosen = reader.choice("/delivery", options, default=next(iter(options), ""))
        needs_address = chosen not in options or options[chosen].needs_address
        details = cls(
            email=reader.email("/email"),
            name=reader.text("/name", LONGEST_NAME),
            address=reader.address(is_needed=needs_address),
            delivery=chosen,
            tip=reader.amount("/tip") or 0,
            payment_provider=reader.choice("/payment/provider", PROVIDERS, default="demo"),
            payment_token=reader.text("/payment/token", 200, default="ok"),
            expected_total=reader.amount("/expected_total"),
        )
        return details, reader.errors


def _refused(errors: list[dict[str, str]]) -> Invalid:
    return Invalid(_("Some values cannot be used. See errors."), errors=errors)


def parse_address(body: Mapping[str, Any]) -> dict[str, str]:
    """Read the `address` of a body; raise Invalid that names every bad field."""
    reader = _Reader(body)
    address = reader.address(is_needed=True)
    if reader.errors:
        raise _refused(reader.errors)
    return address


def parse_recipient(body: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Read `name` and `address` of a body; raise Invalid that names every bad field."""
    reader = _Reader(body)
    name, address = reader.text("/name", LONGEST_NAME), reader.address(is_needed=True)
    if reader.errors:
        raise _refused(reader.errors)
    return name, address


def in_one_line(address: Mapping[str, str]) -> str:
    """An address as people read it; a database may give its fields in any order."""
    return ", ".join(address[name] for name in ADDRESS_FIELDS if address.get(name))


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
        if value is None or (isinstance(value, str) and not value.strip()):
            return (
                default
                if default is not None
                else self._refuse(pointer, REQUIRED, _("Fill this in."))
            )
        if not isinstance(value, str) or not _can_be_kept(value):
            return self._refuse(pointer, "invalid", _("Write this as text."))
        if len(value) > longest:
            detail = _("Write at most %(most)s characters.") % {"most": longest}
            return self._refuse(pointer, "too_long", detail)
        return value.strip()

    def email(self, pointer: str) -> str:
        value = self.text(pointer, 254)
        if value:
            try:
                mail.check(value)
            except BadAddress:
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
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST:
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
        # one that is none would be taxed nowhere
        if country and not (country.isascii() and places.is_country(country.upper())):
            detail = _("Write the country as two letters, such as FI.")
            self._refuse("/address/country", "invalid", detail)
        return {**address, "country": country.upper()}


def _can_be_kept(text: str) -> bool:
    """No NUL and no half of a character: no database takes those."""
    try:
        return b"\x00" not in text.encode()
    except UnicodeEncodeError:
        return False
