"""Conversations are one's own, sealed, and forgotten."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from catalog.models import Variant
from mcp_bridge import tasks
from mcp_bridge.assistant import (
    answering,
    cache,
    conversations,
    correspondence,
    history,
    intake,
    leases,
    steps,
)
from mcp_bridge.models import Conversation, Message
from museo.access.callers import Caller
from museo.access.limits import TooOften
from museo.access.models import User
from museo.access.problems import NotFound
from notifications import erasure, log, readers, topics
from notifications.channels import CHANNELS, news
from notifications.channels.message import Message as Letter
from notifications.envelope import render
from notifications.live.hub import in_thread
from tests.mcp_bridge.assistant.conftest import Obedient, Talk
from tests.mcp_bridge.conftest import person

SECRET = "my uncle Umberto wants an iPhone 15"


async def test_a_conversation_is_nobody_elses(phone: Variant, guest: Talk) -> None:
    await guest.say("hello")
    stranger = replace(guest, caller=replace(guest.caller, address="192.0.2.8"))

    with pytest.raises(NotFound):
        await stranger.accept("hello")
    with pytest.raises(NotFound):
        await stranger.stand()
    names = {
        steps.conversation_topic(guest.conversation_id),
        steps.topic(guest.caller.process, guest.messages[0]),
    }
    assert await in_thread(topics.readable)(stranger.caller, names) == set()
    assert await in_thread(topics.readable)(guest.caller, names) == names


async def test_what_is_said_lies_nowhere_in_the_open(phone: Variant, guest: Talk) -> None:
    await guest.say(SECRET)

    rows = await in_thread(_everything)()
    assert "Umberto" not in rows
    assert "iPhone" not in rows
    assert guest.messages[0] in rows


def _everything() -> str:
    """All columns of all rows of what is kept of conversations and events."""
    tables = [*_tables("mcp_bridge_"), *_tables("notifications_event"), "access_trail"]
    with connection.cursor() as cursor:
        found = []
        for table in tables:
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608  names of our own
            found += cursor.fetchall()
    return str(found)


def _tables(beginning: str) -> list[str]:
    names = connection.introspection.table_names()
    return [name for name in names if name.startswith(beginning)]


async def test_a_conversation_ends_and_is_forgotten(phone: Variant, guest: Talk) -> None:
    await guest.say(SECRET)
    later = timezone.now() + timedelta(days=31)

    with pytest.raises(NotFound):
        await in_thread(conversations.find_conversation)(
            guest.caller, guest.conversation_id, now=later
        )
    assert await in_thread(conversations.forget_expired)(now=later) == 1

    assert not await in_thread(Message.objects.exists)()
    last = (await guest.events())[-1]
    assert last["data"]["response"] == "[removed]"


async def test_what_has_not_ended_is_kept(phone: Variant, guest: Talk) -> None:
    await guest.say("hello")

    assert await in_thread(tasks.forget_conversations)() == 0
    assert await in_thread(Conversation.objects.count)() == 1


async def test_a_person_gets_all_of_it_and_has_it_erased(phone: Variant, guest: Talk) -> None:
    maya = Talk(await person("maya@example.org"))
    await maya.say(SECRET)
    await guest.say("hello")

    exported = await in_thread(_exported)("maya@example.org")
    user = await in_thread(User.objects.get)(email="maya@example.org")
    erased = await in_thread(erasure.erase)(erasure.Person(user.email, user), now=timezone.now())

    assert [each["said"] for each in exported["conversations"][0]["messages"]] == [SECRET]
    assert erased.texts == 1
    assert await in_thread(list)(Conversation.objects.values_list("owner", flat=True)) == [
        guest.caller.process
    ]
    assert (await maya.events())[-1]["data"]["response"] == "[removed]"


def _exported(email: str) -> dict[str, list[dict[str, list[dict[str, str]]]]]:
    out = StringIO()
    call_command("export_conversations", email, stdout=out)
    found: dict[str, list[dict[str, list[dict[str, str]]]]] = json.loads(out.getvalue())
    return found


async def test_redis_is_never_needed(
    woken: None, phone: Variant, guest: Talk, ask_a_planner: Any
) -> None:
    ask_a_planner(Obedient())
    await guest.say("Do you have iPhone 15?")
    await guest.say("Add it to my basket")
    owner = guest.caller.process
    message = await in_thread(_last)(guest)
    kept = cache.read(owner)
    assert kept
    cache.forget(owner)
    message.number += 1

    rebuilt = await in_thread(history.turns)(message)

    assert [turn.content for turn in rebuilt] == [turn["content"] for turn in kept["turns"]]
    assert len(rebuilt) == 4


async def test_redis_holds_nothing_in_the_open(
    woken: None, phone: Variant, guest: Talk, ask_a_planner: Any
) -> None:
    ask_a_planner(Obedient())
    await guest.say(SECRET)

    held = cache._ask(lambda client: client.get(cache.key(guest.caller.process)))
    assert held
    assert b"Umberto" not in held


def _last(talk: Talk) -> Message:
    rows = Message.objects.select_related("conversation")
    return rows.get(public_id=talk.messages[-1])


@pytest.mark.django_db
def test_a_conversation_that_there_is_not_is_no_page(client: Client) -> None:
    opened = client.get("/ask?c=cnv_0000000000000000")
    said = client.post("/ask", {"conversation_id": "cnv_0000000000000000", "message": ""})

    assert (opened.status_code, said.status_code) == (404, 404)


@pytest.mark.django_db
def test_a_conversation_has_one_answer_in_the_making() -> None:
    guest, now = Caller(address="192.0.2.7"), timezone.now()
    first = intake.accept(guest, text="hello", runner="a", now=now).message
    second = intake.accept(
        guest, text="hello", conversation_id=first.conversation.public_id, runner="b", now=now
    ).message

    assert (first.state, second.state) == ("running", "waiting")
    assert not leases.claim(second.pk, "b", now=now)
    rows = Message.objects.filter(pk=second.pk)
    with (
        pytest.raises(IntegrityError, match=r"one_answer_at_a_time|conversation_id"),
        transaction.atomic(),
    ):
        rows.update(state="running")


@pytest.mark.django_db
def test_a_message_that_is_sent_again_is_the_same_one() -> None:
    guest, now = Caller(address="192.0.2.7"), timezone.now()
    first = intake.accept(guest, text="hello", key="1", now=now).message
    again = intake.accept(guest, text="hello", key="1", now=now).message
    others = intake.accept(Caller(address="192.0.2.8"), text="hi", key="1", now=now).message

    assert (first.pk, first.pk) == (again.pk, first.pk)
    assert others.pk != first.pk


@pytest.mark.django_db
@pytest.mark.usefixtures("full_buckets")
def test_a_thousand_messages_a_minute_are_too_many(settings: LazySettings) -> None:
    settings.MUSEO_CALLS_PER_MINUTE = 600
    guest, now = Caller(address="192.0.2.7"), timezone.now()

    def thousand() -> None:
        for _each in range(1000):
            intake.count(guest, now=now)

    with pytest.raises(TooOften) as refused:
        thousand()

    assert refused.value.facts["retry_after"] >= 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"message": ""}, 400, "invalid"),
        ({"message": "x" * 5000}, 400, "invalid"),
        ({"message": ["x"]}, 400, "invalid"),
        ({"message": "hi", "details": {"a": "x" * 10_000}}, 400, "invalid"),
        ({"message": "hi", "conversation_id": "cnv_0000000000000000"}, 404, "not_found"),
        ({"confirm": "cnf_" + "0" * 60}, 400, "invalid"),
        (b"\xff\xfe\x00", 400, "parse_error"),
        ({"message": "x" * 1_000_000}, 400, "invalid"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_kept(
    client: Client, body: object, status: int, code: str
) -> None:
    sent = body if isinstance(body, bytes) else json.dumps(body)
    response = client.post("/api/v1/assistant/messages", sent, content_type="application/json")

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response["Content-Type"] == "application/problem+json"
    assert not Message.objects.exists()


# by WhatsApp and the like


def _write(text: str, number: int = 1) -> None:
    news.hear([news.Reply("whatsapp", f"wamid.{number}", "+358401234567", text, at=timezone.now())])


async def test_a_message_by_whatsapp_is_answered_there_once(
    phone: Variant, guest: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[str] = []

    def send(letter: Letter) -> str:
        left.append(f"{letter.address} {letter.content.chat}")
        return "wamid.answer"

    way = replace(CHANNELS["whatsapp"], send=send, missing=list)
    monkeypatch.setitem(CHANNELS, "whatsapp", way)
    await in_thread(correspondence.hear)(now=timezone.now())
    await in_thread(_write)("Habt ihr das iPhone 15?")

    for _twice in range(2):
        await in_thread(correspondence.hear)(now=timezone.now())
        pks = await in_thread(list)(Message.objects.values_list("pk", flat=True))
        await answering.here().take(pks[0])
        await in_thread(correspondence.reply_all)(now=timezone.now())

    # in the language that it was asked in
    assert left == [
        "+358401234567 Es gibt eines: iPhone 15, 799,00\xa0€.\n- iPhone 15, 799,00\xa0€"
    ]


async def test_stop_by_whatsapp_is_not_answered(phone: Variant, guest: Talk) -> None:
    await in_thread(correspondence.hear)(now=timezone.now())
    await in_thread(_write)("STOP")

    assert await in_thread(correspondence.hear)(now=timezone.now()) == 0


async def test_what_is_no_message_keeps_nobody_waiting(phone: Variant, guest: Talk) -> None:
    """A reader that stayed where it was would be said to lag, and hold the log up."""
    began = timezone.now()
    await in_thread(correspondence.hear)(now=began)
    await guest.say("hello")
    await in_thread(correspondence.hear)(now=began + timedelta(seconds=2))
    first = (await in_thread(readers.behind)())[correspondence.READER]

    await in_thread(correspondence.hear)(now=began + timedelta(seconds=12))

    behind = (await in_thread(readers.behind)())[correspondence.READER]
    assert (first > 0, behind) == (True, 0)


async def test_a_yes_in_a_chat_without_buttons_is_a_word(phone: Variant, guest: Talk) -> None:
    chat = replace(guest, client_type="whatsapp", conversation_id="", messages=[])
    await chat.say("Add iPhone 15 to my basket")
    for text in ("I want to pay", "maya@example.org", "Maya Okafor", "Museum Street 1", "00130"):
        await chat.say(text)
    await chat.say("Helsinki")
    question = await chat.say("FI")
    placed = await chat.say("Yes!")

    assert question["metadata"]["outcome"] == "asked"
    assert question["message"].endswith("Answer yes or no.")
    assert placed["data"]["order"]["number"].startswith("ORD-")


async def test_the_log_has_the_steps_of_a_conversation_on_its_own_topic(
    phone: Variant, guest: Talk
) -> None:
    await guest.say("hello")
    await guest.say("Do you have iPhone 15?")

    topic = steps.conversation_topic(guest.conversation_id)
    told = [render(each, "de") for each in await in_thread(log.read)([topic], after=0)]
    assert {each["data"]["message_id"] for each in told} == set(guest.messages)
    assert told[0]["data"]["description"] == "Lese, was Sie gesagt haben"
