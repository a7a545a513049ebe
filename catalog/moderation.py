"""The admin's pages of what shoppers say: reviews to be published, questions to be answered."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from catalog import questions, reviews
from catalog.models import Question, Review
from museo.access.callers import caller_from_request
from museo.access.lists import ModelAdmin
from museo.access.problems import Problem
from notifications.log_admin import LogAdmin

COLOURS = {"waiting": "warning", "published": "success", "refused": "danger"}


class VoiceAdmin(LogAdmin, ModelAdmin):
    """What shoppers wrote is never rewritten, only shown or not."""

    ordering = ["-pk"]
    actions = ["publish", "refuse"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found = super().get_queryset(request).select_related("master", "customer")
        return found.prefetch_related("master__translations")

    @admin.action(description=gettext_lazy("Publish"), permissions=["change"])
    def publish(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        self._moderate(request, rows, "published")

    @admin.action(description=gettext_lazy("Refuse"), permissions=["change"])
    def refuse(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        self._moderate(request, rows, "refused")

    def _moderate(self, request: HttpRequest, rows: QuerySet[Any], to: str) -> None:
        raise NotImplementedError

    @display(description=gettext_lazy("product"))
    def product(self, row: Any) -> str:
        return str(row.master)

    @display(description=gettext_lazy("state"), label=COLOURS)
    def shown_state(self, row: Any) -> tuple[str, str]:
        return row.state, row.get_state_display()


class ReviewAdmin(VoiceAdmin):
    list_display = ["at", "product", "stars", "beginning", "is_verified", "shown_state"]
    list_filter = ["state", "rating", "is_verified", "locale"]
    readonly_fields = [
        "product",
        "stars",
        "text",
        "signed",
        "customer",
        "is_verified",
        "locale",
        "at",
    ]
    fields = ["state", *readonly_fields]

    def save_model(self, request: HttpRequest, obj: Review, form: Any, change: bool) -> None:
        caller, to = caller_from_request(request), form.cleaned_data["state"]
        reviews.moderate(caller, obj.public_id, to=to, now=timezone.now())

    def _moderate(self, request: HttpRequest, rows: QuerySet[Any], to: str) -> None:
        """By product, in one order for everybody: their ratings are counted anew."""
        caller, now = caller_from_request(request), timezone.now()
        ids = rows.order_by("master_id", "pk").values_list("public_id", flat=True)
        moved = sum(reviews.moderate(caller, public_id, to=to, now=now) for public_id in ids)
        said = ngettext("%(count)s review moved.", "%(count)s reviews moved.", moved)
        messages.success(request, said % {"count": moved})

    @display(description=gettext_lazy("rating"), ordering="rating")
    def stars(self, review: Review) -> str:
        return f"{review.rating} / 5"

    @display(description=gettext_lazy("text"))
    def beginning(self, review: Review) -> str:
        return review.text[:80]


class QuestionAdmin(VoiceAdmin):
    """A question with its answer, which staff write here."""

    list_display = ["asked_at", "product", "beginning", "is_answered", "shown_state"]
    list_filter = ["state", "locale"]
    fields = ["product", "question", "answer", "state", "customer", "locale", "asked_at"]
    readonly_fields = ["product", "question", "customer", "locale", "asked_at"]

    def save_model(self, request: HttpRequest, obj: Question, form: Any, change: bool) -> None:
        said = form.cleaned_data
        questions.answer(
            caller_from_request(request),
            obj.public_id,
            answer=said["answer"],
            to=said["state"],
            now=timezone.now(),
        )

    def _moderate(self, request: HttpRequest, rows: QuerySet[Any], to: str) -> None:
        """Each by itself: one without an answer holds no other up."""
        caller, now = caller_from_request(request), timezone.now()
        for public_id in rows.order_by("pk").values_list("public_id", flat=True):
            try:
                questions.moderate(caller, public_id, to=to, now=now)
            except Problem as problem:
                messages.error(request, problem.detail)

    @display(description=gettext_lazy("question"))
    def beginning(self, question: Question) -> str:
        return question.question[:80]

    @display(description=gettext_lazy("answered"), boolean=True)
    def is_answered(self, question: Question) -> bool:
        return bool(question.answer)
