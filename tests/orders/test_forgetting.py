"""A person is erased: what they bought stays, and nobody can tell whose it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.test import Client

from catalog.models import Master, Review
from museo.access import second_factor
from museo.access.models import IdempotencyKey, SecondFactor, User
from notifications import erasure
from orders.forgetting import StillUnderWay
from orders.models import Checkout, Order
from orders.tracking import Placed

pytestmark = [pytest.mark.django_db, pytest.mark.both]
MAYA = "maya@example.org"
Buy = Callable[..., Placed]
Sell = Callable[..., object]


@pytest.fixture
def maya() -> User:
    return User.objects.create_user(MAYA, "correct horse", first_name="Maya", time_zone="UTC")


@pytest.fixture
def bought(maya: User, sell: Sell, buy: Buy) -> tuple[Order, Order]:
    """One of the account, and one that she made as a guest; both have arrived."""
    sell()
    own, of_guest = buy().order, buy().order
    Order.objects.filter(pk=own.pk).update(user=maya, email="other@example.org", note="Ring twice")
    Order.objects.filter(pk=of_guest.pk).update(email=MAYA.upper())
    return own, of_guest


def end(now: datetime) -> None:
    Order.objects.update(status="delivered", ended_at=now)


def test_what_was_bought_stays_without_its_person(
    maya: User, bought: tuple[Order, Order], buy: Buy, noon: datetime
) -> None:
    others = buy().order
    Order.objects.filter(pk=others.pk).update(email="sam@example.org")
    Checkout.objects.filter(order=others).update(email="sam@example.org")
    end(noon)

    erasure.erase(erasure.find(MAYA), now=noon)

    for order in bought:
        found = Order.objects.get(pk=order.pk)
        assert (found.email, found.name, found.note) == ("", "", "")
        assert found.address == {"country": "FI"}
        assert (found.total, found.totals, found.user_id) == (
            order.total,
            order.totals,
            maya.pk if order is bought[0] else None,
        )
        assert found.lines.count() == 1
    others.refresh_from_db()
    assert (others.email, others.name) == ("sam@example.org", "Maya Okafor")
    kept = Checkout.objects.exclude(email="").values_list("email", flat=True)
    assert MAYA not in {email.lower() for email in kept}


def test_nothing_is_erased_while_somebody_has_to_be_found_at_a_door(
    maya: User, bought: tuple[Order, Order], noon: datetime
) -> None:
    before = list(Order.objects.order_by("pk").values())

    with pytest.raises(StillUnderWay) as refused:
        erasure.erase(erasure.find(MAYA), now=noon)
    with pytest.raises(CommandError, match=rf"still under way.*{bought[0].number}"):
        call_command("erase", MAYA, stdout=StringIO())

    assert refused.value.facts["numbers"] == [order.number for order in bought]
    assert list(Order.objects.order_by("pk").values()) == before
    assert User.objects.get(pk=maya.pk).email == MAYA


def test_nobody_signs_in_with_the_account_again(
    maya: User, bought: tuple[Order, Order], noon: datetime
) -> None:
    end(noon)
    client = Client()
    client.force_login(maya)
    SecondFactor.objects.create(user=maya, key="", on_since=noon, last_step=0)
    Review.objects.create(
        master=Master.objects.get(),
        customer=maya,
        signed="Maya",
        rating=5,
        locale="en",
        at=noon,
    )

    for scope in (f"user:{maya.pk} checkout", f"user:{maya.pk}/7 checkout", "user:0 checkout"):
        IdempotencyKey.objects.create(scope=scope, key="k", lease_until=noon, created_at=noon)

    call_command("erase", MAYA, stdout=StringIO())

    assert IdempotencyKey.objects.get().scope == "user:0 checkout"
    erased = User.objects.get(pk=maya.pk)
    assert MAYA not in str(erased)
    assert not erased.is_active
    assert second_factor.of(erased) is None
    assert (erased.first_name, erased.time_zone) == ("", "")
    assert authenticate(username=MAYA, password="correct horse") is None
    assert client.get("/account").status_code == 302
    assert list(Review.objects.values_list("signed", flat=True)) == [""]
    with pytest.raises(CommandError, match="Nothing is known"):
        call_command("erase", MAYA, stdout=StringIO())
    # the address is free again, for somebody new
    assert User.objects.create_user(MAYA).pk != maya.pk


def test_a_guest_is_erased_by_the_address_with_which_they_bought(
    sell: Sell, buy: Buy, noon: datetime
) -> None:
    sell()
    Order.objects.filter(pk=buy().order.pk).update(email=MAYA)
    end(noon)
    out = StringIO()

    call_command("erase", MAYA.upper(), stdout=out)

    assert out.getvalue() == "Erased: texts 1, messages 0.\n"
    assert Order.objects.get().name == ""
    assert not User.objects.exists()
