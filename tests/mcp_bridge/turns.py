"""Several servers behind one address, which get requests in turn: nothing sticks to any of them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client.streamable_http import streamable_http_client

from tests.processes import TLS


class Turns(httpx2.AsyncBaseTransport):
    """Each request goes to the next server; to the one after, if that does not answer."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = list(ports)
        # of each request its method, who answered, and how
        self.answers: list[tuple[str, int, int]] = []
        # the session that was opened, and where
        self.session = ""
        self.owner = 0
        self._network = httpx2.AsyncHTTPTransport(verify=TLS)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._ports.append(self._ports.pop(0))
        *others, last = self._ports
        for port in (last, *others):
            request.url = request.url.copy_with(port=port)
            try:
                response = await self._network.handle_async_request(request)
            except httpx2.ConnectError:
                if port == others[-1]:
                    raise
            else:
                self.answers.append((request.method, port, response.status_code))
                if not self.session:
                    self.session, self.owner = response.headers.get("mcp-session-id", ""), port
                return response
        raise AssertionError("there is no server")

    async def aclose(self) -> None:
        await self._network.aclose()


@asynccontextmanager
async def in_turn(turns: Turns, **headers: str) -> AsyncIterator[Any]:
    """A connection for an MCP client."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        httpx2.AsyncClient(transport=turns, headers=named, timeout=60) as http,
        # those who go on leave their session as it is
        streamable_http_client(
            "http://127.0.0.1/mcp", http_client=http, terminate_on_close=False
        ) as streams,
    ):
        yield streams
