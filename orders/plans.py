"""Plans: what an order will go through, and when it can be promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from orders import lifecycle, slots
from orders.models import Plan, PlanStep, Slot
from orders.terms import Kept


class UnknownPlan(LookupError):
    """A way of delivery without a plan: whoever offers it must write one first."""


@dataclass(frozen=True)
class Promise:
    """The timetable of a new order, and the slot that it takes room in, if its plan has slots."""

    due: Sequence[lifecycle.DueStep]
    slot: Slot | None = None

    @property
    def promised_at(self) -> datetime:
        return self.due[-1].due_at


def find(code: str, *, stamp: str | None = None) -> tuple[Plan, list[lifecycle.PlannedStep]]:
    """A plan with its steps; raise UnknownPlan."""
    plan = PLANS.get(stamp).get(code)
    if plan is None:
        raise UnknownPlan(code)
    return plan


def _with_steps() -> Mapping[str, tuple[Plan, list[lifecycle.PlannedStep]]]:
    found: dict[str, tuple[Plan, list[lifecycle.PlannedStep]]] = {}
    for step in PlanStep.objects.select_related("plan").order_by("plan", "index"):
        after = timedelta(seconds=step.after_seconds)
        _plan, steps = found.setdefault(step.plan.code, (step.plan, []))
        steps.append(lifecycle.PlannedStep(step.status, after, step.waits))
    return found


PLANS = Kept(_with_steps)


def promise(
    code: str,
    *,
    now: datetime,
    speed: float,
    wait: timedelta = timedelta(0),
    stamp: str | None = None,
) -> Promise:
    """When an order of this plan will be there; it takes room in the first slot that has some.

    Nobody works on it before `wait` is over. Runs inside the caller's transaction.
    """
    plan, steps = find(code, stamp=stamp)
    due = lifecycle.timetable(steps, placed_at=now, speed=speed, wait=wait)
    if plan.slot_minutes is None or plan.orders_per_slot is None:
        return Promise(due)
    slot, promised_at = slots.take(
        plan.code,
        at=due[-1].due_at,
        length=timedelta(minutes=plan.slot_minutes) / speed,
        room=plan.orders_per_slot,
    )
    wait += promised_at - due[-1].due_at
    return Promise(lifecycle.timetable(steps, placed_at=now, speed=speed, wait=wait), slot)


def rewrite(plan: Plan, steps: Sequence[lifecycle.PlannedStep]) -> None:
    """Give a plan these steps and no others; raise BadPlan. Orders keep those they had."""
    lifecycle.check_plan(steps)
    with transaction.atomic():
        plan.steps.all().delete()
        PlanStep.objects.bulk_create(_rows(PlanStep, plan, steps))


def _rows(model: Any, plan: Any, steps: Sequence[lifecycle.PlannedStep]) -> list[Any]:
    return [
        model(
            plan=plan,
            index=index,
            status=step.status,
            after_seconds=int(step.after.total_seconds()),
            waits=step.waits,
        )
        for index, step in enumerate(steps, 1)
    ]


def lay_out(apps: Any) -> None:
    """Write the plans that a shop begins with, if it has none: after each migration."""
    try:
        plan_model, step_model = (apps.get_model("orders", name) for name in ("Plan", "PlanStep"))
    except LookupError:
        # migrated back to before there were any
        return
    with transaction.atomic():
        if plan_model.objects.exists():
            return
        for code, steps in lifecycle.PLANS.items():
            plan = plan_model.objects.create(code=code)
            step_model.objects.bulk_create(_rows(step_model, plan, steps))
