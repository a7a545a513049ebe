"""Letters that somebody sends to one address: who may, how often, and each once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from pytest_django import Settings

from museo.access import limits
from museo.access.callers import Caller
from museo.access.idempotency import KeyReused
from museo.access.limits import TooOften
from museo.access.models import IdempotencyKey, Trail
from museo.access.problems import Invalid, NotAllowed, NotSignedIn
from notifications import channels, direct
from notifications.channels import email, news
from notifications.channels.message import Template
from notifications.contacts import WantsNothing
from notifications.direct import Letter, NotReached
from tests.notifications.channels.conftest import NUMBER
from tests.notifications.channels.meta_server import Meta
from tests.notifications.channels.twilio_server import Twilio
from tests.notifications.conftest import NOON

pytestmark = [pytest.mark.django_db(transaction=True)]
AGENT = Caller(who="service:7", scopes=frozenset({"notify:send"}))
TABLE = Letter("maya@example.org", "Your table is ready.\nCome at six.")


@pytest.fixture(autouse=True)
def _nobody_has_sent() -> None:
    limits._buckets.forget()


def send(letter: Letter = TABLE, channel: str = "email", **more: Any) -> dict[str, Any]:
    return direct.send(more.pop("caller", AGENT), channel, letter, **{"now": NOON, **more})


def test_a_letter_leaves_and_is_known_by_its_id() -> None:
    sent = send()

    [letter] = mail.outbox
    assert (letter.to, letter.subject) == (["maya@example.org"], "Your table is ready.")
    assert letter.body == TABLE.text
    assert letter.reply_to == []
    assert sent["delivery_id"] in sent["reference"] == letter.extra_headers["Message-ID"]
    trace = Trail.objects.get()
    assert (trace.who, trace.what, trace.target) == (AGENT.who, "letter.email", sent["delivery_id"])


def test_a_letter_is_answered_to_the_shops_address(contact_email: str) -> None:
    send()

    assert mail.outbox[0].reply_to == [contact_email]


@pytest.mark.parametrize("request_id", ["", "table-7"])
def test_the_same_letter_leaves_once(request_id: str) -> None:
    first = send(request_id=request_id)
    again = send(request_id=request_id, now=NOON + timedelta(minutes=1))

    assert again == first
    assert len(mail.outbox) == 1


def test_other_words_or_a_later_time_are_another_letter() -> None:
    ids = {
        send()["delivery_id"],
        send(replace(TABLE, text="Come at seven."))["delivery_id"],
        send(now=NOON + timedelta(minutes=10))["delivery_id"],
        send(caller=replace(AGENT, who="service:8"))["delivery_id"],
    }

    assert len(ids) == len(mail.outbox) == 4


def test_a_request_id_is_of_one_letter() -> None:
    send(request_id="a")

    with pytest.raises(KeyReused):
        send(replace(TABLE, text="Other words"), request_id="a")
    assert len(mail.outbox) == 1


def test_nothing_is_sent_within_a_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def note(_message: object) -> str:
        seen.append(connection.in_atomic_block)
        return "ref"

    way = replace(channels.CHANNELS["email"], send=note)
    monkeypatch.setitem(channels.CHANNELS, "email", way)

    send()

    assert seen == [False]


@pytest.mark.parametrize(
    ("letter", "pointer"),
    [
        (replace(TABLE, to="maya"), "/to"),
        (replace(TABLE, text="  \n"), "/text"),
        (replace(TABLE, text="a" * 10_001), "/text"),
        (replace(TABLE, subject="a" * 201), "/subject"),
    ],
)
def test_a_letter_that_cannot_be_sent_is_refused(letter: Letter, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        send(letter)

    assert [error["pointer"] for error in refused.value.errors] == [pointer]
    assert mail.outbox == []
    assert not IdempotencyKey.objects.exists()


def test_who_may_not_send_sends_nothing() -> None:
    with pytest.raises(NotSignedIn):
        send(caller=Caller(scopes=frozenset({"notify:send"})))
    with pytest.raises(NotAllowed):
        send(caller=replace(AGENT, scopes=frozenset({"orders:write"})))
    assert mail.outbox == []


def test_a_channel_without_its_settings_says_which() -> None:
    with pytest.raises(channels.NotConfigured, match="TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN"):
        send(Letter(NUMBER, "Hi"), "sms")
    with pytest.raises(channels.NotConfigured, match="WHATSAPP_TOKEN"):
        send(Letter(NUMBER, "Hi"), "whatsapp")


def test_who_has_said_stop_is_left_in_peace() -> None:
    news.hear([news.Reply("email", "1", "maya@example.org", "STOP", NOON)])

    with pytest.raises(WantsNothing):
        send()
    assert mail.outbox == []
    assert not IdempotencyKey.objects.exists()


def test_an_address_gets_few_letters_and_a_caller_sends_few() -> None:
    letters = [replace(TABLE, text=f"Letter {number}") for number in range(direct.MOST_TO_ADDRESS)]
    for letter in letters:
        send(letter)

    with pytest.raises(TooOften):
        send(replace(TABLE, text="One more"))
    # a letter that was refused for its address counts for the caller
    for number in range(direct.MOST_OF_CALLER - direct.MOST_TO_ADDRESS - 1):
        send(replace(TABLE, to=f"a{number}@example.org"))
    with pytest.raises(TooOften):
        send(replace(TABLE, to="noah@example.org"))
    assert len(mail.outbox) == direct.MOST_OF_CALLER - 1


def test_what_did_not_leave_can_be_sent_again(twilio: Twilio, settings: Settings) -> None:
    base, settings.TWILIO_API_BASE = settings.TWILIO_API_BASE, "http://127.0.0.1:9"
    with pytest.raises(NotReached) as failed:
        send(Letter(NUMBER, "Come at six."), "sms", request_id="a")
    settings.TWILIO_API_BASE = base

    sent = send(Letter(NUMBER, "Come at six."), "sms", request_id="a")

    assert (failed.value.code, failed.value.facts["permanent"]) == ("unreachable", False)
    assert sent["reference"].startswith("SM")
    assert [taken["Body"] for taken in twilio.taken] == ["Come at six."]


def test_whatsapp_takes_free_words_within_a_day_and_templates_after(meta: Meta) -> None:
    words = Letter(NUMBER, "Come at six.")
    meta.templates["table_ready", "en"] = 1
    meta.windows.add(NUMBER.removeprefix("+"))
    with pytest.raises(NotReached) as closed:
        send(words, "whatsapp")
    send(replace(words, template=Template("table_ready", ("six",))), "whatsapp")
    news.hear([news.Reply("whatsapp", "1", NUMBER, "When?", NOON)])
    send(words, "whatsapp", now=NOON + timedelta(minutes=1))

    assert closed.value.code == "window_closed"
    assert [taken["type"] for taken in meta.taken] == ["template", "text"]


def test_the_log_and_the_trail_hold_no_address(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    send()

    kept = str([vars(record) for record in caplog.records]) + str(Trail.objects.values())
    assert "maya" not in kept
    assert email.NAME in kept
    assert "maya" not in IdempotencyKey.objects.get().answer
