"""How the push is, and who does not take what is sent to them: one page, with what staff can do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Any

from django.contrib import messages
from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count, F, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from prometheus_client import Metric

from museo.access import heartbeat, trail
from museo.access.callers import Caller, caller_from_request
from museo.access.permissions import may
from museo.access.problems import Problem
from museo.access.tokens import as_name
from museo.ops import metrics
from museo.ops.health import LATE_AFTER, WORK_IS_LATE_AFTER
from notifications import dead_letters, log, subscribing, subscriptions
from notifications.masking import masked
from notifications.models import Delivery, Reader, Subscription
from notifications.subscription_admin import said_paused, said_resumed, with_deliveries
from notifications.watching import EVERY_SECONDS, moment

SEES, CARES = "notifications.view_subscription", "notifications.change_subscription"
State = Subscription.State
# receivers on the page; all are in the list of the admin
MOST = 50
# so far behind nobody notices
A_BLINK = 5
SLOW = timedelta(seconds=1)


@dataclass(frozen=True)
class Line:
    """One fact; `state` is ok, warn, err or empty for a plain number."""

    name: str
    text: str
    state: str = ""


@never_cache
@staff_member_required
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    caller, now = caller_from_request(request), timezone.now()
    if not may(caller, SEES):
        raise PermissionDenied
    if request.method == "POST":
        return _act(request, caller)
    shown = {
        "section": "health",
        "every": EVERY_SECONDS,
        "lines": [*_of_the_rounds(now), *_of_the_push(), *_of_the_log()],
        "queues": _queues(now),
        "receivers": [_receiver(row, now) for row in _in_trouble()[:MOST]],
        "may_care": may(caller, CARES),
    }
    return render(request, "ops/health.html", shown)


# what staff do


def _act(request: HttpRequest, caller: Caller) -> HttpResponse:
    """`act` to the subscription `id`, then the page again."""
    if not may(caller, CARES):
        raise PermissionDenied
    act = ACTS.get(request.POST.get("act", ""))
    found = Subscription.objects.filter(public_id=as_name(request.POST.get("id", "")))
    subscription = found.first()
    if act is None or subscription is None:
        raise Http404
    try:
        messages.success(request, act(caller, subscription))
    except Problem as problem:
        messages.error(request, problem.detail)
    return redirect("health")


def _try_now(caller: Caller, subscription: Subscription) -> str:
    unsent = dead_letters.unsent(subscription)
    again = dead_letters.send_again(caller, unsent, now=timezone.now())
    if again.refusals:
        raise Problem(" ".join(again.refusals))
    return again.said()


def _pause(caller: Caller, subscription: Subscription) -> str:
    moved = subscriptions.pause(subscription)
    return said_paused(_traced(caller, subscription, "paused", moved))


def _resume(caller: Caller, subscription: Subscription) -> str:
    moved = subscribing.resume(subscription)
    return said_resumed(_traced(caller, subscription, "resumed", moved))


def _traced(caller: Caller, subscription: Subscription, what: str, is_moved: bool) -> int:
    """Leave the trail of what was moved; how many that are."""
    moved = [subscription.public_id] if is_moved else []
    trail.leave_many(caller, f"subscription.{what}", moved, at=timezone.now())
    return len(moved)


ACTS: dict[str, Callable[[Caller, Subscription], str]] = {
    "try_now": _try_now,
    "pause": _pause,
    "resume": _resume,
}


# what is shown


def _of_the_rounds(now: datetime) -> list[Line]:
    last = heartbeat.last_of_all()
    return [
        _ran(_("Order timer"), last.get("tick"), LATE_AFTER, now),
        _ran(_("Background work"), last.get("deliver"), WORK_IS_LATE_AFTER, now),
    ]


def _ran(name: str, last: datetime | None, late_after: timedelta, now: datetime) -> Line:
    if last is None:
        return Line(name, _("has not run yet"), "err")
    ago = max(0, round((now - last).total_seconds()))
    words = ngettext("ran %(count)s second ago", "ran %(count)s seconds ago", ago)
    return Line(name, words % {"count": ago}, "ok" if now - last < late_after else "err")


def _agents() -> int:
    """None where nobody has asked for MCP yet, which loads it."""
    loaded = sys.modules.get("mcp_bridge.push")
    return sum(loaded.counts().values()) if loaded else 0


def _of_the_push() -> list[Line]:
    """Of all processes of this machine, but for agents, whom each process knows for itself."""
    told = list(metrics.measured().collect())
    behind = _total(told, "museo_live_behind")
    return [
        Line(_("Streams open"), str(_total(told, "museo_live_clients"))),
        Line(_("Agents that listen over MCP"), str(_agents())),
        _delay(told),
        Line(_("Events still to be told"), str(behind), "ok" if behind <= A_BLINK else "warn"),
        Line(
            _("Streams closed because nobody read them"),
            str(_total(told, "museo_live_slow_clients_total")),
        ),
        Line(_("Refused by a limit"), str(_total(told, "museo_live_refused_total"))),
    ]


def _total(told: Iterable[Metric], name: str) -> int:
    samples = (sample for family in told for sample in family.samples)
    return int(sum(sample.value for sample in samples if sample.name == name))


def delay_at_most(told: Iterable[Metric], percent: int) -> float | None:
    """Seconds within which so many percent of the events were told; None before the first.

    The bound of a bucket: infinite where the last one is not enough.
    """
    buckets = sorted(
        (float(sample.labels["le"]), sample.value)
        for family in told
        for sample in family.samples
        if sample.name == "museo_live_delay_seconds_bucket"
    )
    enough = buckets[-1][1] * percent / 100 if buckets else 0
    return next(bound for bound, count in buckets if count >= enough) if enough else None


def _delay(told: Iterable[Metric]) -> Line:
    seconds = delay_at_most(told, 95)
    name = _("Change to screen, 95 of 100")
    if seconds is None:
        return Line(name, "-")
    if seconds == inf:
        return Line(name, _("more than 5 s"), "warn")
    text = _("at most %(count)s s") % {"count": f"{seconds:g}"}
    return Line(name, text, "ok" if seconds <= SLOW.total_seconds() else "warn")


def _of_the_log() -> list[Line]:
    """How far the readers of the log are behind its head."""
    head = log.state().head
    places = dict(Reader.objects.order_by("name").values_list("name", "position"))
    return [
        _place(_("Events to be sent out"), head - places.get("dispatcher", head)),
        _place(_("Events to be counted"), head - places.get("statistics", head)),
    ]


def _place(name: str, behind: int) -> Line:
    return Line(name, str(behind), "ok" if behind < 1000 else "warn")


def _queues(now: datetime) -> list[dict[str, Any]]:
    """By channel, what waits and what is overdue."""
    late = now - timedelta(minutes=1)
    rows = Delivery.objects.pending().order_by().values("subscription__channel")
    counted = rows.annotate(**_counts(late)).order_by("subscription__channel")
    return [{"channel": row["subscription__channel"], **row} for row in counted]


def _counts(late: datetime) -> dict[str, Any]:
    return {"waiting": Count("pk"), "late": Count("pk", filter=Q(due_at__lt=late, leased_by=""))}


def _in_trouble() -> Any:
    """What fails or was ended because it did, the longest first."""
    rows = with_deliveries(Subscription.objects.all())
    troubled = rows.filter(
        Q(failing_since__isnull=False) | Q(state__in=[State.DISABLED, State.PAUSED])
    )
    return troubled.order_by(F("failing_since").asc(nulls_last=True), "-pk")


def _receiver(row: Any, now: datetime) -> dict[str, Any]:
    rests = row.rests_until if row.rests_until and row.rests_until > now else None
    return {
        "row": row,
        "address": masked(row),
        "failing": moment(row.failing_since),
        "rests": moment(rests),
        "is_active": row.state == State.ACTIVE,
        "can_resume": row.state in (State.PAUSED, State.DISABLED),
        "can_try": row.state == State.ACTIVE and (row.now_waiting or row.failed_lately),
    }
