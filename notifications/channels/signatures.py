"""Signatures of webhooks, after the Standard Webhooks specification 1.0.0 (`v1`, HMAC-SHA256).

What is signed is `<webhook-id>.<webhook-timestamp>.<body>`. While a secret is being replaced there
are two signatures with a blank between, and a receiver that knows one of the secrets is content.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
SECRET_PREFIX = "whsec_"  # noqa: S105  what a secret begins with is none
VERSION = "v1"
# how far the clocks of sender and receiver may be apart
TOLERANCE = timedelta(minutes=5)
SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


class BadSignature(ValueError):
    """Not from who has the secret, or not from now."""


def headers(secrets: Iterable[str], *, id: str, at: datetime, body: bytes) -> dict[str, str]:
    """What a request carries that was made `at`, signed with each of the secrets."""
    timestamp = str(int(at.astimezone(UTC).timestamp()))
    signed = (sign(secret, id=id, timestamp=timestamp, body=body) for secret in secrets)
    return {ID: id, TIMESTAMP: timestamp, SIGNATURE: " ".join(signed)}


def sign(secret: str, *, id: str, timestamp: str, body: bytes) -> str:
    content = f"{id}.{timestamp}.".encode() + body
    digest = hmac.new(_key(secret), content, hashlib.sha256).digest()
    return f"{VERSION},{base64.b64encode(digest).decode()}"


def verify(
    secrets: Iterable[str], headers: Mapping[str, str], body: bytes, *, now: datetime
) -> None:
    """Raise BadSignature, and nothing else, unless one of the secrets has signed this lately."""
    told = {name.lower(): value for name, value in headers.items()}
    id, timestamp, given = (told.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not id or not SECONDS.fullmatch(timestamp):
        raise BadSignature("the headers are not those of a webhook")
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        raise BadSignature("the timestamp is too old, or of the future")
    try:
        right = [sign(each, id=id, timestamp=timestamp, body=body).encode() for each in secrets]
        claimed = [each.encode() for each in given.split(" ")]
    except UnicodeEncodeError as error:
        raise BadSignature("the headers are no text") from error
    # all are compared, so that the time it takes tells nothing
    if not sum(hmac.compare_digest(one, other) for one in right for other in claimed):
        raise BadSignature("no signature is right")


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError as error:
        raise BadSignature("the secret is not one of ours") from error
