"""Who waits for the disk: nobody for a basket, everybody for an order."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from django.db import connection

from museo.access.callers import Caller
from museo.access.models import User
from notifications import log
from orders import baskets, checkout
from orders.details import Details
from orders.models import Coupon
from tests.orders.conftest import SellLamp

pytestmark = [
    pytest.mark.both,
    pytest.mark.usefixtures("committed"),
    pytest.mark.skipif(
        "connection.vendor != 'postgresql'", reason="SQLite's transactions are on the disk"
    ),
]

WATCH = """
CREATE TABLE committed (id serial, waited boolean);
CREATE FUNCTION note_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO committed (waited) VALUES (current_setting('synchronous_commit') = 'on');
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER noted AFTER INSERT OR UPDATE OR DELETE ON orders_basket
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_commit();
CREATE CONSTRAINT TRIGGER noted AFTER INSERT OR UPDATE OR DELETE ON orders_basketline
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_commit();
CREATE CONSTRAINT TRIGGER noted AFTER INSERT OR UPDATE ON orders_order
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_commit();
SET synchronous_commit = on;
"""
FORGET = """
RESET synchronous_commit;
DROP TABLE committed;
DROP FUNCTION note_commit() CASCADE;
"""


@pytest.fixture
def waited() -> Iterator[Callable[[], set[bool]]]:
    """Tells of the commits since it was last asked whether somebody waited for the disk."""

    def tell() -> set[bool]:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM committed RETURNING waited")
            return {waited for (waited,) in cursor.fetchall()}

    with connection.cursor() as cursor:
        cursor.execute(WATCH)
    yield tell
    with connection.cursor() as cursor:
        cursor.execute(FORGET)


def test_nobody_waits_for_a_basket(
    waited: Callable[[], set[bool]], sell: SellLamp, noon: datetime
) -> None:
    sell()
    Coupon.objects.create(code="TEN", kind="percent", value=1000)
    maya = User.objects.create_user("maya@example.org")

    opened = baskets.add(Caller(), sku="LAMP", quantity=1, now=noon)
    assert waited() == {False}
    for caller in (Caller(basket_token=opened.token), Caller(user_id=maya.pk)):
        baskets.add(caller, sku="LAMP", quantity=1, now=noon)
        assert waited() == {False}
        line = baskets.require(caller).basket.lines.get()
        baskets.set_quantity(caller, line_id=line.pk, quantity=2, now=noon)
        assert waited() == {False}
        baskets.apply_coupon(caller, "TEN", now=noon)
        assert waited() == {False}
        baskets.remove_coupon(caller)
        assert waited() == {False}
        baskets.replace(caller, items=[{"sku": "LAMP", "quantity": 1}], now=noon)
        assert waited() == {False}
        baskets.clear(caller)
        assert waited() == {False}


def test_an_order_is_on_the_disk_before_anybody_hears_of_it(
    waited: Callable[[], set[bool]], sell: SellLamp, details: Details, noon: datetime
) -> None:
    sell()
    opened = baskets.add(Caller(), sku="LAMP", quantity=1, now=noon)
    assert waited() == {False}

    checkout.place(Caller(basket_token=opened.token), details, now=noon, speed=1.0)

    assert waited() == {True}


def test_a_basket_within_a_change_is_on_the_disk_with_it(
    waited: Callable[[], set[bool]], sell: SellLamp, noon: datetime
) -> None:
    sell()

    with log.change():
        opened = baskets.add(Caller(), sku="LAMP", quantity=1, now=noon)
        baskets.add(Caller(basket_token=opened.token), sku="LAMP", quantity=1, now=noon)

    assert waited() == {True}
