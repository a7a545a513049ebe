"""What the admins of all apps share: one change of the log around every view that writes."""

import logging
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db import DataError, IntegrityError
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from museo.access.problems import Problem
from notifications import log

logger = logging.getLogger(__name__)


class LogAdmin(admin.ModelAdmin):
    """Form, list, action and delete views write in one `log.change()`.

    A refusal of a service or of a constraint is a message, and nothing is kept.
    """

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        return self.in_change(request, super().changelist_view, request, extra_context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        show = super().changeform_view
        return self.in_change(request, show, request, object_id, form_url, extra_context)

    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        return self.in_change(request, super().delete_view, request, object_id, extra_context)

    def in_change(self, request: HttpRequest, view: Callable[..., Any], *arguments: Any) -> Any:
        """What the view answers; if it refuses, the same page again with the reason."""
        if request.method != "POST":
            return view(*arguments)
        try:
            with log.change():
                return view(*arguments)
        except Problem as problem:
            refusal = problem.detail
        except (DataError, IntegrityError):
            # the forms check first: this is somebody who was faster by a moment
            logger.info("save refused by a constraint", extra={"path": request.path}, exc_info=True)
            refusal = _("Somebody else has just saved something that excludes this. Look again.")
        messages.error(request, refusal)
        return redirect(request.get_full_path())
