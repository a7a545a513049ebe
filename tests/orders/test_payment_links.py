"""Payment links: whoever has one pays once, while it is open."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from catalog import shop
from catalog.models import StockItem
from catalog.money import Money
from museo.access.callers import Caller
from museo.access.models import User
from museo.access.tokens import digest
from orders import adjustments, baskets, checkout, outcomes, payments
from orders.details import Details
from orders.holds import CheckoutInProgress
from orders.models import (
    Basket,
    BasketLine,
    Coupon,
    Order,
    Payment,
    PaymentLink,
    Refund,
    TaxRate,
)
from orders.payments import asking, demo, links, settlement
from orders.payments.charges import Charge, Outcome
from orders.payments.links import NewLink
from orders.tracking import Placed
from tests.orders.conftest import ADDRESS, SellLamp
from tests.together import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.both]

WHO = {"email": "sam@example.org", "name": "Sam", "address": ADDRESS, "delivery": "courier"}
FORM = {**ADDRESS, "email": "sam@example.org", "name": "Sam", "delivery": "courier"}


@pytest.fixture
def guest(sell: SellLamp, noon: datetime) -> Caller:
    sell(price=12900, on_hand=30)
    return Caller(basket_token=baskets.add(Caller(), sku="LAMP", quantity=1, now=noon).token)


@pytest.fixture
def owing(guest: Caller, details: Details, noon: datetime) -> Placed:
    """An order on invoice."""
    on_invoice = replace(details, payment_provider="manual", payment_token="invoice")
    return checkout.place(guest, on_invoice, now=noon, speed=1.0)


@pytest.fixture
def new(owing: Placed, noon: datetime) -> NewLink:
    return links.for_order(Caller(tickets=(owing.ticket,)), owing.order.number, now=noon)


def pay(new: NewLink, method: str = "ok", *, now: datetime, **body: Any) -> Placed:
    link = links.find(new.token)
    return links.pay(link, method=method, body=body or WHO, locale="en", now=now, speed=1.0)


def test_a_link_pays_an_order_once(new: NewLink, owing: Placed, noon: datetime) -> None:
    assert links.show(new, now=noon)["state"] == "open"
    assert new.link.token_hash == digest(new.token)

    paid = pay(new, now=noon)

    assert (paid.order, paid.ticket) == (owing.order, "")
    order = Order.objects.get()
    assert (order.payment_status, order.paid) == ("paid", order.total)
    states = Payment.objects.order_by("pk").values_list("provider", "state")
    assert list(states) == [("manual", "cancelled"), ("demo", "captured")]
    assert links.find(new.token).state == "paid"
    with pytest.raises(checkout.PaymentLinkClosed) as raised:
        pay(new, now=noon)
    assert raised.value.facts["state"] == "paid"


def test_a_declined_card_leaves_the_link_open_and_the_debt_owed(
    new: NewLink, noon: datetime
) -> None:
    with pytest.raises(outcomes.PaymentDeclined):
        pay(new, "declined", now=noon)

    assert Order.objects.get().payment_status == "pending"
    assert links.find(new.token).state == "open"
    pay(new, now=noon)
    assert Order.objects.get().payment_status == "paid"


def test_another_try_replaces_one_that_waits_and_only_one_of_them_is_kept(
    new: NewLink, noon: datetime
) -> None:
    with pytest.raises(outcomes.PaymentActionRequired):
        pay(new, "needs_action", now=noon)
    waiting = Payment.objects.latest("pk")
    pay(new, now=noon)

    body, headers = demo.news(waiting.public_id, Outcome.CAPTURED)
    settlement.hear("demo", body, headers, now=noon, speed=1.0)

    waiting.refresh_from_db()
    assert (waiting.state, waiting.refunded) == ("surplus", waiting.amount)
    assert Order.objects.get().paid_back == 0


def test_money_that_comes_after_the_order_was_cancelled_goes_back(
    new: NewLink, staff: Caller, owing: Placed, noon: datetime
) -> None:
    with pytest.raises(outcomes.PaymentPending):
        pay(new, "later", now=noon)
    adjustments.cancel(staff, owing.order.number, now=noon)
    assert links.find(new.token).state == "void"
    payment = Payment.objects.latest("pk")

    body, headers = demo.news(payment.public_id, Outcome.CAPTURED)
    settlement.hear("demo", body, headers, now=noon, speed=1.0)

    payment.refresh_from_db()
    assert (payment.state, payment.refunded) == ("surplus", payment.amount)
    assert Order.objects.get().payment_status == "unpaid"


def test_a_link_is_over_after_its_time(new: NewLink, noon: datetime) -> None:
    later = noon + links.LIFETIME
    assert links.show(new, now=later)["state"] == "expired"
    with pytest.raises(checkout.PaymentLinkClosed):
        pay(new, now=later)

    assert links.expire(now=later) == 1

    assert links.find(new.token).state == "expired"
    assert Order.objects.get().payment_status == "pending"


def test_what_is_paid_or_not_ones_own_gets_no_link(
    guest: Caller, details: Details, noon: datetime
) -> None:
    placed = checkout.place(guest, details, now=noon, speed=1.0)
    owner = Caller(tickets=(placed.ticket,))

    with pytest.raises(links.NothingToPay):
        links.for_order(owner, placed.order.number, now=noon)
    with pytest.raises(links.NothingToPay):
        links.for_basket(guest, now=noon)


def test_a_link_to_a_basket_is_paid_by_whoever_has_it(guest: Caller, noon: datetime) -> None:
    new = links.for_basket(guest, now=noon)
    assert guest.basket_token not in str(list(PaymentLink.objects.values()))

    placed = pay(new, now=noon)

    order = Order.objects.get()
    assert (order.email, order.payment_status, order.lines.get().quantity) == (
        "sam@example.org",
        "paid",
        1,
    )
    assert Order.objects.visible_to(Caller(tickets=(placed.ticket,))).get() == order
    assert links.find(new.token).state == "paid"
    baskets.add(guest, sku="LAMP", quantity=1, now=noon)
    with pytest.raises(checkout.PaymentLinkClosed):
        pay(new, now=noon)


def test_a_link_takes_no_promise(new: NewLink, guest: Caller, noon: datetime) -> None:
    with pytest.raises(payments.NotConfigured, match="Choose one of: ok"):
        pay(new, "invoice", now=noon)


def tries(new: NewLink, now: datetime) -> list[Callable[[], object]]:
    return [partial(pay, new, now=now)] * 20


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("turn", range(2))
def test_twenty_who_open_a_link_at_once_pay_once(new: NewLink, noon: datetime, turn: int) -> None:
    results = at_once(tries(new, noon))

    assert sum(isinstance(result, Placed) for result in results) == 1
    refusals = {type(result) for result in results if not isinstance(result, Placed)}
    assert refusals <= {
        checkout.PaymentLinkClosed,
        CheckoutInProgress,
        links.NothingToPay,
    }
    assert Payment.objects.filter(provider="demo").count() == 1
    assert Payment.objects.filter(state="surplus").count() == 0


def first_two_meet(act: Callable[..., Charge]) -> Callable[..., Charge]:
    """The first waits for the second, so that both are at it."""
    meeting, number = Barrier(2), count()

    def met(*given: Any, **more: Any) -> Charge:
        if next(number) < meeting.parties:
            meeting.wait(timeout=60)
        return act(*given, **more)

    return met


@pytest.fixture
def without_guards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing asks whether somebody else is paying: neither the database nor the services."""
    guards = [
        guard
        for guard in Payment._meta.constraints
        if guard.name
        in {"one_live_payment_per_checkout", "one_live_payment_per_link", "one_capture_per_order"}
    ]
    for guard in guards:
        with connection.schema_editor() as editor:
            editor.remove_constraint(Payment, guard)
    monkeypatch.setattr(links, "_require_unpaid", lambda _order: None)
    monkeypatch.setattr(links, "_require_open", lambda _link, now: None)
    monkeypatch.setattr(asking, "charge", first_two_meet(asking.charge))
    yield
    Refund.objects.all().delete()
    Payment.objects.all().delete()
    for guard in guards:
        with connection.schema_editor() as editor:
            editor.add_constraint(Payment, guard)


@pytest.mark.usefixtures("committed")
def test_without_the_guards_the_same_twenty_are_charged_more_than_once(
    new: NewLink, noon: datetime, without_guards: None
) -> None:
    at_once(tries(new, noon))

    # the charges beyond the first go back, but they should never have been made
    assert Payment.objects.filter(provider="demo").count() > 1


# REST and pages


def test_an_order_is_paid_over_rest_and_page(owing: Placed, client: Client) -> None:
    number, ticket = owing.order.number, {"Authorization": f"Ticket {owing.ticket}"}

    def post(body: Any, **headers: str) -> Any:
        return client.post("/api/v1/payment/links", body, "application/json", headers=headers)

    assert post({"order_id": number}).status_code == 404
    too_long = {"order_id": number, "expires_in_seconds": 2**63}
    bodies: list[Any] = [{}, too_long, {"order_id": "\x00"}, []]
    for bad in bodies:
        assert post(bad, **ticket).status_code == 400
    made = post({"order_id": number, "expires_in_seconds": 3600}, **ticket)
    assert (made.status_code, made.json()["order_id"]) == (201, number)
    assert made.json()["amount"] == {"amount": 13290, "currency": "EUR"}
    page = made.json()["url"].removeprefix("http://127.0.0.1:8000")
    token = page.rpartition("/")[2]
    api = f"/api/v1/payment/links/{token}"
    assert client.get(api).json() == made.json()

    shown = client.get(page)
    assert "€132.90" in shown.content.decode()
    # no other site is told the address; with "no-referrer" browsers hide from us whose form it is
    assert shown["Referrer-Policy"] == "same-origin"
    declined = client.post(page, {"payment": "declined"})
    assert declined.status_code == 409
    paid = client.post(page, {"payment": "ok"}, follow=True)

    assert "has arrived" in paid.content.decode()
    assert client.get(api).json()["state"] == "paid"
    assert Order.objects.get().payment_status == "paid"


def test_a_link_is_closed_by_its_owner_alone(
    owing: Placed, new: NewLink, client: Client, staff: Caller
) -> None:
    api = f"/api/v1/payment/links/{new.token}"
    assert client.delete(api).status_code == 404
    client.force_login(User.objects.get(is_staff=True))

    assert client.delete(api).json()["state"] in ("void", "expired")

    assert client.get("/api/v1/payment/links/none").json()["code"] == "unknown_payment_link"
    assert client.get("/pay/link/none").status_code == 404
    page = client.get(f"/pay/link/{new.token}").content.decode()
    assert "Nothing is to be paid here any more" in page


def test_a_basket_is_paid_by_its_link_with_a_form(sell: SellLamp, client: Client) -> None:
    sell(price=12900)
    basket = baskets.add(Caller(), sku="LAMP", quantity=1, now=timezone.now())
    token = {"X-Basket-Token": basket.token}
    made = client.post("/api/v1/basket/payment-link", {}, "application/json", headers=token)
    assert (made.status_code, made.json()["amount"]["amount"]) == (201, 12900)
    page = made.json()["url"].removeprefix("http://127.0.0.1:8000")
    other = Client()
    assert "LAMP" in other.get(page).content.decode()

    def agree(**typed: str) -> Any:
        """Pay what the page shows for what was typed."""
        total = sum_of(other.post(page, {**FORM, **typed, "show": "1"}))
        return other.post(page, {**FORM, **typed, "expected_total": str(total)})

    wrong = agree(payment="ok", email="sam")
    refused = wrong.content.decode()
    assert (wrong.status_code, "#email" in refused) == (400, True)
    # what only answers of the API have
    assert "See errors" not in refused
    asked = agree(payment="needs_action")
    bank = asked.headers["Location"]
    landed = other.post(bank, {"approve": "1"}, follow=True)

    order = Order.objects.get()
    assert order.number in landed.content.decode()
    thanks = other.get(page).content.decode()
    paid = Money(order.total, order.currency).shown("en")
    assert f"Your payment of {paid} has arrived." in thanks
    empty = client.post("/api/v1/basket/payment-link", {}, "application/json", headers=token)
    assert (empty.status_code, empty.json()["code"]) == (409, "nothing_to_pay")


def sum_of(response: Any) -> int:
    """What a page says is to pay, in minor units."""
    return int(re.findall(r'name="expected_total" value="([0-9]+)"', response.content.decode())[0])


@pytest.fixture
def page(sell: SellLamp) -> str:
    """A link to a basket that costs more where the tax comes on top."""
    sell(price=12900, on_hand=30)
    TaxRate.objects.create(country="FI", basis_points=2550)
    TaxRate.objects.create(country="US", basis_points=1000, is_included=False)
    now = timezone.now()
    guest = Caller(basket_token=baskets.add(Caller(), sku="LAMP", quantity=1, now=now).token)
    return f"/pay/link/{links.for_basket(guest, now=now).token}"


ABROAD = {**FORM, "country": "US", "payment": "ok"}


def test_what_a_basket_costs_where_it_goes_is_shown_before_it_is_charged(
    page: str, client: Client
) -> None:
    at_home = sum_of(client.get(page))
    assert at_home == 12900 + 390

    surprised = client.post(page, {**ABROAD, "expected_total": str(at_home)})

    assert (surprised.status_code, sum_of(surprised)) == (409, 14619)
    told = surprised.content.decode()
    assert "The sum has changed. Look at it again and pay if you agree." in told
    assert "€146.19" in told
    assert 'value="US" selected' in told
    assert not Payment.objects.exists()

    client.post(page, {**ABROAD, "expected_total": str(sum_of(surprised))})

    assert Payment.objects.get().amount == Order.objects.get().total == 14619


def test_a_form_without_a_script_shows_the_new_sum_and_charges_nothing(
    page: str, client: Client
) -> None:
    shown = client.post(page, {**ABROAD, "show": "1"})

    assert (shown.status_code, sum_of(shown)) == (200, 14619)
    assert not Payment.objects.exists()


def test_a_form_that_shows_no_sum_is_charged_none(page: str, client: Client) -> None:
    assert client.post(page, ABROAD).status_code == 409

    assert not Payment.objects.exists()


def test_the_coupon_of_a_basket_and_what_hinders_its_payer_are_shown(
    page: str, client: Client
) -> None:
    Coupon.objects.create(code="TEN", kind="percent", value=1000, per_user_limit=1)
    Basket.objects.update(coupon=Coupon.objects.get())
    assert sum_of(client.get(page)) == 12900 - 1290 + 390

    StockItem.objects.update(on_hand=0)
    refused = client.post(page, {**FORM, "payment": "ok", "expected_total": "12000"})

    assert refused.status_code == 409
    # whoever pays by a link has another basket, or none
    assert "Change the basket" not in refused.content.decode()


def test_the_bank_names_the_shop(page: str, client: Client) -> None:
    shop.keep(replace(shop.current(), name="Kauppa"), seconds=60)
    asked = client.post(
        page, {**FORM, "payment": "needs_action", "expected_total": str(sum_of(client.get(page)))}
    )

    told = client.get(asked.headers["Location"]).content.decode()

    assert "pay €132.90 to <bdi>Kauppa</bdi>." in told
    # their own basket is not what is paid here
    assert "/checkout" not in told.partition("<main")[2].partition("</main")[0]


@pytest.mark.parametrize("end", ["void", "expired", "emptied"])
def test_a_basket_is_not_paid_by_a_link_that_is_over(page: str, client: Client, end: str) -> None:
    if end == "emptied":
        BasketLine.objects.all().delete()
    elif end == "void":
        PaymentLink.objects.update(state="void")
    else:
        PaymentLink.objects.update(expires_at=timezone.now())

    shown = client.get(page).content.decode()
    paid = client.post(page, {**FORM, "payment": "ok", "expected_total": "13290"})

    assert paid.status_code == 409
    for told in (shown, paid.content.decode()):
        assert '<form class="split"' not in told
        over = "This payment link is over" if end == "expired" else "Nothing is to be paid here"
        assert over in told
    assert not Payment.objects.exists()


def test_a_link_expires_at_the_shops_word(owing: Placed, noon: datetime) -> None:
    owner = Caller(tickets=(owing.ticket,))
    long = links.for_order(owner, owing.order.number, lifetime=timedelta(days=365), now=noon)

    assert long.link.expires_at == noon + links.LONGEST
