"""What the catalogue asks of the orders: what was ordered stays, whoever would remove it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from catalog import masters
from catalog.models import Variant
from museo.access.callers import Caller
from orders import baskets, checkout, outcomes
from orders.details import Details
from orders.models import Checkout, Order
from orders.tracking import Placed
from tests.orders.conftest import SellLamp

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.mark.parametrize("is_counted", [True, False])
def test_a_variant_that_an_order_names_stays(
    sell: SellLamp, buy: Callable[..., Placed], is_counted: bool
) -> None:
    lamp, other = sell(), sell("OTHER")
    Variant.objects.update(track_stock=is_counted)
    buy()

    masters.remove_variants([other])
    with pytest.raises(masters.StillUsed):
        masters.remove_variants([lamp])

    assert list(Variant.objects.values_list("sku", flat=True)) == ["LAMP"]
    assert Order.objects.get().lines.get().variant == lamp


def test_a_variant_that_somebody_is_paying_for_stays(
    sell: SellLamp, details: Details, noon: datetime
) -> None:
    lamp = sell()
    Variant.objects.update(track_stock=False)
    opened = baskets.add(Caller(), sku=lamp.sku, quantity=1, now=noon)
    guest = Caller(basket_token=opened.token)
    with pytest.raises(outcomes.PaymentPending):
        checkout.place(guest, replace(details, payment_token="later"), now=noon, speed=1.0)

    with pytest.raises(masters.StillUsed):
        masters.remove_variants([lamp])

    Checkout.objects.update(state=Checkout.State.CANCELED)
    masters.remove_variants([lamp])
    assert not Variant.objects.exists()
