"""What a message means where it was said: after a question, about what was shown before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mcp_bridge.assistant import consents, talking
from mcp_bridge.assistant.client_types import ClientType
from mcp_bridge.assistant.intents import UNKNOWN
from mcp_bridge.assistant.memory import Memory
from mcp_bridge.assistant.message import EMAIL
from mcp_bridge.assistant.said import Said
from mcp_bridge.assistant.understanding import Understanding
from mcp_bridge.calls import Call

# no sentence is read as these: a button, a word, a form says them
AGREE, DECLINE, ASK_AGAIN = "agree", "decline", "ask_again"
# who is asked for something and is this sure of another thing says that; 96 of 100 are right
INTERRUPTS = 0.8
# a pattern of another intent that is this sure says that there are two wishes
SEVERAL = 0.9
# a name or an address sounds like these
SOUNDS_LIKE_A_NAME = ("search_products", "product_details", "ask_question", UNKNOWN)
# what has a form, by which it is seen whether it was said
FORMED = ("email", "price", "quantity", "order_number")


@dataclass(frozen=True)
class Meaning:
    """`is_several`: it may be more than one wish."""

    intent: str
    confidence: float = 1.0
    entities: Mapping[str, Any] = field(default_factory=dict)
    is_several: bool = False
    # in which it was said
    language: str = ""


def meant(call: Call, said: Said, memory: Memory, client: ClientType) -> Meaning:
    if said.confirm:
        return Meaning(AGREE if said.agree else DECLINE, entities={"question": said.confirm})
    if memory.asked and (word := consents.word_of(said.text)) is not None:
        if word and client.has_buttons:
            return Meaning(ASK_AGAIN, entities={"question": memory.asked})
        return Meaning(AGREE if word else DECLINE, entities={"question": memory.asked})
    if said.details.get("import_id"):
        # a file was dropped, whatever was said with it
        return Meaning("import_products")
    pending = memory.pending
    if said.details and not said.text:
        return Meaning(pending.get("intent", "place_order"), entities=pending.get("entities", {}))
    heard = talking.heard(call, said.text)
    entities = talking.with_days(call, heard.entities)
    if pending and not _is_another_wish(heard, pending["intent"], pending["slot"], entities):
        known = {**pending["entities"], **_answer(pending["slot"], said.text, entities)}
        return Meaning(pending["intent"], entities=known)
    language = heard.language if heard.confidence >= talking.SURE else ""
    others = [name for name, confidence in heard.alternatives if confidence >= SEVERAL]
    return Meaning(
        heard.intent, heard.confidence, entities, is_several=bool(others), language=language
    )


def _is_another_wish(
    heard: Understanding, asked_by: str, slot: str, entities: Mapping[str, Any]
) -> bool:
    """Whether somebody who was asked for something says another thing."""
    if heard.confidence < INTERRUPTS or heard.intent == asked_by:
        return False
    if slot in FORMED:
        is_said = entities.get("money" if slot == "price" else slot) is not None
        return not is_said and heard.intent != UNKNOWN
    return heard.intent not in SOUNDS_LIKE_A_NAME


def _answer(slot: str, text: str, entities: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for, out of the words that answer it."""
    if slot == "email" and (found := EMAIL.search(text)):
        return {"email": found[0]}
    if slot in ("price", "quantity", "order_number"):
        spoken = {name: value for name, value in entities.items() if name != "product"}
        return {slot: spoken.get("money"), **spoken} if slot == "price" else spoken
    return {slot: text.strip()[:200]}
