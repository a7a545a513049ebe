"""What providers told us, and links by which somebody pays."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from museo.access.tokens import public_id


def link_id() -> str:
    return public_id("plk")


class PaymentEvent(models.Model):
    """A webhook of a provider, once; append-only. What it said of a card is not kept."""

    provider = models.CharField(max_length=20)
    # the provider's own id of it
    event_id = models.CharField(max_length=255)
    type = models.CharField(max_length=80)
    # the payment or refund it was about; empty if we know of none
    reference = models.CharField(max_length=30, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "event_id"], name="one_row_per_provider_event"
            )
        ]


class PaymentLink(models.Model):
    """An address at which whoever has it pays for an order or a basket, once."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        PAID = "paid", _("Paid")
        EXPIRED = "expired", _("Expired")
        VOID = "void", _("Void")

    public_id = models.CharField(max_length=30, unique=True, default=link_id)
    # SHA-256 of what the address ends with
    token_hash = models.CharField(max_length=64, unique=True)
    order = models.ForeignKey(
        "orders.Order", on_delete=models.PROTECT, null=True, related_name="payment_links"
    )
    basket = models.ForeignKey(
        "orders.Basket", on_delete=models.CASCADE, null=True, related_name="payment_links"
    )
    # what opens a guest's basket, sealed
    basket_key = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(order__isnull=True) ^ Q(basket__isnull=True),
                name="link_to_an_order_or_a_basket",
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="link_not_negative"),
        ]
        indexes = [models.Index(fields=["state", "expires_at"], name="link_expiry")]
