"""The letters of an order, out of the shop as it is started: the demo shows them in its log."""

from __future__ import annotations

import re
from itertools import pairwise

import httpx

from tests.orders.conftest import PURCHASE
from tests.processes import eventually
from tests.shops import Shop

STEPS = [
    "We have your order",
    "Your order is confirmed",
    "Your order is on the way",
    "Your order has arrived",
]


def test_whoever_buys_is_told_until_it_is_there(shop: Shop) -> None:
    with httpx.Client(base_url=f"{shop.address}/api/v1", timeout=60) as http:
        added = http.post("/basket/items", json={"sku": "POSTCARD-SET", "quantity": 1})
        headers = {"X-Basket-Token": added.json()["token"], "Idempotency-Key": "letters"}
        # to one address not all would go that is told of the orders of all tests
        purchase = {**PURCHASE, "email": "letters@example.org"}
        bought = http.post("/orders/checkout", json=purchase, headers=headers)
    assert bought.status_code == 201, bought.text
    log = shop.home / "logs" / "work.log"

    def subjects() -> list[str]:
        """Of the letters to this buyer, as they went out."""
        return re.findall(r"(?m)To letters@example\.org: (.+)$", log.read_text())

    eventually(lambda: STEPS[-1] in subjects(), seconds=60)

    # of what waited while the machine was busy the newest was sent alone
    places = [STEPS.index(subject) for subject in subjects()]
    assert all(before < after for before, after in pairwise(places))
    assert len(places) > 1
