"""Ways of delivery as data: what each costs, what it carries, where to and when it goes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, time

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from catalog import shop
from catalog.models import Master
from museo.access.problems import Problem
from orders import lifecycle
from orders.terms import Kept

# what needs nobody to carry it
WEIGHTLESS = frozenset({str(Master.Kind.DIGITAL), str(Master.Kind.TICKET)})

# what a new shop's ways of delivery are called: names that are ours to translate
OUR_NAMES = (
    gettext_noop("Courier to your door"),
    gettext_noop("Pick up at the museum"),
    gettext_noop("By e-mail, at once"),
    gettext_noop("Parcel"),
    gettext_noop("Pick up in the shop"),
)


class DeliveryNotPossible(Problem):
    """The chosen way does not carry these products, or not there, or not now."""

    status = 409
    code = "delivery_not_possible"

    def __init__(self, detail: str, *, reason: str) -> None:
        super().__init__(detail, reason=reason)


class DeliveryOption(models.Model):
    """A way of delivery; without areas it goes everywhere, without times always."""

    code = models.SlugField(_("code"), max_length=20, unique=True)
    # shown in the reader's language where it is one of ours, else as it is
    name = models.CharField(_("name"), max_length=80)
    price = models.BigIntegerField(_("price in minor units"), default=0)
    tax_class = models.CharField(
        _("tax class"), max_length=20, choices=Master.TaxClass, default=Master.TaxClass.STANDARD
    )
    plan = models.CharField(_("plan"), max_length=20, default=lifecycle.DEFAULT_PLAN)
    # the kinds of products that it carries
    kinds = models.JSONField(_("carries"), default=list)
    needs_address = models.BooleanField(_("needs an address"), default=True)
    # on the shop's own clock
    opens_at = models.TimeField(_("opens at"), null=True, blank=True)
    closes_at = models.TimeField(_("closes at"), null=True, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("way of delivery")
        verbose_name_plural = _("ways of delivery")
        constraints = [
            models.CheckConstraint(condition=Q(price__gte=0), name="delivery_price_not_negative"),
            models.CheckConstraint(
                condition=Q(opens_at=None, closes_at=None)
                | Q(opens_at__isnull=False, closes_at__isnull=False),
                name="delivery_opens_and_closes",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return gettext(self.name) if self.name in OUR_NAMES else self.name

    def carries(self, kinds: Collection[str]) -> bool:
        """Digital products and tickets go along with what has to be carried."""
        to_carry = set(kinds) - WEIGHTLESS or set(kinds)
        return to_carry <= set(self.kinds)

    def reaches(self, address: Mapping[str, str]) -> bool:
        areas = self.areas.all() if self.needs_address else ()
        return not areas or any(area.holds(address) for area in areas)

    def is_open(self, now: datetime) -> bool:
        if self.opens_at is None or self.closes_at is None:
            return True
        return _is_between(
            self.opens_at, now.astimezone(shop.current().zone).time(), self.closes_at
        )


class DeliveryArea(models.Model):
    """A country, or the part of it whose postal codes begin so."""

    option = models.ForeignKey(DeliveryOption, on_delete=models.CASCADE, related_name="areas")
    country = models.CharField(_("country, two letters"), max_length=2)
    postal_prefix = models.CharField(_("postal code begins with"), max_length=20, blank=True)

    class Meta:
        verbose_name = _("delivery area")
        verbose_name_plural = _("delivery areas")
        constraints = [
            models.UniqueConstraint(
                fields=["option", "country", "postal_prefix"], name="one_area_per_prefix"
            )
        ]

    def __str__(self) -> str:
        return f"{self.country} {self.postal_prefix}".strip()

    def holds(self, address: Mapping[str, str]) -> bool:
        begins = _squeezed(address.get("postal_code", "")).startswith(_squeezed(self.postal_prefix))
        return begins and address.get("country", "").upper() == self.country.upper()


def _squeezed(postal_code: str) -> str:
    return "".join(letter for letter in postal_code.upper() if letter.isalnum())


def _is_between(opens: time, at: time, closes: time) -> bool:
    """Also over midnight; from a time until the same it is always, as of the shop's own hours."""
    return opens <= at < closes if opens < closes else at >= opens or at < closes


def options(kinds: Collection[str] = (), *, stamp: str | None = None) -> list[DeliveryOption]:
    """The ways that carry these kinds of products, in the shop's order."""
    return [option for option in OPTIONS.get(stamp) if option.carries(kinds)]


def find(code: str, *, stamp: str | None = None) -> DeliveryOption | None:
    """The way with this code that can be chosen."""
    return next((option for option in OPTIONS.get(stamp) if option.code == code), None)


def _active() -> Sequence[DeliveryOption]:
    active = DeliveryOption.objects.filter(is_active=True).prefetch_related("areas")
    return list(active.order_by("position", "pk"))


OPTIONS = Kept(_active)


def no_way() -> DeliveryNotPossible:
    return DeliveryNotPossible(gettext("Choose how it is delivered."), reason="unknown")


def not_there(option: DeliveryOption) -> DeliveryNotPossible:
    return DeliveryNotPossible(
        gettext("%(delivery)s does not go to this address. Choose another way or address.")
        % {"delivery": option.label},
        reason="not_there",
    )


def obstacle(
    option: DeliveryOption, *, kinds: Collection[str], address: Mapping[str, str], now: datetime
) -> DeliveryNotPossible | None:
    """Why it cannot be delivered this way; an address without a country is not asked about."""
    if not option.carries(kinds):
        return DeliveryNotPossible(
            gettext("%(delivery)s does not take everything in your basket. Choose another way.")
            % {"delivery": option.label},
            reason="not_for_these",
        )
    if address.get("country") and not option.reaches(address):
        return not_there(option)
    if not option.is_open(now):
        return DeliveryNotPossible(
            gettext("%(delivery)s is open from %(opens)s to %(closes)s. Choose another way.")
            % {
                "delivery": option.label,
                "opens": f"{option.opens_at:%H:%M}",
                "closes": f"{option.closes_at:%H:%M}",
            },
            reason="closed",
        )
    return None
