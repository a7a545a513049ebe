"""Staff read orders in the admin and move them on."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog import shop
from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from notifications.masking import masked
from notifications.models import Delivery, Event, Subscription
from orders import baskets, checkout, notes, plans, returns
from orders.details import Details
from orders.models import Order, Plan
from orders.tracking import Placed
from tests.orders.conftest import SellLamp

pytestmark = pytest.mark.django_db

Buy = Callable[..., Placed]
BUTTON = "orders_order_advance"
PRESSED = {BUTTON: "confirmed"}
ACTS = ["refund", "cancel", "write_note", "new_time", "amend", "not_delivered", "answer_return"]
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
    # titles of what there is none of would look like something that did not load
    assert re.search(r">Taken</th>", page)
    assert not re.search(r">(Refund|Reason|Answer|By)</th>", page)


def test_a_page_of_the_admin_asks_nothing_of_baskets(
    boss: Client, order: Order, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(200) as captured:
        assert boss.get(page_of(order)).status_code == 200

    assert captured.captured_queries
    assert not [each for each in captured.captured_queries if "orders_basket" in each["sql"]]


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
    assert "1 order cancelled." in page
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

    assert "1 link closed." in page.content.decode()
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


def act_on(order: Order, action: str) -> str:
    return f"/admin/orders/order/{order.pk}/{action}/"


def press(boss: Client, order: Order, name: str) -> str:
    answer = boss.post(page_of(order), {f"orders_order_{name}": "1"}, follow=True)
    return answer.content.decode()


def test_staff_hold_an_order_and_let_it_go_on(boss: Client, order: Order) -> None:
    page = press(boss, order, "hold")

    order.refresh_from_db()
    assert order.held_at
    assert "is on hold" in page
    assert 'name="orders_order_advance"' not in page
    assert "goes on" in press(boss, order, "resume")
    order.refresh_from_db()
    assert order.next_step_at
    assert "is not on hold" in press(boss, order, "resume")


def test_staff_pay_a_line_back_once_for_each_form(boss: Client, order: Order) -> None:
    path = act_on(order, "refund")
    page = boss.get(path).content.decode()
    assert "LAMP" in page
    both = boss.post(path, {"line-1": "1", "amount": "5", "key": "k"})
    assert "Choose either lines or an amount." in both.content.decode()

    for _ in range(2):
        boss.post(path, {"line-1": "1", "reason": "Broken", "puts_back": "on", "key": "one form"})

    order.refresh_from_db()
    assert (order.given_back, order.payment_status) == (12900, "partially_refunded")
    refused = boss.post(path, {"line-1": "1", "key": "another"})
    assert "fewer units left" in refused.content.decode()


def test_a_line_with_nothing_left_is_not_asked_for(boss: Client, order: Order) -> None:
    path = act_on(order, "refund")
    assert 'name="line-1"' in boss.get(path).content.decode()
    boss.post(path, {"line-1": "1", "key": "one form"})

    page = boss.get(path).content.decode()
    grown_old = boss.post(path, {"line-1": "1", "key": "opened before"}).content.decode()

    assert 'name="line-1"' not in page
    assert 'name="amount"' in page
    assert "fewer units left" in grown_old
    assert "0-0" not in page + grown_old
    order.refresh_from_db()
    assert order.given_back == 12900


def test_staff_pay_an_amount_back_as_they_write_it(boss: Client, order: Order) -> None:
    path = act_on(order, "refund")
    for typed in ("0", "12.505", "-1", "1,000.00", "x"):
        assert boss.post(path, {"amount": typed, "key": "no"}).status_code == 200

    boss.post(path, {"amount": "12,50", "key": "one form"})

    order.refresh_from_db()
    assert order.given_back == 1250


def test_the_page_says_what_it_costs_and_how_it_was_paid(boss: Client, order: Order) -> None:
    page = boss.get(page_of(order)).content.decode()

    for text in (
        "€129.00",
        "€3.90",
        "Courier to your door",
        "Test card that pays",
        "payment.captured",
        "€132.90",
    ):
        assert text in page
    assert 'name="orders_order_mark_paid"' not in page
    listed = boss.get("/admin/orders/order/?payment_status__exact=paid").content.decode()
    assert order.number in listed


def test_staff_receive_what_an_order_owes_on_its_page(
    boss: Client, sell: SellLamp, details: Details
) -> None:
    sell()
    now = timezone.now()
    guest = Caller(basket_token=baskets.add(Caller(), sku="LAMP", quantity=1, now=now).token)
    by_hand = replace(details, payment_provider="manual", payment_token="invoice")
    order = checkout.place(guest, by_hand, now=now, speed=1.0).order
    page = boss.get(page_of(order)).content.decode()
    assert "Invoice" in page
    assert 'name="orders_order_mark_paid"' in page

    assert "is now: Paid." in press(boss, order, "mark_paid")

    order.refresh_from_db()
    assert order.payment_status == "paid"
    assert 'name="orders_order_mark_paid"' not in boss.get(page_of(order)).content.decode()


def test_staff_cancel_with_a_reason(boss: Client, order: Order) -> None:
    boss.post(act_on(order, "cancel"), {"reason": "Out of <b>clay</b>"})

    order.refresh_from_db()
    assert (order.status, order.payment_status) == ("cancelled", "refunded")
    assert "Out of &lt;b&gt;clay&lt;/b&gt;" in boss.get(page_of(order)).content.decode()
    again = boss.post(act_on(order, "cancel"), {"reason": "Again"}, follow=True)
    assert again.status_code == 200


def test_staff_see_what_was_told_and_send_the_last_of_it_again(boss: Client, order: Order) -> None:
    assert "Send the last message again" not in boss.get(page_of(order)).content.decode()
    now = timezone.now()
    wish = Subscription.objects.get(topic=order.topic)
    position = Event.objects.get(topic=order.topic).position
    delivery = Delivery.objects.create(
        subscription=wish,
        topic=order.topic,
        position=position,
        state=Delivery.State.SENT,
        due_at=now,
        created_at=now,
        ended_at=now,
    )

    page = boss.get(page_of(order)).content.decode()
    assert "Send the last message again" in page
    assert masked(wish) in page
    assert f"/admin/notifications/delivery/?q={order.number}" in page
    assert "1 delivery is sent again." in press(boss, order, "tell_again")

    delivery.refresh_from_db()
    assert delivery.state == Delivery.State.PENDING


def test_staff_write_a_note_and_change_the_address(boss: Client, order: Order) -> None:
    boss.post(act_on(order, "write_note"), {"text": "Called back <b>"})
    typed = {"line1": "Harbour Road 9", "postal_code": "20100", "city": "Turku", "note": "Ring"}
    boss.post(act_on(order, "amend"), typed)

    page = boss.get(page_of(order)).content.decode()
    for text in ("Called back &lt;b&gt;", "Harbour Road 9, Turku", "Changed; before:", "Ring"):
        assert text in page
    assert "required" in boss.post(act_on(order, "write_note"), {"text": ""}).content.decode()


def test_a_note_says_whose_it_is(boss: Client, order: Order) -> None:
    now = timezone.now()
    guest = caller_for_user(None, locale="en")
    boss.post(act_on(order, "write_note"), {"text": "Called back"})
    notes.write(order, "Changed; before: -", by=guest, now=now)
    notes.write(order, "By a program", by=replace(guest, who="service:7"), now=now)

    page = boss.get(page_of(order)).content.decode()

    signed = dict(
        re.findall(r'<td class="p-2">([^<]*)</td><td class="p-2">([^<]*)</td></tr>', page)
    )
    assert signed["staff@museo.example"] == "Called back"
    assert signed["A customer"] == "Changed; before: -"
    assert signed["service:7"] == "By a program"
    assert "guest:" not in page


def test_the_page_of_an_act_names_the_order_and_reads_it_once(boss: Client, order: Order) -> None:
    deliver(boss, order)
    staff = caller_for_user(User.objects.get(), locale="en")
    returns.ask(staff, order.number, units={1: 1}, now=timezone.now())
    boss.get("/admin/")

    with CaptureQueriesContext(connection) as asked:
        page = boss.get(act_on(order, "answer_return")).content.decode()

    read = [each["sql"] for each in asked if 'FROM "orders_order" WHERE' in each["sql"]]
    assert len(read) == 1
    assert order.number in page
    assert "<h1" in page


def test_staff_say_a_new_time_and_that_a_delivery_failed(boss: Client, order: Order) -> None:
    assert boss.get(act_on(order, "new_time")).status_code == 200
    boss.post(act_on(order, "new_time"), {"eta_0": "2099-01-01", "eta_1": "12:00"})
    # typed on the shop's own clock
    later = timezone.localtime(timezone.now() + timedelta(hours=2), shop.current().zone)
    boss.post(
        act_on(order, "new_time"),
        {"eta_0": later.strftime("%Y-%m-%d"), "eta_1": later.strftime("%H:%M:%S")},
    )
    order.refresh_from_db()
    assert order.is_late
    late = boss.get("/admin/orders/order/?attention=late").content.decode()
    assert order.number in late

    boss.post(act_on(order, "not_delivered"), {"reason": "No bell"})
    order.refresh_from_db()
    assert order.status == "failed"
    needs = boss.get("/admin/orders/order/?attention=refund").content.decode()
    assert order.number in needs
    assert order.number not in boss.get("/admin/orders/order/?attention=late").content.decode()
    assert "begins anew" in press(boss, order, "try_again")
    order.refresh_from_db()
    assert order.status == "placed"


def test_staff_answer_a_return(boss: Client, order: Order) -> None:
    deliver(boss, order)
    staff = caller_for_user(User.objects.get(), locale="en")
    asked = returns.ask(staff, order.number, units={1: 1}, now=timezone.now())
    listed = boss.get("/admin/orders/order/?attention=return").content.decode()
    assert order.number in listed
    what = f"1 \N{MULTIPLICATION SIGN} {order.lines.get().whole_name}"
    assert f"{what}: Requested" in boss.get(act_on(order, "answer_return")).content.decode()
    assert what in boss.get(page_of(order)).content.decode()

    for state in ("approved", "received"):
        boss.post(
            act_on(order, "answer_return"),
            {"return_id": asked.public_id, "state": state, "puts_back": "on"},
        )

    order.refresh_from_db()
    assert order.given_back == 12900
    assert "Received" in boss.get(page_of(order)).content.decode()
    gone = boss.post(
        act_on(order, "answer_return"), {"return_id": "x", "state": "approved"}, follow=True
    )
    assert "Nobody waits for an answer to a return" in gone.content.decode()


def test_a_new_link_opens_the_order(boss: Client, order: Order) -> None:
    page = press(boss, order, "new_link")

    ticket = re.search(r"/t/([\w-]+)", page)
    assert ticket
    assert Client().get(f"/t/{ticket[1]}").status_code == 302


def test_pages_of_an_order_are_for_those_who_may_change_it(client: Client, order: Order) -> None:
    viewer = User.objects.create_user("viewer@museo.example", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_order"))
    client.force_login(viewer)

    for action in ACTS:
        assert client.get(act_on(order, action)).status_code == 403
    assert client.post(page_of(order), {"orders_order_hold": "1"}).status_code == 403
    boss = User.objects.create_superuser("boss@museo.example")
    client.force_login(boss)
    for action in ACTS:
        # nobody has asked to send anything back
        expected = 302 if action == "answer_return" else 200
        assert client.get(act_on(order, action)).status_code == expected
        assert client.get(f"/admin/orders/order/999999/{action}/").status_code == 404


def plan_form(*steps: tuple[str, int], **more: str) -> dict[str, str]:
    rows = {
        f"steps-{index}-{name}": str(value)
        for index, step in enumerate(steps)
        for name, value in zip(("status", "after_seconds"), step, strict=True)
    }
    return {"steps-TOTAL_FORMS": str(len(steps)), "steps-INITIAL_FORMS": "0", **rows, **more}


def test_staff_write_a_plan_and_one_that_is_none_is_refused(boss: Client) -> None:
    add = "/admin/orders/plan/add/"
    backwards = plan_form(("delivered", 60), ("confirmed", 90), code="drone")
    assert "follow each other" in boss.post(add, backwards).content.decode()
    assert not Plan.objects.filter(code="drone").exists()

    good = plan_form(("delivered", 90), ("confirmed", 60), **{"steps-0-waits": "on"}, code="drone")
    boss.post(add, good)

    plan, steps = plans.find("drone")
    assert [(step.status, step.waits) for step in steps] == [
        ("confirmed", False),
        ("delivered", True),
    ]
    assert boss.get(f"/admin/orders/plan/{plan.pk}/change/").status_code == 200
    half = plan_form(("delivered", 90), code="half", slot_minutes="15")
    assert "or neither" in boss.post(add, half).content.decode()
    long = plan_form(("delivered", 90), code="half", slot_minutes="99999", orders_per_slot="0")
    told = boss.post(add, long).context["adminform"].form.errors
    assert "10080" in told["slot_minutes"][0]
    assert list(told) == ["slot_minutes", "orders_per_slot"]
    assert boss.post(f"/admin/orders/plan/{plan.pk}/delete/").status_code == 403
