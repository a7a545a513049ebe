"""A person's agent sees and does what was consented, and nothing of the person's besides."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from starlette.requests import Request

from mcp_bridge import calls, pipes
from museo.access import trail
from museo.access.access_tokens import InvalidToken
from museo.access.callers import Caller, caller_for_user
from museo.access.models import Connection, User
from museo.access.problems import NotAllowed
from notifications import (
    access_changes,
    audiences,
    callbacks,
    subscribing,
    subscriptions,
    topics,
)
from notifications.models import Subscription
from orders import tracking
from orders.models import Order
from tests.access.world import World
from tests.oauth.conftest import Agent, allow, caller, grant

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(maya: User) -> Order:
    """Maya's."""
    placed: Order = Order.objects.get(number=World(users={"buyer": maya})._number("buyer"))
    return placed


def agent_with(browser: Client, agent: Agent, *scopes: str) -> Caller:
    told = grant(browser, agent, *scopes, scope=" ".join(scopes))
    return caller(told["access_token"])


@pytest.mark.parametrize(
    ("scope", "sees"),
    [("orders:read", True), ("orders:write", True), ("shop:read", False), ("events:read", False)],
)
def test_own_orders_take_a_scope(
    browser: Client, agent: Agent, order: Order, maya: User, scope: str, sees: bool
) -> None:
    asking = agent_with(browser, agent, scope)
    own, theirs = tracking.topic(order.number), audiences.user_topic(maya.pk)

    seen = {
        "listed": Order.objects.visible_to(asking).exists(),
        "followed": own in topics.readable(asking, [own]),
        "heard": theirs in topics.readable(asking, [theirs]),
        "fed": theirs in audiences.own_topics(asking) | tracking.own_topics(asking),
    }

    assert seen == dict.fromkeys(seen, sees)
    # the person by themselves sees it in any case
    assert Order.objects.visible_to(caller_for_user(maya, locale="en")).exists()


@pytest.mark.parametrize(("scope", "hears"), [("events:read", True), ("orders:read", False)])
def test_what_staff_are_told_takes_a_scope(agent: Agent, scope: str, hears: bool) -> None:
    staff = User.objects.create_user("s@example.org", is_staff=True)
    staff.groups.set(Group.objects.filter(name="support"))
    browser = Client()
    browser.force_login(staff)
    asking = agent_with(browser, agent, scope)

    names = {audiences.ADMINS, audiences.group_topic("support"), "staff.inbox"}

    assert topics.readable(asking, names) == (names if hears else set())


def test_staffs_agent_sees_what_the_role_and_the_scope_allow(agent: Agent, order: Order) -> None:
    staff = User.objects.create_user("c@example.org", is_staff=True)
    browser = Client()
    browser.force_login(staff)
    asking = agent_with(browser, agent, "orders:read")
    assert not Order.objects.visible_to(asking).exists()

    staff.groups.set(Group.objects.filter(name="support"))

    assert Order.objects.visible_to(asking).exists()
    assert not Order.objects.visible_to(agent_with(browser, agent, "shop:read")).exists()


def test_an_agents_calls_are_its_persons(browser: Client, agent: Agent, maya: User) -> None:
    asking = agent_with(browser, agent, "shop:read")

    assert (asking.who, asking.user_id, asking.token) == (f"user:{maya.pk}", maya.pk, None)
    assert asking.app
    assert asking.app.connection == maya.connections.get().pk
    guest: Any = asking.by_tickets_alone()
    assert (guest.user_id, guest.app) == (None, None)


def test_an_app_has_no_webhook_that_would_outlive_it(
    browser: Client, agent: Agent, maya: User
) -> None:
    asking = agent_with(browser, agent, "orders:read")
    wanted: Any = {
        "topics": [audiences.user_topic(maya.pk)],
        "address": "https://192.0.32.8/all",
    }

    with pytest.raises(NotAllowed):
        subscribing.create(asking, **wanted, now=timezone.now())

    assert not Subscription.objects.exists()
    assert (
        subscribing.create(
            caller_for_user(maya, locale="en"), **wanted, now=timezone.now()
        ).subscription.who
        == asking.who
    )


def call_back(asking: Caller) -> None:
    """An app wants to be told of what its person is told; its address has agreed."""
    assert asking.user_id
    now, topic = timezone.now(), audiences.user_topic(asking.user_id)
    asked = callbacks.ask(
        asking,
        callbacks.Wish("message", {}, topic, types=()),
        address="https://192.0.32.8/all",
        secret="whsec_" + "A" * 43 + "=",
        now=now,
    )
    callbacks.begin(asked, since=callbacks.Since(), lasts=callbacks.USUAL, now=now)


def connection() -> Connection:
    return Connection.objects.select_related("user").get()


def test_a_callback_ends_with_its_app(browser: Client, agent: Agent, maya: User) -> None:
    asking = agent_with(browser, agent, "orders:read", "events:read")
    call_back(asking)
    subscribing.create(
        caller_for_user(maya, locale="en"),
        topics=[audiences.user_topic(maya.pk)],
        address="https://192.0.32.8/own",
        now=timezone.now(),
    )

    access_changes.disconnect(connection(), now=timezone.now())

    assert [each.address for each in Subscription.objects.all()] == ["https://192.0.32.8/own"]
    with pytest.raises(InvalidToken):
        call_back(asking)


def test_a_callback_ends_with_the_last_token(browser: Client, agent: Agent) -> None:
    first, second = (grant(browser, agent, "orders:read") for _time in range(2))
    call_back(caller(first["access_token"]))

    agent.revoke(first["refresh_token"])
    assert Subscription.objects.exists()
    agent.revoke(second["refresh_token"])

    assert not Subscription.objects.exists()
    assert not Connection.objects.exists()


def test_a_callback_ends_when_its_app_may_less(browser: Client, agent: Agent) -> None:
    call_back(agent_with(browser, agent, "shop:read", "orders:read"))
    allow(browser, agent, "shop:read", "orders:read")
    assert Subscription.objects.exists()

    allow(browser, agent, "orders:read")

    assert not Subscription.objects.exists()


def test_the_trail_says_which_app_did_it(browser: Client, agent: Agent, maya: User) -> None:
    asking, now = agent_with(browser, agent, "orders:read"), timezone.now()

    trail.leave(asking, "made", "prd_1", at=now)
    trail.leave_many(asking, "made", ["prd_2"], at=now)
    trail.leave(caller_for_user(maya, locale="en"), "made", "prd_3", at=now)

    left = trail.of("prd_1", "prd_2", "prd_3")
    assert [each.name for each in left] == [maya.email] * 3
    assert [each.app for each in left] == ["", agent.client_id, agent.client_id]


def test_what_goes_on_later_asks_again_however_the_token_came(
    browser: Client, agent: Agent
) -> None:
    asking = agent_with(browser, agent, "orders:read")
    scope = pipes.scope("mso_of_a_socket", headers=[(b"authorization", b"Ticket x")])
    request = Request({**scope, calls.BEARER_KEY: asking})
    calls.recheck(request, timezone.now())

    access_changes.disconnect(connection(), now=timezone.now())

    with pytest.raises(InvalidToken):
        calls.recheck(request, timezone.now())


def test_an_app_learns_no_secret_of_its_persons_webhooks(
    browser: Client, agent: Agent, maya: User
) -> None:
    asking = agent_with(browser, agent, "orders:read")
    herself = caller_for_user(maya, locale="en")
    wanted: Any = {
        "topics": [audiences.user_topic(maya.pk)],
        "address": "https://192.0.32.8/all",
    }
    webhook = subscribing.create(herself, **wanted, now=timezone.now()).subscription

    subscriptions.require_own_secret(herself, webhook)
    with pytest.raises(NotAllowed):
        subscriptions.require_own_secret(asking, webhook)
