"""Signatures both ways with the libraries that receivers use: `standardwebhooks` and `svix`.

They read the clock themselves, so what they are to verify is signed now.
"""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import standardwebhooks.webhooks
import svix.webhooks
from django.utils import timezone
from standardwebhooks.webhooks import WebhookVerificationError

from museo.access.encryption import unseal
from notifications import dispatcher, sending, subscriptions
from notifications.channels import signatures
from notifications.channels.signatures import ID, SIGNATURE, TIMESTAMP, BadSignature
from notifications.models import Subscription
from tests.notifications.conftest import NOON, somebody, tell
from tests.notifications.receivers import receiving

OURS, BEFORE, NOBODYS = (
    "whsec_" + base64.b64encode(bytes(range(first, first + 32))).decode() for first in (0, 32, 64)
)
LIBRARIES = pytest.mark.parametrize(
    "library",
    [standardwebhooks.webhooks.Webhook, svix.webhooks.Webhook],
    ids=["standardwebhooks", "svix"],
)
BODIES = [
    b"{}",
    orjson.dumps({"text": "L\u00e4mpchen \u0645\u0635\u0628\u0627\u062d \U0001f4a1 \u0000 . ."}),
    orjson.dumps({"text": "x" * 100_000}),
]


def now() -> datetime:
    return datetime.now(UTC)


@LIBRARIES
@pytest.mark.parametrize("body", BODIES, ids=["least", "letters", "large"])
def test_what_is_signed_here_they_verify(library: Any, body: bytes) -> None:
    headers = signatures.headers([OURS], id="evt_1", at=now(), body=body)

    assert library(OURS).verify(body, headers) == orjson.loads(body)
    with pytest.raises(WebhookVerificationError):
        library(NOBODYS).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        library(OURS).verify(body + b" ", headers)


@LIBRARIES
@pytest.mark.parametrize("body", BODIES, ids=["least", "letters", "large"])
def test_what_they_sign_is_verified_here(library: Any, body: bytes) -> None:
    headers = {
        ID: "msg_1",
        TIMESTAMP: str(int(NOON.timestamp())),
        SIGNATURE: library(OURS).sign("msg_1", NOON, body.decode()),
    }

    signatures.verify([OURS], headers, body, now=NOON)
    with pytest.raises(BadSignature):
        signatures.verify([NOBODYS], headers, body, now=NOON)
    with pytest.raises(BadSignature):
        signatures.verify([OURS], headers, body + b" ", now=NOON)


@LIBRARIES
def test_while_a_secret_is_replaced_they_verify_with_either(library: Any) -> None:
    headers = signatures.headers([OURS, BEFORE], id="evt_1", at=now(), body=b"{}")

    for secret in (OURS, BEFORE):
        assert library(secret).verify(b"{}", headers) == {}
    with pytest.raises(WebhookVerificationError):
        library(NOBODYS).verify(b"{}", headers)


@LIBRARIES
def test_while_they_replace_a_secret_either_is_verified_here(library: Any) -> None:
    signed = [library(secret).sign("msg_1", NOON, "{}") for secret in (OURS, BEFORE)]
    headers = {
        ID: "msg_1",
        TIMESTAMP: str(int(NOON.timestamp())),
        # of another version, as the specification allows beside ours
        SIGNATURE: " ".join(["v1a,bm90IG91cnM=", *signed]),
    }

    for secrets in ([OURS], [BEFORE], [NOBODYS, BEFORE]):
        signatures.verify(secrets, headers, b"{}", now=NOON)
    with pytest.raises(BadSignature):
        signatures.verify([NOBODYS], headers, b"{}", now=NOON)


@LIBRARIES
def test_what_is_too_old_for_them_is_too_old_here(library: Any) -> None:
    for minutes, is_right in ((4, True), (6, False)):
        for sign in (1, -1):
            at = now() + sign * timedelta(minutes=minutes)
            headers = signatures.headers([OURS], id="evt_1", at=at, body=b"{}")
            if is_right:
                library(OURS).verify(b"{}", headers)
                signatures.verify([OURS], headers, b"{}", now=now())
                continue
            with pytest.raises(WebhookVerificationError):
                library(OURS).verify(b"{}", headers)
            with pytest.raises(BadSignature):
                signatures.verify([OURS], headers, b"{}", now=now())


@LIBRARIES
def test_no_message_of_theirs_with_a_bit_changed_is_right_here(
    library: Any, request: pytest.FixtureRequest
) -> None:
    rounds = 10_000 if request.config.getoption("--long") else 500
    dice = random.Random(11)  # noqa: S311  of a test
    body = orjson.dumps({"type": "order.placed", "title": "L\u00e4mpchen"})
    whole = {
        ID: "msg_1",
        TIMESTAMP: str(int(NOON.timestamp())),
        SIGNATURE: library(OURS).sign("msg_1", NOON, body.decode()),
        "body": body.decode("latin-1"),
    }
    wrongly_right = []

    for _ in range(rounds):
        name = dice.choice(list(whole))
        wrong = bytearray(whole[name].encode("latin-1"))
        wrong[dice.randrange(len(wrong))] ^= 1 << dice.randrange(8)
        changed = {**whole, name: wrong.decode("latin-1")}
        sent = changed.pop("body").encode("latin-1")
        try:
            signatures.verify([OURS, BEFORE], changed, sent, now=NOON)
        except BadSignature:
            continue
        wrongly_right.append((changed, sent))

    assert wrongly_right == []


@pytest.mark.usefixtures("committed")
@pytest.mark.both
def test_what_a_receiver_gets_they_verify_with_the_secret_before_and_the_new_one(
    settings: Any,
) -> None:
    with receiving() as receiver:
        settings.MUSEO_WEBHOOK_ALLOW = frozenset({receiver.place})
        made = subscriptions.begin(
            topic="trial.a",
            channel=Subscription.Channel.WEBHOOK,
            address=receiver.url,
            who=somebody(),
            locale="en",
            now=timezone.now(),
        )
        before = unseal(made.subscription.secret)
        after = subscriptions.rotate(made.subscription, now=timezone.now()).secret
        tell()
        dispatcher.dispatch(now=timezone.now())
        sending.run(clock=timezone.now, dice=random.Random(1))  # noqa: S311  of a test

    (got,) = receiver.got
    for library in (standardwebhooks.webhooks.Webhook, svix.webhooks.Webhook):
        for secret in (before, after):
            assert library(secret).verify(got.body, got.headers)["topic"] == "trial.a"
