"""Staff look after what people and programs are told, in the admin, and read what people write."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from museo.access.models import Trail, User
from notifications import dead_letters, dispatcher, subscriptions
from notifications.channels import news
from notifications.channels.news import Reply
from notifications.masking import masked
from notifications.models import Attempt, Delivery, InboundMessage, Subscription
from tests.notifications.conftest import NOON, tell

pytestmark = pytest.mark.django_db
DELIVERIES = "/admin/notifications/delivery/"
SUBSCRIPTIONS = "/admin/notifications/subscription/"
MESSAGES = "/admin/notifications/inboundmessage/"
HOOK = "https://hooks.example/T0/very-secret-path"
State = Delivery.State


def of_role(role: str) -> User:
    user = User.objects.create_user(f"{role}@museo.example", is_staff=True)
    user.groups.set(Group.objects.filter(name=role))
    return user


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss@museo.example"))
    return client


@pytest.fixture
def support(client: Client) -> Client:
    client.force_login(of_role("support"))
    return client


def subscribe(topic: str = "trial.a", address: str = HOOK, who: str = "user:1") -> Subscription:
    channel = Subscription.Channel.WEBHOOK
    made = subscriptions.begin(
        topic=topic, channel=channel, address=address, who=who, locale="en", now=NOON
    )
    return made.subscription


def deliver(topic: str = "trial.a", count: int = 1) -> list[Delivery]:
    """Events of a topic, and their deliveries, which wait."""
    before = Delivery.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    tell(topic, count)
    while dispatcher.dispatch(now=timezone.now()):
        pass
    return list(Delivery.objects.filter(pk__gt=before).order_by("position"))


def end(delivery: Delivery, state: State, *, at: datetime | None = None, reason: str = "") -> None:
    ended = {"state": state, "ended_at": at or timezone.now(), "reason": reason}
    Delivery.objects.filter(pk=delivery.pk).update(**ended)


def text(answer: Any) -> str:
    return str(answer.content.decode())


def act(client: Client, page: str, action: str, *rows: Any) -> str:
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return text(client.post(page, data, follow=True))


# deliveries


def test_a_delivery_is_shown_with_its_attempts_and_without_the_address(support: Client) -> None:
    subscription = subscribe()
    (delivery,) = deliver()
    end(delivery, State.FAILED, reason="unreachable")
    Attempt.objects.create(
        delivery=delivery,
        at=NOON,
        duration=timedelta(milliseconds=1234),
        status=503,
        code="unreachable",
        detail="HTTP 503",
        request="webhook-signature: ***",
        response="<b>busy</b>",
    )

    listed = text(support.get(DELIVERIES))
    shown = text(support.get(f"{DELIVERIES}{delivery.pk}/change/"))

    for page in (listed, shown):
        assert delivery.public_id in page
        assert "hooks.example/…" in page
        assert "very-secret-path" not in page
        assert subscription.secret not in page
    for part in ("1234", "503", "unreachable: HTTP 503", "webhook-signature: ***"):
        assert part in shown
    assert "&lt;b&gt;busy&lt;/b&gt;" in shown
    assert 'name="_save"' not in shown


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("state__exact=failed", [1]),
        ("reason=refused", [1]),
        ("due=now", [2]),
        ("due=later", [3]),
        ("due=under_way", [4]),
        ("subscription__channel__exact=webhook", [4, 3, 2, 1]),
        ("subscription__channel__exact=nothing", []),
    ],
)
def test_deliveries_are_narrowed(boss: Client, asked: str, found: list[int]) -> None:
    subscribe()
    failed, _due, later, under_way = deliver(count=4)
    end(failed, State.FAILED, reason="refused")
    soon = timezone.now() + timedelta(hours=1)
    Delivery.objects.filter(pk=later.pk).update(due_at=soon)
    Delivery.objects.filter(pk=under_way.pk).update(leased_by="somebody", due_at=soon)

    rows = boss.get(f"{DELIVERIES}?{asked}").context["cl"].result_list if found else []

    assert [row.position for row in rows] == found


def test_deliveries_are_found_by_subscription_and_by_what_they_tell_of(boss: Client) -> None:
    mine, other = subscribe(), subscribe("trial.b")
    first, _second = deliver(count=2)
    (of_other,) = deliver("trial.b")

    def found(word: str) -> list[int]:
        rows = boss.get(DELIVERIES, {"q": word}).context["cl"].result_list
        return [row.pk for row in rows]

    assert len(found(mine.public_id)) == 2
    assert found(first.public_id) == [first.pk]
    assert found("trial.b") == found("b") == found(other.public_id) == [of_other.pk]
    assert found("nothing") == found("sub_nothing") == found("sub_x-99") == []
    assert found("'; \x01 ٣") == []


def test_chosen_dead_letters_are_sent_again_and_a_disabled_one_holds_none_up(
    boss: Client,
) -> None:
    first, second = subscribe("user.1"), subscribe("user.1", HOOK + "/2")
    rows = deliver("user.1")
    for each in rows:
        end(each, State.FAILED, reason="refused")
    Subscription.objects.filter(pk=first.pk).update(state="disabled")

    page = act(boss, f"{DELIVERIES}?state__exact=failed", "send_again", *rows)

    assert "1 delivery is sent again." in page
    assert "This subscription is disabled. Resume it first." in page
    states = dict(Delivery.objects.values_list("subscription_id", "state"))
    assert states == {first.pk: State.FAILED, second.pk: State.PENDING}


def test_who_does_not_look_after_subscriptions_sends_nothing_again(client: Client) -> None:
    client.force_login(of_role("fulfillment"))
    subscription = subscribe()
    (delivery,) = deliver()
    end(delivery, State.FAILED)

    for page, action, row in (
        (DELIVERIES, "send_again", delivery),
        (SUBSCRIPTIONS, "send_failed_again", subscription),
        (SUBSCRIPTIONS, "pause", subscription),
    ):
        act(client, page, action, row)

    delivery.refresh_from_db()
    subscription.refresh_from_db()
    assert (delivery.state, subscription.state) == (State.FAILED, "active")
    assert client.get(MESSAGES).status_code == 403


# how receivers are


def test_health_says_what_each_receiver_takes(support: Client) -> None:
    well, ill = subscribe(), subscribe("trial.b")
    (sent,) = deliver()
    end(sent, State.SENT, at=NOON)
    old, lately, _waiting = deliver("trial.b", count=3)
    end(old, State.FAILED, at=timezone.now() - timedelta(days=2))
    end(lately, State.FAILED)
    Subscription.objects.filter(pk=ill.pk).update(failing_since=NOON, rests_until=NOON)

    answer = support.get(SUBSCRIPTIONS)

    rows = {row.pk: row for row in answer.context["cl"].result_list}
    told = {pk: (row.succeeded_at, row.now_waiting, row.failed_lately) for pk, row in rows.items()}
    assert told == {well.pk: (NOON, 0, 0), ill.pk: (None, 1, 1)}
    page = text(answer)
    assert f"?q={ill.public_id}&amp;state__exact=failed" in page
    assert "very-secret-path" not in page
    for asked, found in (("failing", [ill.pk]), ("dead", [ill.pk]), ("resting", [])):
        chosen = support.get(f"{SUBSCRIPTIONS}?health={asked}").context["cl"].result_list
        assert [row.pk for row in chosen] == found


def test_staff_pause_resume_and_send_again_what_failed(support: Client) -> None:
    subscription = subscribe("broadcast.all")
    failed, sent = deliver("broadcast.all", count=2)
    end(failed, State.FAILED)
    end(sent, State.SENT)

    assert "1 subscription paused." in act(support, SUBSCRIPTIONS, "pause", subscription)
    subscription.refresh_from_db()
    assert subscription.state == Subscription.State.PAUSED
    assert "1 subscription resumed." in act(support, SUBSCRIPTIONS, "resume", subscription)
    assert "1 delivery is" in act(support, SUBSCRIPTIONS, "send_failed_again", subscription)

    subscription.refresh_from_db()
    assert subscription.state == Subscription.State.ACTIVE
    states = list(Delivery.objects.order_by("position").values_list("state", flat=True))
    assert states == [State.PENDING, State.SENT]
    assert list(Trail.objects.order_by("pk").values_list("what", "target")) == [
        ("subscription.paused", subscription.public_id),
        ("subscription.resumed", subscription.public_id),
        ("delivery.sent_again", failed.public_id),
    ]


def test_only_so_many_are_sent_again_at_once(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "MOST", 2)
    subscription = subscribe()
    for each in deliver(count=3):
        end(each, State.FAILED)

    act(boss, SUBSCRIPTIONS, "send_failed_again", subscription)

    states = list(Delivery.objects.order_by("position").values_list("state", flat=True))
    assert states == [State.PENDING, State.PENDING, State.FAILED]


@pytest.mark.parametrize(
    ("channel", "address", "shown"),
    [
        ("webhook", "https://hooks.example/T0/secret", "hooks.example/…"),
        ("webhook", "https://user:pw@hooks.example:8443/?key=1", "hooks.example:8443/…"),
        ("webhook", "https://hooks.example/", "hooks.example"),
        ("webhook", "https://[broken", "…"),
        ("email", "maya@example.org", "m…@example.org"),
        ("sms", "+358401234567", "…67"),
        ("webpush", '{"endpoint": "https://push.example/send/abc"}', "push.example/…"),
    ],
)
def test_an_address_is_shown_so_that_nobody_can_write_there(
    channel: str, address: str, shown: str
) -> None:
    assert masked(Subscription(channel=channel, address=address)) == shown


def test_who_looks_after_a_webhook_gets_no_secret_of_it(support: Client) -> None:
    subscription = subscribe(who="user:999999")
    page = f"/api/v1/subscriptions/{subscription.public_id}"

    refused = support.patch(page, {"new_secret": True}, content_type="application/json")

    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert Subscription.objects.get().secret == subscription.secret


# what people write


def write(said: str = "Where is it?", *, number: int = 1) -> InboundMessage:
    reply = Reply("sms", f"SM{number}", "+358401234567", said, at=NOON)
    news.hear([reply])
    return InboundMessage.objects.get(provider_id=f"SM{number}")


def test_a_message_is_opened_by_its_own_page_which_is_noted(support: Client) -> None:
    message = write("Where is <b>it</b>?")

    listed = text(support.get(MESSAGES))
    assert message.public_id in listed
    assert "Where is" not in listed
    assert "+358401234567" not in listed
    assert not Trail.objects.exists()
    shown = text(support.get(f"{MESSAGES}{message.pk}/change/"))

    assert "Where is &lt;b&gt;it&lt;/b&gt;?" in shown
    assert "+358401234567" in shown
    assert "support@museo.example" in shown
    trail = Trail.objects.get()
    user = User.objects.get(email="support@museo.example")
    assert (trail.who, trail.what, trail.target) == (
        f"user:{user.pk}",
        "message.read",
        message.public_id,
    )


def test_who_may_not_read_messages_opens_none_and_leaves_no_trail(client: Client) -> None:
    client.force_login(of_role("fulfillment"))
    message = write()

    assert client.get(f"{MESSAGES}{message.pk}/change/").status_code == 403
    assert not Trail.objects.exists()


def test_an_erased_message_says_so(support: Client) -> None:
    message = write()
    InboundMessage.objects.update(sealed="")

    assert "[removed]" in text(support.get(f"{MESSAGES}{message.pk}/change/"))


def test_the_list_follows_the_inbox_and_the_others_look_every_few_seconds(
    support: Client,
) -> None:
    assert 'data-follows="staff.inbox"' in text(support.get(MESSAGES))
    assert 'data-every="5"' in text(support.get(DELIVERIES))
    assert 'data-every="5"' in text(support.get(SUBSCRIPTIONS))


# how much is asked


def test_a_page_of_many_asks_as_much_as_a_page_of_one(
    boss: Client, django_assert_num_queries: Any
) -> None:
    def fill(number: int) -> None:
        subscribe(f"trial.{number}")
        deliver(f"trial.{number}")
        write(number=number)

    fill(0)
    pages = (DELIVERIES, SUBSCRIPTIONS, MESSAGES)
    boss.get(DELIVERIES)
    asked = {}
    for page in pages:
        with CaptureQueriesContext(connection) as captured:
            boss.get(page)
        asked[page] = len(captured)
    for number in range(1, 20):
        fill(number)

    for page in pages:
        with django_assert_num_queries(asked[page]):
            assert len(boss.get(page).context["cl"].result_list) == 20
