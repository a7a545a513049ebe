"""What belongs to the call at hand: its correlation id, who calls, and by which tools."""

import os
from contextvars import ContextVar

_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
_who: ContextVar[str] = ContextVar("who", default="")
_toolset: ContextVar[str] = ContextVar("toolset", default="")


def correlation_id() -> str:
    """The id that this call's answers and log lines share; empty outside a call."""
    return _correlation_id.get()


def who() -> str:
    """`user:7` or `service:3`; empty while nobody is known."""
    return _who.get()


def toolset() -> str:
    """Of MCP; empty in other calls."""
    return _toolset.get()


def begin(given: str = "") -> str:
    """Name the call, by its sender's id if that is short and plain. Nobody is known to call yet."""
    is_plain = 0 < len(given) <= 64 and given.replace("-", "").replace("_", "").isalnum()
    name = given if is_plain else os.urandom(16).hex()
    _correlation_id.set(name)
    _who.set("")
    _toolset.set("")
    return name


def is_called_by(who: str) -> None:
    _who.set(who)


def is_called_over(toolset: str) -> None:
    _toolset.set(toolset)
