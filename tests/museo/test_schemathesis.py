"""Calls that schemathesis makes up from the OpenAPI document: answers are as it says, none a 500.

Guests, staff and a service account take turns; what an address names is there for half of the
calls. What a call has written stays for the next ones.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import schemathesis
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as bounds
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core import NotSet
from schemathesis.specs.openapi import checks

from museo import openapi
from museo.access import accounts, scopes
from museo.wsgi import application
from notifications.channels import webhook
from tests.access.conftest import bearer
from tests.access.world import World


def refuses_a_bad_query(ctx: Any, response: Any, case: Any) -> bool | None:
    """A query that the document does not allow is refused; nothing after `name=` is no value.

    Of bodies the shop takes more: a number where a text is named, as REST framework does.
    """
    says_nothing = any(value in ("", [], {}, None) for value in (case.query or {}).values())
    if isinstance(case.body, NotSet) and not says_nothing:
        return bool(checks.negative_data_rejection(ctx, response, case))
    return None


CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.missing_required_header,
    checks.unsupported_method,
    checks.allow_header_conformance,
    refuses_a_bad_query,
]
MODES = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
# cases for each operation
SHORT, LONG = 5, 140
CSRF = "c" * 32
NAMES = re.compile(r"{(\w+)}")
REFERENCES = re.compile(r"#/components/schemas/(\w+)")


def _closed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document, stricter: no answer has a field that it does not name.

    Who calls is left out of it: the callers bring that along themselves.
    """
    made = copy.deepcopy(dict(document))
    del made["components"]["securitySchemes"]
    asked = []
    for _call, told in openapi.operations(made):
        told.pop("security", None)
        asked.append(told.get("requestBody"))
    # what is sent may have more, and is not refused for it
    open_ones = {id(each) for each in _objects(asked + _named(made, asked))}
    for each in _objects(made):
        if id(each) not in open_ones:
            each.setdefault("additionalProperties", False)
    return made


def _named(document: Mapping[str, Any], value: Any) -> list[Any]:
    """The schemas that a part of the document refers to, and those that they refer to."""
    schemas, found = document["components"]["schemas"], dict[str, Any]()
    waiting = REFERENCES.findall(repr(value))
    while waiting:
        if (name := waiting.pop()) not in found:
            found[name] = schemas[name]
            waiting += REFERENCES.findall(repr(schemas[name]))
    return list(found.values())


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("type") == "object" and value.get("properties"):
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _objects(each)


class Callers:
    """What a guest, the shop's owner and a program send along, each with a basket."""

    def __init__(self) -> None:
        self.world = World()
        self._keys = accounts.create(name="Program", scopes=scopes.SCOPES, now=timezone.now())
        self.cookies: dict[str, dict[str, str]] = {
            "guest": {},
            "owner": self._session(),
            "with": {},
        }

    def _session(self) -> dict[str, str]:
        session = self.world.session("owner")
        return {settings.SESSION_COOKIE_NAME: session, settings.CSRF_COOKIE_NAME: CSRF}

    def names_in(self, path: str) -> tuple[dict[str, Any], dict[str, str]]:
        """What is there of what an address names, and what a guest opens it by."""
        names = {name: getattr(self.world, f"_{name}")("guest") for name in NAMES.findall(path)}
        return names, {
            "X-Basket-Token": self.world.basket_tokens.get("guest", ""),
            "Authorization": f"Ticket {self.world.tickets.get('guest', '')}",
        }

    def headers(self, who: str, opening: Mapping[str, str]) -> dict[str, str]:
        if who == "guest":
            return dict(opening)
        basket = {"X-Basket-Token": opening["X-Basket-Token"]}
        # a token of its own: the long form takes longer than one lasts
        return basket | (bearer(self._keys) if who == "with" else {"X-CSRFToken": CSRF})


@pytest.fixture(autouse=True)
def _no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a made-up webhook would lead to is not looked up."""
    monkeypatch.setattr(webhook, "_look_up", lambda host, port: [])


@contextmanager
def one_connection() -> Iterator[None]:
    """A call does not close the connection in whose transaction the test is."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


def _fuzz(of_each: int) -> int:
    """Make calls, so many of each operation, and look at their answers; return how many."""
    schema: Any = schemathesis.openapi.from_dict(_closed(openapi.document()))
    schema.app = application
    callers = Callers()
    operations = [found.ok() for found in schema.get_all_operations()]
    # before the calls can take the lamp out of the shop
    there = [callers.names_in(operation.path) for operation in operations]
    with one_connection():
        return sum(
            _call(operation, callers, names, opening, of_each)
            for operation, (names, opening) in zip(operations, there, strict=True)
        )


def _call(
    operation: Any,
    callers: Callers,
    names: dict[str, Any],
    opening: Mapping[str, str],
    count: int,
) -> int:
    made = 0
    modes = MODES if operation.body or operation.query else MODES[:1]
    ways = [
        operation.as_strategy(mode, path_parameters=of_path)
        for mode in modes
        for of_path in ([names, None] if names else [None])
    ]

    @bounds(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(ways), who=st.sampled_from(["guest", "owner", "with"]))
    def call(case: Any, who: str) -> None:
        nonlocal made
        made += 1
        case.call_and_validate(
            headers=callers.headers(who, opening), cookies=callers.cookies[who], checks=CHECKS
        )

    call()
    return made


@pytest.mark.django_db
def test_every_answer_to_made_up_calls_is_as_the_document_says() -> None:
    assert _fuzz(SHORT) >= 500


@pytest.mark.long
@pytest.mark.django_db
def test_every_answer_to_many_made_up_calls_is_as_the_document_says() -> None:
    assert _fuzz(LONG) >= 10_000
