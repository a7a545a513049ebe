"""The other servers behind ours: started when first asked for, watched, started again, ended."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio
import httpx2
import mcp_types as types
import prometheus_client as metrics
from django.conf import settings
from django.utils.translation import gettext as _
from mcp.shared.exceptions import MCPError

from mcp_bridge import list_changes
from mcp_bridge.calls import Progress
from mcp_bridge.children.connection import CannotOpen, Connection, Lists
from mcp_bridge.children.mirror import Mirror
from mcp_bridge.dispatch import NotAvailable
from museo.access.callers import Caller
from museo.mcp_servers import ChildServer
from museo.restarts import Streak

logger = logging.getLogger(__name__)
# so many calls in a row without an answer, and the connection is given up
BREAKS_AFTER = 3
MOST_UNDER_WAY = 64
LISTED_FOR = 60.0
# a server that takes longer to start is listed as soon as it has
LISTED_WITHIN = 5.0
# changes of its lists that come at once are one
LISTS_PAUSE = 0.1
PATIENCE_SECONDS = 0.4
CALLS = metrics.Counter(
    "museo_mcp_child_calls", "What other MCP servers were asked", ["child", "outcome"]
)
RESTARTS = metrics.Counter(
    "museo_mcp_child_restarts", "Times that another MCP server was started again", ["child"]
)
# what the SDK makes of a server that does not answer: closed, too late
NO_ANSWER = frozenset({types.CONNECTION_CLOSED, types.REQUEST_TIMEOUT})
BROKEN = (
    anyio.ClosedResourceError,
    anyio.BrokenResourceError,
    httpx2.HTTPError,
    TimeoutError,
)
LONGEST_REFUSAL = 2000
Answered = TypeVar("Answered")


class Refused(Exception):
    """What a server says against what it was asked."""


@dataclass
class Stats:
    """Since this process began; an error is a call that got no answer."""

    calls: int = 0
    errors: int = 0
    restarts: int = 0


class Child:
    """One server of the settings, with as many connections as its pool has."""

    def __init__(self, server: ChildServer, changed: Callable[[], None]) -> None:
        self.server = server
        self.stats = Stats()
        self._changed = changed
        self._connections: list[Connection] = []
        self._lists: Lists | None = None
        self._listed_at = 0.0
        # somebody was shown lists without it
        self._is_missed = False
        self._is_outdated = False
        self._listing: asyncio.Task[None] | None = None
        self._is_ending = False
        # calls in a row without an answer
        self._unanswered = 0
        self._streak = Streak()
        self._retry_at = 0.0
        self._reopening: set[asyncio.Task[None]] = set()

    @property
    def status(self) -> str:
        if any(connection.is_open for connection in self._connections):
            return "running"
        return "error" if self._retry_at and not self._is_ending else "stopped"

    @property
    def is_in_use(self) -> bool:
        """Whether this process has started it, or has tried to."""
        return bool(self._connections or self._lists or self._retry_at)

    @property
    def pids(self) -> list[int]:
        return [each.pid for each in self._connections if each.is_open and each.pid]

    async def lists(self) -> Lists:
        """What it has; what it had before while it is away. Raise NotAvailable."""
        if self._lists is None:
            await self._connection()
        elif time.monotonic() - self._listed_at > LISTED_FOR:
            await self._list_anew()
        return self._lists or Lists()

    async def lists_soon(self) -> Lists:
        """The same without waiting for long; nothing of one that is away and was never here."""
        try:
            async with asyncio.timeout(LISTED_WITHIN):
                return await self.lists()
        except (NotAvailable, TimeoutError):
            self._is_missed = True
            return Lists()

    async def call(
        self, tool: str, arguments: Mapping[str, Any], progress: Progress
    ) -> types.CallToolResult:
        """What it answers, its refusals too; raise NotAvailable."""
        try:
            return await self._ask(lambda there: there.call(tool, arguments, progress))
        except Refused as refusal:
            # as a tool's error, which a model reads
            text = types.TextContent(type="text", text=str(refusal))
            return types.CallToolResult(content=[text], is_error=True)

    async def read(self, uri: str) -> types.ReadResourceResult:
        """Raise NotAvailable or Refused."""
        return await self._ask(lambda there: there.read(uri))

    async def prompt(self, name: str, arguments: Mapping[str, str]) -> types.GetPromptResult:
        """Raise NotAvailable or Refused."""
        return await self._ask(lambda there: there.prompt(name, arguments))

    async def end(self) -> None:
        self._is_ending = True
        for task in (*self._reopening, *filter(None, [self._listing])):
            task.cancel()
        connections = tuple(self._connections)
        await asyncio.gather(*(each.closed(within=PATIENCE_SECONDS) for each in connections))

    async def _ask(self, what: Callable[[Connection], Awaitable[Answered]]) -> Answered:
        """What it answers, counted; raise NotAvailable or Refused."""
        self.stats.calls += 1
        try:
            answer = await self._answer(what)
        except NotAvailable:
            self.stats.errors += 1
            self._count("not_available")
            raise
        except Refused:
            self._count("error")
            raise
        finally:
            self._changed()
        self._count("error" if getattr(answer, "is_error", False) else "done")
        return answer

    async def _answer(self, what: Callable[[Connection], Awaitable[Answered]]) -> Answered:
        connection = await self._connection()
        try:
            answer = await what(connection)
        except BROKEN as error:
            raise self._without_answer(connection) from error
        except (MCPError, RuntimeError, ValueError) as error:
            if isinstance(error, MCPError) and error.code in NO_ANSWER:
                raise self._without_answer(connection) from error
            if not isinstance(error, MCPError):
                # it has answered, and not as its own schema or the protocol says
                logger.warning("child answered badly", extra={"child": self.server.name})
            self._note_answer(connection)
            raise Refused(str(error)[:LONGEST_REFUSAL]) from error
        self._note_answer(connection)
        return answer

    def _count(self, outcome: str) -> None:
        CALLS.labels(self.server.name, outcome).inc()

    def _note_answer(self, connection: Connection) -> None:
        connection.answered += 1
        self._unanswered = 0

    def _without_answer(self, connection: Connection) -> NotAvailable:
        """The circuit breaker: too often in a row, and the connection is given up."""
        self._unanswered += 1
        if self._unanswered >= BREAKS_AFTER and connection.is_open:
            connection.answered = 0
            connection.began_at = time.monotonic()
            connection.close()
        return NotAvailable(
            _(
                "%(name)s did not answer in time, or ended meanwhile. Whether it has done what was"
                " asked is not known: look before you try again."
            )
            % {"name": self.server.name}
        )

    async def _connection(self) -> Connection:
        """The one with the least to do, or a further one; raise NotAvailable."""
        open_ones = [each for each in self._connections if each.is_open]
        idlest = min(open_ones, key=lambda each: each.under_way, default=None)
        if idlest and (not idlest.under_way or len(self._connections) >= self.server.pool):
            if idlest.under_way >= MOST_UNDER_WAY:
                raise NotAvailable(
                    _("%(name)s has too much to do. Try again in a moment.")
                    % {"name": self.server.name}
                )
            return idlest
        opening = [each for each in self._connections if not each.is_open]
        connection = opening[0] if opening else self._open()
        try:
            await connection.opened()
        except CannotOpen as problem:
            if idlest and idlest.is_open:
                return idlest
            raise self._away(str(problem)) from problem
        return connection

    def _open(self) -> Connection:
        wait = self._retry_at - time.monotonic()
        if self._is_ending or wait > 0:
            raise self._away()
        connection = Connection(
            self.server, on_open=self._learn, on_change=self._list_soon, on_end=self._ended
        )
        self._connections.append(connection)
        return connection

    def _away(self, why: str = "") -> NotAvailable:
        seconds = max(int(self._retry_at - time.monotonic()) + 1, 1)
        said = _("%(name)s cannot be reached; the shop tries again in %(seconds)s s.") % {
            "name": self.server.name,
            "seconds": seconds,
        }
        logger.info("child away", extra={"child": self.server.name, "reason": why})
        others = _("All other tools work.")
        return NotAvailable(f"{said} {others}", retry_after=seconds)

    def _list_soon(self, connection: Connection) -> None:
        """It says that its lists have changed."""
        self._is_outdated = True
        if self._listing is None or self._listing.done():
            self._listing = asyncio.create_task(self._keep_listed())

    async def _keep_listed(self) -> None:
        while self._is_outdated:
            self._is_outdated = False
            await self._list_anew()
            await asyncio.sleep(LISTS_PAUSE)

    async def _list_anew(self) -> None:
        self._listed_at = time.monotonic()
        if connection := next((each for each in self._connections if each.is_open), None):
            try:
                async with asyncio.timeout(self.server.timeout):
                    await connection.list_anew()
            except (MCPError, *BROKEN):
                logger.info("child not listed anew", extra={"child": self.server.name})
            else:
                self._learn(connection)

    def _learn(self, connection: Connection) -> None:
        """What it has now, and tell it to who was shown something else."""
        before, self._lists = self._lists, connection.lists
        if before is not None or self._is_missed:
            changed = (before or Lists()).differing(self._lists)
            list_changes.tell(changed, scope=self.server.scope)
        self._is_missed = False
        self._listed_at = time.monotonic()
        self._retry_at = 0.0
        self._changed()

    def _ended(self, connection: Connection) -> None:
        self._connections.remove(connection)
        self._changed()
        if self._is_ending:
            return
        lived = time.monotonic() - connection.began_at
        self._streak = self._streak.after(lived=max(lived, 1e9 * connection.answered))
        self._unanswered = 0
        pause = self._streak.pause
        self._retry_at = time.monotonic() + pause
        logger.warning("child ended", extra={"child": self.server.name, "again_in_seconds": pause})
        if not self._connections:
            task = asyncio.create_task(self._reopen(pause))
            self._reopening.add(task)
            task.add_done_callback(self._reopening.discard)

    async def _reopen(self, pause: float) -> None:
        await asyncio.sleep(pause)
        if self._connections:
            return
        self.stats.restarts += 1
        RESTARTS.labels(self.server.name).inc()
        try:
            await self._connection()
        except NotAvailable:
            # its end has begun the next pause
            return


class Children:
    """All of them, for one event loop."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._mirror = Mirror(self)
        self.by_name = {
            server.name: Child(server, self._mirror.wake) for server in settings.MUSEO_MCP_SERVERS
        }

    async def end(self) -> None:
        await asyncio.gather(*(child.end() for child in self.by_name.values()))
        await self._mirror.end()


_children: Children | None = None


def here() -> Children:
    """Those of this event loop."""
    global _children
    if _children is None or _children.loop is not asyncio.get_running_loop():
        _children = Children()
    return _children


def open_to(caller: Caller) -> list[Child]:
    """Those whose scope the caller has."""
    return [child for child in here().by_name.values() if child.server.scope in caller.scopes]


def find(name: str, caller: Caller) -> Child | None:
    return next((child for child in open_to(caller) if child.server.name == name), None)


async def end() -> None:
    """End all programs; nothing is left when this returns, in about a second at most."""
    global _children
    children, _children = _children, None
    if children is not None and children.loop is asyncio.get_running_loop():
        await children.end()
