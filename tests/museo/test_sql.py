"""Rows that are written by statements of our own are those that models would have written."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from museo import sql
from orders.models import Basket, Checkout

pytestmark = [pytest.mark.django_db, pytest.mark.both]

NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)


def basket(digest: str = "a") -> Basket:
    made = Basket(token_hash=digest, created_at=NOON, expires_at=NOON + timedelta(days=1))
    assert sql.insert(made)
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
    assert sql.insert(checkout)

    read = Checkout.objects.get(pk=checkout.pk)

    for field in Checkout._meta.concrete_fields:
        assert getattr(read, field.attname) == getattr(checkout, field.attname), field
    assert not checkout._state.adding


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
    assert not sql.insert(again, unless="token_hash")

    assert Basket.objects.count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        sql.insert(Basket(token_hash="a", created_at=NOON, expires_at=NOON))


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
