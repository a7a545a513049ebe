"""How each server is asked for the same things, and what its answers say."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from bench.shop.load import Answer, request
from bench.shop.products import Product

EMAIL, NAME = "maya@example.org", "Maya Okafor"
ADDRESS = {"line1": "Kalevankatu 1", "city": "Helsinki", "postal_code": "00100", "country": "FI"}


class Wrong(Exception):
    """An answer that is not what was asked for; the sentence says how."""


@dataclass(frozen=True)
class Card:
    """A product as a server tells of it; `amount` is None where it does not say the price."""

    name: str
    amount: int | None = None


@dataclass(frozen=True)
class Basket:
    """`key` is what opens it again: a token, or cookies and an address."""

    key: tuple[str, ...]
    units: int
    total: int


class Face(Protocol):
    """Requests as bytes, and readers of their answers; amounts are in cents."""

    @property
    def delivery(self) -> int: ...
    @property
    def says_prices(self) -> bool: ...

    def list(self) -> bytes: ...
    def detail(self, product: Product) -> bytes: ...
    def add(self, product: Product, basket: Basket | None = None) -> bytes: ...
    def checkout(self, basket: Basket, key: str) -> bytes: ...

    def cards(self, answer: Answer) -> Sequence[Card]: ...
    def card(self, answer: Answer) -> Card: ...
    def basket(self, answer: Answer, before: Basket | None = None) -> Basket: ...
    def paid(self, answer: Answer) -> int: ...


@dataclass(frozen=True)
class Museo:
    """REST's calls; the near limit answers the same ones."""

    port: int
    delivery: int = 390
    says_prices: bool = True

    def list(self) -> bytes:
        return request("GET", "/api/v1/catalog/products?limit=20", port=self.port)

    def detail(self, product: Product) -> bytes:
        return request("GET", f"/api/v1/catalog/products/{product.slug}", port=self.port)

    def add(self, product: Product, basket: Basket | None = None) -> bytes:
        return request(
            "POST",
            "/api/v1/basket/items",
            port=self.port,
            headers=_token(basket),
            body=_json({"sku": product.sku, "quantity": 1}),
        )

    def checkout(self, basket: Basket, key: str) -> bytes:
        return request(
            "POST",
            "/api/v1/orders/checkout",
            port=self.port,
            headers={**_token(basket), "Idempotency-Key": key},
            body=_json(
                {
                    "email": EMAIL,
                    "name": NAME,
                    "address": ADDRESS,
                    "delivery": "courier",
                    "payment": {"provider": "demo", "token": "ok"},
                }
            ),
        )

    def cards(self, answer: Answer) -> Sequence[Card]:
        return [_card(row) for row in read(answer)["results"]]

    def card(self, answer: Answer) -> Card:
        return _card(read(answer))

    def basket(self, answer: Answer, before: Basket | None = None) -> Basket:
        told = read(answer)
        units = sum(line["quantity"] for line in told["lines"])
        return Basket((told["token"],), units, told["totals"][-1]["amount"])

    def paid(self, answer: Answer) -> int:
        return int(read(answer)["total"]["amount"])


@dataclass(frozen=True)
class Naive:
    """REST framework as it is often written; prices are decimals in strings."""

    port: int
    delivery: int = 390
    says_prices: bool = True

    def list(self) -> bytes:
        return request("GET", "/products/", port=self.port)

    def detail(self, product: Product) -> bytes:
        return request("GET", f"/products/{product.slug}/", port=self.port)

    def add(self, product: Product, basket: Basket | None = None) -> bytes:
        body = _json({"sku": product.sku, "quantity": 1})
        return request("POST", "/basket/", port=self.port, headers=_token(basket), body=body)

    def checkout(self, basket: Basket, key: str) -> bytes:
        body = _json({"email": EMAIL, "name": NAME, "address": ADDRESS})
        return request("POST", "/checkout/", port=self.port, headers=_token(basket), body=body)

    def cards(self, answer: Answer) -> Sequence[Card]:
        return [self._card(row) for row in read(answer)["results"]]

    def card(self, answer: Answer) -> Card:
        return self._card(read(answer))

    def basket(self, answer: Answer, before: Basket | None = None) -> Basket:
        told = read(answer)
        units = sum(line["quantity"] for line in told["lines"])
        return Basket((told["token"],), units, cents(told["total"]))

    def paid(self, answer: Answer) -> int:
        return cents(read(answer)["total"])

    def _card(self, row: dict[str, Any]) -> Card:
        return Card(row["name"], cents(row["price"]))


@dataclass(frozen=True)
class Oscar:
    """django-oscar-api; its lists and details name the price only by a link."""

    port: int
    # by slug
    ids: dict[str, int]
    delivery: int = 0
    says_prices: bool = False

    def list(self) -> bytes:
        return request("GET", "/api/products/", port=self.port)

    def detail(self, product: Product) -> bytes:
        return request("GET", f"/api/products/{self.ids[product.slug]}/", port=self.port)

    def add(self, product: Product, basket: Basket | None = None) -> bytes:
        return request(
            "POST",
            "/api/basket/add-product/",
            port=self.port,
            headers=_cookie(basket),
            body=_json({"url": self._url(f"products/{self.ids[product.slug]}"), "quantity": 1}),
        )

    def checkout(self, basket: Basket, key: str) -> bytes:
        address = {
            "title": "Ms",
            "first_name": "Maya",
            "last_name": "Okafor",
            "line1": ADDRESS["line1"],
            "line2": "",
            "line3": "",
            "line4": ADDRESS["city"],
            "state": "",
            "postcode": ADDRESS["postal_code"],
            "country": self._url(f"countries/{ADDRESS['country']}"),
            "phone_number": "",
            "notes": "",
        }
        return request(
            "POST",
            "/api/checkout/",
            port=self.port,
            headers=_cookie(basket),
            body=_json(
                {"basket": basket.key[1], "guest_email": EMAIL, "shipping_address": address}
            ),
        )

    def cards(self, answer: Answer) -> Sequence[Card]:
        return [Card(row["title"]) for row in read(answer)["results"]]

    def card(self, answer: Answer) -> Card:
        return Card(read(answer)["title"])

    def basket(self, answer: Answer, before: Basket | None = None) -> Basket:
        told = read(answer)
        set_now = "; ".join(value.partition(";")[0] for value in answer.headers("set-cookie"))
        cookie = before.key[0] if before else set_now
        # its lines are behind a link
        units = (before.units if before else 0) + 1
        return Basket((cookie, told["url"]), units, cents(told["total_incl_tax"]))

    def paid(self, answer: Answer) -> int:
        return cents(read(answer)["total_incl_tax"])

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/api/{path}/"


def read(answer: Answer) -> Any:
    """The body of an answer that says yes; raise Wrong for anything else."""
    if answer.status not in (200, 201):
        raise Wrong(f"status {answer.status}: {answer.body[:200].decode(errors='replace')}")
    return json.loads(answer.body)


def cents(price: str) -> int:
    return int(Decimal(price) * 100)


def _card(row: dict[str, Any]) -> Card:
    return Card(row["name"], row["price"]["amount"])


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


def _token(basket: Basket | None) -> dict[str, str]:
    return {"X-Basket-Token": basket.key[0]} if basket else {}


def _cookie(basket: Basket | None) -> dict[str, str]:
    return {"Cookie": basket.key[0]} if basket else {}
