"""How receivers are: webhooks and people's addresses, who takes what is sent and who does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Exists, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from museo.access import trail
from museo.access.callers import caller_from_request
from museo.access.problems import Problem
from notifications import dead_letters, subscribing, subscriptions
from notifications.delivery_admin import tell_sent_again
from notifications.masking import masked
from notifications.models import Delivery, Subscription
from notifications.watching import WatchedAdmin, moment, stays_fresh

State = Subscription.State
COLOURS = {
    State.ACTIVE: "success",
    State.PAUSED: "warning",
    State.DISABLED: "danger",
    State.UNCONFIRMED: "default",
}
LATELY = timedelta(days=1)


class HealthFilter(admin.SimpleListFilter):
    """What somebody should look after."""

    title = gettext_lazy("health")
    parameter_name = "health"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("failing", _("Is failing")),
            ("resting", _("Rests")),
            ("dead", _("Failed in the last day")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        now = timezone.now()
        chosen: dict[str | None, Callable[[], Any]] = {
            "failing": lambda: queryset.exclude(failing_since=None),
            "resting": lambda: queryset.filter(rests_until__gt=now),
            "dead": lambda: queryset.filter(Exists(_failed_lately())),
        }
        return chosen.get(self.value(), lambda: queryset)()


@admin.register(Subscription)
class SubscriptionAdmin(WatchedAdmin):
    """Webhook health."""

    class Media:
        js = [stays_fresh()]

    list_display = [
        *("shown_id", "shown_address", "topics", "channel", "shown_state", "waiting", "failed"),
        *("succeeded", "failing", "resting", "why"),
    ]
    list_filter = ["channel", "shape", "state", HealthFilter]
    search_fields = ["public_id__exact", "topic__exact", "further__topic__exact", "who__exact"]
    search_help_text = gettext_lazy("A subscription (sub_…), a topic, or whose it is (user:42)")
    actions = ["pause", "resume", "send_failed_again"]
    fields = [
        *(
            "shown_id",
            "topics",
            "types",
            "filter",
            "channel",
            "shown_address",
            "whose",
            "state",
        ),
        *("event_name", "expires"),
        *("why", "succeeded", "failing", "resting", "waiting", "failed"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return with_deliveries(rows)

    def has_care_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("notifications.change_subscription"))

    @admin.action(description=gettext_lazy("Pause"), permissions=["care"])
    def pause(self, request: HttpRequest, rows: QuerySet[Subscription]) -> None:
        moved = [each.public_id for each in rows.order_by("pk") if subscriptions.pause(each)]
        _leave_trail(request, "subscription.paused", moved)
        messages.success(request, said_paused(len(moved)))

    @admin.action(description=gettext_lazy("Resume"), permissions=["care"])
    def resume(self, request: HttpRequest, rows: QuerySet[Subscription]) -> None:
        """Each by itself: one whose address nobody has confirmed holds no other up."""
        moved = []
        for each in rows.order_by("pk"):
            try:
                if subscribing.resume(each):
                    moved.append(each.public_id)
            except Problem as problem:
                messages.error(request, f"{each.public_id}: {problem.detail}")
        _leave_trail(request, "subscription.resumed", moved)
        messages.success(request, said_resumed(len(moved)))

    @admin.action(description=gettext_lazy("Send again what failed"), permissions=["care"])
    def send_failed_again(self, request: HttpRequest, rows: QuerySet[Subscription]) -> None:
        failed = [each for row in rows.order_by("pk") for each in dead_letters.of(row)]
        tell_sent_again(request, failed[: dead_letters.MOST])

    # what is shown

    @display(description=gettext_lazy("subscription"))
    def shown_id(self, row: Subscription) -> str:
        return row.public_id

    @display(description=gettext_lazy("topics"), ordering="topic")
    def topics(self, row: Subscription) -> str:
        return ", ".join(row.topics)

    @display(description=gettext_lazy("address"))
    def shown_address(self, row: Subscription) -> str:
        return masked(row)

    @display(description=gettext_lazy("whose"))
    def whose(self, row: Subscription) -> str:
        """Of a ticket its digest says nothing."""
        return row.who.partition(":")[0] if row.who.startswith("ticket:") else row.who

    @display(description=gettext_lazy("MCP event"))
    def event_name(self, row: Subscription) -> str:
        return row.event or "-"

    @display(description=gettext_lazy("ends at"))
    def expires(self, row: Subscription) -> str:
        return moment(row.expires_at)

    @display(description=gettext_lazy("state"), label=COLOURS)
    def shown_state(self, row: Subscription) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=gettext_lazy("reason"))
    def why(self, row: Subscription) -> str:
        return row.reason or "-"

    @display(description=gettext_lazy("last success"))
    def succeeded(self, row: Any) -> str:
        return moment(row.succeeded_at)

    @display(description=gettext_lazy("failing since"), ordering="failing_since")
    def failing(self, row: Subscription) -> str:
        return moment(row.failing_since)

    @display(description=gettext_lazy("rests until"))
    def resting(self, row: Subscription) -> str:
        return moment(row.rests_until)

    @display(description=gettext_lazy("waiting"))
    def waiting(self, row: Any) -> SafeString | str:
        return _to_deliveries(row, row.now_waiting, Delivery.State.PENDING)

    @display(description=gettext_lazy("failed in a day"))
    def failed(self, row: Any) -> SafeString | str:
        return _to_deliveries(row, row.failed_lately, Delivery.State.FAILED)


def said_paused(count: int) -> str:
    words = ngettext("%(count)s subscription paused.", "%(count)s subscriptions paused.", count)
    return words % {"count": count}


def said_resumed(count: int) -> str:
    words = ngettext("%(count)s subscription resumed.", "%(count)s subscriptions resumed.", count)
    return words % {"count": count}


def with_deliveries(rows: QuerySet[Any]) -> QuerySet[Any]:
    """With what became of its deliveries; secrets are not read at all."""
    mine = Delivery.objects.filter(subscription=OuterRef("pk"))
    sent = mine.filter(state=Delivery.State.SENT).order_by("-position")
    rows = rows.defer("secret", "previous_secret").prefetch_related("further")
    told: QuerySet[Any] = rows.annotate(
        succeeded_at=Subquery(sent.values("ended_at")[:1]),
        now_waiting=_counted(mine.waiting()),
        failed_lately=_counted(_failed_lately()),
    )
    return told


def _leave_trail(request: HttpRequest, what: str, targets: list[str]) -> None:
    trail.leave_many(caller_from_request(request), what, targets, at=timezone.now())


def _failed_lately() -> Any:
    failed = Delivery.objects.filter(subscription=OuterRef("pk"), state=Delivery.State.FAILED)
    return failed.filter(ended_at__gt=timezone.now() - LATELY)


def _counted(rows: Any) -> Any:
    counted = rows.order_by().values("subscription").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def _to_deliveries(row: Subscription, count: int, state: Delivery.State) -> SafeString | str:
    """The number, which leads to them."""
    if not count:
        return "0"
    page = reverse("admin:notifications_delivery_changelist")
    link = f"{page}?q={row.public_id}&state__exact={state}"
    return format_html('<a class="underline" href="{}">{}</a>', link, count)
