"""What becomes of a message after it was sent, as its provider says; pure."""

from collections.abc import Iterable
from enum import StrEnum


class State(StrEnum):
    """In the order in which a later one is not taken back by an earlier one.

    A message that arrived has not failed, whatever is said of another try; one can bounce after a
    server took it; and who has read it or complains about it has got it.
    """

    SENT = "sent"
    FAILED = "failed"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    READ = "read"
    COMPLAINED = "complained"


ORDER = tuple(State)


def later(state: State, news: State) -> State:
    """Where a message stands after this news, in whatever order news comes: never backwards."""
    return max(state, news, key=ORDER.index)


def before(state: State) -> Iterable[State]:
    """The states that this one moves on."""
    return ORDER[: ORDER.index(state)]
