"""Imports for staff: upload, choose what the columns mean, see the difference, import, undo.

Every page works without JavaScript: while a worker is busy it loads itself anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from catalog.imports import columns, downloads, exports, services
from catalog.imports.limits import LARGEST_FILE
from catalog.imports.models import PERMISSION, Import, ImportRow
from catalog.imports.problems import OF_FILES, CannotImport, words
from catalog.models import Category, Master
from catalog.templatetags.money import money
from museo.access.callers import caller_from_request
from museo.access.lists import ModelAdmin
from museo.access.problems import Problem

SHOWN = 50
State = Import.State
BADGES = {
    # what has no colour of its own has its name, too
    **dict.fromkeys(State, "default"),
    State.DONE: "success",
    State.FAILED: "danger",
    State.CANCELLED: "warning",
    **dict.fromkeys(Import.AT_WORK, "info"),
}


class UploadForm(forms.Form):
    file = forms.FileField(
        label=capfirst(gettext_lazy("file")),
        help_text=gettext_lazy("CSV, XLSX or JSON. The first row names the columns."),
        widget=forms.FileInput({"class": "in drop", "accept": ".csv,.tsv,.txt,.xlsx,.json,.jsonl"}),
    )


class MappingForm(forms.Form):
    """One choice for each column of the file."""

    def __init__(self, found: Import, data: Any = None) -> None:
        super().__init__(data)
        for index, (name, field) in enumerate(zip(found.header, found.mapping, strict=True)):
            offered = dict(columns.choices(name))
            offered.setdefault(field, downloads.label_of(field))
            self.fields[f"column-{index}"] = forms.ChoiceField(
                label=name or "-",
                choices=[("", _("not imported")), *((k, v) for k, v in offered.items() if k)],
                initial=field,
                required=False,
                widget=forms.Select({"class": "in"}),
            )

    @property
    def mapping(self) -> list[str]:
        return list(self.cleaned_data.values())


@admin.register(Import)
class ImportAdmin(ModelAdmin):
    """Import and export of products."""

    list_display = ["file_name", "shown_state", "total", "created", "changed", "refused", "when"]
    ordering = ["-pk"]
    list_before_template = "catalog/imports/_exports.html"

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("export/", self.export, name="catalog_import_export"),
            path("<path:object_id>/refused/", self.refused, name="catalog_import_refused"),
            path("<path:object_id>/kept/", self.kept, name="catalog_import_kept"),
        ]
        for each in own:
            each.callback = self.admin_site.admin_view(each.callback)
        return [*own, *super().get_urls()]

    # who may

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(PERMISSION))

    def has_view_permission(self, request: HttpRequest, obj: Import | None = None) -> bool:
        return bool(request.user.has_perm(PERMISSION))

    has_add_permission = has_change_permission = has_view_permission

    def has_delete_permission(self, request: HttpRequest, obj: Import | None = None) -> bool:
        return False

    # pages

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Upload a file."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        caller = caller_from_request(request)
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            file = form.cleaned_data["file"]
            try:
                found = services.upload(
                    file.chunks(),
                    file_name=file.name,
                    owner_id=caller.user_id,
                    now=timezone.now(),
                )
                return redirect("admin:catalog_import_change", found.pk)
            except CannotImport as problem:
                form.add_error("file", problem.detail)
        context = {"form": form, "most": LARGEST_FILE // 1024 // 1024, "stages": _stages(None)}
        status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
        return self._page(request, "upload", _("Import products"), context, status)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """Where the import stands, and what can be done with it now."""
        found = self._found(request, object_id)
        # a button beside the choices sends them, too
        form = MappingForm(found, request.POST if {"check", "run"} & request.POST.keys() else None)
        if request.method != "POST":
            return self._page(request, "import", found.file_name, self._shown(request, found, form))
        try:
            self._act(request, found, form)
        except CannotImport as problem:
            # what was chosen stays chosen
            shown = {**self._shown(request, found, form), "mapping_problem": problem.detail}
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            return self._page(request, "import", found.file_name, shown, status)
        except Problem as problem:
            messages.error(request, problem.detail)
        return redirect(request.path)

    def _act(self, request: HttpRequest, found: Import, form: MappingForm) -> None:
        """Do what the button says."""
        caller, now = caller_from_request(request), timezone.now()
        acts: Mapping[str, Callable[[], Any]] = {
            "check": lambda: services.check(
                caller, found.public_id, mapping=_chosen(form), now=now
            ),
            "run": lambda: self._run(request, found, _chosen(form)),
            "cancel": lambda: services.cancel(caller, found.public_id, now=now),
            "undo": lambda: services.undo(caller, found.public_id, now=now),
        }
        for name, act in acts.items():
            if name in request.POST:
                act()

    def _run(self, request: HttpRequest, found: Import, shown: Sequence[str]) -> None:
        caller, now = caller_from_request(request), timezone.now()
        begun = services.run(caller, found.public_id, shown=shown, now=now)
        if not begun.has_run:
            messages.info(request, services.MEANS_ANOTHER)

    def _shown(self, request: HttpRequest, found: Import, form: MappingForm) -> dict[str, Any]:
        rows, more = _rows(request, found)
        does_something = found.created + found.changed > 0
        return {
            "import": found,
            "columns": [
                {"field": field, "examples": _examples(found, index)}
                for index, field in enumerate(form)
            ],
            "is_at_work": found.state in Import.AT_WORK,
            "can_map": found.state in (State.UPLOADED, State.CHECKED),
            "is_left": found.is_left(timezone.now()),
            "can_run": found.state == State.CHECKED and does_something,
            "is_known": found.state == State.CHECKED and found.unchanged == found.total,
            "can_undo": found.can_be_undone and does_something,
            "warnings": downloads.warnings(found),
            "failure": words(OF_FILES, found.failure) if found.failure else "",
            "outcomes": [
                (outcome, label, getattr(found, COUNTERS[outcome]))
                for outcome, label in ImportRow.Outcome.choices
            ],
            "outcome": request.GET.get("outcome", ""),
            "rows": rows,
            "more": more,
            "stages": _stages(found),
        }

    def _page(
        self,
        request: HttpRequest,
        name: str,
        title: str,
        context: Mapping[str, Any],
        status: int = HTTPStatus.OK,
    ) -> HttpResponse:
        """One of the house's own, without the admin's theme."""
        shown = {"section": "imports", "title": title, **context}
        return render(request, f"catalog/imports/{name}.html", shown, status=status)

    def _found(self, request: HttpRequest, object_id: str) -> Import:
        visible = Import.objects.visible_to(caller_from_request(request))
        return get_object_or_404(visible, pk=_number(object_id))

    # downloads

    def refused(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        found = self._found(request, object_id)
        return exports.sheet(downloads.refused(found), f"refused-{found.public_id}.csv")

    def kept(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        found = self._found(request, object_id)
        return exports.sheet(downloads.kept(found), f"not-undone-{found.public_id}.csv")

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """All products."""
        kind = request.GET.get("type", "csv")
        try:
            parts = exports.export(caller_from_request(request), kind=kind, now=timezone.now())
        except Problem as problem:
            messages.error(request, problem.detail)
            return redirect("admin:catalog_import_changelist")
        return exports.download(parts, kind)

    # the list

    @display(description=gettext_lazy("state"), label=dict(BADGES))
    def shown_state(self, found: Import) -> tuple[str, str]:
        return found.state, found.get_state_display()

    @display(description=gettext_lazy("uploaded at"), ordering="created_at")
    def when(self, found: Import) -> Any:
        return found.created_at


# how far a file has come, by the states of its import
STAGES: Mapping[str, frozenset[str]] = {
    "file": frozenset(),
    "columns": frozenset({State.UPLOADED}),
    "check": frozenset({State.CHECKING, State.CHECKED}),
    "import": frozenset(State.values) - {State.UPLOADED, State.CHECKING, State.CHECKED},
}


@dataclass(frozen=True)
class Stage:
    label: str
    # done, current or to come
    standing: str


def _stages(found: Import | None) -> list[Stage]:
    """The way of a file through the wizard; None before there is one."""
    labels = {
        "file": _("Choose a file"),
        "columns": _("Say what columns mean"),
        "check": _("See what would change"),
        "import": _("Import"),
    }
    here = _stage(found) if found else "file"
    names = list(STAGES)
    return [Stage(labels[name], _standing(names.index(name) - names.index(here))) for name in names]


def _stage(found: Import) -> str:
    if found.state in Import.HAS_ENDED and not found.has_run:
        # it did not come to the import
        return "check"
    return next(name for name in STAGES if found.state in STAGES[name])


def _standing(distance: int) -> str:
    return "current" if distance == 0 else "done" if distance < 0 else "to-come"


COUNTERS: Mapping[str, str] = {
    ImportRow.Outcome.CREATE: "created",
    ImportRow.Outcome.CHANGE: "changed",
    ImportRow.Outcome.UNCHANGED: "unchanged",
    ImportRow.Outcome.REFUSED: "refused",
}


@admin.action(description=gettext_lazy("Export as CSV"), permissions=["view"])
def export_selected(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Master]
) -> HttpResponseBase:
    """The chosen products, as a file that can be imported again."""
    ids = list(queryset.values_list("pk", flat=True))
    caller, now = caller_from_request(request), timezone.now()
    return exports.download(exports.export(caller, kind="csv", ids=ids, now=now), "csv")


def _examples(found: Import, index: int) -> list[str]:
    """What the first rows hold in a column, each once, without the blanks."""
    return list(dict.fromkeys(row[index][:40] for row in found.sample if row[index].strip()))


def _chosen(form: MappingForm) -> list[str]:
    if not form.is_valid():
        raise CannotImport("mapping_invalid", what=" ".join(form.errors))
    return form.mapping


def _rows(request: HttpRequest, found: Import) -> tuple[list[dict[str, Any]], int | None]:
    """A page of rows with what becomes of them, and after which row the next one begins."""
    rows = found.rows.exclude(outcome="").order_by("number")
    if request.GET.get("outcome") in ImportRow.Outcome.values:
        rows = rows.filter(outcome=request.GET["outcome"])
    page = list(rows.filter(number__gt=_number(request.GET.get("after", "")))[: SHOWN + 1])
    slugs = dict(Category.objects.values_list("pk", "slug"))
    more = page[SHOWN - 1].number if len(page) > SHOWN else None
    return [_shown_row(row, slugs) for row in page[:SHOWN]], more


def _number(text: str) -> int:
    """0, which nothing has, for what is no number of ours."""
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _shown_row(row: ImportRow, slugs: Mapping[int, str]) -> dict[str, Any]:
    return {
        "number": row.number,
        "sku": row.sku,
        "label": row.get_outcome_display(),
        "is_refused": row.outcome == ImportRow.Outcome.REFUSED,
        "is_kept": row.was_undone is False,
        "reasons": [downloads.sentence(reason) for reason in row.reasons],
        "changes": [
            {
                "label": downloads.label_of(field),
                "old": _text(downloads.readable(field, old, slugs)),
                "new": _text(downloads.readable(field, new, slugs)),
            }
            for field, (old, new) in row.changes.items()
            if field != "created"
        ],
    }


def _text(value: Any) -> str:
    """As somebody would type it into a file, not all of what is long."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict) and value.keys() == {"amount", "currency"}:
        return money(value)
    if isinstance(value, dict):
        return "; ".join(f"{name}={_text(each)}" for name, each in value.items())[:200]
    if isinstance(value, list):
        return ", ".join(map(_text, value))[:200]
    return str(value)[:200]
