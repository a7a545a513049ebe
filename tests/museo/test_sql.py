"""Rows that are written by statements of our own are those that models would have written."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from museo import bulk, sql
from notifications.models import Event, Subscription
from orders.models import Basket, Checkout, Order, Payment

pytestmark = [pytest.mark.django_db, pytest.mark.both]

NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)


def basket(digest: str = "a") -> Basket:
    made = Basket(token_hash=digest, created_at=NOON, expires_at=NOON + timedelta(days=1))
    sql.insert(made)
    return made


def test_a_row_comes_back_as_it_went() -> None:
    there = basket()
    address = {"city": "Jyväskylä", "line1": None, "floors": [1, 2.5]}
    checkout = Checkout(
        basket=there,
        address=address,
        lines=[{"number": 2**70}],
        total=7,
        created_at=NOON,
        expires_at=NOON,
        state=Checkout.State.COMPLETED,
    )
    sql.insert(checkout)

    read = Checkout.objects.get(pk=checkout.pk)

    for field in Checkout._meta.concrete_fields:
        assert getattr(read, field.attname) == getattr(checkout, field.attname), field
    assert not checkout._state.adding


@pytest.mark.parametrize("model", [Basket, Checkout, Order, Payment, Event, Subscription])
def test_a_new_row_is_that_which_its_model_makes(model: Any) -> None:
    made, other, usual = sql.new(model), sql.new(model), model()

    own = {"public_id", "number", "uid"}
    for field in model._meta.concrete_fields:
        value = getattr(made, field.attname)
        assert (value == getattr(usual, field.attname)) == (field.name not in own), field
        if isinstance(value, dict | list):
            assert value is not getattr(other, field.attname)
    assert (made._state.adding, made._state.db) == (True, None)


def test_what_a_statement_returns_is_read_as_models_read_it() -> None:
    there = basket()

    (read,) = sql.returned(
        Basket, "UPDATE orders_basket SET revision = 7 WHERE id = %s RETURNING *", [there.pk]
    )

    there.revision = 7
    for field in Basket._meta.concrete_fields:
        assert getattr(read, field.attname) == getattr(there, field.attname), field


def test_a_row_that_is_there_already_is_not_written() -> None:
    basket()

    again = Basket(token_hash="a", created_at=NOON, expires_at=NOON)
    assert not sql.insert_unless(again, same="token_hash")

    assert Basket.objects.count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        sql.insert(Basket(token_hash="a", created_at=NOON, expires_at=NOON))


# of a payment that has failed
PAYMENT = {
    "provider": "demo",
    "method": "",
    "provider_reference": "",
    "state": "failed",
    "amount": 7,
    "refunded": 0,
    "currency": "EUR",
    "error_code": "",
    "created_at": NOON,
}


@pytest.mark.parametrize("count", [2, bulk.FEW + 1])
def test_what_is_written_together_finds_each_other(count: int) -> None:
    emptied = basket()
    new = Basket(token_hash="b", created_at=NOON, expires_at=NOON)
    checkout = Checkout(basket=new, total=7, created_at=NOON, expires_at=NOON)

    with CaptureQueriesContext(connection) as captured, sql.together():
        sql.insert(new)
        with sql.together():
            sql.insert(checkout)
        bulk.insert(
            Payment,
            ("checkout_id", "public_id", *PAYMENT),
            [(checkout, f"pay_{number}", *PAYMENT.values()) for number in range(count)],
        )
        sql.write("DELETE FROM orders_basket WHERE id = %s", [emptied.pk])

    assert (checkout.basket_id, checkout.basket) == (new.pk, new)
    assert Basket.objects.get() == new
    assert Checkout.objects.get().basket == new
    assert Payment.objects.filter(checkout=checkout).count() == count
    if connection.vendor == "postgresql" and count <= bulk.FEW:
        assert len(captured) == 1


def test_nothing_is_written_of_what_fails_together() -> None:
    def fail() -> None:
        with sql.together():
            sql.insert(Basket(token_hash="c", created_at=NOON, expires_at=NOON))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert not Basket.objects.exists()
    assert basket().pk


def test_changed_counts_rows() -> None:
    basket()
    basket("b")

    later = "UPDATE orders_basket SET expires_at = %s WHERE token_hash = %s"
    assert sql.changed(later, [NOON, "a"]) == 1
    assert sql.changed(later, [NOON, "nobody"]) == 0
    assert Basket.objects.get(token_hash="a").expires_at == NOON


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite keeps statements itself")
def test_postgresql_keeps_a_statement_that_is_asked_often() -> None:
    for number in range(7):
        assert sql.rows("SELECT 40 + %s", [number]) == [(40 + number,)]

    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        assert cursor.fetchall().count(("SELECT 40 + $1",)) == 1
