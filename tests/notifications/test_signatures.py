"""Signatures of webhooks: what is signed verifies, and nothing else does."""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from notifications.channels import signatures
from notifications.channels.signatures import ID, SIGNATURE, TIMESTAMP, BadSignature
from tests.notifications.conftest import NOON

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(32, 64))).decode()
BODY = '{"type":"order.placed","title":"Lämpchen"}'.encode()


def signed(*secrets: str, at: datetime = NOON) -> dict[str, str]:
    return signatures.headers(secrets or (SECRET,), id="evt_1", at=at, body=BODY)


def is_right(headers: dict[str, str], body: bytes = BODY, *, now: datetime = NOON) -> bool:
    try:
        signatures.verify([SECRET], headers, body, now=now)
    except BadSignature:
        return False
    return True


def test_it_is_signed_as_the_specification_has_it() -> None:
    """The example of https://github.com/standard-webhooks/standard-webhooks (libraries' tests)."""
    at = datetime.fromtimestamp(1614265330, UTC)
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    headers = signatures.headers(
        [secret], id="msg_p5jXN8AQM9LWM0D4loKWxJek", at=at, body=b'{"test": 2432232314}'
    )

    assert headers == {
        ID: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        TIMESTAMP: "1614265330",
        SIGNATURE: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_the_same_moment_in_another_zone_is_signed_alike() -> None:
    assert signed(at=NOON.astimezone(ZoneInfo("America/New_York"))) == signed()


def test_names_of_headers_may_be_in_capitals() -> None:
    assert is_right({name.upper(): value for name, value in signed().items()})


def test_while_a_secret_is_replaced_either_verifies() -> None:
    headers = signed(OTHER, SECRET)

    for secret in (OTHER, SECRET):
        signatures.verify([secret], headers, BODY, now=NOON)
    assert not is_right(signed(OTHER))


def test_five_minutes_apart_is_right_and_a_second_more_is_not() -> None:
    for seconds, right in ((299, True), (300, True), (301, False)):
        for sign in (1, -1):
            now = NOON + sign * timedelta(seconds=seconds)
            assert is_right(signed(), now=now) is right


@pytest.mark.parametrize(
    "change",
    [
        {ID: ""},
        {ID: "\udcff"},
        {TIMESTAMP: ""},
        {TIMESTAMP: "now"},
        {TIMESTAMP: "١٢٣"},
        {TIMESTAMP: "9" * 5000},
        {TIMESTAMP: "-1"},
        {SIGNATURE: ""},
        {SIGNATURE: "v1"},
        {SIGNATURE: "x"},
        {SIGNATURE: "v1,a,b"},
        {SIGNATURE: "v1,\udcff"},
        {SIGNATURE: "v1," + "é" * 44},
    ],
)
def test_headers_that_are_none_are_refused(change: dict[str, str]) -> None:
    assert not is_right({**signed(), **change})


def test_a_body_that_is_no_text_is_refused_or_right_as_any_other() -> None:
    body = b"\xff\xfe\x00"
    headers = signatures.headers([SECRET], id="evt_1", at=NOON, body=body)

    assert is_right(headers, body)
    assert not is_right(headers, body[:-1])


def test_a_secret_that_is_none_is_no_secret() -> None:
    for secret in ("whsec_!", "whsec_é"):
        with pytest.raises(BadSignature):
            signatures.verify([secret], signed(), BODY, now=NOON)


def test_no_message_with_a_bit_changed_is_right(request: pytest.FixtureRequest) -> None:
    rounds = 10_000 if request.config.getoption("--long") else 500
    dice = random.Random(7)  # noqa: S311  of a test
    headers = signed()
    values = {**headers, "body": BODY.decode("latin-1")}

    wrongly_right = 0
    for _ in range(rounds):
        name = dice.choice(list(values))
        wrong = bytearray(values[name].encode("latin-1"))
        wrong[dice.randrange(len(wrong))] ^= 1 << dice.randrange(8)
        changed = {**values, name: wrong.decode("latin-1")}
        body = changed.pop("body").encode("latin-1")
        wrongly_right += is_right(changed, body)

    assert wrongly_right == 0
