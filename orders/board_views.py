"""The board's pages: columns or a table, what is new of it, one order with all that can be done.

All of it works without JavaScript. `static/js/board.js` asks for parts by the header `X-Part`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.views.decorators import staff_member_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from museo.access.callers import Caller, caller_from_request
from museo.access.permissions import may
from museo.access.problems import NotAllowed, Problem
from notifications import log
from orders import acts, board, figures, lifecycle, notes, tracking
from orders.board import Slip
from orders.models import Order

TABLE = "table"
DAY = timedelta(days=1)


@never_cache
@staff_member_required
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Orders under way; `?view=table` shows them as a table."""
    caller, now = caller_from_request(request), timezone.now()
    # before the orders: what happens in between is told twice, never missed
    state = log.state()
    columns = board.whole(caller, now=now)
    shown = {
        "section": "board",
        **_shown(columns, request.GET.get("view") == TABLE, now),
        "strip": figures.strip(caller, columns, now=now),
        "charts": figures.charts(caller, now=now),
        "topic": tracking.STAFF_TOPIC,
        # the page counts on by itself
        "left": _("%(time)s left"),
        "late": _("%(time)s late"),
        "cursor": log.format_cursor(state.epoch, state.head),
        **_common(caller, now),
    }
    return render(request, "orders/board/page.html", shown)


@never_cache
@staff_member_required
@require_GET
def changes(request: HttpRequest) -> HttpResponse:
    """The slips of `?orders=` as they stand now, and the counts of all columns."""
    caller, now = caller_from_request(request), timezone.now()
    numbers = request.GET.get("orders", "").split(",")
    slips = board.some(caller, numbers, now=now)
    return _part(request, "changes", _changed(slips, caller, now))


@never_cache
@staff_member_required
@require_GET
def told(request: HttpRequest) -> HttpResponse:
    """The figures anew."""
    caller, now = caller_from_request(request), timezone.now()
    board.require(caller)
    shown = {
        "strip": figures.strip(caller, board.counted(), now=now),
        "charts": figures.charts(caller, now=now),
    }
    return _part(request, "figures", shown)


@never_cache
@staff_member_required
@require_http_methods(["GET", "POST"])
def one(request: HttpRequest, number: str) -> HttpResponse:
    """An order with all that can be done with it; `act` names what is done."""
    caller, now = caller_from_request(request), timezone.now()
    board.require(caller)
    order = tracking.find(caller, number)
    if request.method == "POST":
        return _act(request, caller, order, now)
    return _desk(request, caller, order)


def _act(request: HttpRequest, caller: Caller, order: Order, now: datetime) -> HttpResponse:
    kind = acts.ACTS.get(request.POST.get("act", ""))
    if kind is None:
        raise Http404
    form = kind(request.POST, order=order)
    if not form.is_valid():
        return _desk(request, caller, order, form, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        form.act(caller, timezone.now())
    except NotAllowed:
        raise
    except Problem as problem:
        form.add_error(None, problem.detail)
        order = tracking.find(caller, order.number)
        return _desk(request, caller, order, form, problem.status)
    LogEntry.objects.log_actions(request.user.pk, [order], CHANGE, str(form.label))  # type: ignore[arg-type]
    said = str(kind.done) % {"number": order.number}
    if _wants_part(request):
        slips = board.some(caller, [order.number], now=timezone.now())
        return _part(request, "changes", {**_changed(slips, caller, now), "said": said})
    messages.success(request, said)
    return redirect(f"{reverse('board')}#{order.number}")


def _desk(
    request: HttpRequest,
    caller: Caller,
    order: Order,
    filled: acts.ActForm | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    now = timezone.now()
    shown = {
        "section": "board",
        "desk": acts.desk(order, filled),
        "refusal": filled.non_field_errors() if filled else (),
        "slip": _slip(board.some(caller, [order.number], now=now)[0], now),
        "lines": order.lines.order_by("position"),
        "notes": notes.read(caller, order.number) if may(caller, "orders.change_order") else (),
        **_common(caller, now),
    }
    if _wants_part(request):
        return _part(request, "desk", shown, status)
    return render(request, "orders/board/order.html", shown, status=status)


def _wants_part(request: HttpRequest) -> bool:
    return "X-Part" in request.headers


def _part(
    request: HttpRequest, name: str, shown: dict[str, Any], status: int = HTTPStatus.OK
) -> HttpResponse:
    return render(request, f"orders/board/_{name}.html", shown, status=status)


def _common(caller: Caller, now: datetime) -> dict[str, Any]:
    return {"now": now, "may_act": may(caller, "orders.change_order")}


def _changed(slips: Sequence[Slip], caller: Caller, now: datetime) -> dict[str, Any]:
    return {
        "slips": [_slip(slip, now) for slip in slips],
        "columns": board.counted(),
        **_common(caller, now),
    }


def _shown(columns: Sequence[board.Column], is_table: bool, now: datetime) -> dict[str, Any]:
    """As a table all that is late comes first, and what has ended last."""
    slips = [slip for column in columns for slip in column.slips]
    slips.sort(key=lambda slip: (slip.column == board.DONE, slip.place))
    return {
        "is_table": is_table,
        "is_empty": not slips,
        "columns": [] if is_table else [_column(column, now) for column in columns],
        "rows": [_slip(slip, now) for slip in slips] if is_table else [],
    }


def _column(column: board.Column, now: datetime) -> dict[str, Any]:
    return {"of": column, "slips": [_slip(slip, now) for slip in column.slips]}


def _slip(slip: Slip, now: datetime) -> dict[str, Any]:
    """With its texts, and the one thing that is most likely to be done with it."""
    act, label = _first_act(slip)
    prefix, dash, short = slip.order.number.rpartition("-")
    return {
        "of": slip,
        "order": slip.order,
        "status": _(slip.label_key),
        "prefix": prefix + dash,
        "short": short,
        "act": act,
        "label": label,
        "time": _time(slip, now),
        "done": slip.done(now),
        "where": slip.order.address.get("postal_code") or slip.order.address.get("city") or "",
    }


def _first_act(slip: Slip) -> tuple[str, str]:
    """Nothing for what needs nobody."""
    if slip.following:
        return acts.Advance.name, str(acts.STEPS[slip.following])
    kind = next((kind for kind in (acts.Resume, acts.TryAgain) if kind.fits(slip.order)), None)
    return (kind.name, str(kind.label)) if kind else ("", "")


def _time(slip: Slip, now: datetime) -> str:
    order = slip.order
    if order.status in lifecycle.ENDED:
        return _moment(order.ended_at, now)
    if slip.late_by is not None:
        return _("%(time)s late") % {"time": _long(slip.late_by)}
    if order.held_at:
        return _("on hold")
    left = (order.next_step_at or order.eta) - now
    if left < board.HOUR:
        return _("%(time)s left") % {"time": _minutes(max(left, timedelta(0)))}
    return _("by %(time)s") % {"time": _moment(order.next_step_at or order.eta, now)}


def _long(span: timedelta) -> str:
    """12:05 are minutes and seconds, 2:05 h hours and minutes."""
    return _minutes(span) if span < board.HOUR else f"{_minutes(span / 60)} {_('h')}"


def _minutes(span: timedelta) -> str:
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    return f"{minutes}:{seconds:02}"


def _moment(at: datetime | None, now: datetime) -> str:
    if at is None:
        return ""
    is_near = abs(at - now) < DAY
    return date_format(timezone.localtime(at), "H:i" if is_near else "j M")
