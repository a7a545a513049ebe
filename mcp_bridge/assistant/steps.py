"""What is told of a message while it is answered: events on `process.<owner>.<message id>`.

Seven types, and `data` of {step, totalSteps, description, progress, metadata, error}. Events of one
moment go out together. `step` and `progress` never fall; what was said and what is answered is free
text, which lies apart from the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_noop

from mcp_bridge.models import Message
from notifications.log import Change

PROCESS_START = "process_start"
TOOL_SELECTION = "tool_selection"
TOOL_EXECUTION = "tool_execution"
THINKING = "thinking"
ARTIFACT_CREATION = "artifact_creation"
PROCESS_COMPLETE = "process_complete"
ERROR = "error"
TYPES = (
    PROCESS_START,
    TOOL_SELECTION,
    TOOL_EXECUTION,
    THINKING,
    ARTIFACT_CREATION,
    PROCESS_COMPLETE,
    ERROR,
)
# nobody may read it: where messages are heard of that no process has taken yet
WAITING = "assistant.waiting"
# a message is read, a tool is called, it is answered
USUAL_STEPS = 3
# before the end
MOST_PROGRESS = 95
# `state` of a thought that is how the answer begins
WRITING = "writing"

STARTED = gettext_noop("Reading what you said")
UNDERSTOOD = gettext_noop("Understood")
WRITES = gettext_noop("Writing the answer")
CHOSEN = gettext_noop("Choosing what to do")
ANSWERED = gettext_noop("Done")
WAITS = gettext_noop("Waiting for your yes")
HAS_STOPPED = gettext_noop("Stopped")
HAS_FAILED = gettext_noop("That did not work")
SHOWN = gettext_noop("Putting the answer together")


def topic(owner: str, message_id: str) -> str:
    """As `audiences.process_topic` calls it of the owner."""
    return f"process.{owner}.{message_id}"


def conversation_topic(conversation_id: str) -> str:
    return f"conversation.{conversation_id}"


@dataclass(frozen=True)
class Step:
    type: str
    description: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    # own words of a planner, instead of the description
    thought: str = ""
    error: str = ""
    response: Mapping[str, Any] | None = None


class Steps:
    """Those of one message; what is added is told with the next change."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self._to_tell: list[tuple[Step, dict[str, Any]]] = []
        self.step = max(1, message.step)
        self.steps = max(USUAL_STEPS, message.steps)
        self.progress = message.progress
        self.description = message.description

    def add(self, step: Step, *, moves: bool = False, part: float = 1.0) -> None:
        """`moves` on to the next step, of which `part` is done then."""
        if moves:
            self.step += 1
            # the answer is always one more
            self.steps = max(self.steps, self.step + 1)
        reached = int(100 * (self.step - 1 + part) / self.steps)
        self.progress = max(self.progress, min(reached, MOST_PROGRESS))
        self._put(step)

    def end(self, step: Step, *, is_whole: bool) -> None:
        """The last one; `is_whole` if all was done."""
        if is_whole:
            self.step, self.progress = self.steps, 100
        self._put(step)

    def _put(self, step: Step) -> None:
        self.description = step.description
        data = {
            "message_id": self._message.public_id,
            "conversation_id": self._message.conversation.public_id,
            "step": self.step,
            "totalSteps": self.steps,
            "progress": self.progress,
            "metadata": dict(step.metadata),
        }
        self._to_tell.append((step, data))

    def tell(self, change: Change, *, at: datetime, also: Sequence[str] = ()) -> None:
        """As events of the change."""
        conversation = self._message.conversation
        for step, data in self._to_tell:
            texts: dict[str, Any] = {} if step.thought else {"description": [step.description, {}]}
            own_text: dict[str, Any] = {"description": step.thought} if step.thought else {}
            if step.error:
                own_text["error"] = step.error
            if step.response is not None:
                own_text["response"] = step.response
            change.event(
                topic(conversation.owner, self._message.public_id),
                step.type,
                data,
                at=at,
                also=[conversation_topic(conversation.public_id), *also],
                texts=texts,
                own_text=own_text or None,
            )
        self._to_tell.clear()

    @property
    def reached(self) -> dict[str, Any]:
        """The message's columns that say how far it is."""
        return {
            "step": self.step,
            "steps": self.steps,
            "progress": self.progress,
            "description": self.description,
        }
