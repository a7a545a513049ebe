"""Events on their way to many clients: rendered once per form and locale, and shared by all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from notifications import envelope
from notifications.log import format_cursor
from notifications.models import Event

Message = MutableMapping[str, Any]


class Frame:
    """One event with the names of all topics that hear it; its own topic is the first."""

    __slots__ = ("_written", "epoch", "event", "position", "topics")

    def __init__(self, event: Event, also: Iterable[str], *, epoch: str) -> None:
        self.event = event
        self.position: int = event.position
        self.topics = tuple(dict.fromkeys((event.topic, *also)))
        self.epoch = epoch
        self._written: dict[tuple[Form, str], bytes] = {}

    @classmethod
    def of_wake_up(cls, row: dict[str, Any], *, epoch: str) -> Frame:
        """The event as `wake.batch` wrote it."""
        also, own_text = row.pop("also"), row.pop("own_text", None)
        row["uid"] = UUID(row["uid"])
        row["at"] = datetime.fromisoformat(row["at"])
        event = Event(**row)
        event.own_text = own_text
        return cls(event, also, epoch=epoch)

    @property
    def type(self) -> str:
        return self.event.type

    @property
    def cursor(self) -> str:
        return format_cursor(self.epoch, self.position)

    def render(self, locale: str) -> dict[str, Any]:
        """The envelope."""
        return envelope.render(self.event, locale)

    def skip(self) -> dict[str, Any]:
        """What a client gets instead that filtered the event out; it moves the cursor."""
        return {
            "type": "skip",
            "topic": self.event.topic,
            "position": self.position,
            "version": self.event.version,
        }

    def written(self, form: Form, locale: str) -> bytes:
        """The event's bytes in a form, kept for the next client."""
        key = (form, locale)
        if key not in self._written:
            self._written[key] = form.write(self, orjson.dumps(form.render(self, locale)))
        return self._written[key]


@dataclass(frozen=True, eq=False)
class Form:
    """How a kind of client reads events: what is rendered, how it is written, joined and sent."""

    kind: str
    render: Callable[[Frame, str], dict[str, Any]]
    write: Callable[[Frame, bytes], bytes]
    # how a message about the connection itself is written
    about: Callable[[bytes], bytes]
    joiner: bytes
    message: Callable[[bytes], Message]
    # the same as the connection has it
    wire: Callable[[bytes], bytes]

    def join(self, pieces: Iterable[bytes]) -> bytes:
        return self.joiner.join(pieces)

    def skip(self, frame: Frame) -> bytes:
        return self.write(frame, orjson.dumps(frame.skip()))


@dataclass(frozen=True)
class Packet:
    """Bytes that may still be joined with others, and what sends them alone: see `Form`."""

    piece: bytes
    message: Message
    wire: bytes

    @classmethod
    def of(cls, form: Form, piece: bytes) -> Packet:
        return cls(piece, form.message(piece), form.wire(piece))


class Batch:
    """Frames that go out together, in order of position; joined once for all who hear them all."""

    __slots__ = ("_packets", "frames")

    def __init__(self, frames: Sequence[Frame]) -> None:
        self.frames = frames
        self._packets: dict[tuple[Form, str], Packet] = {}

    def packet(self, form: Form, locale: str) -> Packet:
        key = (form, locale)
        if key not in self._packets:
            piece = form.join(frame.written(form, locale) for frame in self.frames)
            self._packets[key] = Packet.of(form, piece)
        return self._packets[key]
