"""How long things take, as staff have set it: plans, their steps, and slots with room for some."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from orders import lifecycle


class Plan(models.Model):
    """The timed steps of a way of delivery, and how many orders may be promised for one slot."""

    code = models.SlugField(_("code"), max_length=20, unique=True)
    # orders are promised for slots of this length; without one there is no limit
    slot_minutes = models.PositiveIntegerField(_("minutes of a slot"), null=True, blank=True)
    orders_per_slot = models.PositiveIntegerField(_("orders in a slot"), null=True, blank=True)

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        constraints = [
            models.CheckConstraint(
                condition=Q(slot_minutes__isnull=True, orders_per_slot__isnull=True)
                | Q(
                    slot_minutes__isnull=False,
                    orders_per_slot__isnull=False,
                    slot_minutes__gte=1,
                    slot_minutes__lte=7 * 24 * 60,
                    orders_per_slot__gte=1,
                    orders_per_slot__lte=1_000_000,
                ),
                name="slots_have_length_and_room",
                violation_error_message=_(
                    "Say both how long a slot is and how many orders it takes, or neither."
                ),
            )
        ]

    def __str__(self) -> str:
        return self.code


class PlanStep(models.Model):
    """A status that an order reaches some seconds after it was placed."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="steps")
    index = models.PositiveSmallIntegerField()
    status = models.CharField(_("status"), max_length=20, choices=lifecycle.STATUS_CHOICES)
    after_seconds = models.PositiveIntegerField(_("seconds after the order"))
    # the clock leaves it to staff, a carrier or an agent
    waits = models.BooleanField(_("waits for staff"), default=False)

    class Meta:
        verbose_name = _("step")
        verbose_name_plural = _("steps")
        constraints = [
            models.UniqueConstraint(fields=["plan", "index"], name="one_plan_step_per_index"),
            models.CheckConstraint(condition=Q(index__gte=1), name="plan_steps_count_from_1"),
        ]

    def __str__(self) -> str:
        return str(self.get_status_display())


class Slot(models.Model):
    """A span of time for which so many orders of a plan are promised; `taken` as stock is taken."""

    plan = models.CharField(max_length=20)
    starts_at = models.DateTimeField()
    # how many there may be, as the plan said when the slot was begun
    room = models.PositiveIntegerField()
    taken = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "starts_at"], name="one_slot_per_start"),
            models.CheckConstraint(
                condition=Q(taken__gte=0) & Q(taken__lte=F("room")), name="slot_not_overfull"
            ),
        ]
