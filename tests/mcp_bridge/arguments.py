"""Arguments made up from a tool's own schema: some that fit, and some that were never asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

Schema = Mapping[str, Any]
# lone surrogates cannot be sent as JSON
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NASTY = st.sampled_from(
    [
        "",
        " ",
        "\x00",
        "‮txet",
        "ORD-7K4Q2M9X",
        "order.ORD-1",
        "broadcast.all",
        "staff.ops",
        "' OR 1=1 --",
        "../../etc/passwd",
        "{{7*7}}%s%(x)s",
        "a" * 10_000,
        "1-1",
        "en",
        "2026-11-20T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "c2t1Cg==",
    ]
)
NUMBERS = (
    st.integers(-(2**70), 2**70)
    | st.integers(-3, 25)
    | st.floats(allow_nan=False, allow_infinity=False)
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT | NASTY
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def of(schema: Schema, real: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Mostly such as the schema asks for; now and then with anything in their place, or more.

    `real` are values, by the arguments' names, that there are in the shop.
    """
    properties: Schema = schema["properties"]
    required = set(schema.get("required", ()))
    known = {name: _rarely_wrong(each, schema, real.get(name)) for name, each in properties.items()}
    fitting = st.fixed_dictionaries(
        {name: known[name] for name in known if name in required},
        optional={name: known[name] for name in known if name not in required},
    )
    some = st.dictionaries(st.sampled_from([*properties, "more"]), ANYTHING, max_size=4)
    return st.one_of(fitting, fitting, fitting, some)


def _rarely_wrong(wanted: Schema, root: Schema, real: Any) -> st.SearchStrategy[Any]:
    fitting = _value(wanted, root)
    known = fitting if real is None else st.just(real)
    return st.one_of(fitting, fitting, known, known, known, ANYTHING)


def _value(wanted: Schema, root: Schema) -> st.SearchStrategy[Any]:
    """What the schema says, as far as the tools' schemas say anything."""
    if "$ref" in wanted:
        return _value(root["$defs"][wanted["$ref"].rpartition("/")[2]], root)
    if "anyOf" in wanted:
        return st.one_of(*(_value(each, root) for each in wanted["anyOf"]))
    if "enum" in wanted or "const" in wanted:
        return st.sampled_from(wanted.get("enum", [wanted.get("const")]))
    kinds = wanted.get("type", "any")
    return st.one_of(
        *(_of_type(kind, wanted, root) for kind in ([kinds] if isinstance(kinds, str) else kinds))
    )


def _of_type(kind: str, wanted: Schema, root: Schema) -> st.SearchStrategy[Any]:
    if kind == "object":
        return _object(wanted, root)
    if kind == "array":
        items = _value(wanted.get("items", {}), root)
        return st.lists(items, min_size=wanted.get("minItems", 0), max_size=3)
    if kind in ("integer", "number"):
        return st.integers(wanted.get("minimum", -5), wanted.get("maximum", 10**6))
    if kind == "string":
        longest = wanted.get("maxLength", 10_000)
        return (TEXT | NASTY).map(lambda text: text[:longest])
    if kind == "boolean":
        return st.booleans()
    return st.none() if kind == "null" else ANYTHING


def _object(wanted: Schema, root: Schema) -> st.SearchStrategy[Any]:
    if "properties" not in wanted:
        inner = wanted.get("additionalProperties")
        values = _value(inner, root) if isinstance(inner, Mapping) else ANYTHING
        return st.dictionaries(TEXT | st.just("en"), values, max_size=2)
    known = {name: _value(each, root) for name, each in wanted["properties"].items()}
    required = set(wanted.get("required", ()))
    return st.fixed_dictionaries(
        {name: known[name] for name in known if name in required},
        optional={name: known[name] for name in known if name not in required},
    )
