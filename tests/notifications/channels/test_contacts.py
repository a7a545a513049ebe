"""Subscribing people's addresses: only those that are theirs, whatever somebody tries."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from museo.access.models import User
from notifications import (
    bounces,
    contacts,
    dispatcher,
    sending,
    subscribing,
    subscriptions,
    unsubscribing,
)
from notifications.channels import news
from notifications.channels.news import Reply, Status
from notifications.channels.states import State
from notifications.models import Contact, Delivery, Subscription
from tests.mail_server import Mailbox
from tests.notifications.channels.conftest import NUMBER
from tests.notifications.channels.push_service import Browser
from tests.notifications.channels.twilio_server import Twilio
from tests.notifications.conftest import NOON, WORDS, tell

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both_in_long]
MAYA, NOA = "maya@example.org", "noa@example.org"
Call = Callable[..., Any]


@pytest.fixture
def user() -> User:
    return User.objects.create_user(MAYA)


@pytest.fixture
def call(client: Client, user: User) -> Call:
    client.force_login(user)

    def call(method: str, path: str, body: Any = None, *, by: Client = client) -> Any:
        sent = "" if body is None else json.dumps(body)
        return by.generic(method, f"/api/v1/{path}", sent, content_type="application/json")

    return call


def subscribe(call: Call, channel: str, address: str, **more: Any) -> Any:
    wish = {"topic": "trial.a", "channel": channel, "address": address, **more}
    return call("POST", "subscriptions", wish)


def deliver() -> int:
    while dispatcher.dispatch(now=timezone.now()):
        pass
    return sending.run(clock=timezone.now, dice=Random(7)).sent  # noqa: S311


def code_in(text: str) -> str:
    found = re.search(r"\b\d{6}\b", text)
    assert found
    return found[0]


def test_ones_own_mail_needs_no_question(call: Call, mailbox: Mailbox) -> None:
    made = subscribe(call, "email", "Maya@example.org", types=["trial.told"], locale="de")

    assert made.status_code == 201
    told = made.json()
    assert (told["state"], told["channel"], told["locale"]) == ("active", "email", "de")
    assert "secret" not in told
    tell(texts=WORDS)
    assert (deliver(), len(mailbox.taken)) == (1, 1)
    path = f"subscriptions/{told['id']}"
    assert call("PATCH", path, {"types": ["trial.other"]}).json()["types"] == ["trial.other"]
    tell(texts=WORDS)
    assert deliver() == 0


def test_an_address_that_mail_came_back_from_goes_on_by_a_new_code_alone(
    call: Call, mailbox: Mailbox
) -> None:
    made = [subscribe(call, "email", MAYA, topic=f"trial.{name}").json() for name in "ab"]
    tell("trial.a", texts=WORDS)
    assert deliver() == 1
    reference = Delivery.objects.get().reference
    bounces.hear([Status("email", reference, State.BOUNCED, at=NOON)], now=timezone.now())
    path = f"subscriptions/{made[0]['id']}"

    assert call("POST", f"{path}/resume").json()["code"] == "not_confirmed"
    again = subscribe(call, "email", MAYA).json()
    assert (again["id"], again["state"]) == (made[0]["id"], "unconfirmed")
    assert subscribe(call, "email", MAYA, topic="trial.c").json()["state"] == "unconfirmed"
    code = code_in(str(mailbox.taken[-1]["Subject"]))
    assert call("POST", f"{path}/confirm", {"code": code}).json()["state"] == "active"

    states = set(Subscription.objects.values_list("state", "reason"))
    assert states == {("active", "")}
    assert subscribe(call, "email", MAYA, topic="trial.d").json()["state"] == "active"


def test_what_is_made_with_orders_does_not_count_to_ones_hundred(
    call: Call, user: User, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribing, "MOST", 1)
    for number in range(2):
        subscriptions.begin_with_topic(
            topic=f"order.{number}",
            channel=Subscription.Channel.EMAIL,
            address=MAYA,
            who=f"user:{user.pk}",
            types=[],
            link="",
            locale="en",
            now=NOON,
        )

    assert subscribe(call, "email", MAYA).status_code == 201
    assert subscribe(call, "email", MAYA, topic="trial.b").json()["code"] == (
        "too_many_subscriptions"
    )


def test_a_browser_that_subscribes_itself_needs_no_question(call: Call, browser: Browser) -> None:
    made = subscribe(call, "webpush", browser.subscription).json()

    assert made["state"] == "active"
    tell(texts=WORDS)
    assert (deliver(), len(browser.read)) == (1, 1)


def test_another_address_is_told_nothing_before_its_code(
    call: Call, mailbox: Mailbox, twilio: Twilio
) -> None:
    mail, text = subscribe(call, "email", NOA).json(), subscribe(call, "sms", NUMBER).json()
    assert [mail["state"], text["state"]] == ["unconfirmed"] * 2
    tell(texts=WORDS)
    assert deliver() == 0
    assert set(Delivery.objects.values_list("state", "reason")) == {("skipped", "unconfirmed")}
    for made in (mail, text):
        for what in ("pause", "resume", "replay", "test"):
            call("POST", f"subscriptions/{made['id']}/{what}", {"after": 0})
        resent = call("POST", f"deliveries/{made['id']}-1/resend")
        assert resent.json()["code"] == "subscription_disabled"
    assert deliver() == 0
    (letter,) = mailbox.taken
    (short,) = twilio.taken
    assert letter["To"] == NOA

    code = code_in(str(letter["Subject"]))
    assert code_in(short["Body"]) != ""
    assert code not in str(list(Contact.objects.values()))
    done = call("POST", f"subscriptions/{mail['id']}/confirm", {"code": code})

    assert done.json()["state"] == "active"
    tell(texts=WORDS)
    assert (deliver(), len(mailbox.taken), len(twilio.taken)) == (1, 2, 1)
    # known from now on
    assert subscribe(call, "email", NOA, topic="trial.b").json()["state"] == "active"


def test_a_code_is_good_once_for_a_while_and_a_few_tries(
    call: Call, mailbox: Mailbox, user: User
) -> None:
    made = subscribe(call, "email", NOA).json()
    code = code_in(str(mailbox.taken[0]["Subject"]))
    wrong = f"{(int(code) + 1) % 10**6:06}"
    row = Subscription.objects.get()
    late = timezone.now() + contacts.VALID_FOR + timedelta(seconds=1)
    with pytest.raises(contacts.BadCode):
        contacts.confirm(row, code, now=late)
    path = f"subscriptions/{made['id']}/confirm"

    for _ in range(contacts.MOST_TRIES):
        refused = call("POST", path, {"code": wrong})
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_code")

    assert call("POST", path, {"code": code}).status_code == 400
    assert Subscription.objects.get().state == "unconfirmed"
    subscribe(call, "email", NOA)
    again = code_in(str(mailbox.taken[1]["Subject"]))
    assert call("POST", path, {"code": again}).json()["state"] == "active"
    assert call("POST", path, {"code": again}).status_code == 400


def test_one_persons_code_is_of_no_use_to_another(call: Call, mailbox: Mailbox) -> None:
    subscribe(call, "email", NOA)
    code = code_in(str(mailbox.taken[0]["Subject"]))
    other = Client()
    other.force_login(User.objects.create_user("eve@example.org"))
    wish = {"topic": "trial.a", "channel": "email", "address": NOA}
    theirs = call("POST", "subscriptions", wish, by=other).json()

    refused = call("POST", f"subscriptions/{theirs['id']}/confirm", {"code": code}, by=other)

    assert refused.status_code == 400
    mine = Subscription.objects.exclude(public_id=theirs["id"]).get()
    path = f"subscriptions/{mine.public_id}/confirm"
    assert call("POST", path, {"code": code}, by=other).status_code == 404


def test_codes_to_a_stranger_are_few(call: Call, mailbox: Mailbox) -> None:
    answers = [subscribe(call, "email", NOA).status_code for _ in range(6)]

    assert answers == [201] * contacts.TO_ADDRESS + [429] * 3
    assert len(mailbox.taken) == contacts.TO_ADDRESS
    # and say nothing that the caller has chosen
    assert {part for each in mailbox.taken for part in (each["From"], each["To"])} == {
        "Museo <orders@shop.example>",
        NOA,
    }


def test_codes_to_many_strangers_are_few(call: Call, mailbox: Mailbox) -> None:
    answers = [
        subscribe(call, "email", f"stranger{number}@example.org").status_code
        for number in range(contacts.OF_CALLER + 3)
    ]

    assert answers == [201] * contacts.OF_CALLER + [429] * 3
    assert len(mailbox.taken) == contacts.OF_CALLER


def test_who_said_stop_is_not_even_asked(call: Call, twilio: Twilio) -> None:
    news.hear([Reply("sms", "SM1", NUMBER, "STOP", at=timezone.now())])

    refused = subscribe(call, "sms", NUMBER)

    assert (refused.status_code, refused.json()["code"]) == (409, "opted_out")
    assert (twilio.taken, Subscription.objects.count()) == ([], 0)


def test_who_said_stop_gets_no_test_either(call: Call, mailbox: Mailbox) -> None:
    made = subscribe(call, "email", MAYA).json()
    news.hear([Reply("email", "<1@x>", MAYA, "STOP", at=timezone.now())])

    refused = call("POST", f"subscriptions/{made['id']}/test")

    assert (refused.status_code, refused.json()["code"]) == (409, "opted_out")
    assert mailbox.taken == []


def test_what_its_owner_has_ended_is_not_begun_again_by_others(
    call: Call, mailbox: Mailbox, user: User
) -> None:
    """The way to a stranger: order, or subscribe, in their name; wait; resume."""
    for address in (NOA, MAYA):
        subscriptions.begin(
            topic="trial.a",
            channel=Subscription.Channel.EMAIL,
            address=address,
            who=f"user:{user.pk}",
            locale="en",
            now=timezone.now(),
        )
    for made in Subscription.objects.all():
        unsubscribing.end(made)

    def resume(address: str) -> Any:
        made = Subscription.objects.get(address=address)
        return call("POST", f"subscriptions/{made.public_id}/resume")

    assert (resume(NOA).status_code, resume(NOA).json()["code"]) == (409, "not_confirmed")
    assert Subscription.objects.get(address=NOA).state == "disabled"
    # to begin anew is to ask
    assert subscribe(call, "email", NOA).json()["state"] == "unconfirmed"
    assert unsubscribing.end(Subscription.objects.get(address=NOA))
    assert resume(NOA).status_code == 409
    # one's own is one's own
    assert resume(MAYA).json()["state"] == "active"


def test_nobody_is_written_to_too_often_whoever_wishes_it(
    call: Call, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contacts, "LETTERS_AN_HOUR", 2)
    subscribe(call, "email", MAYA)
    for _ in range(4):
        tell(texts=WORDS)
        deliver()

    assert len(mailbox.taken) == 2
    states = Delivery.objects.order_by("position").values_list("state", "reason")
    assert list(states)[2:] == [("skipped", "too_many")] * 2


def test_a_person_is_sent_the_newest_again_and_that_seldom(call: Call, mailbox: Mailbox) -> None:
    made = subscribe(call, "email", MAYA).json()
    tell(count=3, texts=WORDS)
    deliver()
    path = f"subscriptions/{made['id']}"

    replayed = call("POST", f"{path}/replay", {"after": 0})
    assert replayed.status_code == 200
    assert (deliver(), len(mailbox.taken)) == (1, 2)
    assert call("POST", f"{path}/test").json()["sent"] is True
    assert str(mailbox.taken[2]["Subject"]) == "This is a test: messages of Museo arrive here."
    answers = [call("POST", f"{path}/test").status_code for _ in range(5)]
    assert answers == [200] * 3 + [429] * 2
    assert call("POST", f"deliveries/{made['id']}-3/resend").status_code == 429


@pytest.mark.parametrize(
    ("channel", "address", "code"),
    [
        ("email", "nobody", "bad_address"),
        ("email", "a@example.org\nBcc: b@example.org", "bad_address"),
        ("sms", "12", "bad_address"),
        ("webpush", "{}", "bad_address"),
        ("webpush", '{"endpoint":"https://10.0.0.1/","keys":{}}', "bad_address"),
        ("whatsapp", NUMBER, "channel_not_configured"),
        ("instagram", "17841", "channel_not_configured"),
        ("pigeon", "roof", "invalid"),
    ],
)
def test_an_address_that_can_be_none_is_refused(
    call: Call, twilio: Twilio, channel: str, address: str, code: str
) -> None:
    refused = subscribe(call, channel, address)

    assert (refused.json()["code"], Subscription.objects.count()) == (code, 0)
    assert 400 <= refused.status_code < 500
    if code == "channel_not_configured":
        assert "_TOKEN" in refused.json()["detail"]


def test_a_code_that_does_not_get_out_makes_nothing(call: Call, mailbox: Mailbox) -> None:
    mailbox.to_recipients.append("550 No such user")

    refused = subscribe(call, "email", NOA)

    assert (refused.status_code, refused.json()["code"]) == (409, "not_reached")
    assert not Subscription.objects.exists()


def test_letters_are_answered_to_the_shops_address(
    call: Call, mailbox: Mailbox, contact_email: str
) -> None:
    own = subscribe(call, "email", MAYA).json()
    subscribe(call, "email", NOA)
    call("POST", f"subscriptions/{own['id']}/test")
    tell(texts=WORDS)
    deliver()

    said = {str(each["Subject"]).partition(" ")[2]: str(each["Reply-To"]) for each in mailbox.taken}

    # a code, a test, an event
    assert len(said) == len(mailbox.taken) == 3
    assert set(said.values()) == {contact_email}


def test_guests_name_no_address_of_their_own(call: Call, mailbox: Mailbox) -> None:
    wish = {"topic": "broadcast.all", "channel": "email", "address": NOA}

    assert call("POST", "subscriptions", wish, by=Client()).status_code == 401
    assert mailbox.taken == []


ODD = ["\ud800", "a\0b", "\u202e123456", "1" * 10_000, "maya@\ud800.org", "maya@münchen.de\0", ""]


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("channel", ["email", "sms", "whatsapp", "instagram", "webpush"])
def test_odd_addresses_are_answered_clearly(
    call: Call, mailbox: Mailbox, twilio: Twilio, channel: str, text: str
) -> None:
    refused = subscribe(call, channel, text)

    assert 400 <= refused.status_code < 500
    assert refused["Content-Type"] == "application/problem+json"
    assert not Subscription.objects.exists()


@pytest.mark.parametrize("text", [*ODD, 123456, None, ["1"]])
def test_odd_codes_are_answered_clearly(call: Call, mailbox: Mailbox, text: Any) -> None:
    made = subscribe(call, "email", NOA).json()

    refused = call("POST", f"subscriptions/{made['id']}/confirm", {"code": text})

    assert refused.status_code == 400
    assert Subscription.objects.get().state == "unconfirmed"


@pytest.mark.parametrize("domain", ["münchen.de", "bücher.example"])
def test_an_address_of_any_alphabet_is_asked_like_others(
    call: Call, mailbox: Mailbox, domain: str
) -> None:
    made = subscribe(call, "email", f"maya@{domain}")

    assert made.json()["state"] == "unconfirmed"
    assert len(mailbox.taken) == 1
