"""Staff read orders in the admin and move them on."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from museo.access.models import User
from notifications.models import Event
from orders.models import Order
from orders.tracking import Placed
from tests.orders.conftest import SellLamp

pytestmark = pytest.mark.django_db

Buy = Callable[..., Placed]
BUTTON = "orders_order_advance"
PRESSED = {BUTTON: "confirmed"}
STEPS = ["confirmed", "preparing", "out_for_delivery", "delivered"]


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("staff@museo.example"))
    return client


@pytest.fixture
def order(sell: SellLamp, buy: Buy) -> Order:
    sell(on_hand=50)
    return buy(now=timezone.now()).order


def page_of(order: Order) -> str:
    return f"/admin/orders/order/{order.pk}/change/"


def deliver(boss: Client, order: Order) -> None:
    for step in STEPS:
        boss.post(page_of(order), {BUTTON: step})


def test_an_order_is_read_with_its_lines_steps_and_timeline(boss: Client, order: Order) -> None:
    page = boss.get(page_of(order)).content.decode()

    for text in (order.number, "LAMP", "€132.90", "order.placed", "We have your order."):
        assert text in page
    assert 'name="_save"' not in page


def test_the_button_takes_the_next_step_and_tells_it(boss: Client, order: Order) -> None:
    response = boss.post(page_of(order), PRESSED, follow=True)

    order.refresh_from_db()
    assert (order.status, order.step) == ("confirmed", 1)
    assert Event.objects.get(topic=order.topic, version=2).type == "order.confirmed"
    assert "Your order has been confirmed." in response.content.decode()


def test_a_page_grown_old_moves_nothing(boss: Client, order: Order) -> None:
    page = boss.get(page_of(order)).content.decode()
    assert 'value="confirmed"' in page
    assert "Take the next step: " in page
    boss.post(page_of(order), PRESSED)

    second = boss.post(page_of(order), PRESSED, follow=True)

    order.refresh_from_db()
    assert (order.status, order.step) == ("confirmed", 1)
    assert "The next step of this order is preparing." in second.content.decode()
    assert Event.objects.filter(topic=order.topic).count() == 2


def test_an_order_that_has_ended_is_refused_in_words(boss: Client, order: Order) -> None:
    deliver(boss, order)

    response = boss.post(page_of(order), PRESSED, follow=True)

    page = response.content.decode()
    assert "This order has ended" in page
    assert BUTTON not in page
    assert Event.objects.filter(topic=order.topic).count() == 5


def test_several_orders_move_on_and_one_that_cannot_holds_none_up(
    boss: Client, order: Order, buy: Buy
) -> None:
    orders = [order, *(buy(now=timezone.now()).order for _ in range(2))]
    deliver(boss, order)

    response = boss.post(
        "/admin/orders/order/",
        {"action": "advance_selected", "_selected_action": [str(one.pk) for one in orders]},
        follow=True,
    )

    page = response.content.decode()
    assert "2 orders moved on." in page
    assert f"{order.number}: This order has ended" in page
    assert sorted(Order.objects.values_list("status", flat=True)) == [
        "confirmed",
        "confirmed",
        "delivered",
    ]


def test_staff_cancel_and_one_that_has_arrived_holds_none_up(
    boss: Client, order: Order, buy: Buy
) -> None:
    orders = [order, buy(now=timezone.now()).order]
    deliver(boss, order)

    response = boss.post(
        "/admin/orders/order/",
        {"action": "cancel_selected", "_selected_action": [str(one.pk) for one in orders]},
        follow=True,
    )

    page = response.content.decode()
    assert "1 orders cancelled." in page
    assert f"{order.number}: It is too late to cancel" in page
    assert sorted(Order.objects.values_list("status", "payment_status")) == [
        ("cancelled", "refunded"),
        ("delivered", "paid"),
    ]
    text = boss.get(page_of(orders[1])).content.decode()
    assert "Cancellation" in text
    assert "Succeeded" in text


def test_staff_close_the_links_of_guests(
    boss: Client, client: Client, sell: SellLamp, buy: Buy
) -> None:
    sell()
    placed = buy(now=timezone.now())
    track = f"/api/v1/orders/{placed.order.number}/track?ticket={placed.ticket}"
    guest = Client()
    assert guest.get(track).status_code == 200

    page = boss.post(
        "/admin/orders/order/",
        {"action": "revoke_links", "_selected_action": [str(placed.order.pk)]},
        follow=True,
    )

    assert "1 links closed." in page.content.decode()
    assert guest.get(track).status_code == 404
    revoked = Event.objects.get(type="access.revoked")
    assert revoked.data == {"who": "", "topics": [placed.order.topic]}


def test_nothing_of_an_order_can_be_written(boss: Client, order: Order) -> None:
    boss.post(page_of(order), {"status": "delivered", "total": "0", "email": "x@example.org"})

    order.refresh_from_db()
    assert (order.status, order.email) == ("placed", "maya@example.org")
    assert boss.get("/admin/orders/order/add/").status_code == 403
    assert boss.post(f"/admin/orders/order/{order.pk}/delete/").status_code == 403


def test_staff_who_may_only_look_cannot_move_an_order(client: Client, order: Order) -> None:
    viewer = User.objects.create_user("viewer@museo.example", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_order"))
    client.force_login(viewer)

    page = client.get(page_of(order))
    pressed = client.post(page_of(order), PRESSED)

    assert page.status_code == 200
    assert "orders_order_advance" not in page.content.decode()
    assert pressed.status_code == 403
    order.refresh_from_db()
    assert order.status == "placed"


def test_the_list_costs_the_same_queries_for_one_and_for_ten(
    boss: Client, order: Order, buy: Buy, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(14) as one:
        assert boss.get("/admin/orders/order/").status_code == 200
    for _ in range(9):
        buy(now=timezone.now())
    with django_assert_max_num_queries(len(one.captured_queries)):
        page = boss.get("/admin/orders/order/").content.decode()

    assert page.count("ORD-") >= 10


def test_orders_are_found_by_number_and_email(boss: Client, order: Order) -> None:
    for words in (order.number, "MAYA@example.org"):
        assert order.number in boss.get(f"/admin/orders/order/?q={words}").content.decode()
    assert order.number not in boss.get("/admin/orders/order/?q=nobody").content.decode()
