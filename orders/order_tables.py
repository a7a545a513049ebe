"""The tables on staff's page of an order: what it costs, who paid, who was told, what happened."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalog.templatetags.money import money
from museo.access.models import User
from notifications import log
from notifications.envelope import render
from notifications.masking import masked
from notifications.models import Delivery, Event, Subscription
from orders import answers, payments, pricing
from orders.models import Order, Payment

TABLE = (
    '<div class="overflow-x-auto"><table class="w-full text-sm"><thead><tr>{}</tr></thead>'
    "<tbody>{}</tbody></table></div>"
)
# on the page; there is a link to all
MOST_TOLD = 20


def table(titles: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> SafeString:
    """A dash where there are no rows, as of any field that is empty."""
    if not rows:
        return SafeString("-")
    head = format_html_join("", '<th class="text-left p-2">{}</th>', ((t,) for t in titles))
    body = format_html_join("", "<tr>{}</tr>", ((_cells(row),) for row in rows))
    return format_html(TABLE, head, body)


def when(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "j M, H:i:s") if moment else ""


def totals(order: Order) -> SafeString:
    shown = {"totals": order.totals, "total_label": _("Total")}
    return render_to_string("orders/_totals.html", shown)


def paid_by(order: Order) -> SafeString:
    """Each try to pay, with its own page."""
    rows = [
        (
            _link("admin:orders_payment_change", payment.pk, when(payment.created_at)),
            payments.name_of(payment.provider, payment.method),
            payment.get_state_display(),
            money(pricing.money(payment.amount, payment.currency)),
        )
        for payment in Payment.objects.filter(checkout=order.checkout_id).order_by("pk")
    ]
    return table([_("Time"), capfirst(_("paid by")), _("State"), _("Amount")], rows)


def told(order: Order) -> SafeString:
    """The newest that people and programs were told, and a link to all, with its tries."""
    newest = deliveries(order, _topics(order))[:MOST_TOLD]
    types = {each.position: each.type for each in _events_of(newest)}
    rows = [
        (
            when(each.created_at),
            each.subscription.channel,
            masked(each.subscription),
            types.get(each.position, ""),
            each.get_state_display(),
        )
        for each in newest
    ]
    titles = [_("Time"), _("channel"), _("address"), _("Type"), _("State")]
    everything = reverse("admin:notifications_delivery_changelist")
    return format_html(
        '{}<p class="p-2"><a class="underline" href="{}?q={}">{}</a></p>',
        table([capfirst(title) for title in titles], rows),
        everything,
        order.number,
        capfirst(_("deliveries")),
    )


def notes(order: Order) -> SafeString:
    """What staff wrote down, and what was changed; people by their address, guests by none."""
    kept = list(order.notes.order_by("pk"))
    people = User.objects.in_bulk({pk for note in kept if (pk := _user_id(note.by))})
    rows = [(when(note.at), _signed(note.by, people), note.text) for note in kept]
    return table([_("Time"), _("By"), _("Text")], rows)


def timeline(order: Order) -> SafeString:
    """The events of the order, its payments and returns as the log has them, newest first."""
    rows = [
        (event.version, when(event.at), event.type, _text(event))
        for event in reversed(log.read(_topics(order), after=0))
    ]
    return table([_("Version"), _("Time"), _("Type"), _("Text")], rows)


def _topics(order: Order) -> list[str]:
    paying = Payment.objects.filter(checkout=order.checkout_id)
    returning = order.returns.all()
    return [order.topic, *(each.topic for each in paying), *map(answers.topic, returning)]


def deliveries(order: Order, topics: Collection[str] = ()) -> Any:
    """What was told by the wishes of this order, of it alone without `topics`, newest first."""
    about = topics or [order.topic]
    told = Delivery.objects.filter(subscription__topic=order.topic, topic__in=about)
    return told.select_related("subscription").order_by("-pk")


def last_words(order: Order) -> list[Delivery]:
    """The newest that each person was told who hears of the order."""
    people = Subscription.objects.filter(topic=order.topic)
    people = people.exclude(channel=Subscription.Channel.WEBHOOK)
    newest = (deliveries(order).filter(subscription=each).first() for each in people)
    return [each for each in newest if each]


def _events_of(told: Sequence[Delivery]) -> list[Event]:
    return list(log.read_at({each.position for each in told}).values())


def _text(event: Event) -> str:
    data = render(event, get_language() or "en")["data"]
    if "amount" in data:
        return money(pricing.money(data.get("refunded", data["amount"]), data["currency"]))
    return str(data.get("status_message") or data.get("message", ""))


def _user_id(by: str) -> int | None:
    """Of a person, or of an app of theirs: `user:42/…`."""
    kind, _colon, name = by.partition("/")[0].partition(":")
    return int(name) if kind == "user" else None


def _signed(by: str, people: Mapping[int, User]) -> str:
    if by.startswith("guest:"):
        return _("A customer")
    person = people.get(_user_id(by) or 0)
    return person.email if person else by


def _link(page: str, key: int, text: str) -> SafeString:
    return format_html('<a class="underline" href="{}">{}</a>', reverse(page, args=[key]), text)


def _cells(row: tuple[Any, ...]) -> SafeString:
    return format_html_join("", '<td class="p-2">{}</td>', ((cell,) for cell in row))
