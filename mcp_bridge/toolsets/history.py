"""What has happened, for who was away or wants to be sure: replays, receipts.

No scope is asked for: each topic asks whether the caller may read it.
"""

from typing import Annotated, Any

from django.utils.translation import gettext as _
from pydantic import BeforeValidator, Field, WithJsonSchema

from mcp_bridge import shapes
from mcp_bridge.addresses import feed
from mcp_bridge.calls import Call
from mcp_bridge.parameters import Ticket
from mcp_bridge.quotations import EVENT_TEXTS
from mcp_bridge.registry import FOLLOWS, READS, Answer, tool
from museo.access import scopes
from museo.access.callers import Caller
from notifications import following, history, receipts

MOST_REPLAYED = 1000
# as far as a JSON number goes that every client reads alike
LARGEST = 2**53 - 1


def _as_text(after: Any) -> Any:
    """A position is a cursor, too."""
    is_number = isinstance(after, int) and not isinstance(after, bool) and abs(after) <= LARGEST
    return str(after) if is_number else after


After = Annotated[
    str,
    BeforeValidator(_as_text),
    WithJsonSchema({"type": ["string", "integer"], "maxLength": 60}),
    Field(
        max_length=60,
        description="`next` of an earlier answer, or the position of the last event seen.",
    ),
]
Topics = Annotated[
    list[Annotated[str, Field(max_length=100)]] | None,
    Field(
        max_length=following.MOST_TOPICS,
        description="Such as order.ORD-…; without any, broadcasts, your own and your orders.",
    ),
]


@tool(
    title="Replay events",
    scope=scopes.FREE,
    result=shapes.EventPage,
    annotations=READS,
    quotes=EVENT_TEXTS,
)
def replay_events(
    call: Call,
    after: After,
    topics: Topics = None,
    ticket: Ticket = "",
    limit: Annotated[int, Field(ge=1, le=MOST_REPLAYED)] = 100,
) -> dict[str, Any]:
    """What has happened after a position, in order and without a gap.

    Call it after a time without a connection: pushes are not repeated. Go on with `next` until
    there are no events. A `reset` means that the log begins anew: go on from its snapshot.
    """
    caller = call.caller.with_ticket(ticket)
    return history.page(caller, _asked(caller, topics), after=after, limit=limit)


@tool(
    title="Get recent events",
    scope=scopes.FREE,
    result=shapes.EventPage,
    annotations=READS,
    quotes=EVENT_TEXTS,
)
def get_recent_events(
    call: Call,
    topics: Topics = None,
    ticket: Ticket = "",
    limit: Annotated[int, Field(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    """The last events, oldest first. Call it when you were woken up without being told why.

    `next` is what replay_events goes on after.
    """
    caller = call.caller.with_ticket(ticket)
    return history.newest(caller, _asked(caller, topics), limit=limit)


@tool(
    title="Acknowledge events",
    scope=scopes.FREE,
    result=shapes.Acknowledged,
    annotations=FOLLOWS,
)
def acknowledge_events(
    call: Call,
    position: Annotated[
        int, Field(ge=0, le=LARGEST, description="Of the last event that was received.")
    ],
    ticket: Ticket = "",
) -> Answer:
    """Say that all events up to a position were received; it only moves forward."""
    caller = call.caller.with_ticket(ticket)
    reached = receipts.acknowledge(caller, position, now=call.now)
    said = _("✅ Noted: you have everything up to position %(position)s.")
    return Answer({"position": reached}, said % {"position": reached})


def _asked(caller: Caller, topics: list[str] | None) -> set[str]:
    return set(topics) if topics else feed(caller)
