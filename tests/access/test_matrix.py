"""Every route lets in whom the matrix says, and nobody else."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import DjangoDbBlocker

from museo.access import scopes
from museo.access.models import User
from museo.access.roles import ROLES
from tests.access.matrix import OPEN, PEOPLE, ROWS, Row
from tests.access.world import PARAMETER, World

# a method is only known of these
REST_METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody answers a message of a transaction that others do not see."""
    monkeypatch.setattr("mcp_bridge.assistant.pages.PATIENCE_SECONDS", 0)


@pytest.fixture(scope="module")
def people(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """Who calls is made once for all rows: what is done for one is undone after it."""
    block: Any = transaction.atomic()
    # as those of Django's test cases: changes inside count as outermost
    block._from_testcase = True
    with django_db_blocker.unblock(), block:
        world = World()
        for who in PEOPLE:
            world.session(who)
        yield world
        transaction.set_rollback(True)


def registry() -> dict[str, Any]:
    """Every route and its view; Django's admin is one."""
    return dict(_walk(get_resolver().url_patterns, ""))


def _walk(patterns: Iterable[Any], beginning: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        route = beginning + str(pattern.pattern)
        if isinstance(pattern, URLResolver) and route != "admin/":
            yield from _walk(pattern.url_patterns, route)
        else:
            yield route, pattern.callback if isinstance(pattern, URLPattern) else None


def methods(view: Any) -> set[str]:
    """Those of a call of REST; of a page nobody can tell."""
    names = getattr(getattr(view, "cls", None), "http_method_names", ())
    return {name.upper() for name in names if name in REST_METHODS}


def lacking() -> list[str]:
    """Methods and routes without a row."""
    rows = {(row.method, row.route) for row in ROWS}
    routes = {row.route for row in ROWS}
    return [
        f"{method or 'ANY'} {route}"
        for route, view in registry().items()
        for method in (methods(view) or [""])
        if (route not in routes if not method else (method, route) not in rows)
    ]


def test_every_route_has_a_row() -> None:
    missing = lacking()
    assert not missing, (
        "Say who is let in, with a row for each of these in tests/access/matrix.py, such as "
        'rest("GET", "things/<int:id>", "shop:read", to=STAFF). For REST, its scope is in '
        f"museo/access/scopes.py, ROUTES. Without a row: {', '.join(missing)}."
    )


def test_no_row_is_of_a_route_that_is_gone() -> None:
    known = registry()
    gone = [str(row) for row in ROWS if row.route not in known]
    assert not gone, f"Take these out of tests/access/matrix.py: {', '.join(gone)}."


def test_a_route_without_a_row_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    left_out = [row for row in ROWS if row.route == "api/v1/basket" and row.method == "DELETE"]
    for row in left_out:
        monkeypatch.setattr("tests.access.test_matrix.ROWS", [each for each in ROWS if each != row])

    assert lacking() == ["DELETE api/v1/basket"]


@pytest.mark.parametrize("row", [row for row in ROWS if row.scope is not OPEN], ids=str)
def test_a_route_takes_the_scope_that_its_row_names(row: Row) -> None:
    assert scopes.of_route(row.route.removeprefix("api/v1/"), row.method) == row.scope


@pytest.mark.django_db
@pytest.mark.usefixtures("_no_wait")
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_whoever_the_row_names_is_let_in_and_nobody_else(people: World, row: Row) -> None:
    world, expected = replace(people, tickets={}, basket_tokens={}), row.expected()

    told = {who: world.call(row, who) for who in expected}

    assert told == expected


@pytest.mark.django_db
@pytest.mark.usefixtures("_no_wait")
def test_no_page_with_a_form_has_browsers_hide_whose_it_is(people: World) -> None:
    """They send `Origin: null` from a page whose policy is `no-referrer`, and that is refused."""
    world = replace(people, tickets={}, basket_tokens={})
    pages = [row for row in ROWS if row.method == "GET" and not row.is_rest]
    shown = [(str(row), who, world.answer(row, who)) for row in pages for who in PEOPLE]

    policies = {
        name: answer.headers["Referrer-Policy"]
        for name, _who, answer in shown
        if not answer.streaming and b'method="post"' in answer.content
    }

    assert len(policies) > 25
    assert set(policies.values()) == {"same-origin"}, policies


@pytest.mark.django_db
@pytest.mark.usefixtures("_no_wait")
@pytest.mark.parametrize("name", ["nothing", "%00"])
def test_a_name_that_nothing_has_is_no_trouble(name: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("staff@museo.example"))
    paths = [PARAMETER.sub(name, f"/{route}") for route in registry() if "<str:" in route]

    told = [client.generic(method, path) for path in paths for method in ("GET", "POST")]

    assert not [answer for answer in told if answer.status_code >= 500]


@pytest.mark.django_db
def test_the_roles_see_their_part_of_the_admin(people: World) -> None:
    seen = {role: people.parts_of_the_admin(role) for role in ROLES}

    assert seen == {
        "owner": {"access", "auth", "catalog", "notifications", "orders"},
        "catalogue": {"catalog", "orders"},
        "fulfillment": {"catalog", "notifications", "orders"},
        "support": {"access", "catalog", "notifications", "orders"},
    }
