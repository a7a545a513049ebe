"""What staff do with one order from its slip: each act is a short form and the service it calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from museo.access.callers import Caller
from orders import adjustments, delays, deliveries, lifecycle, notes, services
from orders.models import Order

LONGEST_DELAY = 24 * 60


class ActForm(forms.Form):
    """About one order; `act` does it."""

    name: ClassVar[str]
    # what its button says, and what is said when it is done
    label: Any
    done: ClassVar[Any]
    # the statuses in which it is of use
    statuses: ClassVar[frozenset[str]] = lifecycle.BY_STAFF[lifecycle.FAILED]
    is_grave = False

    def __init__(self, data: Any = None, *, order: Order) -> None:
        super().__init__(data, auto_id=f"{self.name}-%s")
        self.order = order
        for name in self.fields:
            attrs = self.fields[name].widget.attrs
            attrs["aria-describedby"] = f"{self.name}-{name}-why"
            attrs.setdefault("class", "in")

    @classmethod
    def fits(cls, order: Order) -> bool:
        return order.status in cls.statuses

    def act(self, caller: Caller, now: datetime) -> None:
        raise NotImplementedError


class Advance(ActForm):
    """Brings the step back that was shown: a slip grown old moves nothing."""

    name = "advance"
    label = gettext_lazy("Take the next step")
    done = gettext_lazy("%(number)s has moved on.")

    to = forms.ChoiceField(
        choices=[(status, status) for status in lifecycle.PROGRESS], widget=forms.HiddenInput()
    )

    @classmethod
    def fits(cls, order: Order) -> bool:
        return super().fits(order) and not order.held_at

    def act(self, caller: Caller, now: datetime) -> None:
        services.advance(caller, self.order.number, to=self.cleaned_data["to"], now=now)


class Hold(ActForm):
    name = "hold"
    label = gettext_lazy("Hold")
    done = gettext_lazy("%(number)s is on hold.")

    @classmethod
    def fits(cls, order: Order) -> bool:
        return super().fits(order) and not order.held_at

    def act(self, caller: Caller, now: datetime) -> None:
        delays.hold(caller, self.order.number, now=now)


class Resume(ActForm):
    name = "resume"
    label = gettext_lazy("Let it go on")
    done = gettext_lazy("%(number)s goes on.")

    @classmethod
    def fits(cls, order: Order) -> bool:
        return super().fits(order) and order.held_at is not None

    def act(self, caller: Caller, now: datetime) -> None:
        delays.resume(caller, self.order.number, now=now)


class TryAgain(ActForm):
    name = "try_again"
    label = gettext_lazy("Try again")
    done = gettext_lazy("%(number)s begins anew.")
    statuses = lifecycle.BY_STAFF_AGAIN

    def act(self, caller: Caller, now: datetime) -> None:
        speed = settings.MUSEO_CLOCK_SPEED
        deliveries.try_again(caller, self.order.number, now=now, speed=speed)


class Note(ActForm):
    name = "note"
    label = gettext_lazy("Write a note")
    done = gettext_lazy("The note about %(number)s is kept.")
    statuses = frozenset(lifecycle.STATUSES)

    text = forms.CharField(
        label=gettext_lazy("Note"), max_length=1000, widget=forms.Textarea({"rows": 3})
    )

    def act(self, caller: Caller, now: datetime) -> None:
        notes.add(caller, self.order.number, text=self.cleaned_data["text"], now=now)


class Later(ActForm):
    """A new time, by minutes from the one that is expected: what a kitchen says."""

    name = "later"
    label = gettext_lazy("Say a new time")
    done = gettext_lazy("%(number)s is expected later.")

    minutes = forms.IntegerField(
        label=gettext_lazy("Minutes later"),
        min_value=1,
        max_value=LONGEST_DELAY,
        widget=forms.NumberInput({"inputmode": "numeric"}),
    )

    def act(self, caller: Caller, now: datetime) -> None:
        later = timedelta(minutes=self.cleaned_data["minutes"])
        eta = max(self.order.eta, now) + later
        delays.revise(caller, self.order.number, eta=eta, now=now)


class NotDelivered(ActForm):
    name = "not_delivered"
    label = gettext_lazy("Not delivered")
    done = gettext_lazy("%(number)s was not delivered.")
    is_grave = True

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200)

    def act(self, caller: Caller, now: datetime) -> None:
        reason = self.cleaned_data["reason"]
        deliveries.fail(caller, self.order.number, reason=reason, now=now)


def cancelling(order: Order) -> str:
    """What it is called to cancel it: nothing goes back of what was not paid."""
    is_paid = order.paid > order.paid_back
    return _("Cancel and pay back") if is_paid else _("Cancel the order")


class Cancel(ActForm):
    name = "cancel"
    done = gettext_lazy("%(number)s is cancelled.")
    statuses = lifecycle.BY_STAFF[lifecycle.CANCELLED]
    is_grave = True

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200)

    def __init__(self, data: Any = None, *, order: Order) -> None:
        super().__init__(data, order=order)
        self.label = cancelling(order)

    def act(self, caller: Caller, now: datetime) -> None:
        reason = self.cleaned_data["reason"]
        adjustments.cancel(caller, self.order.number, reason=reason, now=now)


ACTS: Mapping[str, type[ActForm]] = {
    each.name: each for each in (Advance, Hold, Resume, TryAgain, Note, Later, NotDelivered, Cancel)
}


# what taking a step is called by who takes it
STEPS: Mapping[str, Any] = {
    lifecycle.CONFIRMED: gettext_lazy("Confirm"),
    lifecycle.PREPARING: gettext_lazy("Prepare"),
    lifecycle.OUT_FOR_DELIVERY: gettext_lazy("Send out"),
    lifecycle.DELIVERED: gettext_lazy("Hand over"),
}
# those of a slip's own button
ON_CARDS = (Advance, Resume, TryAgain)


@dataclass(frozen=True)
class Desk:
    """The forms that can do something with an order as it stands, in their order."""

    order: Order
    forms: tuple[ActForm, ...]


def desk(order: Order, filled: ActForm | None = None) -> Desk:
    """With the one that was filled in and refused in the place of its empty one."""
    fitting = [kind for kind in ACTS.values() if kind not in ON_CARDS and kind.fits(order)]
    shown = [filled if filled and type(filled) is kind else kind(order=order) for kind in fitting]
    return Desk(order, tuple(shown))
