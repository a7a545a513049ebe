"""What somebody wants: their words as an intent, its tool and arguments, and what to ask next."""

from typing import Annotated, Any

from pydantic import Field

from mcp_bridge import shapes
from mcp_bridge.assistant import talking
from mcp_bridge.assistant.message import LONGEST
from mcp_bridge.calls import Call
from mcp_bridge.parameters import Locale
from mcp_bridge.registry import READS, tool

Message = Annotated[
    str,
    Field(
        max_length=20_000, description=f"What they said; of it the first {LONGEST} letters count."
    ),
]


@tool(title="Analyze an intent", scope="shop:read", result=shapes.Analysis, annotations=READS)
def analyze_intent(
    call: Call,
    message: Message,
    locale: Locale = "",
    conversation_id: Annotated[
        str, Field(max_length=64, description="The conversation that it is part of.")
    ] = "",
) -> dict[str, Any]:
    """What a sentence asks for: intent, confidence, entities, and the tool to call for it.

    Nothing is done and nothing is looked up. Amounts are in minor units; `missing` is what must
    still be asked.
    """
    return talking.analysis(call, message)


@tool(title="Validate a mapping", scope="shop:read", result=shapes.Mapping, annotations=READS)
def validate_mapping(
    call: Call,
    intent: Annotated[str, Field(max_length=40)],
    entities: Annotated[
        dict[str, Any], Field(description='As analyze_intent has them: {"product": "red mug"}.')
    ],
) -> dict[str, Any]:
    """Which tool would be called with which arguments, and in words what is missing for that.

    Nothing is done; a product is looked up by its name. With several that fit, `choices` has them.
    """
    return talking.mapping(call, intent, entities)


@tool(title="Suggest what to say", scope="shop:read", result=shapes.Suggestions, annotations=READS)
def get_suggestions(call: Call, text: Message) -> dict[str, Any]:
    """Sentences that complete what somebody types, or that they may want to say next."""
    return talking.suggestions(call, text)
