"""A person's agent sees and does what was consented, and nothing of the person's besides."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from museo.access.problems import NotAllowed
from notifications import audiences, subscribing, topics
from notifications.models import Subscription
from orders import tracking
from orders.models import Order
from tests.access.world import World
from tests.oauth.conftest import Agent, caller, grant

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
    assert asking.connection == maya.connections.get().pk
    guest: Any = asking.by_tickets_alone()
    assert (guest.user_id, guest.connection) == (None, None)


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
