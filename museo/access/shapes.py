"""Shapes of the API: a JSON schema together with an example of it.

An object's example is made of those of its fields, so that no example contradicts its schema.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

# the schemas of named shapes, as OpenAPI's components
COMPONENTS: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True)
class Shape:
    schema: dict[str, Any]
    example: Any
    # a field that is not always there
    is_optional: bool = False


def text(example: str, **more: Any) -> Shape:
    return Shape({"type": "string", **more}, example)


def choice(choices: Iterable[str], example: str = "") -> Shape:
    listed = list(choices)
    return Shape({"type": "string", "enum": listed}, example or listed[0])


def moment(example: str = "2026-11-20T20:10:00.123Z") -> Shape:
    return text(example, format="date-time")


def address(example: str) -> Shape:
    return text(example, format="uri")


def whole(example: int, **more: Any) -> Shape:
    return Shape({"type": "integer", **more}, example)


def number(example: float) -> Shape:
    return Shape({"type": "number"}, example)


def yes(*, example: bool = True) -> Shape:
    return Shape({"type": "boolean"}, example)


def anything(example: Any) -> Shape:
    return Shape({}, example)


def many(shape: Shape) -> Shape:
    return Shape({"type": "array", "items": shape.schema}, [shape.example])


def each(shape: Shape, key: str) -> Shape:
    """An object of any names, whose values are alike."""
    return Shape({"type": "object", "additionalProperties": shape.schema}, {key: shape.example})


def maybe(shape: Shape, *, example: Any = None) -> Shape:
    """The shape or null."""
    either = {"anyOf": [shape.schema, {"type": "null"}]}
    return Shape(either, shape.example if example is None else example)


def nothing(shape: Shape) -> Shape:
    """The same, and the example is null."""
    return replace(maybe(shape), example=None)


def optional(shape: Shape) -> Shape:
    return replace(shape, is_optional=True)


def of(_name: str = "", /, **fields: Shape) -> Shape:
    """An object with these fields; with a name it is a component."""
    schema = {
        "type": "object",
        "properties": {name: field.schema for name, field in fields.items()},
        "required": [name for name, field in fields.items() if not field.is_optional],
    }
    example = {name: field.example for name, field in fields.items()}
    if not _name:
        return Shape(schema, example)
    if COMPONENTS.setdefault(_name, schema) != schema:
        raise ValueError(f"there are two shapes of the name {_name}")
    return Shape({"$ref": f"#/components/schemas/{_name}"}, example)


def more(shape: Shape, _name: str, /, **fields: Shape) -> Shape:
    """A named shape with more fields."""
    of_it = COMPONENTS[shape.schema["$ref"].rpartition("/")[2]]
    before = {
        name: Shape(schema, shape.example[name], is_optional=name not in of_it["required"])
        for name, schema in of_it["properties"].items()
    }
    return of(_name, **before, **fields)


MONEY = of("Money", amount=whole(8400), currency=text("EUR", pattern="^[A-Z]{3}$"))


def listed(shape: Shape) -> Shape:
    return of(results=many(shape))


def page(shape: Shape) -> Shape:
    """A page of a list; `next` is the address of the page after it, null at the end."""
    return of(results=many(shape), next=nothing(address("https://shop.example/api/v1/…")))


PROBLEM = of(
    "Problem",
    type=text("urn:museo:problem:not_found"),
    title=text("Not found"),
    status=whole(404),
    detail=text("There is nothing here. Check the address."),
    instance=text("/api/v1/nowhere"),
    code=text("not_found"),
    errors=many(
        of(
            "ProblemError",
            pointer=text("/quantity"),
            code=text("out_of_range"),
            detail=text("Write a number from 1 to 99."),
        )
    ),
    correlation_id=text("6f1f0c0e2f7d4f43a1b8d7f5f1c1a6d2"),
)
# a code may have facts of its own: `available`, `retry_after`, `scope`
COMPONENTS["Problem"]["additionalProperties"] = True
