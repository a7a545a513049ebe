"""The statistics for staff: one page, drawn by the server, which stays fresh by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from notifications import statistics
from notifications.charts import Chart, chart
from notifications.models import Delivery, Tally
from notifications.watching import EVERY_SECONDS, WatchedAdmin

Row = Mapping[str, Any]


@admin.register(Tally)
class TallyAdmin(WatchedAdmin):
    """There is the page, and no rows to be looked at one by one."""

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.changelist_view)
        return [path("", page, name="notifications_tally_changelist")]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        told = statistics.realtime(now=timezone.now())
        shown = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Statistics"),
            "every": EVERY_SECONDS,
            "told": told,
            "charts": _charts(told["events"]),
            "states": [Delivery.State(state).label for state in Delivery.State.values],
            "deliveries": [_row(name, row) for name, row in told["deliveries"].items()],
            "types": list(told["events"]["by_type"].items()),
        }
        return render(request, "notifications/admin/statistics.html", shown)


def _charts(events: Row) -> list[Chart]:
    minutes, hours = events["per_minute"], events["per_hour"]
    return [
        chart(_("Events a minute"), _values(minutes, "minute", "events")),
        chart(_("Events an hour"), _values(hours, "hour", "events")),
        chart(_("Orders placed a minute"), _values(minutes, "minute", "placed")),
        chart(_("Orders placed an hour"), _values(hours, "hour", "placed")),
    ]


def _values(rows: Sequence[Row], when: str, what: str) -> list[tuple[str, int]]:
    return [(_clock(row[when]), row[what]) for row in rows]


def _clock(at: str) -> str:
    return date_format(timezone.localtime(datetime.fromisoformat(at)), "j M, H:i")


def _row(channel: str, told: Row) -> dict[str, Any]:
    latency = told["latency_seconds"]
    return {
        "channel": channel,
        "counts": [told[state] for state in Delivery.State.values],
        "latency": f"{latency['p50']:.1f} s / {latency['p95']:.1f} s" if latency else "-",
    }
