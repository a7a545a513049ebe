"""What the admins of all apps share: one change of the log around a form that is saved."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from museo.access.problems import Problem
from notifications import log


class LogAdmin(admin.ModelAdmin):
    """Saves in `log.change()`; a refusal of a service is a message and nothing is kept."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)
        try:
            with log.change():
                return super().changeform_view(request, object_id, form_url, extra_context)
        except Problem as problem:
            return self._say(request, problem)

    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        if request.method != "POST":
            return super().delete_view(request, object_id, extra_context)
        with log.change():
            return super().delete_view(request, object_id, extra_context)

    def _say(self, request: HttpRequest, problem: Problem) -> HttpResponse:
        messages.error(request, problem.detail)
        return redirect(request.get_full_path())
