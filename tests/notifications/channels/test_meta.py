"""WhatsApp and Instagram, against a server that keeps to Meta's reference."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from notifications.channels import instagram, news, whatsapp
from notifications.channels import meta as channel
from notifications.channels.message import BadAddress, NotSent
from notifications.models import Event, InboundMessage, Report
from tests.notifications.channels.conftest import CONTENT, NUMBER, message
from tests.notifications.channels.meta_server import SECRET, WORD, Meta
from tests.notifications.conftest import NOON

WEBHOOK = "/api/v1/channels/meta"
DIGITS = NUMBER.removeprefix("+")
AN_HOUR_AGO = NOON - timedelta(hours=1)
SECONDS = "1795176000"


def tell(client: Client, told: Any, *, secret: str = SECRET) -> Any:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    headers = {"X-Hub-Signature-256": channel.sign(body, secret)}
    return client.generic("POST", WEBHOOK, body, "application/json", headers=headers)


def of_whatsapp(**value: Any) -> dict[str, Any]:
    """As docs/whatsapp/cloud-api/webhooks/payload-examples has it."""
    about = {"display_phone_number": "16505551111", "phone_number_id": "106540352242922"}
    told = {"messaging_product": "whatsapp", "metadata": about, **value}
    changes = [{"value": told, "field": "messages"}]
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "102290129340398", "changes": changes}],
    }


def a_status(state: str, name: str = "wamid.1", **more: Any) -> dict[str, Any]:
    return {"id": name, "status": state, "timestamp": SECONDS, "recipient_id": DIGITS, **more}


def a_text(body: str, name: str = "wamid.in", **more: Any) -> dict[str, Any]:
    return {
        "from": DIGITS,
        "id": name,
        "timestamp": SECONDS,
        "type": "text",
        "text": {"body": body},
        **more,
    }


def of_instagram(**told: Any) -> dict[str, Any]:
    one = {
        "sender": {"id": "9001"},
        "recipient": {"id": "17841400000000000"},
        "timestamp": 1795176000123,
        **told,
    }
    return {
        "object": "instagram",
        "entry": [{"id": "17841400000000000", "time": 1795176000123, "messaging": [one]}],
    }


def test_within_a_day_of_the_persons_word_the_chat_is_friendly(meta: Meta) -> None:
    meta.windows.add(DIGITS)

    reference = whatsapp.send(message(last_heard_at=AN_HOUR_AGO))

    assert reference == "wamid.1"
    (taken,) = meta.taken
    assert taken["type"] == "text"
    assert taken["text"]["body"] == (
        "🔔 Driver is on the way! 🚚\nETA: 4 minutes\nhttps://shop.example/orders/ORD-7K4Q2M9X"
    )
    assert (taken["to"], taken["biz_opaque_callback_data"]) == (DIGITS, "dlv_1")


@pytest.mark.parametrize("heard", [None, NOON - timedelta(hours=24), NOON - timedelta(days=9)])
def test_later_only_a_template_gets_through(meta: Meta, heard: datetime | None) -> None:
    meta.templates["order_update", "en"] = 2

    whatsapp.send(message(last_heard_at=heard))

    assert meta.taken[0]["template"] == {
        "name": "order_update",
        "language": {"code": "en"},
        "components": [
            {
                "type": "body",
                "parameters": [
                    {"type": "text", "text": "ORD-7K4Q2M9X"},
                    {"type": "text", "text": "On the way. Soon."},
                ],
            }
        ],
    }


def test_without_a_template_nobody_is_asked_in_vain(meta: Meta) -> None:
    with pytest.raises(NotSent) as refused:
        whatsapp.send(message(content=replace(CONTENT, template=None)))

    assert (refused.value.code, refused.value.permanent) == ("window_closed", True)
    assert meta.taken == []


def test_a_window_that_closed_meanwhile_says_so(meta: Meta) -> None:
    with pytest.raises(NotSent) as refused:
        whatsapp.send(message(last_heard_at=AN_HOUR_AGO))

    assert (refused.value.code, refused.value.detail) == ("window_closed", "meta 131047")


def test_a_template_that_nobody_approved_is_refused_for_good(meta: Meta) -> None:
    with pytest.raises(NotSent) as refused:
        whatsapp.send(message())

    assert (refused.value.code, refused.value.permanent) == ("refused", True)
    assert refused.value.detail == "meta 132001"


@pytest.mark.parametrize(
    ("status", "code", "said", "permanent"),
    [
        (400, 131026, "bad_address", True),
        (400, 131050, "opted_out", True),
        (400, 100, "refused", True),
        (400, 131056, "too_often", False),
        (400, 130429, "too_often", False),
        (400, 80007, "too_often", False),
        (401, 190, "not_authorized", False),
        (403, 200, "not_authorized", False),
        (400, 131031, "not_authorized", False),
        (500, 131000, "unreachable", False),
        (503, 2, "unreachable", False),
        (500, 999, "unreachable", False),
    ],
)
def test_an_error_is_told_by_its_code(
    meta: Meta, status: int, code: int, said: str, permanent: bool
) -> None:
    meta.refusing.append((status, code))

    with pytest.raises(NotSent) as refused:
        whatsapp.send(message())

    error = refused.value
    assert (error.code, error.permanent) == (said, permanent)
    assert NUMBER not in f"{error!r}{error.detail}"


def test_instagram_answers_who_wrote_and_nobody_else(meta: Meta) -> None:
    reference = instagram.send(message("9001", last_heard_at=AN_HOUR_AGO))
    with pytest.raises(NotSent) as refused:
        instagram.send(message("9001"))

    assert reference == "aWdfZG1f1"
    assert meta.taken[0]["recipient"] == {"id": "9001"}
    assert meta.taken[0]["message"]["text"].endswith(CONTENT.url)
    assert (refused.value.code, refused.value.permanent) == ("window_closed", True)
    assert len(meta.taken) == 1


def test_instagram_takes_a_thousand_bytes_and_no_broken_letter(meta: Meta) -> None:
    long = replace(CONTENT, chat="🚚" * 999)

    instagram.send(message("9001", long, last_heard_at=AN_HOUR_AGO))

    said = meta.taken[0]["message"]["text"]
    assert 990 < len(said.encode()) <= 1000
    assert said.startswith("🚚🚚")


@pytest.mark.parametrize("wrong", ["maya", "", "9" * 41, "+1"])
def test_an_address_of_instagram_is_a_number(wrong: str) -> None:
    with pytest.raises(BadAddress):
        instagram.check(wrong)


# what Meta tells


@pytest.mark.django_db
def test_meta_is_told_its_challenge_if_it_knows_the_word(meta: Meta, client: Client) -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": WORD}

    right = client.get(WEBHOOK, asked)
    wrong = client.get(WEBHOOK, {**asked, "hub.verify_token": "guess"})

    assert (right.status_code, right.content) == (200, b"1158201444")
    assert right["Content-Type"] == "text/plain"
    assert (wrong.status_code, b"1158201444" in wrong.content) == (400, False)


@pytest.mark.django_db
@pytest.mark.both
def test_whatsapp_tells_states_in_any_order(meta: Meta, client: Client) -> None:
    for state in ("read", "sent", "delivered"):
        assert tell(client, of_whatsapp(statuses=[a_status(state)])).status_code == 200
    failed = a_status("failed", "wamid.2", errors=[{"code": 131026, "title": "Undeliverable"}])
    tell(client, of_whatsapp(statuses=[failed, a_status("warning", "wamid.3")]))

    assert list(Report.objects.order_by("reference").values_list("reference", "state", "code")) == [
        ("wamid.1", "read", ""),
        ("wamid.2", "failed", "131026"),
    ]


@pytest.mark.django_db
@pytest.mark.both
def test_messages_are_kept_once_and_open_the_window(meta: Meta, client: Client) -> None:
    answer = a_text("Leave it at the door", context={"from": "16505551111", "id": "wamid.1"})
    picture = a_text("", "wamid.pic", type="image", image={"id": "1", "caption": "The door"})
    button = a_text("", "wamid.btn", type="button", button={"payload": "x", "text": "Stop"})
    sticker = a_text("", "wamid.st", type="sticker", sticker={"id": "1"})

    told = [tell(client, of_whatsapp(messages=[answer, picture, button, sticker])) for _ in "12"]

    assert [each.json()["replies"] for each in told] == [4, 0]
    kept = {each.provider_id: each for each in InboundMessage.objects.all()}
    texts = {name: news.read(each).text for name, each in kept.items()}
    assert texts == {
        "wamid.in": "Leave it at the door",
        "wamid.pic": "The door",
        "wamid.btn": "Stop",
        "wamid.st": "[sticker]",
    }
    assert kept["wamid.in"].answers == "wamid.1"
    assert kept["wamid.btn"].word == "stop"
    assert news.has_stopped("whatsapp", NUMBER)
    assert news.last_heard_at("whatsapp", NUMBER) == datetime.fromtimestamp(int(SECONDS), tz=UTC)
    told_staff = Event.objects.filter(topic="staff.inbox", type="mail.received")
    assert {each.data["channel"] for each in told_staff} == {"whatsapp"}
    assert told_staff.count() == 4


@pytest.mark.django_db
def test_instagram_tells_by_the_same_webhook(meta: Meta, client: Client) -> None:
    tell(client, of_instagram(message={"mid": "m1", "text": "Is it open?"}))
    tell(client, of_instagram(message={"mid": "m2", "text": "Yes", "is_echo": True}))
    tell(client, of_instagram(read={"mid": "sent1"}))

    kept = InboundMessage.objects.get()
    assert (kept.channel, kept.provider_id) == ("instagram", "m1")
    assert news.read(kept) == news.Said(sender="9001", text="Is it open?")
    assert Report.objects.values_list("channel", "reference", "state").get() == (
        "instagram",
        "sent1",
        "read",
    )


@pytest.mark.django_db
def test_one_that_cannot_be_read_does_not_hold_up_the_others(meta: Meta, client: Client) -> None:
    broken: list[Any] = [
        {},
        {"id": 7, "status": "sent", "timestamp": "x"},
        a_status("sent", "wamid.y" * 99),
        a_status("sent", timestamp="9" * 30),
        "text",
        None,
    ]

    answer = tell(client, of_whatsapp(statuses=[*broken, a_status("sent", "wamid.ok")]))

    assert (answer.status_code, answer.json()["statuses"]) == (200, 1)
    assert Report.objects.get().reference == "wamid.ok"


@pytest.mark.django_db
@pytest.mark.parametrize("told", [b"{", b"[]", b"null", b'{"entry": 1}', b'{"object": []}', b'"x"'])
def test_a_signed_body_of_another_shape_is_no_error_of_ours(
    meta: Meta, client: Client, told: bytes
) -> None:
    assert tell(client, told).status_code in (200, 400)
    assert not Report.objects.exists()


WORDS = st.sampled_from(
    [
        *[
            "object",
            "entry",
            "changes",
            "value",
            "statuses",
            "messages",
            "messaging",
            "id",
            "status",
            "timestamp",
            "type",
        ],
        *[
            "text",
            "body",
            "from",
            "context",
            "errors",
            "sender",
            "message",
            "mid",
            "read",
            "attachments",
            "reply_to",
        ],
        *("whatsapp_business_account", "instagram", "sent", SECONDS),
    ]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | WORDS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=6),
    max_leaves=30,
)


@given(kind=st.sampled_from(["whatsapp_business_account", "instagram"]), told=ANYTHING)
@bounds(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_signed_is_read_or_left_out(meta: Meta, kind: str, told: Any) -> None:
    for entry in (told, {"changes": [{"value": told}]}, {"changes": told}, {"messaging": [told]}):
        for value in (entry, {"statuses": [told], "messages": [told]}):
            body = orjson.dumps({"object": kind, "entry": [value]})
            for news_of_it in channel.read(body, channel.sign(body, SECRET)):
                assert isinstance(news_of_it, news.Status | news.Reply)


@pytest.mark.django_db
def test_what_meta_has_not_signed_is_refused(meta: Meta, client: Client) -> None:
    told = of_whatsapp(messages=[a_text("Hi")])

    refused = tell(client, told, secret="guess")
    older = tell(client, told, secret="an-older-secret")
    without = client.post(WEBHOOK, told, "application/json")

    assert [each.status_code for each in (refused, older, without)] == [400, 200, 400]
    assert InboundMessage.objects.count() == 1


@pytest.mark.django_db
def test_every_bit_of_a_signed_body_counts(meta: Meta, client: Client) -> None:
    body = json.dumps(of_whatsapp(messages=[a_text("Hi")])).encode()
    signature = channel.sign(body, SECRET)

    for bit in range(0, len(body) * 8, 7):
        changed = bytearray(body)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(news.BadNews):
            channel.read(bytes(changed), signature)
