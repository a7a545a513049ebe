"""Text messages, against a server that keeps to Twilio's reference."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django import Settings

from notifications import channels
from notifications.channels import calling, news, sms
from notifications.channels.message import BadAddress, NotSent
from notifications.models import Event, InboundMessage, Report
from tests.notifications.channels.conftest import CONTENT, NUMBER, message
from tests.notifications.channels.twilio_server import Twilio
from tests.notifications.conftest import NOON

STATUS, MESSAGES = "/api/v1/channels/twilio/status", "/api/v1/channels/twilio/messages"


def tell(client: Client, path: str, form: dict[str, str], signed: str | None = None) -> Any:
    right = sms.sign(f"https://shop.example{path}", list(form.items()))
    return client.generic(
        "POST",
        path,
        urlencode(form),
        "application/x-www-form-urlencoded",
        headers={"X-Twilio-Signature": right if signed is None else signed},
    )


def test_a_message_goes_out_with_its_link_and_without_emoji(twilio: Twilio) -> None:
    reference = sms.send(message())

    assert reference == "SM" + "0" * 31 + "1"
    assert twilio.taken == [
        {
            "To": NUMBER,
            "From": "+15005550006",
            "Body": "The courier has picked up your order. 4 minutes left.\n"
            "https://shop.example/orders/ORD-7K4Q2M9X",
            "StatusCallback": "https://shop.example/api/v1/channels/twilio/status",
        }
    ]


def test_a_messaging_service_sends_in_the_place_of_a_number(
    twilio: Twilio, settings: Settings
) -> None:
    settings.TWILIO_FROM = "MG" + "0" * 32

    sms.send(message())

    assert twilio.taken[0]["MessagingServiceSid"] == "MG" + "0" * 32
    assert "From" not in twilio.taken[0]


def test_a_shop_that_twilio_cannot_reach_asks_for_no_report(
    twilio: Twilio, settings: Settings
) -> None:
    settings.MUSEO_PUBLIC_URL = "http://127.0.0.1:8000"

    sms.send(message())

    assert "StatusCallback" not in twilio.taken[0]


def test_a_long_message_is_cut_before_its_link(twilio: Twilio) -> None:
    sms.send(message(content=replace(CONTENT, short="x" * 5000)))

    body = twilio.taken[0]["Body"]
    assert len(body) == 1600
    assert body.endswith(f"x…\n{CONTENT.url}")


@pytest.mark.parametrize(
    ("status", "code", "said", "permanent"),
    [
        (400, 21211, "bad_address", True),
        (400, 21614, "bad_address", True),
        (400, 21610, "opted_out", True),
        (400, 21617, "too_large", True),
        (400, 99999, "refused", True),
        (429, 20429, "too_often", False),
        (400, 21611, "too_often", False),
        (401, 20003, "not_authorized", False),
        (404, 20404, "not_authorized", False),
        (500, 20500, "unreachable", False),
        (503, 20503, "unreachable", False),
    ],
)
def test_an_error_says_whether_another_try_is_of_use(
    twilio: Twilio, status: int, code: int, said: str, permanent: bool
) -> None:
    twilio.refusing.append((status, code, {}))

    with pytest.raises(NotSent) as refused:
        sms.send(message())

    error = refused.value
    assert (error.code, error.permanent, error.detail) == (said, permanent, f"twilio {code}")
    assert error.code in NotSent.CODES
    assert NUMBER not in f"{error!r}{error}{error.detail}"


def test_twilio_says_how_long_it_wants_to_be_left_alone(twilio: Twilio) -> None:
    twilio.refusing.append((429, 20429, {"Retry-After": "90"}))

    with pytest.raises(NotSent) as refused:
        sms.send(message())

    assert refused.value.retry_after == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("said", "pause"),
    [
        ("Fri, 20 Nov 2026 12:05:00 GMT", timedelta(minutes=5)),
        ("Fri, 20 Nov 2026 11:00:00 GMT", timedelta(0)),
        ("999999999999", timedelta(days=1)),
        ("soon", None),
        ("-1", None),
        ("", None),
    ],
)
def test_a_pause_is_seconds_or_a_date(said: str, pause: timedelta | None) -> None:
    assert calling.retry_after(said, now=NOON) == pause


def test_a_person_who_has_stopped_is_not_tried_again(twilio: Twilio) -> None:
    twilio.stopped.add(NUMBER)

    with pytest.raises(NotSent) as refused:
        sms.send(message())

    assert (refused.value.code, refused.value.permanent) == ("opted_out", True)
    assert twilio.taken == []


def test_a_server_that_is_away_is_tried_again(twilio: Twilio, settings: Settings) -> None:
    settings.TWILIO_API_BASE = "http://127.0.0.1:9"

    with pytest.raises(NotSent) as refused:
        sms.send(message())

    assert (refused.value.code, refused.value.permanent) == ("unreachable", False)


def test_a_wrong_token_is_staffs_business_and_not_the_messages(
    twilio: Twilio, settings: Settings
) -> None:
    settings.TWILIO_AUTH_TOKEN = "another"

    with pytest.raises(NotSent) as refused:
        sms.send(message())

    assert (refused.value.code, refused.value.permanent) == ("not_authorized", False)


def test_a_number_is_kept_without_what_people_write_between() -> None:
    assert sms.check("+358 (40) 123-4567") == NUMBER


@pytest.mark.parametrize("wrong", ["0401234567", "+0401234567", "+3584", "", "+35840x", "+" * 9])
def test_a_number_without_its_country_is_refused(wrong: str) -> None:
    with pytest.raises(BadAddress) as refused:
        sms.check(wrong)

    assert refused.value.errors[0]["pointer"] == "/address"


def test_without_its_settings_the_channel_says_so() -> None:
    with pytest.raises(channels.NotConfigured, match="TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN"):
        channels.require("sms")
    with pytest.raises(channels.NotConfigured, match="Choose one of: email, sms"):
        channels.require("pigeon")

    told = {each["code"]: each["configured"] for each in channels.describe()}
    assert told == {
        "email": True,
        "sms": False,
        "whatsapp": False,
        "instagram": False,
        "webpush": True,
    }


# what Twilio tells


@pytest.mark.django_db
@pytest.mark.both
def test_reports_come_in_any_order_and_the_latest_state_stands(
    twilio: Twilio, client: Client
) -> None:
    def told(state: str, **more: str) -> dict[str, Any]:
        form = {"MessageSid": "SM1", "MessageStatus": state, "To": NUMBER, **more}
        answer = tell(client, STATUS, form)
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    news_of = [told(state)["statuses"] for state in ("queued", "delivered", "sent", "delivered")]

    assert news_of == [0, 1, 0, 0]
    report = Report.objects.get()
    assert (report.channel, report.reference, report.state) == ("sms", "SM1", "delivered")


@pytest.mark.django_db
def test_a_failure_keeps_its_code(twilio: Twilio, client: Client) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30005"}

    tell(client, STATUS, form)

    assert Report.objects.values_list("state", "code").get() == ("failed", "30005")


@pytest.mark.django_db
@pytest.mark.both
def test_what_somebody_writes_is_kept_once_sealed_and_staff_hear_of_it(
    twilio: Twilio, client: Client
) -> None:
    form = {"MessageSid": "SM9", "From": NUMBER, "To": "+15005550006", "Body": "Where is it? \0 ?"}

    answers = [tell(client, MESSAGES, form) for _ in "12"]

    assert [(each.status_code, each.content) for each in answers] == [(200, b"<Response/>")] * 2
    assert answers[0]["Content-Type"] == "text/xml"
    kept = InboundMessage.objects.get()
    assert news.read(kept) == news.Said(sender=NUMBER, text="Where is it?  ?")
    assert (kept.channel, kept.provider_id, kept.word) == ("sms", "SM9", "")
    assert "Where" not in kept.sealed
    event = Event.objects.get(type="mail.received")
    assert event.topic == "staff.inbox"
    assert event.data == {"message_id": kept.public_id, "channel": "sms", "word": None}
    assert news.last_heard_at("sms", NUMBER) == kept.received_at
    assert news.last_heard_at("sms", "+358401234568") is None


@pytest.mark.django_db
def test_stop_ends_it_until_start(twilio: Twilio, client: Client) -> None:
    def write(sid: str, text: str) -> bool:
        tell(client, MESSAGES, {"MessageSid": sid, "From": NUMBER, "Body": text})
        return news.has_stopped("sms", NUMBER)

    assert write("SM1", "Please stop calling me") is False
    assert write("SM2", " Stop. ") is True
    assert write("SM3", "Thank you") is True
    assert write("SM4", "START") is False
    assert list(InboundMessage.objects.order_by("pk").values_list("word", flat=True)) == [
        "",
        "stop",
        "",
        "start",
    ]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("STOP", "stop"),
        ("arrêt !", "stop"),
        ("إيقاف", "stop"),
        ("Stopp", "stop"),
        ("help", "help"),
        ("Hilfe", "help"),
        ("stop it", ""),
        ("stoppage", ""),
        ("", ""),
    ],
)
def test_a_word_counts_only_alone(text: str, word: str) -> None:
    assert news.word_of(text) == word


@pytest.mark.django_db
@pytest.mark.parametrize("signed", ["", "AAAA", "%é"])
def test_what_twilio_has_not_signed_is_refused(twilio: Twilio, client: Client, signed: str) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "delivered", "From": NUMBER, "Body": "Hi"}

    answers = [tell(client, path, form, signed) for path in (STATUS, MESSAGES)]

    assert [(each.status_code, each.json()["code"]) for each in answers] == [
        (400, "bad_signature")
    ] * 2
    assert not Report.objects.exists()
    assert not InboundMessage.objects.exists()


@pytest.mark.django_db
def test_a_signature_is_of_one_address_and_one_body(twilio: Twilio, client: Client) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "sent"}
    of_another = sms.sign(f"https://shop.example{MESSAGES}", list(form.items()))
    of_less = sms.sign(f"https://shop.example{STATUS}", [("MessageSid", "SM1")])

    assert tell(client, STATUS, form, of_another).status_code == 400
    assert tell(client, STATUS, form, of_less).status_code == 400


@pytest.mark.parametrize(
    ("form", "signature"),
    [
        (
            [
                ("CallSid", "CA1234567890ABCDE"),
                ("From", "+14158675309"),
                ("Digits", "1234"),
                ("To", "+18005551212"),
                ("Caller", "+14158675309"),
            ],
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        ),
        (
            [
                ("Sid", "CA123"),
                ("SidAccount", "AC123"),
                ("Digits", "5678"),
                ("Digits", "1234"),
                ("Digits", "1234"),
            ],
            "IK+Dwps556ElfBT0I3Rgjkr1wJU=",
        ),
    ],
)
def test_the_signature_is_the_one_of_twilios_reference(
    settings: Settings, form: list[tuple[str, str]], signature: str
) -> None:
    """The examples of Twilio's documentation and of its own libraries' tests."""
    settings.TWILIO_AUTH_TOKEN = "12345"

    assert sms.sign("https://mycompany.com/myapp.php?foo=1&bar=2", form) == signature


@pytest.mark.django_db
def test_a_shop_without_twilio_hears_nothing(client: Client) -> None:
    answer = client.post(STATUS, {"MessageSid": "SM1"})

    assert (answer.status_code, answer.json()["code"]) == (409, "channel_not_configured")


@pytest.mark.django_db
@pytest.mark.parametrize("body", [b"\xff\xfe", b"&".join([b"a=1"] * 500)])
def test_a_body_that_cannot_be_read_is_refused(twilio: Twilio, client: Client, body: bytes) -> None:
    answer = client.generic("POST", STATUS, body, "application/x-www-form-urlencoded")

    assert answer.status_code == 400


@pytest.mark.django_db
def test_no_line_of_the_log_names_a_person(
    twilio: Twilio, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    sms.send(message())
    twilio.refusing += [(400, 21211, {}), (500, 20500, {})]
    for _each in "12":
        with pytest.raises(NotSent):
            sms.send(message())
    form = {"MessageSid": "SM1", "From": NUMBER, "Body": "Where is it?"}
    tell(client, MESSAGES, form)
    tell(client, MESSAGES, form, "wrong")

    assert NUMBER not in caplog.text
    assert "Where" not in caplog.text
    # the library would write down whom it calls
    assert "httpx2" not in caplog.text


def test_neither_number_nor_text_is_shown_by_accident() -> None:
    told = repr(message()) + repr(
        news.Reply("sms", "SM1", NUMBER, "Where is it?", at=NOON, subject="My order")
    )

    assert NUMBER not in told
    assert "Where" not in told
    assert "courier" not in told
