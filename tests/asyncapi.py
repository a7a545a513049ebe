"""What `/asyncapi.json` says of a frame."""

from typing import Any

import jsonschema_rs

from museo import asyncapi


class Described:
    """Which message of a channel a frame is, by the document."""

    def __init__(self, document: dict[str, Any], channel: str) -> None:
        self._messages = {
            name: jsonschema_rs.Draft202012Validator(
                {**at(document, message)["payload"], "components": document["components"]}
            )
            for name, message in document["channels"][channel]["messages"].items()
        }

    def names(self, frame: Any) -> set[str]:
        """All whose payload it is; no frame but an event is more than one of those."""
        return {name for name, payload in self._messages.items() if payload.is_valid(frame)}


def of(channel: str) -> Described:
    return Described(asyncapi.document(), channel)


def at(document: Any, told: dict[str, Any]) -> Any:
    """What a reference points at, or the thing itself."""
    found = told
    if where := told.get("$ref"):
        found = document
        for step in where.removeprefix("#/").split("/"):
            found = found[step]
    return found
