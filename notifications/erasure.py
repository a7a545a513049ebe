"""Erases a person: what was written to them and by them, and who they are.

That it was written stays in the log, and what they did where it was done, by nobody's name.

Texts lie in rows of their own. What is told of such an event later says `[removed]`, also by the
live processes, which hear of it and forget what they hold in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from museo.access import people
from museo.access.callers import caller_for_user, who_is
from museo.access.models import User
from notifications import access_changes, log, subscriptions
from notifications.audiences import process_topic, user_topic
from notifications.channels import news
from notifications.models import Contact, EventText, EventTopic, InboundMessage, Subscription

# nobody may read it: only the hubs hear it
TOPIC = "text.changes"
# a channel's name and an address there
Address = tuple[str, str]


@dataclass(frozen=True)
class Person:
    """Who has an account with this mail address, or has only bought as a guest with it."""

    email: str
    user: User | None


# of apps above: erases what a person wrote there and was told; how many texts that were
Eraser = Callable[[Person, datetime], int]
_erasers: list[Eraser] = []


def register(eraser: Eraser) -> None:
    """For `AppConfig.ready()`; called within the change that erases all else."""
    _erasers.append(eraser)


@dataclass(frozen=True)
class Erased:
    """How many texts of events, messages to the shop, and subscriptions; programs by name."""

    texts: int
    messages: int
    subscriptions: int = 0
    programs: tuple[str, ...] = ()


def find(email: str) -> Person:
    return Person(email.lower(), User.objects.filter(email__iexact=email).first())


def erase(person: Person, *, besides: Collection[Address] = (), now: datetime) -> Erased:
    """Of all addresses that are known to be theirs, and of those named `besides`.

    Their subscriptions and the programs they answer for end, and what was subscribed to without an
    account for their mail address and for those `besides`. Raises a Problem, and erases nothing, if
    something of theirs must not be erased yet (`orders.forgetting`), or nobody else owns the shop.
    """
    with log.change() as change, people.keeping_an_owner():
        user, own = _held(person.user), {("email", person.email)}
        texts = sum(erase_more(person, now) for erase_more in _erasers)
        if user:
            texts += _erase_told(user)
            own |= _addresses(user)
        messages = _erase_written({*own, *besides})
        ended = _forget_guests({("email", person.email), *besides})
        programs: tuple[str, ...] = ()
        if user:
            left = access_changes.see_off(change, user, now=now)
            ended, programs = ended + left.subscriptions, left.programs
            people.forget(user)
        change.event(TOPIC, "text.erased", {"user_id": user.pk if user else None}, at=now)
    return Erased(texts, messages, ended, programs)


def _held(user: User | None) -> User | None:
    """The account as it is now; nobody else changes it meanwhile."""
    return User.objects.select_for_update().filter(pk=user.pk).first() if user else None


def _forget_guests(addresses: Collection[Address]) -> int:
    """What was subscribed to at these addresses without an account."""
    is_there = Q(
        *(Q(channel=channel, address__iexact=address) for channel, address in sorted(addresses)),
        _connector=Q.OR,
    )
    by_guests = Q(who__startswith=subscriptions.by_ticket("")) | Q(
        who__startswith=subscriptions.by_guest("")
    )
    of_guests = Subscription.objects.filter(is_there, by_guests)
    guests = list(of_guests.values_list("who", flat=True))
    ended = subscriptions.remove(of_guests)
    Contact.objects.filter(is_there, who__in=guests).delete()
    return ended


def _erase_told(user: User) -> int:
    theirs = [user_topic(user.pk), process_topic(caller_for_user(user, locale="en"))]
    heard = EventTopic.objects.filter(topic__in=theirs).values("position")
    count, _by_model = EventText.objects.filter(position__in=heard).delete()
    return count


def _erase_written(addresses: Collection[Address]) -> int:
    hashes = [news.sender_hash(channel, address) for channel, address in addresses]
    written = InboundMessage.objects.filter(sender_hash__in=hashes).exclude(sealed="")
    return written.update(sealed="")


def _addresses(user: User) -> set[Address]:
    who = who_is(user.pk)
    known: set[Address] = set()
    for model in (Contact, Subscription):
        known.update(model.objects.filter(who=who).values_list("channel", "address"))
    return known
