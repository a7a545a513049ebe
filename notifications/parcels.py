"""What goes out for a delivery, packed: signed for a program, or a letter for a person.

The differences between channels end here: whoever sends (`sending`) asks a cargo to be sent, and is
told what came of it. What must not go out has no cargo but a reason.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import httpcore2
from django.db.models import Min

from museo.access.encryption import unseal
from notifications import contacts, digests, house, letters, log, rights, topics, unsubscribing
from notifications.channels import CHANNELS, event_wire, news, posting, webhook_wire
from notifications.channels.message import Message, NotSent
from notifications.channels.news import Correspondent
from notifications.channels.webhook_wire import Letter
from notifications.envelope import render
from notifications.models import Delivery, Event, Subscription

logger = logging.getLogger(__name__)
# by one channel of people's, of all processes: so many wait for its provider at the most
MOST_OF_A_CHANNEL = 32
EXCERPT = 1000
Shape = Subscription.Shape
# why an event must not go out
FORGOTTEN, NOT_ALLOWED = "forgotten", "not_allowed"

# their libraries wait, each in a thread of its own
_threads = ThreadPoolExecutor(MOST_OF_A_CHANNEL * len(CHANNELS), thread_name_prefix="letter")


@dataclass(frozen=True)
class Outcome:
    """What came of a try; without a refusal it was taken."""

    refusal: NotSent | None = None
    # the provider's name of the message, by which reports come back
    reference: str = ""
    # of HTTP, if anybody answered
    status: int | None = None
    # what went out and what came back: in short, without secrets, addresses and words
    request: str = ""
    response: str = ""


class Cargo(Protocol):
    async def send(
        self, connections: httpcore2.AsyncConnectionPool, *, now: datetime
    ) -> Outcome: ...


@dataclass(frozen=True)
class Parcel:
    """A delivery that was claimed, with all that it takes to send it."""

    delivery_id: int
    subscription_id: int
    address: str = field(repr=False)
    attempts_made: int
    leased_until: datetime
    cargo: Cargo | None = field(repr=False)
    # why it is not the event that goes out
    reason: str = ""
    # the call that it came of
    call: str = ""


@dataclass(frozen=True)
class ToProgram:
    """A webhook."""

    address: str = field(repr=False)
    letter: Letter = field(repr=False)
    total: timedelta = field(default_factory=lambda: posting.TOTAL)

    async def send(self, connections: httpcore2.AsyncConnectionPool, *, now: datetime) -> Outcome:
        request = webhook_wire.request(self.letter, at=now)
        answer, refusal = None, None
        try:
            answer = await posting.post(
                connections,
                self.address,
                headers=request.headers,
                body=request.body,
                total=self.total,
            )
            posting.require_yes(answer, now=now)
        except NotSent as error:
            refusal = error
        return Outcome(
            refusal,
            status=answer.status if answer else None,
            request=request.excerpt(),
            response=self._excerpt(answer) if answer else "",
        )

    def _excerpt(self, answer: posting.Answer) -> str:
        """The beginning of the answer, as text that every database takes; secrets are masked."""
        text = answer.body[:EXCERPT].decode("utf-8", "replace").replace("\0", "")
        return self.letter.masked(text)


@dataclass(frozen=True)
class ToPerson:
    """A letter, in the form that its channel takes."""

    channel: str
    message: Message = field(repr=False)

    async def send(self, connections: httpcore2.AsyncConnectionPool, *, now: datetime) -> Outcome:
        message = replace(self.message, now=now)
        request = f"{self.channel} {message.key}"
        send = CHANNELS[self.channel].send
        try:
            loop = asyncio.get_running_loop()
            reference = await loop.run_in_executor(_threads, send, message)
        except NotSent as error:
            return Outcome(error, request=request)
        except Exception as error:
            # what it says itself may name the person
            problem = {"channel": self.channel, "problem": type(error).__name__}
            logger.error("letter failed", extra=problem)
            return Outcome(NotSent("unreachable", permanent=False, detail="internal"))
        return Outcome(reference=reference[:255], request=request)


@dataclass(frozen=True)
class NotPacked:
    """What could not be written: this try fails, and the next one may find it mended."""

    async def send(self, connections: httpcore2.AsyncConnectionPool, *, now: datetime) -> Outcome:
        return Outcome(NotSent("unreachable", permanent=False, detail="internal"))


def pack(deliveries: Sequence[Delivery], *, until: datetime, now: datetime) -> list[Parcel]:
    """Deliveries with their subscriptions, in their order; the queries are as many as for one."""
    to_people = [each.pk for each in deliveries if each.subscription.channel in CHANNELS]
    besides = digests.told_besides(to_people)
    more = [delivery for each in besides.values() for delivery in each.deliveries]
    events = log.read_at([each.position for each in (*more, *deliveries)])
    refused = rights.refused([*more, *deliveries])
    told = {
        pk: [
            events[one.position]
            for one in each.deliveries
            if one.position in events and one.pk not in refused
        ]
        for pk, each in besides.items()
    }
    left_out = {pk: each.left_out for pk, each in besides.items()}
    room = _Room.over(deliveries, refused, told, left_out, now=now)
    return [_parcel(each, events.get(each.position), until, room) for each in deliveries]


@dataclass(frozen=True)
class _Room:
    """What is known before packing: who may not be told, who wrote what, how topics stand."""

    refused: Collection[int]
    missing: Collection[str]
    correspondents: Mapping[tuple[str, str], Correspondent]
    stands: Mapping[tuple[str, str], Mapping[str, Any]]
    # of digests, the events of which they tell besides
    besides: Mapping[int, Sequence[Event]]
    # and how many more, that are older
    left_out: Mapping[int, int]
    # of callbacks, the position of the first that waits
    first_waiting: Mapping[int, int]
    epoch: str
    now: datetime

    @classmethod
    def over(
        cls,
        deliveries: Sequence[Delivery],
        refused: Collection[int],
        besides: Mapping[int, Sequence[Event]],
        left_out: Mapping[int, int],
        *,
        now: datetime,
    ) -> _Room:
        subscriptions = {each.subscription_id: each.subscription for each in deliveries}
        people = [each for each in subscriptions.values() if each.channel in CHANNELS]
        channels = {each.channel for each in people}
        to_people = [each for each in deliveries if each.subscription.channel in CHANNELS]
        callbacks = [pk for pk, each in subscriptions.items() if each.shape == Shape.EVENT]
        return cls(
            refused=refused,
            missing=[name for name in channels if CHANNELS[name].missing()],
            correspondents=news.correspondents({(each.channel, each.address) for each in people}),
            stands=_stands({(each.topic, each.subscription.locale) for each in to_people}),
            besides=besides,
            left_out=left_out,
            first_waiting=_first_waiting(callbacks),
            epoch=log.state().epoch if callbacks else "",
            now=now,
        )

    def cursor(self, delivery: Delivery) -> str:
        """Up to there all has been told or given up, once this one has arrived."""
        first = self.first_waiting.get(delivery.subscription_id, delivery.position)
        told = delivery.position if self.is_first(delivery) else first - 1
        return log.format_cursor(self.epoch, told)

    def is_first(self, delivery: Delivery) -> bool:
        """Whether none waits before it."""
        first = self.first_waiting.get(delivery.subscription_id, delivery.position)
        return delivery.position <= first

    def reason(self, delivery: Delivery, event: Event | None) -> str:
        """Why it must not go out; empty if it may."""
        subscription = delivery.subscription
        if event is None:
            return FORGOTTEN
        if delivery.pk in self.refused:
            return NOT_ALLOWED
        if subscription.channel in self.missing:
            return "not_configured"
        heard = self.correspondents.get((subscription.channel, subscription.address))
        if heard is None:
            return ""
        if heard.has_stopped:
            return "opted_out"
        allowance = contacts.take_letter(subscription.channel, subscription.address, now=self.now)
        return "" if allowance.is_granted else "too_many"


def _first_waiting(ids: Collection[int]) -> dict[int, int]:
    if not ids:
        return {}
    waiting = Delivery.objects.pending().filter(subscription__in=ids).order_by()
    found = waiting.values("subscription").annotate(first=Min("position"))
    return dict(found.values_list("subscription", "first"))


def _stands(wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """How each topic stands now, in the language in which it is written of."""
    asked = [(frozenset({topic}), locale) for topic, locale in wanted]
    found = topics.snapshots_for_each(asked)
    return {pair: told.get(pair[0], {}) for pair, told in zip(wanted, found, strict=True)}


def _parcel(delivery: Delivery, event: Event | None, until: datetime, room: _Room) -> Parcel:
    subscription = delivery.subscription
    reason = room.reason(delivery, event)
    return Parcel(
        delivery_id=delivery.pk,
        subscription_id=delivery.subscription_id,
        address=subscription.address,
        attempts_made=delivery.attempts_made,
        leased_until=until,
        cargo=(
            _instead(delivery, reason, room)
            if reason or event is None
            else _packed(delivery, event, room)
        ),
        reason=reason,
        call=event.call if event else "",
    )


def _instead(delivery: Delivery, reason: str, room: _Room) -> Cargo | None:
    """What is said in an event's place; of all who are told, callbacks alone are told why."""
    subscription = delivery.subscription
    if subscription.shape != Shape.EVENT:
        return None
    if reason == NOT_ALLOWED and room.is_first(delivery):
        return ToProgram(subscription.address, event_wire.terminated(subscription))
    if reason == FORGOTTEN:
        letter = event_wire.gap(subscription, cursor=room.cursor(delivery))
        return ToProgram(subscription.address, letter)
    return None


def _packed(delivery: Delivery, event: Event, room: _Room) -> Cargo:
    try:
        return _cargo(delivery, event, room)
    except Exception:
        # this delivery's trouble, and nobody else's
        logger.exception("delivery not packed", extra={"delivery": delivery.pk})
        return NotPacked()


def _cargo(delivery: Delivery, event: Event, room: _Room) -> Cargo:
    subscription = delivery.subscription
    if subscription.shape == Shape.EVENT:
        letter = event_wire.letter(subscription, event, cursor=room.cursor(delivery))
        return ToProgram(subscription.address, letter)
    if subscription.channel not in CHANNELS:
        return ToProgram(subscription.address, webhook_wire.letter(subscription, event))
    heard = room.correspondents[subscription.channel, subscription.address]
    link = unseal(subscription.link) if subscription.link else topics.page(event.topic, event.data)
    content = letters.render(
        render(event, subscription.locale),
        locale=subscription.locale,
        house=house.current(),
        besides=[render(each, subscription.locale) for each in room.besides.get(delivery.pk, ())],
        left_out=room.left_out.get(delivery.pk, 0),
        steps=room.stands[event.topic, subscription.locale].get("steps", ()),
        url=link,
        unsubscribe_url=unsubscribing.url(subscription),
    )
    message = Message(
        subscription.address,
        content,
        key=delivery.public_id,
        now=room.now,
        last_heard_at=heard.last_heard_at,
    )
    return ToPerson(subscription.channel, message)
