"""How the push is and who does not take what is sent, for staff."""

import re
from datetime import datetime, timedelta
from math import inf
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from prometheus_client import Histogram

from museo.access import heartbeat
from museo.access.models import Trail, User
from museo.ops.health_page import delay_at_most
from notifications.models import Delivery, Subscription

pytestmark = pytest.mark.django_db

PAGE = "/admin/health"
State = Subscription.State


def of_role(role: str) -> Client:
    user = User.objects.create_user(f"{role}@museo.example", is_staff=True)
    user.groups.set(Group.objects.filter(name=role))
    client = Client()
    client.force_login(user)
    return client


def webhook(host: str = "pos.example", **fields: Any) -> Subscription:
    now = timezone.now()
    return Subscription.objects.create(
        **{
            "topic": "staff.orders",
            "channel": "webhook",
            "address": f"https://{host}/secret-path",
            "who": "user:1",
            "locale": "en",
            "after": 0,
            "failing_since": now - timedelta(hours=2),
            "created_at": now,
            **fields,
        }
    )


def waiting(subscription: Subscription, *, due_at: datetime, position: int = 1) -> Delivery:
    return Delivery.objects.create(
        subscription=subscription, position=position, due_at=due_at, created_at=timezone.now()
    )


def test_staff_see_the_clock_the_push_and_who_fails() -> None:
    now = timezone.now()
    heartbeat.record("tick", now)
    failing = webhook()
    waiting(failing, due_at=now - timedelta(minutes=5))
    webhook("fine.example", failing_since=None)

    page = of_role("support").get(PAGE).content.decode()

    assert re.search(r"ran \d+ seconds? ago", page)
    assert "1 waiting, 1 overdue" in page
    assert "pos.example/…" in page
    assert "secret-path" not in page
    assert "fine.example" not in page


@pytest.mark.parametrize(
    ("still", "going", "name"),
    [("tick", "deliver", "Order timer"), ("deliver", "tick", "Background")],
)
def test_a_clock_or_a_worker_that_stands_is_said(still: str, going: str, name: str) -> None:
    client = of_role("support")
    heartbeat.record(going, timezone.now())
    assert in_trouble(client) == [(name, "has not run yet")]

    heartbeat.record(still, timezone.now() - timedelta(minutes=2))
    heartbeat.record(going, timezone.now())

    ((said_of, said),) = in_trouble(client)
    assert said_of == name
    assert re.fullmatch(r"ran 1\d\d seconds ago", said)


def in_trouble(client: Client) -> list[tuple[str, str]]:
    """What the page shows in red: the beginning of its name, and what is said."""
    page = client.get(PAGE).content.decode()
    line = (
        r'<li><span>(Order timer|Background)[^<]*</span><span class="st num err">.*?</svg>([^<]*)<'
    )
    return re.findall(line, page)


def test_what_waits_for_another_try_is_sent_now() -> None:
    later = timezone.now() + timedelta(hours=1)
    subscription = webhook()
    first, second = (waiting(subscription, due_at=later, position=n) for n in (1, 2))

    answer = of_role("support").post(
        PAGE, {"act": "try_now", "id": subscription.public_id}, follow=True
    )

    assert "2 deliveries are sent again." in answer.content.decode()
    for each in (first, second):
        each.refresh_from_db()
        assert each.due_at < later
    assert set(Trail.objects.values_list("what", flat=True)) == {"delivery.sent_again"}


def test_a_receiver_is_paused_and_goes_on() -> None:
    subscription, client = webhook(), of_role("support")

    for act, state in (("pause", State.PAUSED), ("resume", State.ACTIVE)):
        client.post(PAGE, {"act": act, "id": subscription.public_id})
        subscription.refresh_from_db()
        assert subscription.state == state
    assert list(Trail.objects.order_by("pk").values_list("what", flat=True)) == [
        "subscription.paused",
        "subscription.resumed",
    ]


@pytest.mark.parametrize(
    ("role", "seen", "done"), [("fulfillment", 200, 403), ("catalogue", 403, 403)]
)
def test_roles_do_what_they_may(role: str, seen: int, done: int) -> None:
    subscription, client = webhook(), of_role(role)

    assert client.get(PAGE).status_code == seen
    assert client.post(PAGE, {"act": "pause", "id": subscription.public_id}).status_code == done
    subscription.refresh_from_db()
    assert subscription.state == State.ACTIVE


@pytest.mark.parametrize(
    "wish", [{}, {"act": "pause"}, {"act": "dance"}, {"act": "pause", "id": "\x00"}]
)
def test_what_is_not_there_is_not_found(wish: dict[str, str]) -> None:
    assert of_role("support").post(PAGE, wish).status_code == 404


def test_many_receivers_cost_as_many_queries_as_one(django_assert_num_queries: Any) -> None:
    client = of_role("support")
    waiting(webhook(), due_at=timezone.now())
    client.get(PAGE)
    with django_assert_num_queries(16) as one:
        client.get(PAGE)
    for number in range(5):
        waiting(webhook(f"{number}.example"), due_at=timezone.now())

    with django_assert_num_queries(len(one.captured_queries)):
        client.get(PAGE)


def test_the_delay_is_the_bound_that_95_of_100_keep() -> None:
    delay = Histogram("museo_live_delay_seconds", "", buckets=(0.1, 1), registry=None)
    assert delay_at_most([], 95) is None
    assert delay_at_most(delay.collect(), 95) is None

    for seconds in (*[0.05] * 18, 0.5, 0.5):
        delay.observe(seconds)
    assert [delay_at_most(delay.collect(), percent) for percent in (90, 95)] == [0.1, 1]

    delay.observe(7)
    assert delay_at_most(delay.collect(), 99) == inf
