"""The shop itself: its name, money, languages and hours, and whether it takes orders.

There is one row, which staff edit (`shopkeeping`) and everything reads: `current()` keeps it for a
second in each process, so a change is seen everywhere within that, and at once where it was made.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.db.models import Q
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy

from catalog import hours
from notifications.house import House

# for so long a process may act on what it read
KEPT_SECONDS = 1.0
ALL_LANGUAGES = tuple(code for code, _name in settings.LANGUAGES)


class ShopSettings(models.Model):
    """What staff say of the shop; a shop without the row has not had its first run."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(gettext_lazy("name"), max_length=80)
    # a picture for the header and for receipts
    logo = models.FileField(gettext_lazy("logo"), upload_to="shop/", blank=True)
    # who sells, as receipts must say
    legal_address = models.TextField(gettext_lazy("legal address"), max_length=500, blank=True)
    # where people write to; empty for nowhere
    contact_email = models.EmailField(gettext_lazy("contact e-mail"), blank=True)
    country = models.CharField(gettext_lazy("country"), max_length=2)
    currency = models.CharField(gettext_lazy("currency"), max_length=3)
    # codes, of those that Museo speaks
    languages = models.JSONField(gettext_lazy("languages"), default=list)
    default_language = models.CharField(gettext_lazy("default language"), max_length=10)
    time_zone = models.CharField(gettext_lazy("time zone"), max_length=40)
    # no orders for the moment; the text is shown on every page
    is_paused = models.BooleanField(gettext_lazy("takes no orders for the moment"), default=False)
    pause_text = models.CharField(gettext_lazy("what shoppers read"), max_length=300, blank=True)
    # of the first run, the steps that were done
    steps_done = models.PositiveSmallIntegerField(default=0, editable=False)
    # None until the first run is over
    opened_at = models.DateTimeField(null=True, editable=False)
    # raised by every edit
    revision = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        verbose_name = gettext_lazy("shop settings")
        verbose_name_plural = gettext_lazy("shop settings")
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="there_is_one_shop"),
            models.CheckConstraint(condition=~Q(name=""), name="the_shop_has_a_name"),
            models.CheckConstraint(condition=~Q(currency=""), name="the_shop_has_a_currency"),
        ]

    def __str__(self) -> str:
        return self.name


class OpeningHours(models.Model):
    """A span in which the shop is open on a weekday; several a day, or none at all for always."""

    shop = models.ForeignKey(ShopSettings, on_delete=models.CASCADE, related_name="hours")
    weekday = models.PositiveSmallIntegerField(
        gettext_lazy("weekday"), choices=list(WEEKDAYS.items())
    )
    opens_at = models.TimeField(gettext_lazy("opens at"))
    # not after `opens_at`: on the next day
    closes_at = models.TimeField(gettext_lazy("closes at"))

    class Meta:
        verbose_name = gettext_lazy("opening hours")
        verbose_name_plural = gettext_lazy("opening hours")
        constraints = [
            models.UniqueConstraint(
                fields=["shop", "weekday", "opens_at"], name="one_opening_per_day_and_time"
            ),
            models.CheckConstraint(
                condition=Q(weekday__gte=0) & Q(weekday__lte=6), name="a_week_has_seven_days"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.opens_at:%H:%M} - {self.closes_at:%H:%M}"


@dataclass(frozen=True)
class Shop:
    """The shop as it is read; the values here are those of one before its first run."""

    name: str = "Museo"
    # a URL, or empty
    logo: str = ""
    legal_address: str = ""
    contact_email: str = ""
    country: str = "FI"
    currency: str = "EUR"
    languages: tuple[str, ...] = ALL_LANGUAGES
    default_language: str = settings.LANGUAGE_CODE
    time_zone: str = "UTC"
    is_paused: bool = False
    pause_text: str = ""
    steps_done: int = 0
    is_open: bool = False
    hours: hours.Spans = ()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def opens_next(self, now: datetime) -> datetime:
        """`now` within opening hours, else when they begin."""
        return hours.opens_next(self.hours, now, zone=self.zone)


# what was read last, and until when it is good
_kept: tuple[Shop, float] | None = None


def current() -> Shop:
    """The shop as it was at most a second ago."""
    kept = _kept
    if kept and time.monotonic() < kept[1]:
        return kept[0]
    return keep(_read(), seconds=KEPT_SECONDS)


def currency() -> str:
    """What prices are in."""
    return current().currency


def as_house() -> House:
    """The shop as letters are from it."""
    shop = current()
    return House(shop.name, shop.zone, shop.contact_email)


def keep(shop: Shop, *, seconds: float) -> Shop:
    """Take it for so long as the shop that there is."""
    global _kept
    _kept = (shop, time.monotonic() + seconds)
    return shop


def forget() -> None:
    """Read anew when it is asked for next."""
    global _kept
    _kept = None


def _read() -> Shop:
    row = ShopSettings.objects.first()
    if row is None:
        return Shop()
    spans = row.hours.order_by("weekday", "opens_at").values("weekday", "opens_at", "closes_at")
    return Shop(
        name=row.name,
        logo=default_storage.url(row.logo.name) if row.logo else "",
        legal_address=row.legal_address,
        contact_email=row.contact_email,
        country=row.country,
        currency=row.currency,
        languages=tuple(code for code in ALL_LANGUAGES if code in row.languages),
        default_language=row.default_language,
        time_zone=row.time_zone,
        is_paused=row.is_paused,
        pause_text=row.pause_text,
        steps_done=row.steps_done,
        is_open=row.opened_at is not None,
        hours=tuple(hours.Hours(**span) for span in spans),
    )


def heard() -> None:
    """What was kept is old: now, and again once others can read what was written."""
    forget()
    transaction.on_commit(forget)
