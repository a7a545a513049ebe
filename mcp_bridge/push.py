"""Tells MCP clients that an order has moved: what the hub hears becomes `resources/updated`.

Since 2026-07-28 a client opens a `subscriptions/listen` stream for the resources it names. Before,
it subscribes within its session and hears on the session's own stream. An update says only that
there is something new to read, so equal ones that wait are one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Generic, TypeVar

import mcp_types as types
from django.db import DatabaseError
from django.utils import timezone
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.shared.dispatcher import DispatchContext
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import (
    SUBSCRIPTION_ID_META_KEY,
    ResourceUpdated,
    ServerEvent,
    event_matches,
    event_to_notification,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mcp_bridge import addresses, following, list_changes, neighbours
from mcp_bridge.addresses import Address, OrderAddress
from mcp_bridge.calls import caller_of
from mcp_bridge.messages import NOT_AVAILABLE
from museo.access import bearers
from museo.access.access_tokens import InvalidToken
from museo.access.callers import Caller
from museo.access.tokens import digest
from notifications.live.expiry import Expiry
from notifications.live.frames import Frame
from notifications.live.hub import Hub, here, in_thread

logger = logging.getLogger(__name__)
T = TypeVar("T")

MOST_STREAMS = 4096
MOST_URIS = 100
REJOIN_SECONDS = 1.0
# in the `_meta` of `initialize`: the session whose place the new one takes
PLACE_OF = "museo/place-of"
_FOLLOWER = "museo.follower"

_open_streams: set[Untold[ServerEvent]] = set()
_followers: dict[str, Follower] = {}
_waiting: set[News] = set()


def close() -> None:
    """End every listen stream in good order and let every waiting call answer."""
    for stream in tuple(_open_streams):
        stream.end()
    for news in tuple(_waiting):
        news.end()


def counts() -> dict[str, int]:
    """How many clients of this process are told of changes."""
    return {"listen_streams": len(_open_streams), "sessions": len(_followers)}


# who may follow what


async def readable(caller: Caller, uris: Collection[str]) -> dict[str, set[str]]:
    """By topic, those of `uris` of which it tells, as far as the caller may read it."""
    named = {uri: address for uri in uris if (address := addresses.parse(uri))}
    found = await _topics(caller, named)
    for address in named.values():
        caller = caller.with_ticket(address.ticket)
    allowed = await (await here()).readable.ask((caller, found)) if found else set()
    return {topic: found[topic] for topic in allowed}


async def _topics(caller: Caller, named: Mapping[str, Address]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)

    def look() -> None:
        for uri, address in named.items():
            for topic in address.topics(caller.with_ticket(address.ticket)):
                found[topic].add(uri)

    # orders alone, which most ask for, say so themselves
    if all(isinstance(address, OrderAddress) for address in named.values()):
        look()
    else:
        await in_thread(look)()
    return found


@dataclass(frozen=True)
class _Followed:
    """A resource that somebody follows, and the topics which tell of it."""

    address: Address
    topics: frozenset[str]


def _followed(found: Mapping[str, Collection[str]]) -> dict[str, _Followed]:
    """By address, what `readable` says by topic."""
    topics: dict[str, set[str]] = defaultdict(set)
    for topic, uris in found.items():
        for uri in uris:
            topics[uri].add(topic)
    return {
        uri: _Followed(address, frozenset(names))
        for uri, names in topics.items()
        if (address := addresses.parse(uri))
    }


def _told(followed: Mapping[str, _Followed], frame: Frame) -> list[str]:
    """The resources that an event is news of."""
    return [
        uri
        for uri, one in followed.items()
        if not one.topics.isdisjoint(frame.topics) and one.address.hears(frame.event)
    ]


class Untold(Generic[T]):
    """What a client is still to be told; what is equal is told once."""

    def __init__(self) -> None:
        self._waiting: dict[T, None] = {}
        self._is_over = False
        self._has_more = asyncio.Event()

    def add(self, news: Iterable[T]) -> None:
        self._waiting.update(dict.fromkeys(news))
        self._has_more.set()

    def end(self) -> None:
        """Nothing comes after what is there already."""
        self._is_over = True
        self._has_more.set()

    async def end_soon(self) -> None:
        self.end()

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            await self._has_more.wait()
            self._has_more.clear()
            while self._waiting:
                news = next(iter(self._waiting))
                del self._waiting[news]
                yield news
            if self._is_over:
                return


# since 2026-07-28


async def listen(
    ctx: ServerRequestContext[Any, Any],
    params: types.SubscriptionsListenRequestParams,
    *,
    hears_lists: bool = False,
) -> types.SubscriptionsListenResult:
    """`subscriptions/listen`: what the caller may not read is left out of what is honoured.

    `hears_lists`: what is listed here may change while the shop is open.
    """
    asked = params.notifications
    wanted = asked.resource_subscriptions or []
    if ctx.request_id is None:
        raise MCPError(types.INVALID_REQUEST, "Give the request an id: its stream has that name.")
    if len(wanted) > MOST_URIS:
        raise MCPError(types.INVALID_PARAMS, f"Follow at most {MOST_URIS} resources on a stream.")
    if len(_open_streams) >= MOST_STREAMS:
        raise MCPError(NOT_AVAILABLE, "Too many streams are open. Try again in a minute.")
    caller = caller_of(ctx.request)
    uris = await readable(caller, wanted)
    followed, untold = _followed(uris), Untold[ServerEvent]()
    # what nobody changes here while the shop is open is honoured by silence
    flags = {name: value for name, value in asked if value is True}
    honoured = types.SubscriptionFilter(
        **flags, resource_subscriptions=[uri for uri in wanted if uri in followed] or None
    )

    def tell_asked(change: ServerEvent) -> None:
        if event_matches(honoured, frozenset(), change):
            untold.add([change])

    hub = await here()
    meta = {SUBSCRIPTION_ID_META_KEY: ctx.request_id}
    expiry = Expiry(caller.expires_at, untold.end_soon)
    # joined before it is acknowledged: what comes between the two waits
    subscription = hub.join(
        uris.keys(),
        lambda frame: untold.add(map(ResourceUpdated, _told(followed, frame))),
        untold.end,
        who=caller.who,
    )
    hears_no_more = list_changes.join(caller, tell_asked) if hears_lists else None
    _open_streams.add(untold)
    try:
        await ctx.session.send_notification(
            types.SubscriptionsAcknowledgedNotification(
                params=types.SubscriptionsAcknowledgedNotificationParams(
                    notifications=honoured, _meta=meta
                )
            ),
            related_request_id=ctx.request_id,
        )
        stream = _stream_of(ctx.session)
        async for event in untold:
            method, told = _message(event)
            await stream.notify(method, {**told, "_meta": meta})
    finally:
        if hears_no_more:
            hears_no_more()
        hub.leave(subscription)
        expiry.cancel()
        _open_streams.discard(untold)
    return types.SubscriptionsListenResult(_meta=meta)


@lru_cache(maxsize=1024)
def _message(event: ServerEvent) -> tuple[str, dict[str, Any]]:
    """Method and parameters, which are alike for all who are told; the SDK makes them for each."""
    note = event_to_notification(event, {})
    said = note.model_dump(by_alias=True, mode="json", exclude_none=True)
    return said["method"], said["params"]


def _stream_of(session: ServerSession) -> DispatchContext[Any]:
    # mcp 2.3 has no public way to send what is a message already
    return session._request_outbound


# before: a session's own stream


def is_pushed(session: ServerSession) -> bool:
    """Whether updates can reach this client outside of its calls."""
    is_modern = session.protocol_version in MODERN_PROTOCOL_VERSIONS
    return not is_modern and connection_of(session).has_standalone_channel


async def follow(session: ServerSession, uri: str, caller: Caller) -> bool:
    """Tell this session of a resource's changes, as far as the caller may read it.

    False if it follows too many.
    """
    return uri in await _follow(connection_of(session), [uri], caller)


async def restore(session: ServerSession, caller: Caller) -> None:
    """Follow on what was followed by those whose place this session takes; see `following`."""
    connection, now = connection_of(session), timezone.now()
    named = _place_of(connection)
    if not connection.session_id or not (named or caller.who):
        return
    kept = _kept(connection, caller)
    before = await in_thread(following.before)(kept, named, now=now)
    free = [
        each
        for each, process in before.items()
        if each == digest(named) or not await _goes_on(each, process)
    ]
    if free:
        uris = await in_thread(following.take_over)(kept, named, free, now=now)
        taken = await _follow(connection, uris, caller)
        # it may have missed something
        connection.state[_FOLLOWER].tell_of(taken)


async def _follow(connection: Connection, uris: Collection[str], caller: Caller) -> set[str]:
    """Those that may be read, as far as there is room."""
    hub = await here()
    position = hub.position
    topics = await readable(caller, uris)
    follower = connection.state.get(_FOLLOWER)
    if follower is None:
        follower = connection.state[_FOLLOWER] = Follower(connection, hub, caller)
        connection.exit_stack.push_async_callback(follower.stop)
    taken = follower.add(topics, caller)
    # what has happened while the database was asked
    for frame in hub.since(topics.keys(), position):
        follower.hear(frame)
    if taken and connection.session_id:
        await _keep(_kept(connection, caller), taken)
    return taken


async def _keep(session: following.Session, uris: Collection[str]) -> None:
    """For the session that takes its place; this one is told in any case."""
    try:
        await in_thread(following.keep)(session, uris, now=timezone.now())
    except DatabaseError:
        logger.warning("what a session follows is not kept", exc_info=True)


async def unfollow(session: ServerSession, uri: str) -> None:
    connection = connection_of(session)
    if follower := connection.state.get(_FOLLOWER):
        follower.remove(uri)
        if connection.session_id:
            await in_thread(following.drop)(connection.session_id, uri)


async def _goes_on(session: str, process: str) -> bool:
    """Whether a session, by its digest, still has its own follower."""
    if process == neighbours.process_id():
        return any(digest(name) == session for name in _followers)
    return await neighbours.is_there(process)


def _kept(connection: Connection, caller: Caller) -> following.Session:
    params = connection.client_params
    return following.Session(
        name=connection.session_id or "",
        process=neighbours.process_id(),
        who=caller.speaker,
        client=params.client_info.name if params else "",
    )


def _place_of(connection: Connection) -> str:
    """The session that this one says to take the place of; empty for none."""
    params = connection.client_params
    named = neighbours.session_id(str(((params and params.meta) or {}).get(PLACE_OF)))
    return named.session if named else ""


async def renew(session_id: str, bearer: Caller) -> None:
    """A session has come with a token: what it follows may be followed as long as that holds."""
    if follower := _followers.get(session_id):
        await follower.renew(bearer)


def catch_up(session_id: str) -> None:
    """A session has opened its stream: what it follows may have changed while it had none."""
    if follower := _followers.get(session_id):
        follower.tell_of(follower.followed)


class Follower:
    """The resources that one session follows, and those it is still to be told of."""

    def __init__(self, connection: Connection, hub: Hub, caller: Caller) -> None:
        self.followed: dict[str, _Followed] = {}
        self._caller = caller
        # a resource is followed no longer than the token that opened it holds
        self._expiries: dict[str, Expiry] = {}
        self._rejoining: asyncio.Task[None] | None = None
        self._connection = connection
        self._hub = hub
        self._untold = Untold[str]()
        self._key = connection.session_id or f"pipe {id(connection)}"
        _followers[self._key] = self
        self._join()
        self._telling = asyncio.create_task(self._tell())

    def add(self, uris: Mapping[str, Collection[str]], caller: Caller) -> set[str]:
        """Follow those for which there is room; they are given by topic."""
        self._caller = caller
        taken = set()
        for uri, one in _followed(uris).items():
            self.remove(uri)
            if len(self.followed) >= MOST_URIS:
                continue
            taken.add(uri)
            self.followed[uri] = one
            self._hub.widen(self._subscription, one.topics)
            self._expiries[uri] = Expiry(caller.expires_at, partial(self._expire, uri))
        return taken

    async def renew(self, bearer: Caller) -> None:
        """Go on by a later token of the same person or program, as far as it may read."""
        ends_at = self._caller.expires_at
        if bearer.speaker != self._caller.speaker or not ends_at or not bearer.expires_at:
            return
        if bearer.expires_at > ends_at:
            self._caller = caller = self._caller.speaking_for(bearer)
            uris = tuple(self.followed)
            taken = self.add(await readable(caller, uris), caller)
            for uri in set(uris) - taken:
                self.remove(uri)

    def remove(self, uri: str) -> None:
        if expiry := self._expiries.pop(uri, None):
            expiry.cancel()
        if one := self.followed.pop(uri, None):
            self._hub.narrow(self._subscription, one.topics - self._topics())

    def tell_of(self, uris: Iterable[str]) -> None:
        self._untold.add(uris)

    async def stop(self) -> None:
        _followers.pop(self._key, None)
        for expiry in self._expiries.values():
            expiry.cancel()
        self._hub.leave(self._subscription)
        if self._rejoining:
            self._rejoining.cancel()
        self._telling.cancel()
        with suppress(asyncio.CancelledError):
            await self._telling

    def _join(self) -> None:
        if self._key in _followers:
            self._subscription = self._hub.join(
                self._topics(), self.hear, self._join_later, who=self._caller.who
            )

    def _topics(self) -> set[str]:
        return set().union(*(one.topics for one in self.followed.values()))

    def _join_later(self) -> None:
        """The log was made anew, so what is followed may be anything now; or access was revoked."""
        self._rejoining = asyncio.create_task(self._rejoin())

    async def _rejoin(self) -> None:
        await asyncio.sleep(REJOIN_SECONDS)
        self.followed = await self._left()
        self._join()
        self.tell_of(self.followed)

    async def _left(self) -> dict[str, _Followed]:
        """What is followed, as far as the caller may it still; nothing without their token."""
        try:
            bearer = await in_thread(bearers.again)(self._caller, now=timezone.now())
        except InvalidToken:
            return {}
        self._caller = self._caller.speaking_for(bearer)
        return _followed(await readable(self._caller, self.followed.keys()))

    async def _expire(self, uri: str) -> None:
        self.remove(uri)

    def hear(self, frame: Frame) -> None:
        self.tell_of(_told(self.followed, frame))

    async def _tell(self) -> None:
        async for uri in self._untold:
            await self._connection.send_resource_updated(uri)


def connection_of(session: ServerSession) -> Connection:
    # mcp 2.3 has no public handle on the connection, the only thing that outlives a request
    return session._connection


# within one call


class News:
    """Says that a topic has news; over when the shop closes."""

    def __init__(self) -> None:
        self.is_over = False
        self._arrived = asyncio.Event()

    def arrive(self) -> None:
        self._arrived.set()

    def end(self) -> None:
        self.is_over = True
        self._arrived.set()

    async def wait(self, seconds: float) -> bool:
        """True at the next news, False when there is none within the time or ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        has_come = self._arrived.is_set() and not self.is_over
        self._arrived.clear()
        return has_come


@asynccontextmanager
async def news_of(topic: str, who: str) -> AsyncIterator[News]:
    """What happens to a topic from now on; over when the access is revoked of `who` asks."""
    hub, news = await here(), News()
    subscription = hub.join({topic}, lambda _frame: news.arrive(), news.end, who=who)
    _waiting.add(news)
    try:
        yield news
    finally:
        _waiting.discard(news)
        hub.leave(subscription)
