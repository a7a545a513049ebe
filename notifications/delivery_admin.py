"""Deliveries for staff: what went out, what waits and why, and what failed, to be sent again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from museo.access.callers import caller_from_request
from notifications import dead_letters, dispatcher, parcels, preferences, topics
from notifications.channels.message import NotSent
from notifications.masking import masked
from notifications.models import Attempt, Delivery, EventTopic, FurtherTopic
from notifications.watching import WatchedAdmin, moment, stays_fresh

State = Delivery.State
COLOURS = {
    State.SENT: "success",
    State.PENDING: "info",
    State.GATHERING: "info",
    State.FAILED: "danger",
    State.SUPERSEDED: "default",
    State.SKIPPED: "default",
}
# docs/webhooks.md, docs/channels.md and docs/notifications.md say what they mean
REASONS = (
    *NotSent.CODES,
    *(parcels.FORGOTTEN, parcels.NOT_ALLOWED, "not_configured", "too_many"),
    *dispatcher.REASONS.values(),
    *(dispatcher.SAME_ADDRESS, dispatcher.WITHOUT_WORDS, "newer"),
    *(preferences.NOT_WANTED, preferences.QUIET_HOURS, preferences.DIGEST),
    *(preferences.FALLBACK, preferences.ACKNOWLEDGED),
)
TABLE = '<table class="w-full text-sm"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>'


class ReasonFilter(admin.SimpleListFilter):
    """As a list, because to ask the rows which reasons there are would read them all."""

    title = gettext_lazy("reason")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(reason, reason) for reason in REASONS]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(reason=self.value()) if self.value() else queryset


class DueFilter(admin.SimpleListFilter):
    """What of that which waits is due."""

    title = gettext_lazy("due")
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("now", _("Now")), ("later", _("Later")), ("under_way", _("Is being sent"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        now = timezone.now()
        waiting = queryset.pending().filter(leased_by="")
        chosen: dict[str | None, Callable[[], Any]] = {
            "now": lambda: waiting.filter(due_at__lte=now),
            "later": lambda: waiting.filter(due_at__gt=now),
            "under_way": lambda: queryset.pending().exclude(leased_by=""),
        }
        return chosen.get(self.value(), lambda: queryset)()


@admin.register(Delivery)
class DeliveryAdmin(WatchedAdmin):
    """Each with its attempts in short; those that failed for good are the dead letters."""

    class Media:
        js = [stays_fresh()]

    list_display = [
        *("shown_id", "topic", "channel", "shown_address", "shown_state", "reason", "tries"),
        *("due", "created", "ended"),
    ]
    list_filter = ["state", "subscription__channel", ReasonFilter, DueFilter]
    list_select_related = ["subscription"]
    search_fields = ["subscription__public_id"]
    search_help_text = gettext_lazy("A subscription (sub_…), a delivery, an order's number")
    actions = ["send_again"]
    fields = [
        *("shown_id", "shown_subscription", "topic", "position", "channel", "shown_address"),
        *("state", "reason", "due", "created", "ended", "attempts"),
    ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By what indexes find: a delivery, a subscription, or what a topic's events are about."""
        word = search_term.strip()
        if not word:
            return queryset, False
        subscription, _dash, position = word.rpartition("-")
        if subscription.startswith("sub_") and position.isdecimal() and len(position) <= 18:
            found = queryset.filter(subscription__public_id=subscription, position=int(position))
        elif word.startswith("sub_"):
            found = queryset.filter(subscription__public_id=word)
        else:
            found = _about(queryset, word)
        return found, False

    def has_again_permission(self, request: HttpRequest) -> bool:
        """Whoever looks after subscriptions."""
        return bool(request.user.has_perm("notifications.change_subscription"))

    @admin.action(description=gettext_lazy("Send again"), permissions=["again"])
    def send_again(self, request: HttpRequest, deliveries: QuerySet[Delivery]) -> None:
        chosen = list(deliveries.select_related("subscription")[: dead_letters.MOST])
        tell_sent_again(request, chosen)

    # what is shown

    @display(description=gettext_lazy("delivery"))
    def shown_id(self, delivery: Delivery) -> str:
        return delivery.public_id

    @display(description=gettext_lazy("subscription"))
    def shown_subscription(self, delivery: Delivery) -> str:
        return delivery.subscription.public_id

    @display(description=gettext_lazy("channel"))
    def channel(self, delivery: Delivery) -> str:
        return delivery.subscription.channel

    @display(description=gettext_lazy("address"))
    def shown_address(self, delivery: Delivery) -> str:
        return masked(delivery.subscription)

    @display(description=gettext_lazy("state"), label=COLOURS)
    def shown_state(self, delivery: Delivery) -> tuple[str, str]:
        return delivery.state, delivery.get_state_display()

    @display(description=gettext_lazy("tries"))
    def tries(self, delivery: Delivery) -> str:
        return str(delivery.attempts_made)

    @display(description=gettext_lazy("due"))
    def due(self, delivery: Delivery) -> str:
        return moment(None if delivery.ended_at else delivery.due_at)

    @display(description=gettext_lazy("made"))
    def created(self, delivery: Delivery) -> str:
        return moment(delivery.created_at)

    @display(description=gettext_lazy("ended"))
    def ended(self, delivery: Delivery) -> str:
        return moment(delivery.ended_at)

    @display(description=gettext_lazy("attempts"))
    def attempts(self, delivery: Delivery) -> SafeString:
        """Newest first, as they were kept: without secrets."""
        titles = [_("Time"), _("Milliseconds"), _("Status"), _("Code"), _("Sent"), _("Answer")]
        head = format_html_join("", '<th class="text-left p-2">{}</th>', ((t,) for t in titles))
        body = format_html_join(
            "", "<tr>{}</tr>", ((_cells(each),) for each in delivery.attempts.order_by("-pk"))
        )
        return format_html(TABLE, head, body)


def _cells(attempt: Attempt) -> SafeString:
    shown = (
        moment(attempt.at),
        round(attempt.duration.total_seconds() * 1000),
        attempt.status or "-",
        ": ".join(filter(None, [attempt.code, attempt.detail])) or "-",
        attempt.request,
        attempt.response,
    )
    cell = '<td class="as-written p-2 align-top" dir="auto">{}</td>'
    return format_html_join("", cell, ((each,) for each in shown))


def _about(deliveries: QuerySet[Any], word: str) -> QuerySet[Any]:
    """Of the events of a topic that is called so, or whose subject is: by whom they are heard."""
    names = [word, *topics.about(word)]
    positions = list(
        EventTopic.objects.filter(topic__in=names).values_list("position", flat=True)[:1000]
    )
    hearing = EventTopic.objects.filter(position__in=positions).values("topic")
    further = FurtherTopic.objects.filter(topic__in=hearing).values("subscription")
    is_told = Q(subscription__topic__in=hearing) | Q(subscription__in=further)
    return deliveries.filter(is_told, position__in=positions)


def tell_sent_again(request: HttpRequest, deliveries: list[Delivery]) -> None:
    """Do it, and say what came of it."""
    caller = caller_from_request(request)
    again = dead_letters.send_again(caller, deliveries, now=timezone.now())
    for refusal in again.refusals:
        messages.error(request, refusal)
    messages.success(request, again.said())
