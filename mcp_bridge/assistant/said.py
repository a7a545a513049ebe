"""What one message says, sealed in its row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from mcp_bridge.models import Message
from museo.access.encryption import unseal


@dataclass(frozen=True)
class Said:
    """What one message says, and who says it."""

    text: str = field(default="", repr=False)
    # the question that it answers, by public id, and the answer
    confirm: str = ""
    agree: bool = True
    details: Mapping[str, Any] = field(default_factory=dict, repr=False)
    # they have named the language that they want to be answered in
    named_locale: bool = False
    # where the answer goes, of a message that came by a channel
    sender: str = field(default="", repr=False)
    speaker: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, message: Message) -> Said:
        """Nothing once it was erased."""
        return cls(**orjson.loads(unseal(message.sealed))) if message.sealed else cls()
