"""What the catalogue asks of the orders: what was ordered stays, whoever would remove it."""

from collections.abc import Callable

import pytest

from catalog import masters
from catalog.models import Variant
from orders.models import Order
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
