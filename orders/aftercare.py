"""What is said and asked about an order once it was placed: staff's notes, and returns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from museo.access.tokens import public_id
from museo.directions import isolated

if TYPE_CHECKING:
    from orders.models import OrderLine


def return_id() -> str:
    return public_id("rtn")


class OrderNote(models.Model):
    """What staff should know of an order, or what was changed about it; only staff see it."""

    order = models.ForeignKey("orders.Order", on_delete=models.CASCADE, related_name="notes")
    text = models.CharField(max_length=1000)
    # who wrote it: a user, or "guest:…"
    by = models.CharField(max_length=80)
    at = models.DateTimeField()


class ReturnQuerySet(models.QuerySet["Return"]):
    def to_look_after(self) -> Self:
        """Those that are not decided, or whose goods have not come."""
        return self.filter(state__in=[Return.State.REQUESTED, Return.State.APPROVED])


class Return(models.Model):
    """Goods that a customer wants to send back, and how far that has come."""

    class State(models.TextChoices):
        REQUESTED = "requested", _("Requested")
        APPROVED = "approved", _("Approved")
        RECEIVED = "received", _("Received")
        REFUSED = "refused", _("Refused")

    public_id = models.CharField(max_length=30, unique=True, default=return_id)
    order = models.ForeignKey("orders.Order", on_delete=models.PROTECT, related_name="returns")
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.REQUESTED)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    # what staff answered
    answer = models.CharField(max_length=200, blank=True)
    # what was decided about the money, once the goods are here
    adjustment = models.OneToOneField(
        "orders.Adjustment", on_delete=models.PROTECT, null=True, related_name="return_of"
    )
    requested_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    objects = ReturnQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="received") | Q(adjustment__isnull=True),
                name="money_goes_back_for_what_was_received",
            ),
        ]
        indexes = [
            models.Index(
                fields=["requested_at"],
                condition=Q(state__in=["requested", "approved"]),
                name="return_to_look_after",
            )
        ]

    def goods(self, lines: Iterable[OrderLine]) -> list[dict[str, Any]]:
        """What comes back, in the order of the order's lines, and by their names."""
        names = {line.position: line.whole_name for line in lines}
        return [
            {"position": each.position, "quantity": each.quantity, "name": names[each.position]}
            for each in sorted(self.lines.all(), key=lambda each: each.position)
        ]

    def in_words(self, lines: Iterable[OrderLine]) -> str:
        """ "2 x Lamp, 1 x Bowl", where there is only text."""
        return ", ".join(
            f"{each['quantity']} \N{MULTIPLICATION SIGN} {isolated(each['name'])}"
            for each in self.goods(lines)
        )


class ReturnLine(models.Model):
    """So many units of one line of the order."""

    request = models.ForeignKey(Return, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()
    quantity = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["request", "position"], name="one_return_line_per_position"
            ),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="return_of_something"),
        ]
