"""A push service and a browser behind it, on a loopback socket.

From RFC 8030 (a message's TTL is needed: 400 without; 201 with its `Location`; a `Topic` has at
most 32 letters of base64; 413 above 4,096 bytes; 404 or 410 for a subscription that is gone),
RFC 8292 (401 without a signature that fits: aud, exp within 24 hours, sub) and RFC 8291 (what the
browser reads by its own keys, decrypted here by the package http-ece).
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import http_ece
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.notifications.channels import loopback
from tests.notifications.channels.loopback import Answer, Asked

URGENCIES = ("very-low", "low", "normal", "high")


@dataclass
class Browser:
    """`read` are the messages as its service worker gets them, `topics` theirs."""

    url: str = ""
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    auth: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    read: list[dict[str, Any]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    # status, headers
    refusing: list[tuple[int, dict[str, str]]] = field(default_factory=list)

    @property
    def subscription(self) -> str:
        """`PushSubscription.toJSON()`."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return json.dumps(
            {
                "endpoint": f"{self.url}/push/{'e' * 60}",
                "expirationTime": None,
                "keys": {"p256dh": as_text(point), "auth": as_text(self.auth)},
            }
        )

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if self.refusing:
            status, headers = self.refusing.pop(0)
            return Answer(status, headers=headers)
        if not (asked.headers["TTL"] or "").isdigit():
            return Answer(400)
        if asked.headers["Content-Encoding"] != "aes128gcm" or len(asked.body) > 4096:
            return Answer(413)
        if asked.headers["Urgency"] not in URGENCIES:
            return Answer(400)
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", asked.headers["Topic"] or "none"):
            return Answer(400)
        if not self._is_signed(asked.headers["Authorization"]):
            return Answer(401)
        plain = http_ece.decrypt(
            asked.body, private_key=self.key, auth_secret=self.auth, version="aes128gcm"
        )
        self.read.append(json.loads(plain))
        return Answer(201, headers={"Location": f"{self.url}/message/{len(self.read)}"})

    def _is_signed(self, header: str) -> bool:
        found = re.fullmatch(r"vapid t=([^,]+), ?k=([\w-]+)", header)
        if not found:
            return False
        point = base64.urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        # the test's clock stands still
        claims = jwt.decode(
            found[1], key, algorithms=["ES256"], audience=self.url, options={"verify_exp": False}
        )
        return str(claims["sub"]).startswith(("mailto:", "https:")) and claims["exp"] > 0


def as_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextmanager
def serve() -> Iterator[Browser]:
    browser = Browser()
    with loopback.serve(browser.answer) as browser.url:
        yield browser
