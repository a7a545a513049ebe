"""More at once than there are connections: a page, REST and MCP ask to come again."""

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from psycopg_pool import PoolTimeout

from catalog import products
from museo.access import overload


@pytest.fixture
def _full(monkeypatch: pytest.MonkeyPatch) -> None:
    def listing(**_wanted: Any) -> None:
        # as Django passes on what the pool says
        raise OperationalError("couldn't get a connection after 10.00 sec") from PoolTimeout()

    monkeypatch.setattr(products, "listing", listing)


@pytest.mark.django_db
@pytest.mark.usefixtures("_full")
@pytest.mark.parametrize(
    ("path", "type"),
    [("/", "text/html; charset=utf-8"), ("/api/v1/catalog/products", "application/problem+json")],
)
def test_who_finds_no_room_is_asked_to_come_again(path: str, type: str) -> None:
    answer = Client(raise_request_exception=False).get(path)

    assert (answer.status_code, answer["Content-Type"]) == (503, type)
    assert answer["Retry-After"] == "2"
    assert "Very many people are here" in answer.content.decode()


@pytest.mark.django_db
def test_another_error_stays_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def listing(**_wanted: Any) -> None:
        raise OperationalError("the server is away")

    monkeypatch.setattr(products, "listing", listing)

    answer = Client(raise_request_exception=False).get("/")

    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.content.decode()
    assert overload.seen_in(None) is None
