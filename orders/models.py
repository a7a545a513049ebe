"""What people buy: baskets, checkouts, payments, orders and their steps."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from catalog import modifiers as menu
from catalog.models import Variant
from museo.access.callers import Caller
from museo.access.permissions import may
from museo.access.tokens import digest, order_number, public_id
from orders import lifecycle
from orders.aftercare import OrderNote as OrderNote
from orders.aftercare import Return as Return
from orders.aftercare import ReturnLine as ReturnLine
from orders.delivery import DeliveryArea as DeliveryArea
from orders.delivery import DeliveryOption as DeliveryOption
from orders.discounts import Coupon as Coupon
from orders.discounts import Redemption as Redemption
from orders.payments.models import PaymentEvent as PaymentEvent
from orders.payments.models import PaymentLink as PaymentLink
from orders.taxes import TaxRate as TaxRate
from orders.terms import TermsStamp as TermsStamp
from orders.timetables import Plan as Plan
from orders.timetables import PlanStep as PlanStep
from orders.timetables import Slot as Slot

MAX_QUANTITY = 999


def basket_id() -> str:
    return public_id("bsk")


def checkout_id() -> str:
    return public_id("chk")


def payment_id() -> str:
    return public_id("pay")


def adjustment_id() -> str:
    return public_id("adj")


def refund_id() -> str:
    return public_id("rfd")


def place_id() -> str:
    return public_id("plc")


class BasketQuerySet(models.QuerySet["Basket"]):
    def open(self) -> Self:
        return self.filter(status=Basket.Status.OPEN)

    def of(self, caller: Caller) -> Self:
        """The caller's own: by user, or by the token a guest brought."""
        if caller.user_id:
            return self.filter(user_id=caller.user_id)
        return self.filter(user=None, token_hash=digest(caller.basket_token))


class Basket(models.Model):
    """Never frozen: a checkout copies its lines, and an order takes them out."""

    class Status(models.TextChoices):
        OPEN = "open"
        MERGED = "merged"
        ABANDONED = "abandoned"

    public_id = models.CharField(max_length=30, default=basket_id)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True)
    # a guest's token; its SHA-256
    token_hash = models.CharField(max_length=64, null=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    currency = models.CharField(max_length=3, default="EUR")
    sales_channel = models.CharField(max_length=20, default="web")
    coupon = models.ForeignKey(
        Coupon, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    # raised by every change of its lines
    revision = models.PositiveIntegerField(default=1)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField()

    objects = BasketQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["public_id"], name="one_basket_per_id"),
            models.UniqueConstraint(fields=["token_hash"], name="one_basket_per_token"),
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(status="open"),
                name="one_open_basket_per_user",
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False) | Q(token_hash__isnull=False),
                name="basket_has_an_owner",
            ),
        ]
        indexes = [
            models.Index(fields=["status", "expires_at"], name="basket_expiry"),
            models.Index(
                fields=["coupon"], condition=Q(coupon__isnull=False), name="basket_with_coupon"
            ),
        ]


class BasketLine(models.Model):
    basket = models.ForeignKey(Basket, on_delete=models.CASCADE, related_name="lines")
    variant = models.ForeignKey(Variant, on_delete=models.CASCADE)
    quantity = models.PositiveIntegerField()
    # what is chosen with each unit: sorted codes, and the same in short
    modifiers = models.JSONField(default=list)
    modifiers_hash = models.CharField(max_length=64, default="", blank=True)
    # what it cost when it was added, to say that a price has changed
    unit_price_seen = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["basket", "variant", "modifiers_hash"],
                name="one_line_per_variant_and_modifiers",
            ),
            models.CheckConstraint(
                condition=Q(quantity__gte=1) & Q(quantity__lte=MAX_QUANTITY),
                name="basket_quantity_in_range",
            ),
        ]


class CheckoutQuerySet(models.QuerySet["Checkout"]):
    def live(self) -> Self:
        """Those that may still become an order."""
        return self.exclude(state__in=[Checkout.State.COMPLETED, Checkout.State.CANCELED])

    def of(self, caller: Caller) -> Self:
        """The caller's own: by user, or by the token of the guest's basket."""
        if caller.user_id:
            return self.filter(user_id=caller.user_id)
        return self.filter(user=None, basket__token_hash=digest(caller.basket_token))


class Checkout(models.Model):
    """A basket on its way to an order; the states are the Universal Commerce Protocol's."""

    class State(models.TextChoices):
        INCOMPLETE = "incomplete"
        REQUIRES_ESCALATION = "requires_escalation"
        READY_FOR_COMPLETE = "ready_for_complete"
        COMPLETE_IN_PROGRESS = "complete_in_progress"
        COMPLETED = "completed"
        CANCELED = "canceled"

    public_id = models.CharField(max_length=30, default=checkout_id)
    basket = models.ForeignKey(Basket, on_delete=models.PROTECT, related_name="checkouts")
    state = models.CharField(max_length=24, choices=State, default=State.INCOMPLETE)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, db_index=False
    )
    # while it is incomplete, these may be empty
    email = models.EmailField()
    name = models.CharField(max_length=120)
    address = models.JSONField(default=dict)
    delivery = models.CharField(max_length=20)
    # the plan of that way of delivery
    plan = models.CharField(max_length=20, default=lifecycle.DEFAULT_PLAN)
    tip = models.BigIntegerField(default=0)
    coupon = models.ForeignKey(
        Coupon, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    locale = models.CharField(max_length=10)
    sales_channel = models.CharField(max_length=20, default="web")
    currency = models.CharField(max_length=3)
    # the lines and totals that were agreed, as `orders.pricing` writes them
    lines = models.JSONField(default=list)
    totals = models.JSONField(default=list)
    total = models.BigIntegerField()
    # what stands in the way of an order, as `orders.offers` says it
    messages = models.JSONField(default=list)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField()

    objects = CheckoutQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["public_id"], name="one_checkout_per_id"),
            models.CheckConstraint(condition=Q(total__gte=0), name="checkout_total_not_negative"),
            models.CheckConstraint(condition=Q(tip__gte=0), name="checkout_tip_not_negative"),
            # two clicks on "pay" are one purchase
            models.UniqueConstraint(
                fields=["basket"],
                condition=Q(state="complete_in_progress"),
                name="one_checkout_in_progress_per_basket",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "expires_at"], name="checkout_expiry"),
            models.Index(fields=["user"], condition=Q(user__isnull=False), name="checkout_of_user"),
            models.Index(
                fields=["coupon"], condition=Q(coupon__isnull=False), name="checkout_with_coupon"
            ),
        ]


class OrderQuerySet(models.QuerySet["Order"]):
    def visible_to(self, caller: Caller) -> Self:
        """Staff who may view orders see all, people their own; a ticket opens its one order."""
        return self.all() if may(caller, "orders.view_order") else self.own(caller)

    def own(self, caller: Caller) -> Self:
        """What a person has bought, and what the tickets open that they brought along."""
        opened = OrderTicket.objects.open().filter(
            token_hash__in=[digest(ticket) for ticket in caller.tickets]
        )
        mine = Q(user_id=caller.customer_id) if caller.customer_id else Q()
        return self.filter(mine | Q(pk__in=opened.values("order_id")))

    def due(self, now: datetime) -> Self:
        """Those that the clock moves on."""
        return self.filter(next_step_at__lte=now, waits=False)

    def overdue(self, now: datetime) -> Self:
        """Those whose next step should have been taken, and that nobody was told are late."""
        return self.filter(next_step_at__lt=now - lifecycle.GRACE, late_at=None)

    def late(self) -> Self:
        return self.filter(late_at__isnull=False).exclude(status__in=lifecycle.ENDED)

    def needs_refund(self) -> Self:
        """Those that brought nothing, and of which money is still here."""
        unhappy = self.filter(status__in=[lifecycle.CANCELLED, lifecycle.FAILED])
        here = unhappy.filter(given_back__lt=F("paid"), payments__state=Payment.State.CAPTURED)
        return here.distinct()

    def wanted(
        self,
        *,
        late: bool | None = None,
        held: bool | None = None,
        placed_after: datetime | None = None,
        placed_before: datetime | None = None,
        **same: str,
    ) -> Self:
        """Those that all of these are true of; `same` are fields and their values."""
        found = self.filter(**same)
        if late is not None:
            in_time = Q(late_at=None) | Q(status__in=lifecycle.ENDED)
            found = found.late() if late else found.filter(in_time)
        if held is not None:
            found = found.filter(held_at__isnull=not held)
        if placed_after:
            found = found.filter(placed_at__gte=placed_after)
        if placed_before:
            found = found.filter(placed_at__lt=placed_before)
        return found

    def end(self, status: str, *, now: datetime) -> int:
        """Bring them to an end of their own; return how many there were."""
        return self.update(
            status=status, next_step_at=None, waits=False, held_at=None, ended_at=now
        )


class Order(models.Model):
    """What was bought, at the prices of that moment, and how far it has come."""

    class PaymentStatus(models.TextChoices):
        UNPAID = "unpaid", _("Unpaid")
        PENDING = "pending", _("Pending")
        PAID = "paid", _("Paid")
        FAILED = "failed", _("Failed")
        PARTIALLY_REFUNDED = "partially_refunded", _("Partially Refunded")
        REFUNDED = "refunded", _("Refunded")

    number = models.CharField(_("number"), max_length=20, default=order_number)
    checkout = models.OneToOneField(Checkout, on_delete=models.PROTECT, related_name="order")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="orders",
        db_index=False,
    )
    email = models.EmailField(_("e-mail address"))
    name = models.CharField(_("name"), max_length=120)
    address = models.JSONField(default=dict)
    delivery = models.CharField(max_length=20)
    # what the courier should know
    note = models.CharField(_("Note"), max_length=500, blank=True)
    status = models.CharField(
        _("status"),
        max_length=20,
        choices=lifecycle.STATUS_CHOICES,
        default=lifecycle.PLACED,
    )
    payment_status = models.CharField(
        max_length=20, choices=PaymentStatus, default=PaymentStatus.UNPAID
    )
    plan = models.CharField(max_length=20)
    # the steps of the plan that are done, and how many there are
    step = models.PositiveSmallIntegerField(default=0)
    steps_total = models.PositiveSmallIntegerField()
    # when the next step is due; None when it is held or has nowhere to go
    next_step_at = models.DateTimeField(null=True)
    # the next step is taken by staff, a carrier or an agent; the clock leaves it alone
    waits = models.BooleanField(default=False)
    # what the customer was promised, and when it is expected now
    promised_at = models.DateTimeField()
    eta = models.DateTimeField()
    slot = models.ForeignKey(
        Slot, on_delete=models.PROTECT, null=True, related_name="orders", db_index=False
    )
    # when it became known that the promise will not be kept
    late_at = models.DateTimeField(null=True)
    # since when its clock stands still
    held_at = models.DateTimeField(null=True)
    placed_at = models.DateTimeField(_("placed"))
    ended_at = models.DateTimeField(null=True)
    currency = models.CharField(max_length=3)
    total = models.BigIntegerField()
    # of the total, what was given up before it was paid
    waived = models.BigIntegerField(default=0)
    # of the rest, what has come in, and of that, what has gone back
    paid = models.BigIntegerField(default=0)
    paid_back = models.BigIntegerField(default=0)
    # of what was paid, what was promised back: paid back or on its way
    given_back = models.BigIntegerField(default=0)
    # [{"type", "amount", "currency"}] as agreed at checkout
    totals = models.JSONField(default=list)
    locale = models.CharField(max_length=10)
    sales_channel = models.CharField(max_length=20, default="web")

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints = [
            models.UniqueConstraint(fields=["number"], name="one_order_per_number"),
            models.CheckConstraint(condition=Q(total__gte=0), name="order_total_not_negative"),
            models.CheckConstraint(
                condition=Q(given_back__gte=0) & Q(given_back__lte=F("total") - F("waived")),
                name="no_more_given_back_than_paid",
            ),
            models.CheckConstraint(condition=Q(waived__gte=0), name="waived_not_negative"),
            models.CheckConstraint(condition=Q(step__lte=F("steps_total")), name="step_in_plan"),
            models.CheckConstraint(
                condition=Q(held_at__isnull=True) | Q(next_step_at__isnull=True),
                name="a_held_order_does_not_move",
            ),
            models.CheckConstraint(
                condition=Q(payment_status__in=["unpaid", "pending", "failed"], paid=0, paid_back=0)
                | Q(payment_status="paid", paid=F("total") - F("waived"), paid_back=0)
                | Q(
                    payment_status="partially_refunded",
                    paid=F("total") - F("waived"),
                    paid_back__gt=0,
                    paid_back__lt=F("paid"),
                )
                | Q(payment_status="refunded", paid=F("total") - F("waived"), paid_back=F("paid")),
                name="payment_status_says_what_was_paid",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_step_at", "id"],
                condition=Q(next_step_at__isnull=False, waits=False),
                name="order_due",
            ),
            models.Index(
                fields=["next_step_at"],
                condition=Q(next_step_at__isnull=False, late_at__isnull=True),
                name="order_overdue",
            ),
            models.Index(fields=["status", "-placed_at", "-id"], name="order_newest_by_status"),
            models.Index(
                fields=["user", "-placed_at"],
                condition=Q(user__isnull=False),
                name="order_newest_of_user",
            ),
            models.Index(fields=["slot"], condition=Q(slot__isnull=False), name="order_in_slot"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def topic(self) -> str:
        return f"order.{self.number}"

    @property
    def payable(self) -> int:
        """What it costs in the end, paid or not yet."""
        return self.total - self.waived

    @property
    def is_late(self) -> bool:
        return self.late_at is not None and self.status not in lifecycle.ENDED


class OrderLine(models.Model):
    """A line as it was bought; the catalogue may change or go."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines", db_index=False)
    position = models.PositiveSmallIntegerField()
    variant = models.ForeignKey(Variant, on_delete=models.SET_NULL, null=True)
    sku = models.CharField(max_length=64)
    name = models.CharField(max_length=240)
    image = models.CharField(max_length=240, blank=True)
    # [{"code", "name", "price"}] in the buyer's language; `unit_price` has their prices in it
    modifiers = models.JSONField(default=list)
    quantity = models.PositiveIntegerField()
    unit_price = models.BigIntegerField()
    total = models.BigIntegerField()
    # of the total: what a coupon took off, and the tax in or on what is left
    discount = models.BigIntegerField(default=0)
    tax = models.BigIntegerField(default=0)
    tax_basis_points = models.PositiveIntegerField(default=0)
    is_tax_included = models.BooleanField(default=True)
    # units that were cancelled, refunded or taken back
    taken_back = models.PositiveIntegerField(default=0)
    # units that somebody asked to send back
    coming_back = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="one_line_per_position"),
            models.CheckConstraint(
                condition=Q(taken_back__lte=F("quantity") - F("coming_back")),
                name="no_more_taken_back_than_bought",
            ),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="order_line_of_something"),
            models.CheckConstraint(
                condition=Q(total=F("unit_price") * F("quantity")),
                name="line_total_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(discount__gte=0) & Q(discount__lte=F("total")),
                name="no_more_taken_off_a_line_than_it_costs",
            ),
            models.CheckConstraint(condition=Q(tax__gte=0), name="line_tax_not_negative"),
        ]

    @property
    def whole_name(self) -> str:
        return menu.whole_name(self.name, self.modifiers)

    @property
    def left(self) -> int:
        """Units that nobody has taken back, or asked to send back."""
        return self.quantity - self.taken_back - self.coming_back

    @property
    def paid(self) -> int:
        """What was paid for all of it: less its discount, with the tax that came on top."""
        return self.total - self.discount + (0 if self.is_tax_included else self.tax)


class OrderStep(models.Model):
    """A step of an order's plan: when it is due, and when it was taken."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="steps", db_index=False)
    index = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=20, choices=lifecycle.STATUS_CHOICES)
    due_at = models.DateTimeField()
    at = models.DateTimeField(null=True)
    # the clock does not take it
    waits = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "index"], name="one_step_per_index"),
            models.CheckConstraint(condition=Q(index__gte=1), name="steps_count_from_1"),
        ]


class OrderTicketQuerySet(models.QuerySet["OrderTicket"]):
    def open(self) -> Self:
        return self.filter(revoked_at=None)


class OrderTicket(models.Model):
    """128 random bits that open one order; only their digest is kept."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="tickets")
    token_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    objects = OrderTicketQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token_hash"], name="one_ticket_per_token"),
        ]


class PaymentQuerySet(models.QuerySet["Payment"]):
    def of(self, caller: Caller) -> Self:
        """Those that the caller asked for: by user, or by the token of the basket paid for."""
        return self.filter(checkout__basket__in=Basket.objects.of(caller))


class Payment(models.Model):
    """Money asked of a provider for a checkout; `provider_reference` is the provider's name."""

    class State(models.TextChoices):
        CREATED = "created", _("Created")
        REQUIRES_ACTION = "requires_action", _("Waits for the customer")
        PENDING = "pending", _("On its way")
        # the order is placed and paid by hand later
        OWED = "owed", _("Owed")
        CAPTURED = "captured", _("Paid")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")
        # it came too late, or twice: there is no order for it, and it goes back
        SURPLUS = "surplus", _("Came too late and goes back")

    # the money may still come, and nobody else may be asked for it
    OPEN = (State.CREATED, State.REQUIRES_ACTION, State.PENDING)

    public_id = models.CharField(_("payment"), max_length=30, default=payment_id)
    checkout = models.ForeignKey(Checkout, on_delete=models.PROTECT, related_name="payments")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True, related_name="payments")
    # the payment link by which it was paid, if there was one
    link = models.ForeignKey(
        PaymentLink, on_delete=models.PROTECT, null=True, related_name="payments", db_index=False
    )
    provider = models.CharField(max_length=20)
    # the provider's code of how the customer chose to pay; never a card's token
    method = models.CharField(max_length=20, blank=True)
    provider_reference = models.CharField(
        _("reference of the provider"), max_length=120, blank=True
    )
    state = models.CharField(max_length=16, choices=State, default=State.CREATED)
    amount = models.BigIntegerField()
    # of the amount, what has been paid back
    refunded = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    # what the customer must do next: {"type": "redirect", "url": "…"}
    next_action = models.JSONField(null=True)
    error_code = models.CharField(_("error code"), max_length=40, blank=True)
    created_at = models.DateTimeField()
    # when the provider is asked next how it stands; None when there is nothing to learn
    look_at = models.DateTimeField(null=True)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [
            models.UniqueConstraint(fields=["public_id"], name="one_payment_per_id"),
            models.UniqueConstraint(
                fields=["provider", "provider_reference"],
                condition=~Q(provider_reference=""),
                name="one_payment_per_provider_reference",
            ),
            models.UniqueConstraint(
                fields=["checkout"],
                condition=Q(state__in=["created", "requires_action", "pending", "captured"]),
                name="one_live_payment_per_checkout",
            ),
            models.UniqueConstraint(
                fields=["checkout"], condition=Q(state="owed"), name="one_debt_per_checkout"
            ),
            models.UniqueConstraint(
                fields=["order"], condition=Q(state="captured"), name="one_capture_per_order"
            ),
            models.UniqueConstraint(
                fields=["link"],
                condition=Q(state__in=["created", "requires_action", "pending", "captured"]),
                name="one_live_payment_per_link",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["captured", "owed"]) | Q(order__isnull=False),
                name="no_money_without_an_order",
            ),
            models.CheckConstraint(
                condition=~Q(state="surplus") | Q(order__isnull=True),
                name="surplus_belongs_to_no_order",
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="payment_not_negative"),
            models.CheckConstraint(
                condition=Q(refunded__gte=0) & Q(refunded__lte=F("amount")),
                name="no_more_refunded_than_paid",
            ),
        ]
        indexes = [
            models.Index(
                fields=["look_at"], condition=Q(look_at__isnull=False), name="payment_to_look_at"
            ),
            models.Index(fields=["link"], condition=Q(link__isnull=False), name="payment_by_link"),
            models.Index(
                fields=["created_at"],
                condition=Q(state="pending", provider="demo"),
                name="demo_money_on_its_way",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def topic(self) -> str:
        return f"payment.{self.public_id}"

    @property
    def is_on_its_way(self) -> bool:
        """A slow bank moves the money; it may come when its checkout is long over."""
        waits = self.next_action is not None and self.next_action["type"] == "wait"
        is_asked_about = self.look_at is not None
        is_given_up = self.state == Payment.State.CANCELLED
        return self.state == Payment.State.PENDING or (is_given_up and waits and is_asked_about)


class Adjustment(models.Model):
    """What was decided about an order after it was placed; append-only."""

    class Kind(models.TextChoices):
        CANCELLATION = "cancellation", _("Cancellation")
        REFUND = "refund", _("Refund")
        RETURN = "return", _("Return")

    public_id = models.CharField(max_length=30, unique=True, default=adjustment_id)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="adjustments")
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    # what the customer gets back, in minor units
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    # [{"position", "quantity"}] of the order's lines
    lines = models.JSONField(default=list)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    # who decided: a user's id, or "guest"
    by = models.CharField(max_length=80)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="adjustment_not_negative"),
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(kind="cancellation"),
                name="one_cancellation_per_order",
            ),
        ]


class Refund(models.Model):
    """Money on its way back by the way it came; `public_id` is the provider's idempotency key."""

    class State(models.TextChoices):
        REQUESTED = "requested", _("Requested")
        SUCCEEDED = "succeeded", _("Succeeded")
        FAILED = "failed", _("Failed")

    public_id = models.CharField(max_length=30, unique=True, default=refund_id)
    # None for money that had no order
    adjustment = models.OneToOneField(
        Adjustment, on_delete=models.PROTECT, related_name="refund", null=True
    )
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    state = models.CharField(max_length=10, choices=State, default=State.REQUESTED)
    amount = models.BigIntegerField()
    provider_reference = models.CharField(max_length=120, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    requested_at = models.DateTimeField()
    # when the provider is asked again, if it has not answered by then
    ask_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=1), name="refund_of_something")
        ]
        indexes = [
            models.Index(fields=["ask_at"], condition=Q(state="requested"), name="refund_to_settle")
        ]


class PlaceQuerySet(models.QuerySet["Place"]):
    def of(self, user_id: int | None) -> Self:
        """Somebody's; the first one is filled in when they buy."""
        return self.filter(user=user_id).order_by(F("chosen_at").desc(nulls_last=True), "pk")


class Place(models.Model):
    """To whom and where somebody wants their orders to go; theirs to change."""

    public_id = models.CharField(max_length=30, unique=True, default=place_id)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="places"
    )
    name = models.CharField(max_length=120)
    address = models.JSONField()
    # when it was last put first
    chosen_at = models.DateTimeField(null=True)

    objects = PlaceQuerySet.as_manager()
