"""What the libraries of all providers have in common: their connections, and their errors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary

import httpx2

from mcp_bridge.assistant.providers.talk import ModelTrouble

logger = logging.getLogger(__name__)
# seconds; `read` is the longest silence within a reply
TIMEOUT = httpx2.Timeout(connect=5, read=20, write=10, pool=5)
TOO_MANY = 429
# passing, beside all above 500: not in time, in conflict
PASSING = (408, 409, TOO_MANY)


def http() -> httpx2.AsyncClient:
    """It follows nothing to elsewhere: a key is for one address."""
    return httpx2.AsyncClient(timeout=TIMEOUT, follow_redirects=False)


class Clients:
    """A client for each event loop: its connections are of no use to another one."""

    def __init__(self, library: str, make: Callable[[], Any]) -> None:
        self._library = library
        self._make = make
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = WeakKeyDictionary()

    async def here(self) -> Any:
        loop = asyncio.get_running_loop()
        if loop not in self._by_loop:
            # loading it takes a second or two, in which everybody else would wait
            self._by_loop.setdefault(loop, await asyncio.to_thread(self._loaded))
        return self._by_loop[loop]

    def _loaded(self) -> Any:
        import_module(self._library)
        return self._make()

    async def close(self) -> None:
        """Those of this event loop."""
        if client := self._by_loop.pop(asyncio.get_running_loop(), None):
            await client.close()


@asynccontextmanager
async def troubles(library: Any) -> AsyncIterator[None]:
    """Every error of a provider or of its library as a ModelTrouble.

    Their texts are left out: they may repeat what was sent.
    """
    try:
        yield
    except library.APIStatusError as error:
        raise _of_status(error.status_code, error.response.headers) from None
    except (library.APITimeoutError, httpx2.TimeoutException):
        raise ModelTrouble("timeout") from None
    except (library.APIConnectionError, httpx2.TransportError):
        raise ModelTrouble("connection") from None
    except library.APIError:
        # told within a stream that had begun well
        raise ModelTrouble("server") from None
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        # the libraries pass on what they do not understand
        logger.warning("reply not understood", extra={"reason": type(error).__name__})
        raise ModelTrouble("malformed") from None


def _of_status(status: int, headers: Any) -> ModelTrouble:
    if status == TOO_MANY:
        return ModelTrouble("rate_limit", retry_after=_seconds(headers.get("retry-after")))
    if status in PASSING or status >= 500:
        return ModelTrouble("server", retry_after=_seconds(headers.get("retry-after")))
    if status < 400:
        # told within a stream that had begun well
        return ModelTrouble("server")
    kind = "key" if status in (401, 403) else "refused"
    return ModelTrouble(kind, is_passing=False)


def _seconds(header: str | None) -> float | None:
    try:
        asked = float(header or "")
    except ValueError:
        return None
    return asked if 0 <= asked < float("inf") else None
