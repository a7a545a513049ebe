"""Messages to browsers: what a browser can read, what its push service answers."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from notifications.channels import webpush
from notifications.channels.message import BadAddress, NotSent
from tests.notifications.channels.conftest import CONTENT, message
from tests.notifications.channels.push_service import Browser
from tests.notifications.conftest import NOON

ELSEWHERE = "https://push.example.com/send/abc"


def subscription(browser: Browser, **changed: Any) -> str:
    return json.dumps({**json.loads(browser.subscription), **changed})


def test_the_browser_reads_what_was_sent_and_nobody_else_does(browser: Browser) -> None:
    reference = webpush.send(message(webpush.check(browser.subscription)))

    assert reference == f"{browser.url}/message/1"
    assert browser.read == [
        {
            "title": "Your order is on the way",
            "body": "🔔 Driver is on the way! 🚚\nETA: 4 minutes",
            "url": "https://shop.example/orders/ORD-7K4Q2M9X",
            "tag": "order.ORD-7K4Q2M9X",
            "lang": "en",
            "dir": "ltr",
        }
    ]
    assert b"Driver" not in browser.asked[0].body


def test_the_cipher_is_the_one_of_the_standards_example() -> None:
    """RFC 8291, section 5 and appendix A."""
    number = webpush._bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
    browser = webpush.Browser(
        ELSEWHERE,
        webpush._bytes(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
        ),
        webpush._bytes("BTBZMqHH6r4Tts7J_aSIgg"),
    )

    sealed = webpush.encrypt(
        b"When I grow up, I want to be a watermelon",
        browser,
        own=ec.derive_private_key(int.from_bytes(number, "big"), ec.SECP256R1()),
        salt=webpush._bytes("DGv6ra1nlYgDCS1FRnbzlw"),
    )

    assert webpush._text(sealed) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6"
        "TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy"
        "4a-fN"
    )


def test_a_newer_message_of_an_order_replaces_one_that_was_not_seen(browser: Browser) -> None:
    other = replace(CONTENT, thread="order.ORD-OTHER")

    for content in (CONTENT, CONTENT, other, replace(CONTENT, thread="")):
        webpush.send(message(browser.subscription, content))

    first, second, of_other, none = [each.headers["Topic"] for each in browser.asked]
    assert first == second != of_other
    assert none is None


def test_what_is_urgent_is_said_to_be_and_waits_longer(browser: Browser) -> None:
    webpush.send(message(browser.subscription))
    webpush.send(message(browser.subscription, replace(CONTENT, is_urgent=True)))

    told = [(each.headers["Urgency"], each.headers["TTL"]) for each in browser.asked]
    assert told == [("normal", "14400"), ("high", "86400")]


def test_a_long_message_is_cut_to_what_a_push_service_takes(browser: Browser) -> None:
    long = replace(CONTENT, chat="🚚" * 3000, subject="S" * 500, locale="ar")

    webpush.send(message(browser.subscription, long))

    assert len(browser.asked[0].body) <= 4096
    assert browser.read[0]["title"].endswith("…")
    assert browser.read[0]["dir"] == "rtl"
    with pytest.raises(NotSent) as refused:
        webpush.payload(replace(CONTENT, url="https://shop.example/" + "x" * 4000))
    assert (refused.value.code, refused.value.permanent) == ("too_large", True)


@pytest.mark.parametrize(
    ("status", "said", "permanent"),
    [
        (404, "gone", True),
        (410, "gone", True),
        (413, "too_large", True),
        (400, "refused", True),
        (403, "not_authorized", False),
        (429, "too_often", False),
        (500, "unreachable", False),
        (301, "refused", True),
    ],
)
def test_an_answer_says_whether_the_browser_is_gone(
    browser: Browser, status: int, said: str, permanent: bool
) -> None:
    browser.refusing.append((status, {"Retry-After": "120", "Location": "http://127.0.0.1:9/"}))

    with pytest.raises(NotSent) as refused:
        webpush.send(message(browser.subscription))

    error = refused.value
    assert (error.code, error.permanent, error.detail) == (said, permanent, f"push {status}")
    pauses = {429, 500}
    assert error.retry_after == (timedelta(seconds=120) if status in pauses else None)
    assert browser.url not in repr(error)
    assert len(browser.asked) == 1


def test_a_subscription_is_kept_without_what_is_not_needed(browser: Browser) -> None:
    padded = json.loads(browser.subscription)
    padded["keys"] = {name: f"{value}==" for name, value in padded["keys"].items()}

    kept = json.loads(webpush.check(json.dumps({**padded, "more": "x"})))

    plain = json.loads(browser.subscription)
    assert kept == {"endpoint": plain["endpoint"], "keys": plain["keys"]}


@pytest.mark.parametrize(
    "changed",
    [
        {"keys": {}},
        {"keys": None},
        {"keys": {"p256dh": "AAAA", "auth": "AAAA"}},
        {"keys": {"p256dh": "B" + "A" * 86, "auth": "A" * 22}},
        {"keys": {"p256dh": 1, "auth": 2}},
        {"endpoint": "http://push.example.com/abc"},
        {"endpoint": "https://push.example.com:8443/abc"},
        {"endpoint": "https://user@push.example.com/abc"},
        {"endpoint": "https://localhost/abc"},
        {"endpoint": "https://127.0.0.1/abc"},
        {"endpoint": "https://169.254.169.254/latest"},
        {"endpoint": "https://[::1]/abc"},
        {"endpoint": "https://[::ffff:10.0.0.1]/abc"},
        {"endpoint": "https://[64:ff9b::a00:1]/abc"},
        {"endpoint": "https://100.64.0.1/abc"},
        {"endpoint": "https://2130706433/abc"},
        {"endpoint": "https://0x7f.1/abc"},
        {"endpoint": "file:///etc/passwd"},
        {"endpoint": "https://[::1"},
        {"endpoint": ""},
    ],
)
def test_what_is_no_subscription_is_refused(browser: Browser, changed: dict[str, Any]) -> None:
    with pytest.raises(BadAddress):
        webpush.check(subscription(browser, **changed))


@pytest.mark.parametrize("wrong", ["", "[]", "null", "{}", "x" * 5000, "\ud800", "1"])
def test_what_is_no_json_of_a_browser_is_refused(wrong: str) -> None:
    with pytest.raises(BadAddress):
        webpush.check(wrong)


def test_the_public_key_is_a_point_that_browsers_take() -> None:
    point = base64.urlsafe_b64decode(webpush.public_key() + "=")

    assert (len(point), point[0]) == (65, 4)


def test_a_signature_names_the_push_service_and_ends_within_a_day(browser: Browser) -> None:
    webpush.send(message(browser.subscription))

    token = browser.asked[0].headers["Authorization"].partition("t=")[2].partition(",")[0]
    claims = json.loads(webpush._bytes(token.split(".")[1]))
    assert claims["aud"] == browser.url
    assert claims["exp"] == int((NOON + timedelta(hours=12)).timestamp())
    assert claims["sub"] == "mailto:orders@localhost"
