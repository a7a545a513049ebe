"""The addresses of what can be read and followed, `museo://…`, and what who follows one hears."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from museo.access.callers import Caller
from notifications.audiences import own_topics
from notifications.channels.news import INBOX
from notifications.models import Event
from notifications.wishes import wants
from orders import tracking

_NUMBER = re.compile(r"ORD-[0-9A-Z]{1,16}")
Query = Mapping[str, str]


class Address(Protocol):
    """What a resource is called; `ticket` opens an order for a guest."""

    # without it, or an order's ticket where it is empty, there is no such resource
    scope: ClassVar[str]

    @property
    def ticket(self) -> str: ...

    def topics(self, caller: Caller) -> set[str]:
        """Where its news come from; empty where nothing is told of it. May ask the database."""

    def hears(self, event: Event) -> bool:
        """Whether an event of those topics is news of it."""


@dataclass(frozen=True)
class OrderAddress:
    """An order's number and the ticket that came along, or none."""

    scope: ClassVar[str] = ""
    number: str
    ticket: str = ""

    @property
    def topic(self) -> str:
        return tracking.topic(self.number)

    def topics(self, caller: Caller) -> set[str]:
        return {self.topic}

    def hears(self, event: Event) -> bool:
        return event.topic == self.topic

    def __str__(self) -> str:
        return f"museo://orders/{self.number}{_query(ticket=self.ticket)}"


@dataclass(frozen=True)
class MyOrdersAddress:
    """All orders that the caller may see."""

    scope: ClassVar[str] = ""
    ticket: str = ""

    def topics(self, caller: Caller) -> set[str]:
        return tracking.own_topics(caller)

    def hears(self, event: Event) -> bool:
        return event.topic.startswith(tracking.topic(""))


@dataclass(frozen=True)
class LiveFeedAddress:
    """What happens on some topics, or on all that tell the caller something without being named.

    `channels` are those of messages that people have written.
    """

    scope: ClassVar[str] = ""
    names: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    ticket: str = ""

    @property
    def where(self) -> dict[str, Collection[str]]:
        return {"channel": self.channels} if self.channels else {}

    def topics(self, caller: Caller) -> set[str]:
        return set(self.names) or feed(caller)

    def hears(self, event: Event) -> bool:
        return wants(event.type, event.data, types=self.types, where=self.where)

    def __str__(self) -> str:
        listed = {"topics": self.names, "types": self.types, "channels": self.channels}
        words = {name: ",".join(sorted(given)) for name, given in listed.items()}
        return f"museo://live-feed{_query(**words, ticket=self.ticket)}"


class _Untold:
    """Can be read, but nothing is told of it."""

    ticket: ClassVar[str] = ""

    def topics(self, caller: Caller) -> set[str]:
        return set()

    def hears(self, event: Event) -> bool:
        return False


@dataclass(frozen=True)
class BasketAddress(_Untold):
    scope: ClassVar[str] = "basket:write"
    token: str


@dataclass(frozen=True)
class ProductAddress(_Untold):
    """A product by slug, id or SKU."""

    scope: ClassVar[str] = "shop:read"
    key: str


@dataclass(frozen=True)
class StatsAddress(_Untold):
    """How the push is doing."""

    scope: ClassVar[str] = "shop:read"


@dataclass(frozen=True)
class SubscriptionsAddress(_Untold):
    """The caller's subscriptions."""

    scope: ClassVar[str] = "orders:read"


@dataclass(frozen=True)
class AiMonitoringAddress:
    """What messages to the shop are about, for staff who may hear of them."""

    scope: ClassVar[str] = "events:read"
    ticket: ClassVar[str] = ""

    def topics(self, caller: Caller) -> set[str]:
        return {INBOX}

    def hears(self, event: Event) -> bool:
        return event.type in ("mail.received", "mail.analyzed")

    def __str__(self) -> str:
        return "museo://ai-monitoring"


def feed(caller: Caller) -> set[str]:
    """What tells a caller something who names no topic: broadcasts, their own, their orders."""
    return own_topics(caller) | tracking.own_topics(caller)


def parse(uri: str) -> Address | None:
    """None for what is no resource of ours."""
    try:
        parts = urlsplit(uri)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = unquote(parts.path.removeprefix("/"), errors="strict")
    except ValueError:
        return None
    read = _KINDS.get(parts.netloc) if parts.scheme == "museo" else None
    return read(path, query) if read and path.isprintable() else None


def _order(path: str, query: Query) -> Address | None:
    return OrderAddress(path, query.get("ticket", "")) if _NUMBER.fullmatch(path) else None


def _of_me(path: str, query: Query) -> Address | None:
    return MyOrdersAddress(query.get("ticket", "")) if path == "orders" else None


def _live_feed(path: str, query: Query) -> Address | None:
    if path:
        return None
    return LiveFeedAddress(
        names=_words(query, "topics"),
        types=_words(query, "types"),
        channels=_words(query, "channels"),
        ticket=query.get("ticket", ""),
    )


def _basket(path: str, query: Query) -> Address | None:
    return BasketAddress(path) if path else None


def _product(path: str, query: Query) -> Address | None:
    return ProductAddress(path) if path else None


def _stats(path: str, query: Query) -> Address | None:
    return None if path else StatsAddress()


def _ai_monitoring(path: str, query: Query) -> Address | None:
    return None if path else AiMonitoringAddress()


def _subscriptions(path: str, query: Query) -> Address | None:
    return None if path else SubscriptionsAddress()


_KINDS: dict[str, Callable[[str, Query], Address | None]] = {
    "orders": _order,
    "me": _of_me,
    "live-feed": _live_feed,
    "basket": _basket,
    "products": _product,
    "realtime-stats": _stats,
    "user-subscriptions": _subscriptions,
    "ai-monitoring": _ai_monitoring,
}


def _words(query: Query, name: str) -> frozenset[str]:
    return frozenset(filter(None, query.get(name, "").split(",")))


def _query(**values: str) -> str:
    given = {name: value for name, value in values.items() if value}
    return f"?{urlencode(given, safe=',', quote_via=quote)}" if given else ""
