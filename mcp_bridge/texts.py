"""What a chat says: friendly, with emoji, in the active language."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import get_language, gettext

from catalog.imports.models import Import
from catalog.models import Master
from catalog.modifiers import whole_name
from catalog.money import Money
from museo.directions import isolated
from notifications.letters import duration
from orders.lifecycle import ENDED, text_key


def placed(order: Mapping[str, Any], *, now: datetime) -> str:
    """`order` as `tracking.confirmation` has it."""
    coming = [
        f"- {step['label']} ({duration(_until(step['due_at'], now))})" for step in order["upcoming"]
    ]
    return "\n".join(
        [
            gettext("✅ Order placed successfully!"),
            "",
            gettext("**Order ID**: %(number)s") % {"number": order["number"]},
            gettext("**Status**: %(status)s")
            % {"status": gettext(text_key(order["status"], "label"))},
            gettext("**Estimated delivery**: %(duration)s")
            % {"duration": duration(_until(order["eta"], now))},
            "",
            gettext("🔔 **You'll receive automatic updates!**"),
            gettext("I'll notify you when:"),
            *coming,
            "",
            gettext("No need to ask - I'll keep you posted! 🍽️"),
        ]
    )


def update(order: Mapping[str, Any], *, now: datetime) -> str:
    """How an order stands; `order` as `tracking.track` has it."""
    lines = [gettext(text_key(order["status"], "chat"))]
    if order["status"] not in ENDED:
        remaining = duration(_until(order["eta"], now))
        lines.append(gettext("ETA: %(duration)s") % {"duration": remaining})
    return "\n".join(lines)


def subscribed(number: str) -> str:
    return gettext(
        "✅ Subscribed to updates for order %(number)s. "
        "You'll receive automatic notifications when status changes."
    ) % {"number": number}


def please_confirm(
    *,
    lines: Sequence[Mapping[str, Any]],
    totals: Sequence[Mapping[str, Any]],
    name: str,
    city: str,
) -> str:
    """What a person should read before an agent spends their money."""
    bought = [
        f"- {line['quantity']} x {_line(whole_name(line['name'], line['modifiers']))}:"
        f" {money(line['total'])}"
        for line in lines
    ]
    *_items, total = totals
    bought += [
        gettext("- Delivery: %(price)s") % {"price": money(part)}
        for part in totals
        if part["type"] == "delivery"
    ]
    return "\n".join(
        [
            gettext("🛒 **Please confirm this order**"),
            *bought,
            gettext("**Total**: %(total)s") % {"total": money(total)},
            gettext("**For**: %(name)s") % {"name": _line(", ".join(filter(None, [name, city])))},
        ]
    )


def please_confirm_cancellation(about: Mapping[str, Any]) -> str:
    """What a person should read before an agent cancels their order."""
    lines = [gettext("🛑 **Please confirm: cancel order %(order_id)s**") % about]
    if about["refund"]["amount"]:
        lines.append(
            gettext("%(amount)s goes back the way it was paid.")
            % {"amount": money(about["refund"])}
        )
    return "\n".join(lines)


def cancelled(order: Mapping[str, Any]) -> str:
    lines = [gettext("✅ Order %(order_id)s is cancelled.") % order]
    if order["refund"]["amount"]:
        lines.append(
            gettext("%(amount)s goes back the way it was paid.")
            % {"amount": money(order["refund"])}
        )
    return "\n".join(lines)


def please_confirm_deletion(name: str) -> str:
    """What staff should read before an agent takes a product out of the shop."""
    return gettext("🗑️ **Please confirm: take %(name)s out of the shop**") % {"name": _line(name)}


def please_confirm_unsubscribing(topic: str) -> str:
    return gettext("👋 **Please confirm: tell you no more of %(topic)s**") % {"topic": topic}


def ask_the_person(tool: str) -> str:
    """What an agent does with a question that its client cannot show."""
    return gettext(
        "Ask the person. If they agree, call %(tool)s again with the same arguments "
        "and this `confirm` within 10 minutes."
    ) % {"tool": tool}


def advanced(order: Mapping[str, Any]) -> str:
    """For staff; `order` as `tracking.track` has it."""
    label = gettext(text_key(order["status"], "label"))
    return gettext("✅ Order %(order_id)s: %(status)s") % {**order, "status": label}


def importing(found: Import) -> str:
    """How an import stands."""
    said = {"file": _line(found.file_name), "state": found.get_state_display()}
    return gettext("📥 %(file)s: %(state)s") % said


def answered(found: Mapping[str, Any]) -> str:
    """What the shop's texts say, as a quotation: they are not the agent's own words."""
    if not found["confident"]:
        return f"🤔 {found['answer']}"
    source = found["sources"][0]
    return f"💬 {source['name']}: “{found['answer']}”"


def name_of(master: Master) -> str:
    """A product's name, in the active language or else any."""
    return master.safe_translation_getter("name", any_language=True) or master.slug


def please_pay(link: Mapping[str, Any]) -> str:
    """`link` as `payments.links.show` has it."""
    return gettext("💳 Pay %(amount)s here, once: %(url)s") % {
        "amount": money(link["amount"]),
        "url": link["url"],
    }


def money(money: Mapping[str, Any]) -> str:
    """`{"amount": 8400, "currency": "EUR"}` as people write it: €84.00."""
    amount = Money(money["amount"], money["currency"])
    return amount.shown(get_language() or settings.LANGUAGE_CODE)


def _line(text: str) -> str:
    """On one line, and turning nothing that stands beside it: a yes is asked for by these words."""
    return " ".join(isolated(text).split())


def _until(timestamp: str, now: datetime) -> timedelta:
    return datetime.fromisoformat(timestamp) - now
