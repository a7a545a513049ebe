"""Subscriptions over REST: one's own, made, changed, tried out and played again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from museo.access.encryption import unseal
from museo.access.models import User
from notifications import dispatcher, log, sending, subscribing, subscriptions
from notifications.channels import webhook
from notifications.models import Delivery, Subscription
from tests.notifications.conftest import NOON, tell
from tests.notifications.receivers import Receiver, always, answer, receiving
from tests.notifications.test_sending import dice

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both_in_long]
URL = "https://example.com/hook"
Call = Callable[..., Any]


@pytest.fixture
def user() -> User:
    return User.objects.create_user("maya@example.org")


@pytest.fixture
def call(client: Client, user: User, monkeypatch: pytest.MonkeyPatch) -> Call:
    """A call of the user's; names lead nowhere."""
    monkeypatch.setattr(webhook, "_look_up", lambda host, port: [])
    client.force_login(user)

    def call(method: str, path: str, body: Any = None, *, by: Client = client) -> Any:
        sent = "" if body is None else json.dumps(body)
        return by.generic(method, f"/api/v1/{path}", sent, content_type="application/json")

    return call


def make(call: Call, **wish: Any) -> dict[str, Any]:
    named = {} if "topics" in wish else {"topic": "trial.a"}
    made = call("POST", "subscriptions", {**named, "address": URL, **wish})
    assert made.status_code == 201, made.content
    told: dict[str, Any] = made.json()
    return told


def test_a_subscription_is_made_read_changed_and_removed(call: Call, user: User) -> None:
    position = tell()
    made = make(call, types=["trial.told"], filter={"n": [1, None]}, locale="de")

    row = Subscription.objects.get()
    assert unseal(row.secret) == made.pop("secret")
    assert (row.who, row.after, row.shape) == (f"user:{user.pk}", position, "envelope")
    assert made["types"] == ["trial.told"]
    assert (made["filter"], made["locale"], made["state"]) == ({"n": [1, None]}, "de", "active")
    path = f"subscriptions/{made['id']}"
    assert call("GET", path).json() == made
    assert call("GET", "subscriptions").json() == {"results": [made], "next": None}
    changed = call("PATCH", path, {"types": [], "filter": {}}).json()
    assert changed == {**made, "types": [], "filter": {}}
    assert call("DELETE", path).json() == {"removed": True}
    assert call("GET", path).status_code == 404


def test_one_has_several_topics_in_whichever_order_they_are_named(call: Call) -> None:
    made = make(call, topic="trial.b", topics=["trial.c", "trial.a", "trial.b"])
    same = make(call, topic="trial.c", topics=["trial.b", "trial.a"])

    assert (made["topic"], made["topics"]) == ("trial.a", ["trial.a", "trial.b", "trial.c"])
    assert same["id"] == made["id"]
    for topic in made["topics"]:
        assert len(call("GET", f"subscriptions?topic={topic}").json()["results"]) == 1
    assert call("GET", "subscriptions?topic=trial.d").json()["results"] == []


def test_topics_are_changed_and_all_must_be_ones_that_may_be_read(call: Call) -> None:
    made, other = make(call, topics=["trial.b"]), make(call, topic="trial.x")
    path = f"subscriptions/{made['id']}"

    changed = call("PATCH", path, {"topics": ["trial.d", "trial.c"]})
    assert changed.json() == {**{k: v for k, v in made.items() if k != "secret"}} | {
        "topic": "trial.c",
        "topics": ["trial.c", "trial.d"],
    }
    refused = call("PATCH", path, {"topics": ["trial.a", "trial.secret"]})
    taken = call("PATCH", path, {"topics": [other["topic"]]})

    assert (refused.status_code, taken.json()["code"]) == (404, "already_subscribed")
    assert call("PATCH", path, {"topics": []}).status_code == 400
    assert call("GET", path).json() == changed.json()
    both = {"topics": ["trial.a", "trial.secret"], "address": URL}
    assert call("POST", "subscriptions", both).status_code == 404
    unnamed = call("POST", "subscriptions", {"address": URL}).json()
    assert unnamed["errors"][0]["pointer"] == "/topic"


def test_what_any_of_the_topics_heard_is_played_again_once(call: Call) -> None:
    made = make(call, topics=["trial.b"])
    tell("trial.a", also=["trial.b"])
    tell("trial.b")
    dispatcher.dispatch(now=timezone.now())
    Delivery.objects.all().delete()

    again = call("POST", f"subscriptions/{made['id']}/replay", {"after": 0})

    assert again.json()["deliveries"] == 2


def test_a_new_secret_is_shown_once_and_the_old_one_is_good_for_a_day(call: Call) -> None:
    made = make(call)

    changed = call("PATCH", f"subscriptions/{made['id']}", {"new_secret": True})

    row = Subscription.objects.get()
    assert changed["Cache-Control"] == "no-store"
    assert unseal(row.secret) == changed.json()["secret"] != made["secret"]
    assert unseal(row.previous_secret) == made["secret"]
    assert row.previous_secret_until is not None
    assert row.previous_secret_until - timezone.now() > timedelta(hours=23)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"topic": "trial.secret"}, "not_found"),
        ({"topic": "nothing"}, "not_found"),
        ({"address": "https://127.0.0.1/"}, "bad_webhook"),
        ({"address": "http://example.com/"}, "bad_webhook"),
        ({"channel": "pigeon"}, "invalid"),
        ({"types": ["Order Placed"]}, "invalid"),
        ({"filter": {"n": 1}}, "invalid"),
        ({"filter": {"n": [[1]]}}, "invalid"),
        ({"filter": {"n": [2**70]}}, "invalid"),
        ({"filter": {"n": ["\0"]}}, "invalid"),
        ({"filter": {name: [1] for name in "abcdef"}}, "invalid"),
        ({"filter": {"a b": [1]}}, "invalid"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_made(
    call: Call, wish: dict[str, Any], code: str
) -> None:
    refused = call("POST", "subscriptions", {"topic": "trial.a", "address": URL, **wish})

    assert refused.json()["code"] == code
    assert 400 <= refused.status_code < 500
    if code == "bad_webhook":
        assert refused.json()["errors"][0]["pointer"] == "/address"
    assert not Subscription.objects.exists()


def test_guests_are_asked_who_they_are(call: Call) -> None:
    body = {"topic": "trial.a", "address": URL}
    assert call("POST", "subscriptions", body, by=Client()).status_code == 401
    assert call("GET", "subscriptions", by=Client()).json() == {"results": [], "next": None}


def test_nobody_sees_what_another_has(call: Call) -> None:
    made = make(call)
    tell()
    dispatcher.dispatch(now=NOON)
    other = Client()
    other.force_login(User.objects.create_user("noa@example.org"))
    path = f"subscriptions/{made['id']}"
    position = Delivery.objects.get().position

    for method, further in (
        ("GET", path),
        ("PATCH", path),
        ("DELETE", path),
        ("POST", f"{path}/pause"),
        ("POST", f"{path}/resume"),
        ("POST", f"{path}/test"),
        ("POST", f"{path}/replay"),
        ("POST", f"deliveries/{made['id']}-{position}/resend"),
    ):
        assert call(method, further, {"after": 0}, by=other).status_code == 404, further
    for path in ("subscriptions", "deliveries"):
        assert call("GET", path, by=other).json()["results"] == []
    assert Subscription.objects.get().state == "active"


def test_there_is_an_end_to_subscribing(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscribing, "MOST", 1)
    make(call)
    make(call)

    refused = call("POST", "subscriptions", {"topic": "trial.b", "address": URL})

    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_subscriptions")


def test_a_list_costs_the_same_for_many_of_several_topics_as_for_one(call: Call) -> None:
    def statements(count: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            found = call("GET", "subscriptions?limit=100").json()["results"]
        assert [len(each["topics"]) for each in found] == [3] * count
        return len(captured)

    def begin(number: int) -> None:
        make(call, topics=[f"trial.{number}", f"trial.b{number}", f"trial.c{number}"])

    begin(0)
    of_one = statements(1)
    for number in range(1, 50):
        begin(number)

    assert statements(50) == of_one


def test_pages_go_on_by_their_cursor(call: Call) -> None:
    for number in range(3):
        make(call, topic=f"trial.{number}")

    first = call("GET", "subscriptions?limit=2").json()
    rest = call("GET", first["next"].split("/api/v1/")[1]).json()

    topics = [each["topic"] for each in first["results"] + rest["results"]]
    assert topics == ["trial.2", "trial.1", "trial.0"]
    assert rest["next"] is None
    assert call("GET", "subscriptions?cursor=sub_x").json()["code"] == "bad_cursor"
    assert call("GET", "deliveries?cursor=sub_x-1").json()["code"] == "bad_cursor"


def test_paused_nothing_is_sent_and_resumed_it_goes_on(call: Call) -> None:
    path = f"subscriptions/{make(call)['id']}"
    tell()
    dispatcher.dispatch(now=NOON)

    assert call("POST", f"{path}/pause").json()["state"] == "paused"
    assert sending.claim(sender="me", now=NOON) == []
    assert call("POST", f"{path}/pause").json()["state"] == "paused"
    assert call("POST", f"{path}/resume").json()["state"] == "active"
    assert len(sending.claim(sender="me", now=NOON)) == 1


# with a receiver


@pytest.fixture
def allow(settings: Any) -> Callable[[Receiver], None]:
    def allow(receiver: Receiver) -> None:
        settings.MUSEO_WEBHOOK_ALLOW = frozenset({receiver.place})

    return allow


def test_a_test_tells_what_came_back(user: User, client: Client, allow: Any) -> None:
    client.force_login(user)
    with receiving(always(answer(418))) as receiver:
        allow(receiver)
        made = subscriptions.begin(
            topic="trial.a",
            channel=Subscription.Channel.WEBHOOK,
            address=receiver.url,
            who=f"user:{user.pk}",
            locale="en",
            now=NOON,
        )
        told = client.post(f"/api/v1/subscriptions/{made.subscription.public_id}/test")

    assert told.json() == {"sent": False, "status": 418, "code": "refused", "detail": "HTTP 418"}
    assert json.loads(receiver.got[0].body)["type"] == "subscription.test"
    assert not Delivery.objects.exists()


def send() -> None:
    while dispatcher.dispatch(now=timezone.now()):
        pass
    sending.run(clock=timezone.now, dice=dice())


def test_what_was_missed_is_played_again_in_order(user: User, client: Client, allow: Any) -> None:
    client.force_login(user)
    with receiving() as receiver:
        allow(receiver)
        tell(count=2)
        subscription = subscriptions.begin(
            topic="trial.a",
            channel=Subscription.Channel.WEBHOOK,
            address=receiver.url,
            who=f"user:{user.pk}",
            locale="en",
            now=NOON,
        ).subscription
        tell(count=4)
        send()
        Delivery.objects.filter(position=4).update(state="failed", reason="unreachable")

        def replay(**wanted: Any) -> list[int]:
            receiver.got.clear()
            path = f"/api/v1/subscriptions/{subscription.public_id}/replay"
            told = client.post(path, wanted, content_type="application/json")
            assert told.status_code == 200, told.content
            made = told.json()["deliveries"]
            send()
            found = [int(got.headers["museo-position"]) for got in receiver.got]
            assert made == len(found) - undispatched
            return found

        undispatched = 0
        assert replay(after=0, missed_only=True) == [1, 2, 4]
        assert replay(position=5) == [5]
        assert replay(after=1, until=3) == [2, 3]
        assert replay(after=0) == [1, 2, 3, 4, 5, 6]
        assert replay(after=6) == []
        # what has not been dispatched yet comes once, by the dispatcher
        tell()
        undispatched = 1
        assert replay(after=6, until=99) == [7]

    assert set(Delivery.objects.values_list("state", "reason")) == {("sent", "")}
    shown = client.get("/api/v1/deliveries?position=5").json()["results"]
    assert [len(each["attempts"]) for each in shown] == [3]


def test_one_is_sent_again_and_a_disabled_one_is_resumed_first(
    user: User, client: Client, allow: Any
) -> None:
    client.force_login(user)
    with receiving() as receiver:
        allow(receiver)
        subscription = subscriptions.begin(
            topic="trial.a",
            channel=Subscription.Channel.WEBHOOK,
            address=receiver.url,
            who=f"user:{user.pk}",
            locale="en",
            now=NOON,
        ).subscription
        tell()
        send()
        path = f"/api/v1/deliveries/{subscription.public_id}-1/resend"

        again = client.post(path).json()
        assert (again["state"], again["ended_at"]) == ("pending", None)
        send()
        assert len(receiver.got) == 2
        with log.change() as change:
            subscriptions.disable(change, [subscription], "gone", now=NOON)
        refused = client.post(path)

    assert (refused.status_code, refused.json()["code"]) == (409, "subscription_disabled")
    assert client.post(path.replace("-1/", "-99/")).status_code == 404


@pytest.mark.parametrize("body", [{}, {"position": 1, "after": 0}, {"until": 3}, {"after": -1}])
def test_a_range_that_is_none_is_refused(call: Call, body: dict[str, Any]) -> None:
    refused = call("POST", f"subscriptions/{make(call)['id']}/replay", body)

    assert refused.status_code == 400
