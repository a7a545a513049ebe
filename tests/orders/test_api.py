"""The REST calls of baskets, checkout and orders, and what they say to bad input."""

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from museo.access import accounts
from museo.access.models import User
from orders import services
from orders.models import BasketLine, Order
from orders.tracking import Placed
from tests.access.conftest import bearer
from tests.orders.conftest import PURCHASE, SellLamp

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_at_error(caplog: pytest.LogCaptureFixture) -> Any:
    yield
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def send(client: Client, method: str, path: str, body: Any = None, **headers: str) -> Any:
    return client.generic(
        method,
        f"/api/v1/{path}",
        json.dumps(body) if body is not None else "",
        content_type="application/json",
        headers=headers,
    )


def add(client: Client, sku: Any = "LAMP", quantity: Any = 1) -> str:
    response = send(client, "POST", "basket/items", {"sku": sku, "quantity": quantity})
    assert response.status_code == 200, response.content
    return str(response.json()["token"])


def problem(response: Any) -> tuple[int, str]:
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    assert body["detail"]
    return response.status_code, body["code"]


def test_a_guest_buys_and_follows_with_the_ticket(client: Client, sell: SellLamp) -> None:
    sell(price=12900)
    token = add(client, quantity=2)

    basket = send(client, "GET", "basket", **{"X-Basket-Token": token})
    bought = send(
        client,
        "POST",
        "orders/checkout",
        PURCHASE,
        **{"X-Basket-Token": token, "Idempotency-Key": "k"},
    )

    assert basket["X-Basket-Token"] == token
    assert basket.json()["lines"][0]["unit_price"] == {"amount": 12900, "currency": "EUR"}
    assert basket.json()["totals"] == [
        {"type": "items", "amount": 25800, "currency": "EUR"},
        {"type": "total", "amount": 25800, "currency": "EUR"},
    ]
    assert bought.status_code == 201
    order = bought.json()
    assert order["number"] == order["order_id"] == Order.objects.get().number
    assert order["total"] == {"amount": 26190, "currency": "EUR"}
    assert [step["code"] for step in order["upcoming"]] == [
        "confirmed",
        "preparing",
        "out_for_delivery",
        "delivered",
    ]
    assert order["track_url"].endswith(f"/t/{order['ticket']}")
    track = send(
        client, "GET", f"orders/{order['number']}/track", Authorization=f"Ticket {order['ticket']}"
    )
    assert (track.json()["status"], track.json()["version"]) == ("placed", 1)
    detail = client.get(f"/api/v1/orders/{order['number']}?ticket={order['ticket']}")
    assert detail.json()["lines"][0]["quantity"] == 2


def test_the_same_key_is_answered_again(client: Client, sell: SellLamp) -> None:
    sell()
    headers = {"X-Basket-Token": add(client), "Idempotency-Key": "k"}

    first = send(client, "POST", "orders/checkout", PURCHASE, **headers)
    second = send(client, "POST", "orders/checkout", PURCHASE, **headers)

    assert second.status_code == 201
    assert second.json() == first.json()
    assert second["Idempotent-Replayed"] == "true"
    other = send(client, "POST", "orders/checkout", {**PURCHASE, "name": "Sam"}, **headers)
    assert problem(other) == (422, "idempotency_conflict")


@pytest.mark.parametrize(
    ("token", "code"),
    [("declined", "payment_declined"), ("needs_action", "payment_action_required")],
)
def test_a_payment_that_is_not_taken_is_a_409(
    client: Client, sell: SellLamp, token: str, code: str
) -> None:
    sell()
    body = {**PURCHASE, "payment": {"provider": "demo", "token": token}}
    headers = {"X-Basket-Token": add(client), "Idempotency-Key": "k"}

    assert problem(send(client, "POST", "orders/checkout", body, **headers)) == (409, code)
    assert problem(send(client, "POST", "orders/checkout", body, **headers)) == (409, code)
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        (0, (400, "quantity_out_of_range")),
        (-1, (400, "quantity_out_of_range")),
        (10**9, (400, "quantity_out_of_range")),
        (10**30, (400, "invalid")),
        ("many", (400, "invalid")),
        (None, (400, "invalid")),
        ([1], (400, "invalid")),
        (1.5, (400, "invalid")),
        (11, (409, "sold_out")),
    ],
)
def test_a_bad_quantity_is_refused_and_nothing_is_added(
    client: Client, sell: SellLamp, quantity: object, expected: tuple[int, str]
) -> None:
    sell(on_hand=10)

    response = send(client, "POST", "basket/items", {"sku": "LAMP", "quantity": quantity})

    assert problem(response) == expected
    assert not BasketLine.objects.exists()


@pytest.mark.parametrize("sku", ["NONE", "x" * 65, "", None, {"a": 1}, "a\x00b"])
def test_an_unknown_sku_is_refused(client: Client, sku: object) -> None:
    response = send(client, "POST", "basket/items", {"sku": sku, "quantity": 1})

    assert problem(response)[0] in {400, 404}


def test_a_sold_out_sku_says_how_many_are_left(client: Client, sell: SellLamp) -> None:
    sell(on_hand=0)

    response = send(client, "POST", "basket/items", {"sku": "LAMP", "quantity": 1})

    assert problem(response) == (409, "sold_out")
    assert response.json()["available"] == 0


@pytest.mark.parametrize(
    "raw", [b"{", b"[]", b'"text"', b"7", b"null", b"\xff\xfe", b'{"sku": NaN}', b"[" * 5000]
)
def test_a_body_that_is_no_object_is_refused(client: Client, raw: bytes) -> None:
    for path in ("basket/items", "orders/checkout"):
        response = client.post(
            f"/api/v1/{path}",
            raw,
            content_type="application/json",
            headers={"Idempotency-Key": "k"},
        )
        assert problem(response)[0] == 400


def test_a_form_body_is_told_to_be_json(client: Client) -> None:
    response = client.post("/api/v1/basket/items", {"sku": "LAMP"})

    assert problem(response) == (415, "unsupported_media_type")


def test_somebody_elses_basket_stays_closed(client: Client, sell: SellLamp) -> None:
    sell()
    token = add(client)
    line = BasketLine.objects.get()

    guessed = send(client, "GET", "basket", **{"X-Basket-Token": "guessed"})
    changed = send(
        client,
        "PATCH",
        f"basket/items/{line.pk}",
        {"quantity": 5},
        **{"X-Basket-Token": "guessed"},
    )

    assert problem(guessed) == (404, "unknown_basket")
    assert problem(changed) == (404, "unknown_basket")
    assert send(client, "GET", "basket", **{"X-Basket-Token": token}).status_code == 200


def test_lines_are_changed_removed_and_replaced(client: Client, sell: SellLamp) -> None:
    sell("LAMP")
    sell("VASE", price=8400)
    named = {"X-Basket-Token": add(client)}
    line = BasketLine.objects.get()

    changed = send(client, "PATCH", f"basket/items/{line.pk}", {"quantity": 3}, **named)
    assert changed.json()["lines"][0]["quantity"] == 3
    unknown = send(client, "DELETE", f"basket/items/{line.pk + 10**30}", **named)
    assert problem(unknown) == (404, "unknown_line")
    replaced = send(
        client, "PUT", "basket/items", {"items": [{"sku": "VASE", "quantity": 2}]}, **named
    )
    assert [line["sku"] for line in replaced.json()["lines"]] == ["VASE"]
    bad = send(client, "PUT", "basket/items", {"items": [{"sku": "NONE"}]}, **named)
    assert problem(bad) == (404, "unknown_product")
    assert BasketLine.objects.get().variant.sku == "VASE"
    emptied = send(client, "DELETE", "basket", **named)
    assert emptied.json()["lines"] == []


def test_somebody_elses_order_is_not_there(
    client: Client, sell: SellLamp, buy: Callable[..., Placed]
) -> None:
    sell()
    number = buy().order.number

    for path in (f"orders/{number}", f"orders/{number}/track", "orders/ORD-NONE0000"):
        assert problem(send(client, "GET", path)) == (404, "unknown_order")
        assert problem(send(client, "GET", path, Authorization="Ticket guessed"))[0] == 404
    assert send(client, "GET", "orders").json()["results"] == []


def test_an_unchanged_order_is_304(
    client: Client, sell: SellLamp, buy: Callable[..., Placed]
) -> None:
    sell()
    placed = buy()
    path, ticket = f"orders/{placed.order.number}/track", f"Ticket {placed.ticket}"

    first = send(client, "GET", path, Authorization=ticket)
    again = send(client, "GET", path, Authorization=ticket, **{"If-None-Match": first["ETag"]})
    weak = f'"other", W/{first["ETag"]}'
    proxied = send(client, "GET", path, Authorization=ticket, **{"If-None-Match": weak})
    services.advance_due(now=placed.order.placed_at + timedelta(minutes=2))
    moved = send(client, "GET", path, Authorization=ticket, **{"If-None-Match": first["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert (proxied.status_code, proxied.content) == (304, b"")
    assert moved.json()["status"] == "confirmed"


def test_checkout_asks_for_a_key(client: Client, sell: SellLamp) -> None:
    sell()
    response = send(client, "POST", "orders/checkout", PURCHASE, **{"X-Basket-Token": add(client)})

    assert problem(response) == (400, "idempotency_key_invalid")


def test_an_email_that_is_none_is_pointed_at(client: Client, sell: SellLamp) -> None:
    sell()
    headers = {"X-Basket-Token": add(client), "Idempotency-Key": "k"}

    response = send(client, "POST", "orders/checkout", {**PURCHASE, "email": "maya@"}, **headers)

    assert problem(response) == (400, "invalid")
    assert response.json()["errors"][0]["pointer"] == "/email"
    assert not Order.objects.exists()


def test_staff_advance_and_list_all_orders(
    client: Client, sell: SellLamp, buy: Callable[..., Placed]
) -> None:
    sell()
    numbers = [buy(now=timezone.now()).order.number for _ in range(3)]
    client.force_login(User.objects.create_superuser("staff@example.org"))

    moved = send(client, "POST", f"admin/orders/{numbers[0]}/advance", {"to": "confirmed"})
    assert moved.json()["status"] == "confirmed"
    skipped = send(client, "POST", f"admin/orders/{numbers[0]}/advance", {"to": "delivered"})
    assert problem(skipped) == (409, "cannot_advance")
    page = send(client, "GET", "orders?limit=2").json()
    assert [order["number"] for order in page["results"]] == numbers[:0:-1]
    rest = client.get(page["next"]).json()
    assert [order["number"] for order in rest["results"]] == numbers[:1]
    assert rest["next"] is None


def test_staff_see_and_move_orders_as_far_as_they_may(
    client: Client, sell: SellLamp, buy: Callable[..., Placed]
) -> None:
    sell()
    number = buy(now=timezone.now()).order.number
    clerk = User.objects.create_user("clerk@example.org", is_staff=True)
    client.force_login(clerk)
    advance = f"admin/orders/{number}/advance"

    assert problem(send(client, "GET", f"orders/{number}")) == (404, "unknown_order")
    assert problem(send(client, "POST", advance, {"to": "confirmed"})) == (404, "unknown_order")
    assert send(client, "GET", "orders").json()["results"] == []
    clerk.user_permissions.add(Permission.objects.get(codename="view_order"))
    assert send(client, "GET", f"orders/{number}").json()["number"] == number
    assert problem(send(client, "POST", advance, {"to": "confirmed"})) == (403, "not_allowed")
    clerk.user_permissions.add(Permission.objects.get(codename="change_order"))
    assert send(client, "POST", advance, {"to": "confirmed"}).json()["status"] == "confirmed"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=many", "invalid"),
        ("limit=-1", "invalid"),
        ("cursor=ORD-NONE0000", "bad_cursor"),
        ("cursor=%00", "bad_cursor"),
    ],
)
def test_a_bad_page_is_refused(client: Client, query: str, code: str) -> None:
    assert problem(client.get(f"/api/v1/orders?{query}")) == (400, code)


def test_a_shopper_may_not_advance(
    client: Client, sell: SellLamp, buy: Callable[..., Placed], noon: datetime
) -> None:
    sell()
    placed = buy()

    response = client.post(
        f"/api/v1/admin/orders/{placed.order.number}/advance?ticket={placed.ticket}",
        {"to": "confirmed"},
        content_type="application/json",
    )

    assert problem(response) == (403, "not_allowed")


def test_an_address_that_no_route_knows_is_a_problem(client: Client) -> None:
    assert problem(client.get("/api/v1/nothing")) == (404, "not_found")


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["nowhere", "basket/items/none", "payment/webhooks/none"])
def test_a_call_that_leads_nowhere_is_refused_in_the_same_form_for_who_has_signed_in(
    address: str,
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_user("maya@example.org"))

    response = client.post(f"/api/v1/{address}", "{}", content_type="application/json")

    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("brings", "status"), [("junk", 404), ("theirs", 200)])
def test_a_program_that_may_read_cancels_what_its_ticket_opens_alone(
    client: Client, sell: SellLamp, buy: Callable[..., Placed], brings: str, status: int
) -> None:
    sell()
    placed = buy(now=timezone.now())
    keys = accounts.create(name="reader", scopes=["orders:read"], now=timezone.now())
    ticket = placed.ticket if brings == "theirs" else brings

    path = f"orders/{placed.order.number}/cancel?ticket={ticket}"
    response = send(client, "POST", path, {}, **bearer(keys))

    assert response.status_code == status
    placed.order.refresh_from_db()
    assert (placed.order.status == "cancelled") == (status == 200)
