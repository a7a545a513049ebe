"""Coupons as they are kept, and who has used them."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from catalog.models import Category, Master


class Coupon(models.Model):
    """A code that takes something off; `used` is a guarded counter, as stock is."""

    class Kind(models.TextChoices):
        PERCENT = "percent", _("Percent")
        FIXED = "fixed", _("Fixed amount")
        FREE_DELIVERY = "free_delivery", _("Free delivery")

    code = models.CharField(
        _("code"),
        max_length=40,
        unique=True,
        validators=[
            RegexValidator(r"^[A-Z0-9-]+\Z", _("Use capital letters, digits and hyphens."))
        ],
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind, default=Kind.PERCENT)
    # basis points of percent (1000 is 10 %), minor units of a fixed amount
    value = models.BigIntegerField(_("value"), default=0)
    # of the lines, before anything is taken off
    minimum_total = models.BigIntegerField(_("minimum total"), default=0)
    starts_at = models.DateTimeField(_("starts at"), null=True, blank=True)
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)
    # None: as often as anybody likes
    usage_limit = models.PositiveIntegerField(_("limit in all"), null=True, blank=True)
    per_user_limit = models.PositiveIntegerField(_("limit for each user"), null=True, blank=True)
    used = models.PositiveIntegerField(_("used"), default=0, editable=False)
    # without either it is for everything
    categories = models.ManyToManyField(Category, verbose_name=_("only categories"), blank=True)
    masters = models.ManyToManyField(Master, verbose_name=_("only products"), blank=True)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("coupon")
        verbose_name_plural = _("coupons")
        constraints = [
            models.CheckConstraint(
                condition=Q(usage_limit=None) | Q(used__lte=F("usage_limit")),
                name="coupon_not_used_beyond_its_limit",
            ),
            models.CheckConstraint(condition=Q(used__gte=0), name="coupon_used_not_negative"),
            models.CheckConstraint(
                condition=Q(kind="percent", value__gte=1, value__lte=10_000)
                | Q(kind="fixed", value__gte=1)
                | Q(kind="free_delivery", value=0),
                name="coupon_takes_something_off",
            ),
            models.CheckConstraint(
                condition=Q(minimum_total__gte=0), name="coupon_minimum_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(starts_at=None) | Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
                name="coupon_ends_after_its_start",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Redemption(models.Model):
    """A use of a coupon by a checkout: promised while it is paid, then used or given back."""

    class State(models.TextChoices):
        HELD = "held"
        USED = "used"
        GIVEN_BACK = "given_back"

    coupon = models.ForeignKey(Coupon, on_delete=models.PROTECT, related_name="redemptions")
    checkout = models.ForeignKey(
        "orders.Checkout", on_delete=models.PROTECT, related_name="redemptions"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True)
    # of the e-mail address, so that a guest counts as somebody
    email_digest = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=State, default=State.HELD)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["checkout"],
                condition=Q(state__in=["held", "used"]),
                name="one_redemption_per_checkout",
            )
        ]
        indexes = [models.Index(fields=["coupon", "email_digest"], name="redemption_by_email")]
