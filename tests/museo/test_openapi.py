"""The OpenAPI document: whole, true to the routes, with examples that are what they show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats

from museo import openapi
from tests.access.test_matrix import methods, registry
from tests.access.world import PARAMETER

# what clients rely on, whatever else comes
PROMISED = """
GET catalog/products · GET catalog/products/{} · GET catalog/categories · GET search
GET basket · DELETE basket · POST basket/items · PUT basket/items
PATCH basket/items/{} · DELETE basket/items/{} · POST basket/merge · POST basket/coupons
GET basket/delivery-options · POST basket/payment-link
POST checkouts · GET checkouts/{} · PUT checkouts/{} · POST checkouts/{}/complete
POST checkouts/{}/cancel · POST orders/checkout
GET orders · GET orders/{} · POST orders/{}/cancel · POST orders/{}/reorder · GET orders/{}/track
GET orders/{}/events · POST orders/{}/webhook · GET orders/{}/webhook · DELETE orders/{}/webhook
GET payment/providers · POST payment/links · GET payment/links/{} · POST payment/webhooks/{}
GET admin/products/masters · POST admin/products/masters · GET admin/products/masters/{}
PUT admin/products/masters/{} · PATCH admin/products/masters/{} · DELETE admin/products/masters/{}
POST admin/products/masters/{}/restore · POST admin/imports · GET admin/imports/{}
POST admin/orders/{}/advance · POST admin/orders/{}/hold · POST admin/orders/{}/refund
PUT admin/stock · GET admin/stats · POST auth/token · POST auth/refresh · POST auth/revoke
GET subscriptions · POST subscriptions · GET subscriptions/{} · PATCH subscriptions/{}
DELETE subscriptions/{} · POST subscriptions/{}/pause · POST subscriptions/{}/resume
POST subscriptions/{}/test · POST subscriptions/{}/replay
GET deliveries · POST deliveries/{}/resend
GET notifications · POST notifications/ack · GET preferences · PUT preferences
POST assistant/messages · GET events
"""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.document()


def _calls_of_contract() -> set[str]:
    return {call.strip() for line in PROMISED.strip().splitlines() for call in line.split(" · ")}


def _without_names(call: str) -> str:
    return re.sub(r"{\w+}", "{}", call)


def test_every_route_of_the_api_is_in_the_document_and_no_other(document: dict[str, Any]) -> None:
    routes = {
        f"{method} {_templated(route)}"
        for route, view in registry().items()
        for method in methods(view)
        if route.startswith("api/v1/")
    }

    described = {call for call, _told in openapi.operations(document)}

    assert described == routes
    assert set(openapi.OPERATIONS) == routes, "a table of operations has a call that is gone"


def test_every_call_of_the_contract_is_there(document: dict[str, Any]) -> None:
    described = {_without_names(call) for call, _told in openapi.operations(document)}

    assert not _calls_of_contract() - described


def test_nothing_of_it_had_to_be_guessed() -> None:
    reset_generator_stats()

    openapi.document()

    assert not [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    ids = [told["operationId"] for _call, told in openapi.operations(document)]
    assert len(set(ids)) == len(ids)
    for told in _everything(document):
        if isinstance(told, dict) and isinstance(told.get("$ref"), str):
            assert _at(document, told["$ref"]) is not None


def _everything(value: Any) -> Iterator[Any]:
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _everything(each)


def _templated(route: str) -> str:
    return PARAMETER.sub(r"{\1}", route.removeprefix("api/v1/"))


def _at(document: Any, reference: str) -> Any:
    found = document
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


def test_every_operation_shows_what_goes_in_and_what_comes_out(document: dict[str, Any]) -> None:
    for call, told in openapi.operations(document):
        body = told.get("requestBody", {"content": {}})
        answers = {status: each for status, each in told["responses"].items() if status != "304"}
        assert told["summary"], call
        assert "4XX" in answers, call
        for status, answer in answers.items():
            for media in _resolved(document, answer)["content"].values():
                assert media["examples"], f"{call} {status}"
        for media in body["content"].values():
            assert media["examples"], f"{call}: add an example of its body"


def test_every_example_is_of_its_schema(document: dict[str, Any]) -> None:
    for call, told in openapi.operations(document):
        bodies = [told.get("requestBody", {}), *told["responses"].values()]
        for body in bodies:
            for media in _resolved(document, body).get("content", {}).values():
                schema = {**media["schema"], "components": document["components"]}
                for example in media["examples"].values():
                    errors = jsonschema_rs.Draft202012Validator(schema).iter_errors(
                        example["value"]
                    )
                    assert [str(each) for each in errors] == [], call


def _resolved(document: Any, told: Any) -> Any:
    return _at(document, told["$ref"]) if "$ref" in told else told


@pytest.mark.django_db
def test_it_is_sent_once_and_then_304(client: Client) -> None:
    first = client.get("/openapi.json")
    again = client.get("/openapi.json", headers={"If-None-Match": first["ETag"]})

    assert first["Content-Type"] == "application/json"
    assert first.json()["info"]["title"] == "Museo"
    assert (again.status_code, again.content) == (304, b"")


def test_its_page_names_no_other_host(client: Client) -> None:
    page = client.get("/docs").content.decode()

    assert "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js" in page
    assert "http://" not in page
    assert "https://" not in page
    assert "<script>" not in page
