"""The OpenAPI 3.1 document of /api/v1, made once for each process.

drf-spectacular finds routes, methods, path parameters and the serializers' shapes; what it cannot
see in a view comes from the tables of operations that the apps keep.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import orjson
from django.conf import settings
from django.utils.translation import override
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter

import catalog.schema
import mcp_bridge.schema
import notifications.schema
import orders.schema
from museo.access import scopes
from museo.access.callers import ANONYMOUS_SCOPES, BASKET_HEADER
from museo.access.operations import JSON, Operation, Parameter
from museo.access.problems import CONTENT_TYPE
from museo.access.shapes import COMPONENTS, PROBLEM, Shape

API = "/api/v1/"
OPERATIONS: Mapping[str, Operation] = {
    **catalog.schema.OPERATIONS,
    **orders.schema.OPERATIONS,
    **notifications.schema.OPERATIONS,
    **mcp_bridge.schema.OPERATIONS,
}
INTRODUCTION = """\
Amounts are integers in minor units beside their currency. Lists go on by `next`. Errors are
problem details (RFC 9457) with a stable `code`; their texts follow `Accept-Language`. What a caller
may not see is 404. docs/api.md tells how to call, with examples for curl.
"""
SECURITY_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token of a service account, from POST /auth/token.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "A browser that has signed in; what changes something takes X-CSRFToken.",
    },
    "ticket": {
        "type": "apiKey",
        "in": "query",
        "name": "ticket",
        "description": "Opens one order, `watch_…` shows it; also as `Authorization: Ticket …`.",
    },
    "basket": {
        "type": "apiKey",
        "in": "header",
        "name": BASKET_HEADER,
        "description": "A guest's basket, from the basket's `token`.",
    },
}
# ways to say who one is, each enough by itself
Needs = list[dict[str, list[str]]]
ALLOWANCE = {
    "RateLimit-Limit": "So many calls there are at most.",
    "RateLimit-Remaining": "So many are left.",
    "RateLimit-Reset": "In so many seconds all are there again.",
}


class Described(AutoSchema):
    """What the document says of one call."""

    @property
    def told(self) -> Operation:
        return OPERATIONS[f"{self.method} {self.route}"]

    @property
    def route(self) -> str:
        return str(self.path).removeprefix(API)

    @property
    def scope(self) -> str:
        """The scope that a bearer needs, `FREE` for none."""
        return scopes.of_route(self.route, self.method) or scopes.ADMIN

    def get_operation_id(self) -> str:
        words = self.route.replace("/", "_").replace("-", "_").translate({123: None, 125: None})
        return f"{self.method.lower()}_{words}"

    def get_summary(self) -> str:
        return self.told.summary

    def get_description(self) -> str:
        takes_token = self.view.authentication_classes and self.scope != scopes.FREE
        return f"A token needs the scope `{self.scope}`." if takes_token else ""

    def get_tags(self) -> list[str]:
        first, _slash, second = self.route.partition("/")
        return [f"admin {second.partition('/')[0]}" if first == "admin" else first]

    def get_auth(self) -> Needs:
        if not self.view.authentication_classes:
            return []
        by_ticket: Needs = [{"ticket": []}] if self.scope in scopes.OF_TICKETS else []
        with_basket = {scopes.BASKET_WRITE, scopes.CHECKOUT_WRITE}
        by_basket: Needs = [{"basket": []}] if self.scope in with_basket else []
        anyhow: Needs = [{}] if self.scope in {*ANONYMOUS_SCOPES, scopes.FREE} else []
        return [*anyhow, {"bearer": []}, {"session": []}, *by_ticket, *by_basket]

    def get_override_parameters(self) -> list[Any]:
        return [
            _parameter(each) if isinstance(each, Parameter) else each
            for each in self.told.parameters
        ]

    def get_request_serializer(self) -> Any:
        body = self.told.body
        return {self.told.body_type: body.schema if isinstance(body, Shape) else body}

    def get_examples(self) -> list[OpenApiExample]:
        body, example = self.told.body, self.told.example
        if isinstance(body, Shape) and example is None:
            example = body.example
        told = OpenApiExample(
            "example", value=example, request_only=True, media_type=self.told.body_type
        )
        return [] if example is None else [told]

    def get_response_serializers(self) -> Any:
        return {}

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        answers = {
            str(status): _answer(status, shape, self.told)
            for status, shape in self.told.answers.items()
        }
        return {**answers, "4XX": {"$ref": "#/components/responses/Refused"}}


def _parameter(told: Parameter) -> OpenApiParameter:
    return OpenApiParameter(
        told.name,
        type=told.shape.schema,
        location=told.where,
        required=told.is_required,
        description=told.says,
    )


def _answer(status: int, shape: Any, told: Operation) -> dict[str, Any]:
    headers = {**ALLOWANCE, **told.headers}
    body: dict[str, Any] = {
        "description": "Nothing has changed." if status == 304 else told.summary,
        "headers": {name: _header(says) for name, says in headers.items()},
    }
    if shape is not None:
        by_type = {JSON: shape} if isinstance(shape, Shape) else shape
        body["content"] = {media: _content(each) for media, each in by_type.items()}
    return body


def _header(says: str) -> dict[str, Any]:
    return {"description": says, "schema": {"type": "string"}}


def _content(shape: Shape) -> dict[str, Any]:
    return {"schema": shape.schema, "examples": {"example": {"value": shape.example}}}


def _refused() -> dict[str, Any]:
    headers = {
        **ALLOWANCE,
        "Retry-After": "In so many seconds it is worth another try.",
        "WWW-Authenticate": "How to say who one is.",
    }
    return {
        "description": "A refusal: `code` is stable, `detail` says what to do.",
        "headers": {name: _header(says) for name, says in headers.items()},
        "content": {CONTENT_TYPE: _content(PROBLEM)},
    }


class _Generator(SchemaGenerator):
    def create_view(self, callback: Any, method: str, request: Any = None) -> Any:
        view = super().create_view(callback, method, request)
        self._set_schema_to_view(view, Described())
        return view


def document() -> dict[str, Any]:
    """The whole document, made anew."""
    with override("en"):
        made: dict[str, Any] = _Generator().get_schema(request=None, public=True)
    parts = made.setdefault("components", {})
    parts["schemas"] = dict(sorted({**parts.get("schemas", {}), **COMPONENTS}.items()))
    parts["responses"] = {"Refused": _refused()}
    parts["securitySchemes"] = SECURITY_SCHEMES
    made["info"]["description"] = INTRODUCTION
    made["servers"] = [{"url": settings.MUSEO_PUBLIC_URL}]
    return made


@cache
def written() -> tuple[bytes, str]:
    """The document as it is sent, and its tag."""
    return sent(document())


def sent(made: Mapping[str, Any]) -> tuple[bytes, str]:
    body = orjson.dumps(made)
    return body, f'"{hashlib.sha256(body).hexdigest()[:24]}"'


def operations(made: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """`GET basket` and what a document says of it."""
    for path, item in made["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path.removeprefix(API)}", operation
