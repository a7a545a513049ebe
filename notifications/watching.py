"""What the admin's pages of notifications share: they are looked at, and stay fresh meanwhile."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.forms.widgets import Script
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from unfold.paginator import InfinitePaginator

from museo.access.lists import ModelAdmin
from notifications.log_admin import LogAdmin

EVERY_SECONDS = 5


def stays_fresh(*, follows: str = "") -> Script:
    """The script that shows what is new: on each event of a topic, else every few seconds."""
    how = {"data-follows": follows} if follows else {"data-every": str(EVERY_SECONDS)}
    return Script("js/fresh-list.js", type="module", **{"data-fresh": "", **how})


def moment(at: datetime | None) -> str:
    return date_format(timezone.localtime(at), "j M, H:i:s") if at else "-"


class WatchedAdmin(LogAdmin, ModelAdmin):
    """Rows that the shop makes itself; what may be done with them is an action."""

    ordering = ["-pk"]
    list_per_page = 50
    # to count them all takes longer than to show a page
    paginator = InfinitePaginator
    show_full_result_count = False
    actions_on_bottom = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """No row is edited."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields or ()
