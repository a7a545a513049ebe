"""Taxes, ways of delivery and plans are kept by each process, and never longer than they hold."""

from datetime import datetime
from typing import Any

import pytest
from django.db import connection, transaction

from orders import delivery, demo, plans, taxes
from orders.models import DeliveryOption, PlanStep, TaxRate, TermsStamp

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def stamp() -> str:
    demo.fill()
    return TermsStamp.objects.get().stamp


def standard_rate(now: datetime) -> int:
    return taxes.rates("FI", now=now)["standard"].basis_points


def test_what_is_read_under_the_same_stamp_is_read_once(
    stamp: str, noon: datetime, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(4):
        taxes.rates("FI", now=noon, stamp=stamp)
        delivery.options(stamp=stamp)
        plans.find("courier", stamp=stamp)

    with django_assert_num_queries(0):
        taxes.rates("FI", now=noon, stamp=stamp)
        assert delivery.options({"food"}, stamp=stamp)
        assert delivery.find("courier", stamp=stamp)
        plans.find("courier", stamp=stamp)
    with django_assert_num_queries(1):
        assert standard_rate(noon) == 2550


@pytest.mark.usefixtures("stamp")
def test_whoever_writes_terms_in_whatever_way_is_heard_at_once(noon: datetime) -> None:
    assert standard_rate(noon) == 2550

    TaxRate.objects.filter(country="FI", tax_class="standard").update(basis_points=2400)
    assert standard_rate(noon) == 2400

    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders_taxrate SET basis_points = 1000 WHERE country = 'FI'")
    assert standard_rate(noon) == 1000

    TaxRate.objects.all().delete()
    assert taxes.rates("FI", now=noon) == {}
    DeliveryOption.objects.filter(code="courier").update(price=1)
    assert [each.price for each in delivery.options({"food"}) if each.code == "courier"] == [1]
    PlanStep.objects.filter(plan__code="courier").delete()
    with pytest.raises(plans.UnknownPlan):
        plans.find("courier")


@pytest.mark.usefixtures("stamp")
def test_what_was_taken_back_is_forgotten(noon: datetime) -> None:
    with transaction.atomic():
        TaxRate.objects.update(basis_points=1)
        assert standard_rate(noon) == 1
        transaction.set_rollback(True)

    assert standard_rate(noon) == 2550


@pytest.mark.usefixtures("stamp")
def test_without_a_stamp_nothing_is_kept(noon: datetime) -> None:
    TermsStamp.objects.all().delete()
    with connection.cursor() as cursor:
        assert standard_rate(noon) == 2550
        # as if its trigger were gone, too
        TaxRate.objects.update(basis_points=1)
        cursor.execute("DELETE FROM orders_termsstamp")

    assert standard_rate(noon) == 1
