"""Stream tickets open a stream for a minute; what is revoked ends at once."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone
from websockets.exceptions import ConnectionClosed

from museo.access.callers import Caller
from notifications import access_changes, log, tickets
from notifications.audiences import process_topic, user_topic
from notifications.live import hub, sse
from notifications.live.clients import Client
from notifications.live.hub import in_thread
from tests.notifications.conftest import NOON, SECONDS, socket, stream, tell, until

SECRET = "/api/v1/events?topics=trial.secret"
INSIDER = Caller(granted=frozenset({"trial.secret"}), who="user:7", user_id=7)


def ticket(age: float = 0) -> str:
    now = timezone.now() - timedelta(seconds=age)
    return tickets.issue(INSIDER, {"trial.secret"}, now=now)[0]


def revoke(**whose: Any) -> None:
    with log.change() as change:
        access_changes.revoke(change, at=NOON, **whose)


async def test_a_ticket_opens_streams_pages_and_sockets_of_its_topics_only(
    http: httpx.AsyncClient, address: str
) -> None:
    query = f"ticket={ticket()}"

    async with stream(http, f"{SECRET},trial.secret2&{query}") as events:
        connected = await events.next()
        await in_thread(tell)("trial.secret")
        told = await events.next()
    page = await http.get(f"{SECRET}&{query}")
    async with socket(address, f"?{query}&topics=trial.secret") as client:
        hello, subscribed = await client.take(2)

    assert connected["topics"] == ["trial.secret"]
    assert told["topic"] == "trial.secret"
    assert [event["version"] for event in page.json()["events"]] == [1]
    assert (hello["type"], subscribed["topics"]) == ("connected", ["trial.secret"])
    assert (await http.get(SECRET)).status_code == 404


@pytest.mark.parametrize("kind", ["expired", "forged"])
async def test_a_ticket_that_is_not_valid_is_refused(
    http: httpx.AsyncClient, address: str, kind: str
) -> None:
    stale = ticket(age=61) if kind == "expired" else ticket()[:-3] + "xyz"

    async with stream(http, f"{SECRET}&ticket={stale}") as events:
        problem = events.response
    page = await http.get(f"{SECRET}&ticket={stale}")
    async with socket(address, f"?ticket={stale}") as client:
        said = await client.next()
        with pytest.raises(ConnectionClosed) as closed:
            await client.next()

    assert (problem.status_code, page.status_code) == (401, 401)
    assert problem.json()["code"] == said["code"] == "stale_ticket"
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


async def test_a_ticket_opens_nothing_else_of_who_asked_for_it(http: httpx.AsyncClient) -> None:
    others = [user_topic(7), process_topic(INSIDER), "group.admin"]

    for name in others:
        answer = await http.get(f"/api/v1/events?topics={name}&ticket={ticket()}")
        assert answer.status_code == 404, name


async def test_tickets_are_asked_for_by_those_who_may_read(http: httpx.AsyncClient) -> None:
    mixed = {"topics": ["trial.a", "trial.secret"]}
    answer = await http.post("/api/v1/events/tickets", json=mixed)
    refused = await http.post("/api/v1/events/tickets", json={"topics": ["trial.secret"]})
    unread = await http.post("/api/v1/events/tickets", json={"topics": "trial.a"})

    opened = tickets.admitted(Caller(tickets=(answer.json()["ticket"],)), now=timezone.now())
    assert answer.status_code == 201
    assert opened.granted == {"trial.a"}
    assert (refused.status_code, unread.status_code) == (404, 400)


async def test_streams_of_a_revoked_topic_end_and_come_back_if_they_may(
    http: httpx.AsyncClient, address: str
) -> None:
    async with (
        stream(http, "/api/v1/events?topics=trial.a") as ended,
        stream(http, "/api/v1/events?topics=trial.b") as kept,
        socket(address, "?topics=trial.a") as client,
    ):
        await ended.next()
        await kept.next()
        await client.take(2)
        await in_thread(revoke)(topics=["trial.a"])

        with pytest.raises(EOFError):
            await ended.next()
        with pytest.raises(ConnectionClosed) as closed:
            await client.next()
        await in_thread(tell)("trial.b")
        assert (await kept.next())["topic"] == "trial.b"

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


async def test_streams_of_somebody_whose_access_ended_end(http: httpx.AsyncClient) -> None:
    async with (
        stream(http, f"{SECRET}&ticket={ticket()}") as theirs,
        stream(http, "/api/v1/events?topics=trial.a") as of_a_guest,
    ):
        await theirs.next()
        await of_a_guest.next()
        await in_thread(revoke)(who="user:7")

        with pytest.raises(EOFError):
            await theirs.next()
        await in_thread(tell)("trial.a")
        assert (await of_a_guest.next())["topic"] == "trial.a"


@pytest.mark.parametrize("looks_again", [True, False])
async def test_access_revoked_between_question_and_joining_opens_nothing(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, looks_again: bool
) -> None:
    """The twin does not look again, and lets in whom it should not."""
    running = await hub.here()
    ask, allowed = running.readable.ask, {"trial.a"}

    async def revoked_meanwhile(question: Any) -> set[str]:
        answer = allowed & await ask(question)
        if allowed:
            allowed.clear()
            before = running.revocations
            await in_thread(revoke)(topics=["trial.a"])
            await until(lambda: running.revocations > before)
            if not looks_again:
                running.revocations = before
        return answer

    monkeypatch.setattr(running.readable, "ask", revoked_meanwhile)
    async with stream(http, "/api/v1/events?topics=trial.a") as events:
        status = events.response.status_code

    assert status == (404 if looks_again else 200)


async def test_nobody_reads_what_is_said_of_access(http: httpx.AsyncClient) -> None:
    await in_thread(revoke)(who="user:7")

    async with stream(http, f"/api/v1/events?topics={access_changes.TOPIC}") as events:
        assert events.response.status_code == 404


async def test_clients_of_a_process_that_ends_come_back_spread_over_three_seconds(
    http: httpx.AsyncClient,
) -> None:
    async with stream(http, "/api/v1/events?topics=trial.a") as events:
        await events.next()
        running = hub.running()
        assert running
        running.close()
        async with asyncio.timeout(SECONDS):
            rest = [line async for line in events._lines if line]

    [retry] = rest
    assert retry.startswith("retry: ")
    assert 0 <= int(retry.removeprefix("retry: ")) < 3000


async def test_two_hundred_who_come_back_at_once_cost_a_few_questions(
    committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_thread(tell)("trial.old", count=3)
    running = hub.Hub(redis_url="", ring_size=1)
    await running.start()
    counts: dict[str, int] = {"readable": 0, "missed": 0, "state": 0}
    for name in counts:
        together = getattr(running, name)
        answer = together._answer

        async def counted(questions: Any, name: str = name, answer: Any = answer) -> Any:
            counts[name] += 1
            return await answer(questions)

        together._answer = counted

    heard: list[int] = []

    async def come_back() -> None:
        async def send(message: Any) -> None:
            heard.append(message["body"].count(b"data:"))

        client = Client(running, sse.ENVELOPES, locale="en", send=send, farewell=sse._end)
        names, start = await client.admit(Caller(), {"trial.old"}, log.Cursor(1))
        await client.replay(names, start)
        client.release()
        client.leave()

    async with asyncio.timeout(SECONDS):
        await asyncio.gather(*(come_back() for _ in range(200)))
    await running.stop()

    assert sum(heard) == 400
    # each alone would have asked two hundred times
    assert max(counts.values()) <= 10
