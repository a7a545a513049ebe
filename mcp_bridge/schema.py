"""What the OpenAPI document says of the calls of the assistant."""

from mcp_bridge.assistant.api import MessageBody
from mcp_bridge.assistant.client_types import ALL
from mcp_bridge.models import Message
from museo.access.operations import KEY_IF_WANTED, Operations, does, reads
from museo.access.shapes import (
    address,
    anything,
    choice,
    each,
    many,
    maybe,
    moment,
    number,
    of,
    optional,
    text,
    whole,
    yes,
)

EVENTS_URL = address("https://shop.example/api/chat/sse?messageId=ask_5c0xcb3d5f6g7k4q")
MESSAGE_ID, CONVERSATION_ID = text("ask_5c0xcb3d5f6g7k4q"), text("cnv_8k2mcb3d5f6g7k4q")
ACCEPTED = of(
    "AcceptedMessage",
    message_id=MESSAGE_ID,
    conversation_id=CONVERSATION_ID,
    events_url=EVENTS_URL,
    client_type=choice(ALL),
    locale=text("en"),
    # what was taken for something else
    notes=many(
        of(
            "AssistantNote",
            code=choice(["unknown_client_type", "unknown_locale"], "unknown_locale"),
            detail=text("This language is not spoken here; en is used."),
        )
    ),
)
RESPONSE = of(
    "AssistantResponse",
    type=choice(["response"]),
    message=text("There is one: iPhone 15, €799.00."),
    data=each(anything("products"), "kind"),
    metadata=of(
        message_id=MESSAGE_ID,
        conversation_id=CONVERSATION_ID,
        client_type=choice(ALL),
        locale=text("en"),
        outcome=text("done"),
        intent=optional(text("search_products")),
        confidence=optional(number(0.93)),
        tools=optional(many(text("search_products"))),
        # fields of data that others have written
        quoted=optional(many(text("results"))),
        code=optional(text("not_found")),
        confident=optional(yes()),
    ),
)
MESSAGE = of(
    "AssistantMessage",
    message_id=MESSAGE_ID,
    conversation_id=CONVERSATION_ID,
    state=choice(Message.State.values, "done"),
    said=text("Do you have iPhone 15?"),
    at=moment(),
    events_url=EVENTS_URL,
    process=of(
        step=whole(3),
        totalSteps=whole(3),
        description=text("Done"),
        progress=whole(100),
        status=choice(["idle", "running", "complete", "error"], "complete"),
    ),
    response=maybe(RESPONSE),
)
CONVERSATION = of(
    "AssistantConversation",
    conversation_id=CONVERSATION_ID,
    expires_at=moment(),
    messages=many(MESSAGE),
)

OPERATIONS: Operations = {
    "POST assistant/messages": does(
        "Say something to the assistant",
        ACCEPTED,
        KEY_IF_WANTED,
        status=202,
        body=MessageBody,
        example={"message": "Do you have iPhone 15?", "client_type": "mobile", "locale": "en"},
    ),
    "GET assistant/messages/{message_id}": reads("Read how a message stands", MESSAGE),
    "POST assistant/messages/{message_id}/stop": does(
        "Stop: no further tool is called for a message", MESSAGE
    ),
    "GET assistant/conversations/{conversation_id}": reads(
        "Read what was said in a conversation", CONVERSATION
    ),
    "DELETE assistant/conversations/{conversation_id}": does(
        "Delete a conversation and all that was said in it",
        of("RemovedConversation", removed=yes()),
    ),
}
