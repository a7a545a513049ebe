"""The AsyncAPI 3.0 document of what is pushed: streams, sockets and webhooks.

https://www.asyncapi.com/docs/reference/specification/v3.0.0; docs/live.md tells the same in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from museo.access.shapes import (
    COMPONENTS,
    Shape,
    anything,
    choice,
    each,
    many,
    maybe,
    moment,
    of,
    optional,
    text,
    whole,
)
from museo.openapi import SECURITY_SCHEMES, sent
from notifications.schema import CURSOR, ENVELOPE

INTRODUCTION = """\
Everything that happens is an event of one log; a client hears it from a place on, in order and
without a hole, and again from the last cursor it had. docs/live.md tells how, with examples.
"""
TOPIC, NUMBER = "order.ORD-7K4Q2M9X", "ORD-7K4Q2M9X"
STATES = each(anything({"status": "preparing"}), TOPIC)
STANDING = {"epoch": text("k3v9"), "position": whole(812), "now": moment()}
TOPICS, TYPES = many(text(TOPIC)), many(text("order.delivered"))


def _frame(type: str, **fields: Shape) -> Shape:
    return of(type=choice([type]), **fields)


def _action(action: str, **fields: Shape) -> Shape:
    return of(action=choice([action]), **fields)


# what the server says beside events
CONNECTED = _frame(
    "connected",
    connection_id=text("8a0c…"),
    **STANDING,
    # of one order's stream
    orderId=optional(text(NUMBER)),
    topics=optional(TOPICS),
    snapshot=optional(STATES),
)
RESET = _frame(
    "reset",
    **STANDING,
    snapshot=STATES,
    connection_id=optional(text("8a0c…")),
    orderId=optional(text(NUMBER)),
    topics=optional(TOPICS),
    reason=optional(text("token_expired")),
)
SKIP = _frame("skip", topic=text(TOPIC), position=whole(813), version=whole(3))
STATUS = _frame(
    "status",
    status=text("connected"),
    connection_id=text("8a0c…"),
    client_count=whole(12),
    timestamp=moment(),
)
SUBSCRIBED = _frame("subscribed", topics=TOPICS, **STANDING, snapshot=STATES)
REFUSED = of(
    type=choice(["error"]),
    code=text("bad_frame"),
    message=text("Send JSON objects."),
    errors=many(of(pointer=text("/topics"), code=text("required"), detail=text("Name topics."))),
)
# of its own `event:`, so that it needs no type
PING = Shape({**of(now=moment()).schema, "additionalProperties": False}, of(now=moment()).example)

# what one hears everywhere, and by the kind of channel
HEARD: Mapping[str, Shape] = {
    "connected": CONNECTED,
    "event": ENVELOPE,
    "skip": SKIP,
    "reset": RESET,
}
OF_STREAMS: Mapping[str, Shape] = {**HEARD, "ping": PING}
OF_SOCKETS: Mapping[str, Shape] = {
    **HEARD,
    "status": STATUS,
    "subscribed": SUBSCRIBED,
    "unsubscribed": _frame("unsubscribed", topics=TOPICS),
    "filtered": _frame("filtered", topics=TOPICS, types=TYPES),
    "acked": _frame("acked", position=whole(640)),
    "pong": _frame("pong", now=moment()),
    "error": REFUSED,
}
# and what one says on a socket
ACTIONS: Mapping[str, Shape] = {
    "subscribe": _action(
        "subscribe", topics=TOPICS, types=optional(TYPES), after=optional(maybe(text(CURSOR)))
    ),
    "unsubscribe": _action("unsubscribe", topics=TOPICS),
    "filter": _action("filter", types=TYPES, topics=optional(TOPICS)),
    "ack": _action("ack", position=whole(640)),
    "askStatus": _action("status"),
    "askPing": _action("ping"),
}
SAYS = {
    "connected": "First of all: where the log and what is followed stand.",
    "event": "Something has happened. `position` is its place in the log, `version` in its topic.",
    "skip": "An event that `types` leave out; the cursor moves.",
    "reset": "The cursor is of another log, or what admitted has ended: go on from here.",
    "ping": "`event: ping`, every 15 seconds. Whoever hears nothing for 30 connects again.",
    "status": "How many clients are connected, when that changes.",
    "subscribed": "The topics are followed from here on, after what was missed.",
    "error": "A frame that could not be done; the connection stays.",
}


def _message(name: str, shape: Shape, *, in_array: bool = False) -> dict[str, Any]:
    schema, example = shape.schema, shape.example
    if in_array:
        schema, example = {"type": "array", "items": schema}, [example]
    return {
        "name": name,
        "contentType": "application/json",
        "summary": SAYS.get(name, f"`{name}`"),
        "payload": schema,
        "examples": [{"payload": example}],
    }


def _messages() -> dict[str, Any]:
    return {
        **{name: _message(name, shape) for name, shape in {**OF_STREAMS, **ACTIONS}.items()},
        **{
            f"{name}Frames": _message(name, shape, in_array=True)
            for name, shape in OF_SOCKETS.items()
        },
    }


def _channel(address: str | None, says: str, messages: Mapping[str, str], **more: Any) -> Any:
    """`messages`: by their names on it, their names in the components."""
    listed = {name: _ref("messages", where) for name, where in messages.items()}
    return {"address": address, "description": says, "messages": listed, **more}


def _ref(*where: str) -> dict[str, str]:
    return {"$ref": "/".join(("#/components", *where))}


def _channels() -> dict[str, Any]:
    streams = {name: name for name in OF_STREAMS}
    heard = {name: f"{name}Frames" for name in OF_SOCKETS}
    by_http = {"bindings": {"http": {}}, "servers": [{"$ref": "#/servers/http"}]}
    number = {"number": {"description": "An order's number.", "examples": [NUMBER]}}
    return {
        "order": _channel(
            "/api/v1/orders/{number}/events",
            "One order, as Server-Sent Events; from its first event without a cursor.",
            streams,
            parameters=number,
            **by_http,
        ),
        "topics": _channel(
            "/api/v1/events",
            "Any topics that one may read (`?topics=a,b`), as Server-Sent Events.",
            streams,
            **by_http,
        ),
        "socket": _channel(
            "/ws/events/",
            "Many topics on one WebSocket. Frames out are arrays.",
            {**heard, **{name: name for name in ACTIONS}},
            bindings={"ws": {"method": "GET"}},
            servers=[{"$ref": "#/servers/websocket"}],
        ),
        "webhook": _channel(
            None,
            "One's own address, from POST /api/v1/subscriptions; signed as docs/webhooks.md says.",
            {"event": "event"},
            bindings={"http": {}},
        ),
    }


def _operation(action: str, channel: str, names: Iterable[str]) -> Any:
    """What the shop does there, for it is the shop that the document describes."""
    where = f"#/channels/{channel}"
    listed = [{"$ref": f"{where}/messages/{name}"} for name in names]
    needs = [_ref("securitySchemes", name) for name in ("bearer", "session", "ticket")]
    told = {"action": action, "channel": {"$ref": where}, "messages": listed}
    return told if channel == "webhook" else {**told, "security": needs}


def document() -> dict[str, Any]:
    """The whole document, made anew."""
    here = urlsplit(settings.MUSEO_PUBLIC_URL)
    over = "wss" if here.scheme == "https" else "ws"
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Museo", "version": "1", "description": INTRODUCTION},
        "defaultContentType": "application/json",
        "servers": {
            "http": {"host": here.netloc, "protocol": here.scheme},
            "websocket": {"host": here.netloc, "protocol": over},
        },
        "channels": _channels(),
        "operations": {
            "tellOfOrder": _operation("send", "order", OF_STREAMS),
            "tellOfTopics": _operation("send", "topics", OF_STREAMS),
            "tellOnSocket": _operation("send", "socket", OF_SOCKETS),
            "hearOnSocket": _operation("receive", "socket", ACTIONS),
            "tellByWebhook": _operation("send", "webhook", ("event",)),
        },
        "components": {
            "messages": _messages(),
            "schemas": {"Envelope": COMPONENTS["Envelope"]},
            "securitySchemes": _security(),
        },
    }


def _security() -> dict[str, Any]:
    """Those of the API that open streams, in AsyncAPI's words."""
    schemes = {name: dict(SECURITY_SCHEMES[name]) for name in ("bearer", "session", "ticket")}
    for scheme in schemes.values():
        if scheme["type"] == "apiKey":
            # its own `apiKey` is of user and password
            scheme["type"] = "httpApiKey"
    return schemes


@cache
def written() -> tuple[bytes, str]:
    """The document as it is sent, and its tag."""
    return sent(document())
