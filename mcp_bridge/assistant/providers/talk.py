"""What a model is asked and what it replies, the same for every provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

# the whole text of the reply so far, each time there is more of it; of another try, from the start
Tell = Callable[[str], Awaitable[None]]


class ModelTrouble(Exception):
    """A model has not replied; `kind` says why, in a word for logs and counts.

    What is passing may be tried again, after the seconds that were asked for.
    """

    def __init__(
        self, kind: str, *, is_passing: bool = True, retry_after: float | None = None
    ) -> None:
        super().__init__(kind)
        self.kind = kind
        self.is_passing = is_passing
        self.retry_after = retry_after


@dataclass(frozen=True)
class Offer:
    """A tool that a model may ask for."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Wish:
    """A call of a tool that a model asks for; nothing has been done yet."""

    id: str
    tool: str
    arguments: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Result:
    """What became of a wish."""

    id: str
    text: str = field(repr=False)
    is_error: bool = False


@dataclass(frozen=True)
class Turn:
    """Of the person or the model its text, of the model its wishes, too; of tools their results.

    `own` is what the model's provider has said, word for word, which it wants to have back.
    """

    whose: Literal["person", "model", "tools"]
    text: str = field(default="", repr=False)
    wishes: Sequence[Wish] = ()
    results: Sequence[Result] = ()
    own: Any = field(default=None, repr=False)


@dataclass(frozen=True)
class Request:
    instructions: str = field(repr=False)
    turns: Sequence[Turn]
    offers: Sequence[Offer] = ()
    # whether it may ask for tools now; what was offered before has to be offered again
    may_wish: bool = True
    # of the reply
    most_tokens: int = 1024


@dataclass(frozen=True)
class Reply:
    """`tokens` is what it cost, both ways; `is_cut` if there would have been more."""

    text: str = field(repr=False)
    wishes: Sequence[Wish] = ()
    tokens: int = 0
    is_cut: bool = False
    own: Any = field(default=None, repr=False)

    def turn(self) -> Turn:
        return Turn("model", self.text, wishes=self.wishes, own=self.own)


class Provider(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    async def close(self) -> None: ...

    async def reply(self, request: Request, tell: Tell) -> Reply:
        """One try; raise ModelTrouble."""


async def untold(_text: str) -> None:
    """For who needs the reply as a whole."""
