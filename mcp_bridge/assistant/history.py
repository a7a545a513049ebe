"""What was said before in a conversation: from Redis where that is whole, else from the rows."""

from __future__ import annotations

from mcp_bridge.assistant import cache, conversations
from mcp_bridge.assistant.planning import Turn
from mcp_bridge.assistant.said import Said
from mcp_bridge.models import Message

MOST_TURNS = 20
Turns = list[dict[str, str]]


def turns(message: Message) -> list[Turn]:
    """The last turns before this message, oldest first."""
    kept = _kept(message)
    return [Turn(**each) for each in (_read(message) if kept is None else kept)]


def remember(message: Message, said: str, answered: str) -> None:
    """Keep the turns with this one."""
    if not cache.is_there():
        return
    kept = _kept(message)
    before = _read(message) if kept is None else kept
    new = [{"role": "user", "content": said}, {"role": "assistant", "content": answered}]
    held = {
        "conversation": message.conversation.public_id,
        "number": message.number,
        "turns": [*before, *new][-MOST_TURNS:],
    }
    cache.write(message.conversation.owner, held)


def _kept(message: Message) -> Turns | None:
    """None if Redis has not just this conversation up to this message."""
    if message.number == 1:
        return []
    held = cache.read(message.conversation.owner)
    if held is None or held["conversation"] != message.conversation.public_id:
        return None
    return list(held["turns"]) if held["number"] == message.number - 1 else None


def _read(message: Message) -> Turns:
    rows = message.conversation.messages.filter(number__lt=message.number).order_by("-number")
    found: Turns = []
    for each in reversed(rows[: MOST_TURNS // 2]):
        found.append({"role": "user", "content": Said.of(each).text})
        if response := conversations.read_response(each):
            found.append({"role": "assistant", "content": response["message"]})
    return found
