"""The examples of the API's document work in the demo shop as they stand."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone

import orders.demo
from catalog.demo.fill import fill
from museo import openapi


@pytest.fixture
def _demo(db: None, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    fill(now=timezone.now())
    orders.demo.fill()


def example(call: str) -> Any:
    told = dict(openapi.operations(openapi.document()))[call]
    (media,) = told["requestBody"]["content"].values()
    (shown,) = media["examples"].values()
    return shown["value"]


@pytest.mark.usefixtures("_demo")
@pytest.mark.parametrize("call", ["POST basket/items", "PUT basket/items"])
def test_what_the_examples_put_into_a_basket_can_be_bought_as_they_say(
    client: Client, call: str
) -> None:
    def send(call: str, **headers: str) -> Any:
        method, path = call.split()
        body = example(call)
        return client.generic(
            method, f"/api/v1/{path}", orjson.dumps(body), "application/json", headers=headers
        )

    basket = send(call)
    named = {"X-Basket-Token": basket.json()["token"]}
    placed = send("POST orders/checkout", **named, **{"Idempotency-Key": "example"})

    assert [line["sku"] for line in basket.json()["lines"]] == ["SUNRISE-LAMP"]
    assert placed.status_code == 201, placed.content


@pytest.mark.usefixtures("_demo")
def test_the_coupon_of_the_example_is_one(client: Client) -> None:
    json = "application/json"
    basket = client.post("/api/v1/basket/items", example("POST basket/items"), json).json()

    discounted = client.post(
        "/api/v1/basket/coupons",
        example("POST basket/coupons"),
        json,
        headers={"X-Basket-Token": basket["token"]},
    )

    assert discounted.json()["coupon"] == {"code": "WELCOME10"}
