"""Orders that are owed: what comes back before it is paid lowers what is asked for."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from museo.access.callers import Caller
from museo.access.models import User
from notifications import audit as log_audit
from orders import (
    adjustments,
    audit,
    baskets,
    checkout,
    deliveries,
    outcomes,
    returns,
    services,
)
from orders.adjustments import RefundTooLarge
from orders.details import Details
from orders.models import Order, Payment, PaymentLink, Refund
from orders.payments import demo, links, settlement
from orders.payments.charges import Outcome
from orders.payments.links import NewLink, NothingToPay
from orders.tracking import Placed
from tests.orders.conftest import ADDRESS, SellLamp
from tests.together import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.both_in_long]

LAMP, DELIVERY = 12900, 390
TOTAL = 3 * LAMP + DELIVERY
WHO = {"email": "sam@example.org", "name": "Sam", "address": ADDRESS, "delivery": "courier"}
SHOWN = {"total": "€390.90", "lamp": "€129.00", "rest": "€261.90"}


@pytest.fixture
def owing(sell: SellLamp, details: Details, noon: datetime) -> Placed:
    """Three lamps on invoice."""
    sell(price=LAMP, on_hand=10)
    guest = Caller(basket_token=baskets.add(Caller(), sku="LAMP", quantity=3, now=noon).token)
    on_invoice = replace(details, payment_provider="manual", payment_token="invoice")
    return checkout.place(guest, on_invoice, now=noon, speed=1.0)


@pytest.fixture
def owner(owing: Placed) -> Caller:
    return Caller(tickets=(owing.ticket,))


@pytest.fixture
def arrived(owing: Placed, noon: datetime) -> datetime:
    later = noon + timedelta(minutes=12)
    services.advance_due(now=later)
    return later


@pytest.fixture
def new(owing: Placed, owner: Caller, noon: datetime) -> NewLink:
    return links.for_order(owner, owing.order.number, now=noon)


SendBack = Callable[[int], None]


@pytest.fixture
def send_back(owing: Placed, owner: Caller, staff: Caller, arrived: datetime) -> SendBack:
    """The customer sends so many lamps back."""

    def send(count: int) -> None:
        number = owing.order.number
        asked = returns.ask(owner, number, units={1: count}, now=arrived)
        for state in ("approved", "received"):
            returns.decide(staff, number, asked.public_id, state=state, now=arrived)

    return send


def pay(new: NewLink, method: str = "ok", *, now: datetime) -> Placed:
    link = links.find(new.token)
    return links.pay(link, method=method, body=WHO, locale="en", now=now, speed=1.0)


def money_of(order: Order) -> tuple[str, int, int, int]:
    order.refresh_from_db()
    return order.payment_status, order.paid, order.waived, order.given_back


def assert_adds_up(now: datetime) -> None:
    assert log_audit.broken(audit.INVARIANTS, now=now) == []


def test_what_comes_back_before_it_is_paid_is_not_asked_for(
    owing: Placed, staff: Caller, send_back: SendBack, arrived: datetime
) -> None:
    send_back(1)

    order, payment = owing.order, Payment.objects.get()
    assert money_of(order) == ("pending", 0, LAMP, 0)
    assert (payment.state, payment.amount) == ("owed", TOTAL - LAMP)
    assert not Refund.objects.exists()
    assert_adds_up(arrived)

    settlement.mark_paid(staff, order.number, now=arrived)

    assert money_of(order) == ("paid", TOTAL - LAMP, LAMP, 0)
    send_back(1)
    assert money_of(order) == ("partially_refunded", TOTAL - LAMP, LAMP, LAMP)
    assert_adds_up(arrived)
    adjustments.refund(staff, order.number, now=arrived)
    order.refresh_from_db()
    assert (order.status, order.payment_status) == ("refunded", "refunded")
    assert order.paid_back == TOTAL - LAMP
    assert_adds_up(arrived)


def test_an_order_of_which_all_is_waived_owes_nothing(
    owing: Placed, owner: Caller, new: NewLink, staff: Caller, arrived: datetime
) -> None:
    number = owing.order.number

    adjustments.refund(staff, number, now=arrived)

    assert money_of(owing.order) == ("unpaid", 0, TOTAL, 0)
    assert owing.order.status == "refunded"
    assert Payment.objects.get().state == "cancelled"
    assert links.find(new.token).state == "void"
    with pytest.raises(outcomes.NothingOwed):
        settlement.mark_paid(staff, number, now=arrived)
    with pytest.raises(NothingToPay):
        links.for_order(owner, number, now=arrived)
    with pytest.raises(RefundTooLarge):
        adjustments.refund(staff, number, now=arrived)
    assert_adds_up(arrived)


def test_no_more_is_waived_than_is_owed(owing: Placed, staff: Caller, noon: datetime) -> None:
    number = owing.order.number
    adjustments.refund(staff, number, amount=TOTAL - 100, now=noon)

    with pytest.raises(RefundTooLarge) as raised:
        adjustments.refund(staff, number, amount=101, now=noon)

    assert raised.value.facts["left"] == 100
    assert money_of(owing.order) == ("pending", 0, TOTAL - 100, 0)
    for waived in (-1, TOTAL + 1):
        with pytest.raises(IntegrityError), transaction.atomic():
            Order.objects.update(waived=waived)


def test_an_order_that_is_cancelled_after_some_was_waived_owes_nothing(
    owing: Placed, staff: Caller, noon: datetime
) -> None:
    adjustments.refund(staff, owing.order.number, units={1: 1}, now=noon)

    adjustments.cancel(staff, owing.order.number, now=noon)

    assert money_of(owing.order) == ("unpaid", 0, LAMP, 0)
    assert not Refund.objects.exists()
    assert_adds_up(noon)


def test_money_for_an_order_that_failed_is_received_once_it_is_tried_again(
    owing: Placed, staff: Caller, noon: datetime
) -> None:
    number = owing.order.number
    deliveries.fail(staff, number, now=noon)

    with pytest.raises(outcomes.NothingOwed):
        settlement.mark_paid(staff, number, now=noon)

    assert Payment.objects.get().state == "owed"
    assert not Refund.objects.exists()
    deliveries.try_again(staff, number, now=noon, speed=1.0)
    settlement.mark_paid(staff, number, now=noon)
    assert money_of(owing.order) == ("paid", TOTAL, 0, 0)
    assert_adds_up(noon)


def test_an_open_link_asks_for_what_is_left(
    owing: Placed,
    new: NewLink,
    send_back: SendBack,
    noon: datetime,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send_back(1)
    # it is open for some days
    monkeypatch.setattr("django.utils.timezone.now", lambda: noon)

    page = client.get(f"/pay/link/{new.token}").content.decode()
    assert SHOWN["rest"] in page
    assert SHOWN["total"] not in page
    pay(new, now=noon)

    assert money_of(owing.order) == ("paid", TOTAL - LAMP, LAMP, 0)
    assert Payment.objects.latest("pk").amount == TOTAL - LAMP
    assert_adds_up(noon)


def test_what_is_waived_while_all_of_it_is_on_its_way_goes_back_when_it_comes(
    owing: Placed, new: NewLink, staff: Caller, noon: datetime
) -> None:
    number = owing.order.number
    adjustments.refund(staff, number, amount=50, now=noon)
    with pytest.raises(outcomes.PaymentPending):
        pay(new, "later", now=noon)
    for amount in (100, 200):
        adjustments.refund(staff, number, amount=amount, now=noon)
    payment = Payment.objects.latest("pk")
    assert payment.amount == TOTAL - 50

    body, headers = demo.news(payment.public_id, Outcome.CAPTURED)
    settlement.hear("demo", body, headers, now=noon, speed=1.0)

    assert money_of(owing.order) == ("partially_refunded", TOTAL - 50, 50, 300)
    assert owing.order.paid_back == 300
    assert PaymentLink.objects.get().state == "paid"
    assert_adds_up(noon)


def test_who_does_not_look_for_what_was_waived_meanwhile_cannot_write_it(
    owing: Placed, new: NewLink, staff: Caller, noon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(outcomes.PaymentPending):
        pay(new, "later", now=noon)
    adjustments.refund(staff, owing.order.number, amount=100, now=noon)
    monkeypatch.setattr(adjustments, "too_much", lambda *_about: [])
    body, headers = demo.news(Payment.objects.latest("pk").public_id, Outcome.CAPTURED)

    with pytest.raises(IntegrityError):
        settlement.hear("demo", body, headers, now=noon, speed=1.0)


@pytest.mark.usefixtures("committed")
def test_whoever_waives_while_it_is_paid_is_before_or_after(
    owing: Placed, staff: Caller, noon: datetime
) -> None:
    number, order = owing.order.number, owing.order

    def waive() -> None:
        adjustments.refund(staff, number, amount=TOTAL // 4, now=noon)

    answers = at_once(
        [*[waive] * 5, lambda: settlement.mark_paid(staff, number, now=noon), *[waive] * 5]
    )

    refused = [type(answer) for answer in answers if isinstance(answer, Exception)]
    # all of it may have been waived before it was paid: then a quarter more fits than none
    assert set(refused) == {RefundTooLarge}
    assert len(refused) == 6
    status, paid, waived, given_back = money_of(order)
    assert status in ("paid", "partially_refunded")
    assert (paid, waived + given_back) == (TOTAL - waived, TOTAL // 4 * 4)
    assert order.paid_back == given_back
    assert_adds_up(noon)


# as people see it


def rows_of(receipt: str) -> list[tuple[str, str]]:
    """What stands below its lines, and the amount."""
    return re.findall(r'colspan="3">([^<]*)</th><td class="price">([^<]*)<', receipt)


def test_the_pages_say_what_is_still_to_be_paid(
    owing: Placed, send_back: SendBack, staff: Caller, noon: datetime, client: Client
) -> None:
    send_back(1)
    client.get(f"/t/{owing.ticket}")
    number = owing.order.number

    page = client.get(f"/orders/{number}").content.decode()
    receipt = client.get(f"/orders/{number}/receipt").content.decode()

    assert f"{SHOWN['lamp']} less is to be paid." in page
    assert f"To pay: {SHOWN['rest']}" in page
    assert "goes back the way it was paid" not in page
    assert f"\N{MINUS SIGN}{SHOWN['lamp']}" in receipt
    assert SHOWN["rest"] in receipt
    told = client.get(f"/api/v1/orders/{number}").json()
    assert (told["total"]["amount"], told["payable"]["amount"]) == (TOTAL, TOTAL - LAMP)
    [decided] = told["adjustments"]
    assert (decided["type"], decided["refund"]) == ("return", None)

    settlement.mark_paid(staff, number, now=noon)
    assert f"Paid: {SHOWN['rest']}" in client.get(f"/orders/{number}").content.decode()


def test_a_return_of_what_is_owed_promises_no_money(
    owing: Placed, owner: Caller, staff: Caller, arrived: datetime, client: Client
) -> None:
    order, now = owing.order, timezone.now()
    Order.objects.update(ended_at=now)
    returns.ask(owner, order.number, units={1: 1}, now=now)
    client.get(f"/t/{owing.ticket}")
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss@museo.example"))

    def pages() -> list[str]:
        answering = boss.get(f"/admin/orders/order/{order.pk}/answer_return/")
        asking = client.get(f"/orders/{order.number}")
        return [page.content.decode() for page in (asking, answering)]

    asking, answering = pages()
    assert "So much less is to be paid once it is here." in asking
    assert "The goods are here: ask for less" in answering
    assert "What you paid" not in asking
    assert "pay back" not in answering.partition('<select name="state"')[2]

    settlement.mark_paid(staff, order.number, now=now)

    asking, answering = pages()
    assert "What you paid for it goes back once it is here." in asking
    assert "The goods are here: pay back" in answering
    assert "less is to be paid" not in asking
    assert "ask for less" not in answering


def test_a_cancelled_order_that_was_owed_shows_no_money_that_goes_back(
    owing: Placed, staff: Caller, noon: datetime, client: Client
) -> None:
    adjustments.cancel(staff, owing.order.number, now=noon)
    client.get(f"/t/{owing.ticket}")

    page = client.get(f"/orders/{owing.order.number}").content.decode()
    receipt = client.get(f"/orders/{owing.order.number}/receipt").content.decode()

    assert "Cancelled. Nothing is to be paid." in page
    assert "€0.00" not in page + receipt
    assert "To pay" not in page + receipt
    assert rows_of(receipt)[-1] == ("Not to be paid", f"\N{MINUS SIGN}{SHOWN['total']}")


def test_the_receipt_of_what_is_owed_says_that_it_is_to_be_paid(
    owing: Placed, staff: Caller, noon: datetime, client: Client
) -> None:
    client.get(f"/t/{owing.ticket}")
    page = f"/orders/{owing.order.number}/receipt"

    assert rows_of(client.get(page).content.decode())[-1] == ("To pay", SHOWN["total"])

    settlement.mark_paid(staff, owing.order.number, now=noon)
    assert rows_of(client.get(page).content.decode())[-1] == ("Total", SHOWN["total"])


def test_staff_are_offered_to_pay_back_only_what_was_paid(
    owing: Placed, staff: Caller, client: Client
) -> None:
    order = owing.order
    client.force_login(User.objects.create_superuser("boss@museo.example"))
    change = f"/admin/orders/order/{order.pk}/change/"
    pages = (f"/admin/orders/order/{order.pk}/cancel/", f"/admin/board/{order.number}")

    for page in (change, *pages):
        text = client.get(page).content.decode()
        assert "Cancel the order" in text
        assert "Cancel and pay back" not in text

    settlement.mark_paid(staff, order.number, now=timezone.now())

    for page in pages:
        text = client.get(page).content.decode()
        assert "Cancel and pay back" in text
        assert "Cancel the order" not in text


def test_staff_are_told_that_less_is_asked_for(owing: Placed, client: Client) -> None:
    client.force_login(User.objects.create_superuser("boss@museo.example"))
    page = f"/admin/orders/order/{owing.order.pk}/refund/"
    assert "not paid yet: so much less is asked for" in client.get(page).content.decode()

    said = client.post(page, {"amount": "100.00", "key": "k"}, follow=True).content.decode()

    assert "€100.00 less is to be paid." in said
    assert money_of(owing.order) == ("pending", 0, 10000, 0)
