"""The addresses of an account: kept, changed, put first, removed; used when somebody buys."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from museo.access.models import User
from notifications.erasure import Person
from orders import places
from orders.models import Place
from tests.orders.conftest import ADDRESS, FORM, SellLamp

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("full_buckets")]

HOME = {"name": "Maya Okafor", **ADDRESS}
WORK = {"name": "Maya at work", **ADDRESS, "line1": "Harbour Road 9", "city": "Turku"}
PAGE = "/account/places"


def text(response: Any) -> str:
    return str(response.content.decode())


@pytest.fixture
def maya(client: Client) -> User:
    user = User.objects.create_user("maya@example.org", "secret-words")
    client.force_login(user)
    return user


@pytest.fixture
def kept(client: Client, maya: User) -> list[Place]:
    for typed in (HOME, WORK):
        assert client.post(PAGE, typed).status_code == 302
    return list(Place.objects.of(maya.pk))


def test_an_address_is_kept_changed_put_first_and_removed(
    client: Client, maya: User, kept: list[Place]
) -> None:
    home, work = kept
    assert [place.name for place in kept] == ["Maya Okafor", "Maya at work"]

    client.post(f"{PAGE}/{work.public_id}", {"first": "1"})
    client.post(f"{PAGE}/{work.public_id}", {**WORK, "city": "Espoo"})
    page = text(client.get(PAGE))
    client.post(f"{PAGE}/{home.public_id}", {"remove": "1"})

    assert page.index("Harbour Road 9, Espoo") < page.index("Museum Street 1, Helsinki")
    assert [place["line"] for place in places.shown(maya)] == ["Harbour Road 9, Espoo, 00130, FI"]
    assert "Espoo" in text(client.get("/account"))


def test_the_first_is_filled_in_at_the_checkout_and_another_may_be_chosen(
    client: Client, sell: SellLamp, kept: list[Place]
) -> None:
    sell()
    client.post("/basket/add", {"sku": "LAMP", "quantity": "1"})

    first = text(client.get("/checkout"))
    other = text(client.get(f"/checkout?place={kept[1].public_id}"))
    unknown = text(client.get("/checkout?place=plc_another"))

    assert [
        re.findall(r'id="line1"[^>]*value="([^"]*)"', page) for page in (first, other, unknown)
    ] == [
        ["Museum Street 1"],
        ["Harbour Road 9"],
        ["Museum Street 1"],
    ]


@pytest.mark.parametrize("path", ["new", "kept"])
@pytest.mark.parametrize(
    ("field", "value"), [("line1", ""), ("city", "x" * 101), ("name", "\x00"), ("country", "Mars")]
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(
    client: Client, kept: list[Place], path: str, field: str, value: str
) -> None:
    before = list(Place.objects.values())
    url = PAGE if path == "new" else f"{PAGE}/{kept[0].public_id}"

    page = client.post(url, {**WORK, field: value})

    assert page.status_code == 400
    assert f'id="{field}-error"' in text(page)
    assert 'value="Harbour Road 9"' in text(page) or field == "line1"
    assert list(Place.objects.values()) == before


def test_where_orders_went_is_offered_once(client: Client, maya: User, sell: SellLamp) -> None:
    sell()
    client.post("/basket/add", {"sku": "LAMP", "quantity": "1"})
    client.post("/checkout", FORM)
    assert "Keep this one" in text(client.get(PAGE))

    client.post(PAGE, HOME)

    assert "Keep this one" not in text(client.get(PAGE))


def test_only_so_many_are_kept(client: Client, maya: User) -> None:
    Place.objects.bulk_create(
        Place(user=maya, name="Maya", address=ADDRESS) for _each in range(places.MOST)
    )

    page = client.post(PAGE, HOME)

    assert (page.status_code, Place.objects.count()) == (409, places.MOST)
    assert "Remove one first" in text(page)


@pytest.mark.parametrize("typed", [{"remove": "1"}, {"first": "1"}, WORK, None])
def test_anothers_address_is_not_here(kept: list[Place], typed: dict[str, str] | None) -> None:
    stranger = Client()
    stranger.force_login(User.objects.create_user("sam@example.org", "secret-words"))
    url, before = f"{PAGE}/{kept[0].public_id}", list(Place.objects.values())

    answer = stranger.get(url) if typed is None else stranger.post(url, typed)

    assert answer.status_code == 404
    assert list(Place.objects.values()) == before
    assert Client().get(PAGE).status_code == 302


def test_they_are_taken_along_and_erased(maya: User, kept: list[Place], noon: datetime) -> None:
    assert places.told(maya)[0] == {"name": "Maya Okafor", **ADDRESS}
    assert places.erase(Person(maya.email, maya), noon) == 2
    assert not Place.objects.exists()
