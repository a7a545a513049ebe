"""Plans for staff: how long each way of delivery takes, and how many orders a slot has room for."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from unfold.admin import TabularInline

from museo.access.lists import ModelAdmin
from notifications.log_admin import LogAdmin
from orders import lifecycle, plans
from orders.lifecycle import PlannedStep
from orders.models import Plan, PlanStep


class StepFormSet(BaseInlineFormSet):
    """The steps of a plan, by their time; together they must be a plan."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        try:
            lifecycle.check_plan(self.planned())
        except lifecycle.BadPlan as error:
            raise ValidationError(_why(error)) from error

    def planned(self) -> list[PlannedStep]:
        kept = [form.cleaned_data for form in self.forms if form not in self.deleted_forms]
        steps = [
            PlannedStep(row["status"], timedelta(seconds=row["after_seconds"]), row["waits"])
            for row in kept
            if row
        ]
        return sorted(steps, key=lambda step: step.after)


def _why(error: lifecycle.BadPlan) -> str:
    if isinstance(error, lifecycle.StepsOutOfTime):
        return _("Each step of a plan is later than the one before.")
    return _("The steps of a plan follow each other and end delivered.")


class StepInline(TabularInline):
    model = PlanStep
    formset = StepFormSet
    fields = ["status", "after_seconds", "waits"]
    ordering = ["index"]
    extra = 0

    def formfield_for_choice_field(self, db_field: Any, request: Any, **options: Any) -> Any:
        labels = dict(lifecycle.STATUS_CHOICES)
        choices = [(status, labels[status]) for status in lifecycle.PROGRESS[1:]]
        return super().formfield_for_choice_field(db_field, request, choices=choices, **options)


# as the table has it: a week, and more orders than anybody makes
MOST = {"slot_minutes": 7 * 24 * 60, "orders_per_slot": 1_000_000}


@admin.register(Plan)
class PlanAdmin(LogAdmin, ModelAdmin):
    """Orders that were placed keep the plan they had."""

    list_display = ["code", "slot_minutes", "orders_per_slot"]
    ordering = ["code"]
    inlines = [StepInline]

    def formfield_for_dbfield(self, db_field: Any, request: Any, **options: Any) -> Any:
        if db_field.name in MOST:
            options |= {"min_value": 1, "max_value": MOST[db_field.name]}
        return super().formfield_for_dbfield(db_field, request, **options)

    def get_readonly_fields(self, request: HttpRequest, obj: Plan | None = None) -> list[str]:
        """Ways of delivery and orders name their plan by its code."""
        return ["code"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Plan | None = None) -> bool:
        return False

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        # says what has changed, for the history; the steps are written as one
        formset.save(commit=False)
        plans.rewrite(form.instance, formset.planned())
