"""The bridge and the pages behind the edge, served by uvicorn in the test's own event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import uvicorn

from mcp_bridge import asgi
from museo.edge import edge
from museo.pages import Pages
from tests.processes import until
from tests.shops import free_port


async def _life(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await asgi.shutdown()
    await send({"type": "lifespan.shutdown.complete"})


async def _route(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _life(receive, send)
    elif scope["type"] == "websocket":
        await asgi.socket(scope, receive, send)
    elif scope["path"].startswith("/mcp"):
        await asgi.application(scope, receive, send)
    else:
        await _pages()(scope, receive, send)


@cache
def _pages() -> Any:
    return Pages()


application: Any = edge(_route)


@asynccontextmanager
async def serve(port: int = 0) -> AsyncIterator[str]:
    """The address of `/mcp`, at a free port if none is given."""
    port = port or free_port()
    config = uvicorn.Config(
        application,
        port=port,
        log_config=None,
        timeout_graceful_shutdown=1,
        ws="websockets-sansio",
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        # at SIGTERM the streams end first: a server waits for them
        await asgi.shutdown()
        server.should_exit = True
        await serving
