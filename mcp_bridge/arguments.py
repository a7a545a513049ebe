"""The arguments of a tool: their JSON schema from its signature, and what is wrong with a call."""

import inspect
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, get_type_hints

from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import ErrorDetails

from museo.access.problems import Invalid, field_error

# what pydantic calls it, and what Museo's callers know it as
CODES = {"missing": "required", "extra_forbidden": "unknown_argument"}


class Schema(GenerateJsonSchema):
    """A schema without the titles that only repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


class Fields(BaseModel):
    """Arguments of a tool that tells what was given from what was left out; texts as they came."""

    model_config = ConfigDict(extra="forbid")


def model_of(function: Callable[..., Any]) -> type[BaseModel]:
    """The parameters of a tool after the first, which is the call itself."""
    hints = get_type_hints(function, include_extras=True)
    _call, *parameters = inspect.signature(function).parameters.values()
    fields: dict[str, Any] = {
        parameter.name: (
            hints[parameter.name],
            ... if parameter.default is parameter.empty else parameter.default,
        )
        for parameter in parameters
    }
    config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    return create_model("Arguments", __config__=config, **fields)


def schema_of(shape: Any) -> dict[str, Any]:
    """The JSON schema of a model or a dataclass."""
    schema = TypeAdapter(shape).json_schema(schema_generator=Schema)
    schema.pop("title", None)
    return schema


def parse(model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by name; raise Invalid that says of each bad one what it may be."""
    try:
        parsed = model.model_validate(given)
    except ValidationError as refused:
        raise _invalid([_error(model, error) for error in refused.errors()]) from None
    if _has_nul(given):
        raise _invalid([field_error("", "invalid", _("Text may not hold a NUL character."))])
    if isinstance(parsed, Fields):
        return parsed.model_dump(exclude_unset=True)
    return dict(parsed)


def _invalid(errors: list[dict[str, str]]) -> Invalid:
    said = [
        f"{error['pointer'].removeprefix('/')}: {error['detail']}".removeprefix(": ")
        for error in errors
    ]
    return Invalid(" ".join([_("Some arguments cannot be used."), *said]), errors=errors)


def _error(model: type[BaseModel], error: ErrorDetails) -> dict[str, str]:
    pointer = "".join(f"/{part}" for part in error["loc"])
    return field_error(pointer, CODES.get(error["type"], "invalid"), _sentence(model, error))


def _sentence(model: type[BaseModel], error: ErrorDetails) -> str:
    if error["type"] == "missing":
        return _("This is required.")
    if error["type"] == "extra_forbidden":
        names = ", ".join(model.model_fields) or _("none")
        return _("There is no such argument. The arguments are: %(names)s.") % {"names": names}
    return f"{error['msg'].replace('Input', 'It', 1)}."


def _has_nul(given: Mapping[str, Any]) -> bool:
    """PostgreSQL stores no NUL; it would be an error far below."""
    left: list[Any] = [given]
    while left:
        value = left.pop()
        if isinstance(value, str):
            if "\x00" in value:
                return True
        elif isinstance(value, dict):
            left += chain(value, value.values())
        elif isinstance(value, list):
            left += value
    return False
