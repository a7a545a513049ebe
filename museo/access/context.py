"""What belongs to the call at hand: its correlation id."""

from contextvars import ContextVar
from uuid import uuid4

_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")


def correlation_id() -> str:
    """The id that this call's answers and log lines share; empty outside a call."""
    return _correlation_id.get()


def begin(given: str = "") -> str:
    """Name the call, by its sender's id if that is short and plain."""
    is_plain = 0 < len(given) <= 64 and given.replace("-", "").replace("_", "").isalnum()
    name = given if is_plain else uuid4().hex
    _correlation_id.set(name)
    return name
