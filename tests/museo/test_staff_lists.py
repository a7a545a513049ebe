"""Lists for staff: no address of a list is an error of the shop, whatever it asks for."""

from typing import Any

import pytest
from django.contrib import admin
from django.db import DatabaseError, connection, models, transaction
from django.test import Client
from django.urls import reverse

from catalog.models import ShopSettings
from museo.access.models import Trail, User
from notifications.models import Delivery, Tally
from orders.models import Order

pytestmark = [pytest.mark.django_db, pytest.mark.both]

TOO_LONG = "9" * 30


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss@museo.example"))
    return client


def lists() -> list[type[models.Model]]:
    # they are known once their addresses are
    reverse("admin:index")
    # there is one shop, and figures have a page of their own
    return [model for model in admin.site._registry if model not in (ShopSettings, Tally)]


def path_of(model: type[models.Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def asked(boss: Client, model: type[models.Model], **lookups: str) -> Any:
    """What a list answers; a transaction that the database ends is begun anew."""
    before = transaction.savepoint()
    answer = boss.get(path_of(model), lookups)
    transaction.savepoint_rollback(before)
    return answer


def is_empty_or_led_on(answer: Any, model: type[models.Model]) -> bool:
    if answer.status_code == 302:
        return bool(answer["Location"] == f"{path_of(model)}?e=1")
    return bool(answer.status_code == 200 and not answer.context["cl"].result_list)


@pytest.mark.parametrize("lookup", ["pk", "pk__in", "pk__gt", "pk__range"])
def test_a_number_that_is_too_long_is_no_error_of_any_list(boss: Client, lookup: str) -> None:
    bounds = f"{TOO_LONG},{TOO_LONG}" if lookup == "pk__range" else TOO_LONG

    for model in lists():
        assert is_empty_or_led_on(asked(boss, model, **{lookup: bounds}), model), model


@pytest.mark.parametrize(
    ("model", "lookup", "value"),
    [
        (Order, "user", TOO_LONG),
        (Order, "placed_at__year", TOO_LONG),
        (Delivery, "state__range", "failed,sent"),
        (User, "email", "\0"),
    ],
)
def test_what_a_database_cannot_look_up_leads_to_the_whole_list(
    boss: Client, model: type[models.Model], lookup: str, value: str
) -> None:
    assert is_empty_or_led_on(asked(boss, model, **{lookup: value}), model)


def test_an_error_that_no_address_asked_for_stays_one(boss: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE access_trail")

    with pytest.raises(DatabaseError):
        boss.get(path_of(Trail))
