"""What was written to a person and by them is erased on their wish, wherever it is read."""

from __future__ import annotations

from io import StringIO
from typing import Any

import httpx
import pytest
from django.core.management import CommandError, call_command

from museo.access.callers import Caller, who_is
from museo.access.models import User
from notifications import erasure, log, notices, subscriptions
from notifications.channels import news
from notifications.channels.news import Reply
from notifications.envelope import render
from notifications.live import hub
from notifications.live.hub import in_thread
from notifications.models import Contact, Event, EventText, InboundMessage, Subscription
from tests.notifications.conftest import NOON, stream, until

MAYA, SAM = "maya@example.org", "sam@example.org"
WORDS = "Ring twice, the dog is called Rex."
SENDER = Caller(who="service:1", scopes=frozenset({"notify:send"}))


def write_to(*targets: str) -> None:
    notices.send(SENDER, message=WORDS, data={"dog": "Rex"}, targets=targets, now=NOON)


def write_from(channel: str, sender: str, id: str) -> None:
    news.hear([Reply(channel, id, sender, WORDS, NOON, subject=WORDS)])


def told(topic: str) -> list[Any]:
    return [render(event, "en")["data"]["message"] for event in log.read([topic], after=0)]


def said(channel: str) -> list[str]:
    return [news.read(each).text for each in InboundMessage.objects.filter(channel=channel)]


@pytest.fixture
def people(committed: None) -> tuple[User, User]:
    return User.objects.create_user(MAYA), User.objects.create_user(SAM)


@pytest.mark.both
def test_a_persons_texts_are_erased_and_nobody_elses(people: tuple[User, User]) -> None:
    maya, sam = people
    write_to(MAYA, SAM)
    write_to()
    for channel, number in (("sms", "+358401234567"), ("whatsapp", "+358400000000")):
        write_from(channel, number, channel)
    write_from("email", MAYA, "a")
    write_from("email", SAM, "b")
    Contact.objects.create(
        who=f"user:{maya.pk}",
        channel="sms",
        address="+358401234567",
        code_ends_at=NOON,
        tries_left=0,
        confirmed_at=NOON,
    )
    before = list(Event.objects.values_list("uid", "data", "texts"))

    erased = erasure.erase(erasure.find(MAYA), now=NOON)
    again = erasure.erase(erasure.find(MAYA), now=NOON)

    assert (erased, again) == (erasure.Erased(texts=1, messages=2), erasure.Erased(0, 0))
    assert told(f"user.{maya.pk}") == ["[removed]"]
    assert told(f"user.{sam.pk}") == told("broadcast.all") == [WORDS]
    assert (said("sms"), said("whatsapp")) == ([""], [WORDS])
    assert sorted(said("email")) == ["", WORDS]
    told_since = Event.objects.exclude(type__in=["text.erased", "access.revoked"])
    assert list(told_since.values_list("uid", "data", "texts")) == before


@pytest.mark.both
def test_subscriptions_and_addresses_of_who_is_erased_end(people: tuple[User, User]) -> None:
    maya, sam = people
    ticket, guest = subscriptions.by_ticket("t"), subscriptions.by_guest("g")
    wishes = [
        (who_is(maya.pk), "sms", "+358401"),
        (who_is(sam.pk), "sms", "+358401"),
        (ticket, "email", MAYA.upper()),
        (ticket, "email", "sam@example.org"),
        (guest, "email", "also@example.org"),
    ]
    for who, channel, address in wishes:
        subscriptions.begin(
            topic="trial.a",
            channel=Subscription.Channel(channel),
            address=address,
            who=who,
            locale="en",
            now=NOON,
        )
        Contact.objects.create(
            who=who, channel=channel, address=address, code_ends_at=NOON, tries_left=0
        )

    erasure.erase(erasure.find(MAYA), besides=[("email", "also@example.org")], now=NOON)

    for model in (Subscription, Contact):
        left = set(model.objects.values_list("who", "address"))
        assert left == {(who_is(sam.pk), "+358401"), (ticket, "sam@example.org")}


@pytest.mark.both
def test_the_command_takes_addresses_that_the_account_does_not_know(
    people: tuple[User, User],
) -> None:
    write_to(MAYA)
    write_from("sms", "+358401234567", "a")
    out = StringIO()

    call_command("erase", MAYA.upper(), "--besides", "sms:+358401234567", stdout=out)

    assert out.getvalue() == "Erased: texts 1, messages 1.\n"
    assert not EventText.objects.exists()
    for wrong in (["nobody@example.org"], [MAYA, "--besides", "pigeon:7"], [MAYA, "--besides", ""]):
        with pytest.raises(CommandError):
            call_command("erase", *wrong)


async def test_what_a_live_process_holds_in_memory_is_forgotten(http: httpx.AsyncClient) -> None:
    maya = await in_thread(User.objects.create_user)(MAYA)
    mine = f"user.{maya.pk}"
    async with stream(http, "/api/v1/events?topics=broadcast.all") as events:
        await events.next()
        running = hub.running()
        assert running
        await in_thread(write_to)(MAYA)
        await until(lambda: running.position == 1)
        held = running.since({mine}, 0)
        await in_thread(erasure.erase)(erasure.Person(MAYA, maya), now=NOON)
        await until(lambda: running.position == 3)

        assert [frame.render("en")["data"]["message"] for frame in held] == [WORDS]
        assert running.since({mine}, 0) == []
        assert not running.has_since(1)
        assert await in_thread(told)(mine) == ["[removed]"]
