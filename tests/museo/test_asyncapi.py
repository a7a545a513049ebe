"""The AsyncAPI document: by its specification, with examples that are what they show."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client

from museo import asyncapi
from tests.asyncapi import Described, at

ROOT = Path(__file__).parents[2]
SPECIFICATION = ROOT / "tests" / "clients" / "vendor" / "asyncapi-3.0.0" / "schema.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return asyncapi.document()


def test_it_is_what_the_specification_wants(document: dict[str, Any]) -> None:
    wanted = jsonschema_rs.Draft7Validator(json.loads(SPECIFICATION.read_text()))

    assert [str(error) for error in wanted.iter_errors(document)] == []
    assert not wanted.is_valid({**document, "channels": {"order": {"adress": "/"}}})


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = list(_references(document))

    assert len(found) > 30
    assert all(at(document, {"$ref": where}) for where in found)


def _references(told: Any) -> Iterator[str]:
    children = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
    if isinstance(told, dict) and isinstance(told.get("$ref"), str):
        yield told["$ref"]
    for child in children:
        yield from _references(child)


@pytest.mark.parametrize("channel", ["order", "topics", "socket", "webhook"])
def test_an_example_is_what_it_is_an_example_of(document: dict[str, Any], channel: str) -> None:
    described = Described(document, channel)

    for name, message in document["channels"][channel]["messages"].items():
        (example,) = at(document, message)["examples"]
        assert name in described.names(example["payload"])


def test_an_event_has_the_type_that_it_has(document: dict[str, Any]) -> None:
    described = Described(document, "order")
    told = at(document, {"$ref": "#/components/messages/event"})["examples"][0]["payload"]

    assert described.names({**told, "type": "order.placed"}) == {"event"}
    assert described.names({**told, "position": "1234"}) == set()


@pytest.mark.django_db
def test_it_is_sent_once_and_then_304(client: Client) -> None:
    first = client.get("/asyncapi.json")
    again = client.get("/asyncapi.json", headers={"If-None-Match": first["ETag"]})

    assert first["Content-Type"] == "application/json"
    assert first.json() == asyncapi.document()
    assert (again.status_code, again.content) == (304, b"")
