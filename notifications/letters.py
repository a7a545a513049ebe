"""What is said of an event, in each form that a channel takes: a letter, a line, a chat.

A pure function of the envelope, in whose `data` the texts are already in the reader's language.
E-mails and text messages are plain; chats are friendly and have emoji.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.translation import get_language_bidi, gettext, gettext_noop, ngettext, override

from museo.directions import isolated
from notifications.channels.message import Content, Template
from notifications.house import House

# what is as far away as that is told by the clock and not in minutes
NEAR = timedelta(minutes=90)
# a step was taken, is being taken, comes, or comes no more
DONE, CURRENT, UPCOMING = "done", "current", "upcoming"
PLACED = "order.placed"
NOTHING_COMES = ("order.delivered", "order.cancelled", "order.failed", "order.refunded")
BACK = "stock.back"
KEYS = (
    gettext_noop("order.eta_changed.headline"),
    gettext_noop("order.eta_changed.chat"),
    gettext_noop("order.refunded.waived.headline"),
    gettext_noop("order.refunded.waived.chat"),
    gettext_noop("payment.owed.headline"),
    gettext_noop("payment.owed.chat"),
    gettext_noop("payment.refunded.headline"),
    gettext_noop("payment.refunded.chat"),
    gettext_noop("refund_failed.headline"),
    gettext_noop("return_approved.headline"),
    gettext_noop("return_approved.chat"),
    gettext_noop("return_received.headline"),
    gettext_noop("return_received.chat"),
    gettext_noop("return_refused.headline"),
    gettext_noop("return_refused.chat"),
    gettext_noop("stock.back.headline"),
)
Step = Mapping[str, Any]


def render(
    envelope: Mapping[str, Any],
    *,
    locale: str,
    house: House,
    besides: Sequence[Mapping[str, Any]] = (),
    left_out: int = 0,
    steps: Sequence[Step] = (),
    url: str = "",
    unsubscribe_url: str = "",
) -> Content:
    """What to tell somebody of an event; `steps` as `/track` has them, the labels in `locale`.

    `besides` are envelopes of what happened before and was not told yet, oldest first; so many more
    are `left_out`. How long something takes is counted from when the event happened.
    """
    with override(locale):
        earlier = [_Told(each, house, (), "", "").line for each in besides]
        if left_out:
            earlier.append(gettext("and %(count)s more") % {"count": left_out})
        told = _Told(envelope, house, steps, url, unsubscribe_url, earlier)
        return Content(
            subject=told.headline,
            text=told.text(),
            html=told.html(),
            short="\n".join([*earlier, " ".join(filter(None, [told.message, told.expected]))]),
            chat="\n".join([*earlier, told.chat()]),
            locale=locale,
            url=url,
            thread=str(envelope["topic"]),
            template=told.template(),
            unsubscribe_url=unsubscribe_url,
            is_urgent=told.is_on_the_way,
            reply_to=house.contact_email,
        )


def duration(time: timedelta) -> str:
    """Rounded up: nobody is promised less than it takes."""
    seconds = max(0, -(-time // timedelta(seconds=1)))
    if seconds < 60:
        return ngettext("%(count)s second", "%(count)s seconds", seconds) % {"count": seconds}
    minutes = -(-seconds // 60)
    return ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": minutes}


@dataclass(frozen=True)
class _Told:
    """An event in the active language."""

    envelope: Mapping[str, Any]
    house: House
    steps: Sequence[Step]
    url: str
    unsubscribe_url: str
    # a line each of what happened before
    earlier: Sequence[str] = ()

    @property
    def line(self) -> str:
        """In short, as one of several."""
        return ": ".join(filter(None, [self.of_order, self.message or self.headline]))

    @property
    def type(self) -> str:
        return str(self.envelope["type"])

    @property
    def kind(self) -> str:
        """What its texts are called by: a message of a kind of its own, and others by type."""
        return str(self.data.get("notification_type") or self.type)

    @property
    def data(self) -> Mapping[str, Any]:
        data: Mapping[str, Any] = self.envelope["data"]
        return data

    @property
    def number(self) -> str:
        return str(self.data.get("order_id") or "")

    @property
    def message(self) -> str:
        return str(self.data.get("status_message") or self.data.get("message") or "")

    @property
    def headline(self) -> str:
        return self._own("headline") or self.message or self.house.name

    @property
    def says_more(self) -> bool:
        """The message is not just the headline again."""
        return self.message.rstrip(" .!") != self.headline

    @property
    def is_on_the_way(self) -> bool:
        return self.type in ("order.out_for_delivery", "order.delivered")

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.envelope["timestamp"])

    @property
    def eta(self) -> datetime | None:
        """When it is expected; None once it is here, or comes no more."""
        told, step, steps = (self.data.get(name) for name in ("eta", "step", "steps"))
        is_over = self.type in NOTHING_COMES or (step is not None and step == steps)
        if not told or is_over or self.data.get("held"):
            return None
        return datetime.fromisoformat(told)

    @property
    def expected(self) -> str:
        """`ETA: 8 minutes`; the day and the hour of what is far away; empty if nothing comes."""
        if self.eta is None:
            return ""
        left = self.eta - self.at
        if left <= NEAR:
            return gettext("ETA: %(duration)s") % {"duration": duration(left)}
        return gettext("Expected: %(moment)s") % {"moment": self.moment(self.eta)}

    def moment(self, at: datetime) -> str:
        """By the shop's clock: the hour, and the day if it is another one."""
        here, then = self.at.astimezone(self.house.zone), at.astimezone(self.house.zone)
        hour = date_format(then, "H:i")
        return hour if then.date() == here.date() else f"{date_format(then, 'l j F')}, {hour}"

    @property
    def rows(self) -> list[dict[str, str]]:
        """The steps of a letter: what, when, and how it stands."""
        return [
            {
                "label": str(step["label"]),
                "moment": self.moment(datetime.fromisoformat(step["at"] or step["due_at"])),
                "state": str(step["state"]),
            }
            for step in self.steps
            if step["state"] in (DONE, CURRENT, UPCOMING)
        ]

    @property
    def of_order(self) -> str:
        """Empty if the message says it."""
        if not self.number or self.number in self.message:
            return ""
        return gettext("Order %(number)s") % {"number": self.number}

    @property
    def why(self) -> str:
        said = (
            gettext("You get this because you asked for it at %(shop)s.")
            if self.type == BACK
            else gettext("You get this because you ordered at %(shop)s.")
        )
        return said % {"shop": isolated(self.house.name)}

    @property
    def lead(self) -> str:
        """What stands on the link."""
        return gettext("Look at it") if self.type == BACK else gettext("Follow your order")

    def text(self) -> str:
        parts = [
            self.headline,
            self.message if self.says_more else "",
            "\n".join([gettext("Before that:"), *(f"- {line}" for line in self.earlier)])
            if self.earlier
            else "",
            "\n".join(filter(None, [self.of_order, self.expected])),
            "\n".join(f"- {row['label']}: {row['moment']}" for row in self.rows),
            f"{self.lead}: {self.url}" if self.url else "",
            "-- ",
            self.why,
            f"{gettext('Contact')}: {self.house.contact_email}" if self.house.contact_email else "",
            f"{gettext('Send me no more of these')}: {self.unsubscribe_url}"
            if self.unsubscribe_url
            else "",
        ]
        return "\n\n".join(filter(None, parts)).replace("-- \n\n", "-- \n") + "\n"

    def html(self) -> str:
        context = {"told": self, "direction": "rtl" if get_language_bidi() else "ltr"}
        return render_to_string("notifications/letter.html", context)

    def chat(self) -> str:
        said = self._own("chat") % {"message": self.message} or self.message
        lines = [said, self.of_order if self.type == PLACED else "", self.expected]
        if self.type == PLACED:
            lines += ["", *self._promises()]
        return "\n".join(line for index, line in enumerate(lines) if line or index > 2)

    def _own(self, form: str) -> str:
        """The text in a form that its reason has, or else its kind; empty if neither has one."""
        by_reason = _own_text(f"{self.kind}.{self.data.get('reason')}.{form}")
        return by_reason or _own_text(f"{self.kind}.{form}")

    def _promises(self) -> list[str]:
        """What somebody is told who has just ordered: nobody needs to ask."""
        coming = [
            f"- {step['label']} ({duration(datetime.fromisoformat(step['due_at']) - self.at)})"
            for step in self.steps
            if step["state"] == UPCOMING
        ]
        return [
            gettext("🔔 **You'll receive automatic updates!**").replace("**", ""),
            *([gettext("I'll notify you when:"), *coming] if coming else []),
            gettext("No need to ask - I'll keep you posted! 🍽️"),
        ]

    def template(self) -> Template | None:
        """For WhatsApp, of an order: its number, what happened, where to see more."""
        if not (self.number and self.url):
            return None
        said = " ".join(filter(None, [self.message, self.expected]))
        return Template("order_update", (self.number, said, self.url))


def _own_text(key: str) -> str:
    """The text of a key; empty if it has none."""
    text = gettext(key)
    return "" if text == key else text
