"""What the OpenAPI document says of a call beyond what its view shows: summary, shapes, examples.

Each app keeps a table of them in its `schema` module, by method and route.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rest_framework.serializers import Serializer

from museo.access.shapes import Shape, text, whole

JSON = "application/json"


@dataclass(frozen=True)
class Parameter:
    """What comes in the query or, with `where`, in a header."""

    name: str
    shape: Shape
    says: str
    where: Literal["query", "header"] = "query"
    is_required: bool = False


# a serializer of the body, or its shape; a shape brings its example along
Body = type[Serializer[Any]] | Shape | None


@dataclass(frozen=True)
class Operation:
    """`answers` are the shapes by status; None has no body, a mapping is by content type."""

    summary: str
    answers: Mapping[int, Shape | Mapping[str, Shape] | None]
    body: Body = None
    example: Any = None
    body_type: str = JSON
    parameters: Sequence[Parameter | type[Serializer[Any]]] = ()
    # headers of the answer
    headers: Mapping[str, str] = field(default_factory=dict)


Operations = Mapping[str, Operation]


def reads(summary: str, answer: Shape, *parameters: Any, **more: Any) -> Operation:
    return Operation(summary, {200: answer}, parameters=parameters, **more)


def does(
    summary: str, answer: Shape, *parameters: Any, status: int = 200, **more: Any
) -> Operation:
    return Operation(summary, {status: answer}, parameters=parameters, **more)


def header(name: str, example: str, says: str, *, is_required: bool = False) -> Parameter:
    return Parameter(name, text(example), says, "header", is_required)


LIMIT = Parameter("limit", whole(20, minimum=0), "How many a page has at most; clamped.")
CURSOR = Parameter("cursor", text(""), "Where the page begins: follow `next` instead.")
PAGED = (LIMIT, CURSOR)
IF_MATCH = header(
    "If-Match", '"3"', "The ETag that was read, several of them, or `*`.", is_required=True
)
IF_NONE_MATCH = header("If-None-Match", '"3-en"', "An unchanged one is 304.")
KEY = header(
    "Idempotency-Key",
    "5f2c1d7e",
    "A second call with it does nothing twice: it gets the first one's answer.",
    is_required=True,
)
KEY_IF_WANTED = header("Idempotency-Key", "5f2c1d7e", KEY.says)
