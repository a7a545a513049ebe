"""Messages to everybody, to groups, to persons and to single connections."""

from typing import Any

import httpx
import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.utils import timezone

from museo.access.callers import Caller, caller_for_user
from museo.access.limits import TooOften
from museo.access.models import User
from museo.access.problems import Invalid, NotAllowed
from notifications import log, notices, receipts
from notifications.envelope import render
from notifications.following import readable
from notifications.live.hub import in_thread
from notifications.models import Event, EventText, Receipt
from tests.notifications.conftest import NOON, socket, stream, tell

SENDER = Caller(scopes=frozenset({"notify:send"}), who="user:1")


@pytest.fixture(autouse=True)
def _no_uses_yet() -> None:
    cache.clear()


def send(message: str = "Closing at eight", **options: Any) -> notices.Notice:
    return notices.send(SENDER, message=message, now=timezone.now(), **options)


async def test_everybody_on_the_public_stream_hears_a_broadcast_in_the_flat_shape(
    http: httpx.AsyncClient,
) -> None:
    async with stream(http, "/mcp") as events:
        connected, status = await events.take(2)
        sent = await in_thread(send)(type="warning", data={"window": "20:00"})
        told = await events.next()

    assert connected["type"] == "connected"
    assert {**status, "timestamp": ""} == {
        "type": "status",
        "status": "connected",
        "connection_id": connected["connection_id"],
        "client_count": 1,
        "timestamp": "",
    }
    assert told["type"] == "notification"
    assert told["notification_id"] == sent.notification_id
    assert (told["notification_type"], told["message"]) == ("warning", "Closing at eight")
    assert told["data"]["data"] == {"window": "20:00"}
    assert told["timestamp"].endswith("Z")


async def test_one_connection_is_told_and_no_other(http: httpx.AsyncClient, address: str) -> None:
    async with stream(http, "/mcp") as other, socket(address) as client:
        await other.take(2)
        hello = await client.next()
        await in_thread(send)("For you", targets=[hello["connection_id"]])
        await in_thread(send)("For all")

        mine, others = await client.next(), await other.next()

    assert mine["data"]["message"] == "For you"
    assert others["message"] == "For all"


@pytest.mark.django_db(transaction=True)
def test_persons_and_groups_find_what_was_sent_while_they_were_away(committed: None) -> None:
    ada = User.objects.create_user("ada@example.org")
    team = Group.objects.create(name="Night Shift")
    ada.groups.add(team)
    staff = User.objects.create_user("staff@example.org", is_staff=True)

    send("To Ada", targets=["ADA@example.org", str(staff.pk)])
    send("To the night", group="Night Shift")
    send("To staff", group="admin")

    def found(user: User, *names: str) -> list[str]:
        caller = caller_for_user(user, locale="en")
        events = log.read(readable(caller, {*names, "broadcast.all"}), after=0)
        return [render(event, "en")["data"]["message"] for event in events]

    names = [f"user.{ada.pk}", "group.night-shift", "group.admin"]
    assert found(ada, *names) == ["To Ada", "To the night"]
    assert found(staff, *names) == ["To staff"]


@pytest.mark.usefixtures("committed")
def test_the_words_are_kept_apart_sealed_and_can_be_erased() -> None:
    send("Closing at eight")

    event = log.read(["broadcast.all"], after=0)[0]
    stored = Event.objects.values("data", "texts").get()
    assert "eight" not in f"{stored} {EventText.objects.get().sealed}"
    assert render(event, "de")["data"]["message"] == "Closing at eight"
    EventText.objects.all().delete()
    erased = log.read(["broadcast.all"], after=0)[0]
    assert render(erased, "de")["data"]["message"] == "[removed]"


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"message": ""}, "/message"),
        ({"message": "x" * 2001}, "/message"),
        ({"type": "shout"}, "/type"),
        ({"data": {"x": "y" * 9000}}, "/data"),
        ({"data": {"x": [2**64]}}, "/data"),
        ({"targets": ["nobody@example.org"]}, "/targets/0"),
        ({"targets": ["9" * 30]}, "/targets/0"),
        ({"targets": ["1"] * 101}, "/targets"),
    ],
)
def test_what_cannot_be_sent_is_said_and_nothing_is_told(
    given: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(Invalid) as raised:
        send(**{"message": "Hello", **given})

    assert raised.value.errors[0]["pointer"] == pointer
    assert not Event.objects.exists()


@pytest.mark.usefixtures("committed")
def test_only_who_may_sends_and_not_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotAllowed):
        notices.send(Caller(), message="Hello", now=NOON)
    monkeypatch.setattr(notices, "MOST_PER_MINUTE", 3)

    def send_seven() -> None:
        for _ in range(7):
            send()

    with pytest.raises(TooOften) as raised:
        send_seven()

    assert 1 <= raised.value.facts["retry_after"] <= 60
    assert 3 <= Event.objects.count() <= 6


@pytest.mark.usefixtures("committed")
def test_a_receipt_only_moves_forward_and_not_past_the_log() -> None:
    tell(count=5)

    assert receipts.acknowledge(SENDER, 3, now=NOON) == 3
    assert receipts.acknowledge(SENDER, 1, now=NOON) == 3
    assert receipts.acknowledge(Caller(address="192.0.2.1"), 2, now=NOON) == 2
    with pytest.raises(Invalid):
        receipts.acknowledge(SENDER, 6, now=NOON)
    assert sorted(Receipt.objects.values_list("position", flat=True)) == [2, 3]


async def test_a_socket_acknowledges_filters_and_asks_who_is_there(address: str) -> None:
    async with socket(address, "?topics=trial.a") as client, socket(address) as other:
        await client.take(2)
        hello = await other.next()
        await in_thread(tell)()
        event = await client.next()
        await client.say(action="ack", position=event["position"])
        acked = await client.next()
        await client.say(action="filter", types=["trial.other"])
        filtered = await client.next()
        await in_thread(tell)()
        skipped = await client.next()
        await other.say(action="status")
        status = await other.next()

    assert acked == {"type": "acked", "position": 1}
    assert filtered["types"] == ["trial.other"]
    assert "trial.a" in filtered["topics"]
    assert skipped == {"type": "skip", "topic": "trial.a", "position": 2, "version": 2}
    assert (status["client_count"], status["connection_id"]) == (2, hello["connection_id"])


async def test_rest_acknowledges_too(http: httpx.AsyncClient) -> None:
    await in_thread(tell)(count=2)

    answer = await http.post("/api/v1/notifications/ack", json={"position": 2})
    too_far = await http.post("/api/v1/notifications/ack", json={"position": 99})
    text = await http.post("/api/v1/notifications/ack", json={"position": "far"})

    assert answer.json() == {"position": 2}
    assert (too_far.status_code, text.status_code) == (400, 400)
