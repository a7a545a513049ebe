"""One connection to another MCP server: its program or its address, held open by one task."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import anyio
import httpx2
import mcp_types as types
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import SubscriptionLost
from mcp.shared.exceptions import MCPError
from mcp.shared.message import SessionMessage
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mcp_bridge.calls import Progress
from museo import tether
from museo.mcp_servers import ChildServer

logger = logging.getLogger(__name__)
OPENS_WITHIN = 20.0
# of each kind
MOST_LISTED = 1000
# longer than any call may take: each has its own limit
READS_WITHIN = 3700.0
Streams = tuple[Any, Any]
LISTS_CHANGED = (
    types.ToolListChangedNotification,
    types.ResourceListChangedNotification,
    types.PromptListChangedNotification,
)


class CannotOpen(Exception):
    """The server did not start, or does not speak MCP."""


@dataclass(frozen=True)
class Lists:
    """What a server has, by the names and addresses that it gives it."""

    tools: Mapping[str, types.Tool] = field(default_factory=dict)
    resources: Mapping[str, types.Resource] = field(default_factory=dict)
    templates: Mapping[str, types.ResourceTemplate] = field(default_factory=dict)
    prompts: Mapping[str, types.Prompt] = field(default_factory=dict)

    def differing(self, other: Lists) -> set[str]:
        """The kinds that are not the same."""
        names = (each.name for each in fields(self))
        return {name for name in names if getattr(self, name) != getattr(other, name)}


class Connection:
    """`on_open` is called when it is of use and its lists are read, `on_change` when they change.

    `on_end` is called once, when it was lost or could not be opened or was closed.
    """

    def __init__(
        self,
        server: ChildServer,
        *,
        on_open: Callable[[Connection], None],
        on_change: Callable[[Connection], None],
        on_end: Callable[[Connection], None],
    ) -> None:
        self.pid = 0
        self.lists = Lists()
        self.under_way = 0
        self.answered = 0
        self.began_at = time.monotonic()
        self._server = server
        self._on_open = on_open
        self._on_change = on_change
        self._on_end = on_end
        self._client: Client | None = None
        self._is_open = asyncio.Event()
        self._is_ending = asyncio.Event()
        self._problem = ""
        self._pid_file: Path | None = None
        self._task = asyncio.create_task(self._hold())

    @property
    def is_open(self) -> bool:
        return self._client is not None and not self._is_ending.is_set()

    async def opened(self) -> None:
        """Wait until it is of use; raise CannotOpen."""
        await self._is_open.wait()
        if not self.is_open:
            raise CannotOpen(self._problem or "it ended at once")

    async def call(
        self, tool: str, arguments: Mapping[str, Any], told: Progress
    ) -> types.CallToolResult:
        """What the server answers; raise what the SDK raises."""

        async def tell(progress: float, total: float | None, message: str | None) -> None:
            await told(progress, total, message)

        with self._busy() as client:
            return await client.call_tool(
                tool,
                dict(arguments),
                read_timeout_seconds=self._server.timeout,
                progress_callback=tell,
            )

    async def read(self, uri: str) -> types.ReadResourceResult:
        with self._busy() as client:
            async with asyncio.timeout(self._server.timeout):
                return await client.read_resource(uri)

    async def prompt(self, name: str, arguments: Mapping[str, str]) -> types.GetPromptResult:
        with self._busy() as client:
            async with asyncio.timeout(self._server.timeout):
                return await client.get_prompt(name, dict(arguments))

    async def list_anew(self) -> None:
        if client := self._client:
            self.lists = await _lists(client)

    @contextmanager
    def _busy(self) -> Iterator[Client]:
        client = self._client
        if client is None:
            raise anyio.ClosedResourceError
        self.under_way += 1
        try:
            yield client
        finally:
            self.under_way -= 1

    def close(self) -> None:
        """Begin to end; a program has a moment to end by itself."""
        self._is_ending.set()

    async def closed(self, *, within: float) -> None:
        """Close, and kill what is left of a program when the time is over."""
        for end in (self.close, self._kill, self._task.cancel):
            if not self._task.done():
                end()
                await asyncio.wait([self._task], timeout=within)

    async def _hold(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                await self._open(stack)
                self._on_open(self)
                self._is_open.set()
                listening = asyncio.create_task(self._listen())
                await self._is_ending.wait()
                listening.cancel()
        # whatever an SDK and a stranger's program come up with is that connection's end
        except Exception as error:
            self._problem = _words(error)
            logger.info(
                "child connection failed",
                extra={"child": self._server.name, "reason": self._problem},
            )
        finally:
            self._client = None
            self._is_ending.set()
            self._is_open.set()
            self._on_end(self)

    async def _open(self, stack: AsyncExitStack) -> None:
        try:
            async with asyncio.timeout(OPENS_WITHIN):
                transport = await stack.enter_async_context(self._transport())
                watched = _Watched(transport, self.close)
                client = Client(watched, cache=None, message_handler=self._hear)
                await stack.enter_async_context(client)
                self.lists = await _lists(client)
                self._note_pid()
        except TimeoutError:
            raise CannotOpen(f"it did not answer within {OPENS_WITHIN:.0f} s") from None
        self._client = client

    @asynccontextmanager
    async def _transport(self) -> AsyncIterator[AbstractAsyncContextManager[Streams]]:
        if self._server.url:
            timeout = httpx2.Timeout(30, read=READS_WITHIN)
            headers = dict(self._server.headers)
            async with httpx2.AsyncClient(headers=headers, timeout=timeout) as http:
                yield streamable_http_client(self._server.url, http_client=http)
            return
        program = shutil.which(self._server.command)
        if program is None:
            raise CannotOpen(f"there is no program {self._server.command}")
        with tempfile.TemporaryDirectory(prefix="museo-child-") as folder:
            self._pid_file = Path(folder) / "pid"
            tethered = ["-I", "-S", tether.__file__, str(os.getpid())]
            yield stdio_client(
                StdioServerParameters(
                    command=sys.executable,
                    args=[*tethered, program, *self._server.args],
                    env={**self._server.env, tether.PID_FILE: str(self._pid_file)},
                )
            )

    async def _hear(self, message: object) -> None:
        """Before 2026-07-28 a server says it unasked."""
        if isinstance(message, LISTS_CHANGED):
            self._on_change(self)

    async def _listen(self) -> None:
        """Since then it is asked to."""
        client = self._client
        if client is None or client.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return
        asked = _changing(client.server_capabilities)
        if not any(asked.values()):
            return
        try:
            async with client.listen(**asked) as changes:
                async for _change in changes:
                    self._on_change(self)
        except (MCPError, SubscriptionLost, TimeoutError, anyio.ClosedResourceError):
            # what it has is looked at now and then in any case
            logger.info("child not listened to", extra={"child": self._server.name})

    def _note_pid(self) -> None:
        if self._pid_file:
            with suppress(OSError, ValueError):
                self.pid = int(self._pid_file.read_text())

    def _kill(self) -> None:
        """The program and all that it has started."""
        self._note_pid()
        if self.pid:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)


async def _lists(client: Client) -> Lists:
    """All that the server has; of what it does not speak of, nothing."""
    has = client.server_capabilities
    return Lists(
        tools=await _all(client.list_tools, "tools", "name"),
        resources=await _all(client.list_resources, "resources", "uri") if has.resources else {},
        templates=await _templates(client) if has.resources else {},
        prompts=await _all(client.list_prompts, "prompts", "name") if has.prompts else {},
    )


async def _templates(client: Client) -> dict[str, types.ResourceTemplate]:
    """Not every server that has resources answers this."""
    try:
        return await _all(client.list_resource_templates, "resource_templates", "uri_template")
    except MCPError as error:
        if error.code != types.METHOD_NOT_FOUND:
            raise
        return {}


async def _all(ask: Callable[..., Awaitable[Any]], kind: str, key: str) -> dict[str, Any]:
    """What is listed of a kind, page by page."""
    found: dict[str, Any] = {}
    cursor = None
    while len(found) < MOST_LISTED:
        page = await ask(cursor=cursor)
        listed = getattr(page, kind)
        found.update({str(getattr(each, key)): each for each in listed})
        cursor = page.next_cursor
        if not cursor or not listed:
            break
    return found


def _changing(has: types.ServerCapabilities) -> dict[str, Any]:
    """The lists that may change, as `Client.listen` is asked for them."""
    return {
        "tools_list_changed": bool(has.tools and has.tools.list_changed),
        "resources_list_changed": bool(has.resources and has.resources.list_changed),
        "prompts_list_changed": bool(has.prompts and has.prompts.list_changed),
    }


class _Watched:
    """A transport that says when its other end has gone."""

    def __init__(
        self, transport: AbstractAsyncContextManager[Streams], gone: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._gone = gone

    async def __aenter__(self) -> Streams:
        received, sent = await self._transport.__aenter__()
        return _Received(received, self._gone), sent

    async def __aexit__(self, *raised: Any) -> bool | None:
        return await self._transport.__aexit__(*raised)


class _Received:
    """What a transport receives, to its end."""

    def __init__(self, stream: Any, gone: Callable[[], None]) -> None:
        self._stream = stream
        self._gone = gone

    @property
    def last_context(self) -> Any:
        return getattr(self._stream, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        try:
            message: SessionMessage | Exception = await self._stream.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError):
            self._gone()
            raise
        return message

    async def aclose(self) -> None:
        await self._stream.aclose()

    def __aiter__(self) -> _Received:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> _Received:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> bool | None:
        result: bool | None = await self._stream.__aexit__(*raised)
        return result


def _words(error: BaseException) -> str:
    """What went wrong, without what a task group wraps around it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    said = str(error) if isinstance(error, CannotOpen) else f"{type(error).__name__}: {error}"
    return said[:200]
