"""Messages to browsers: Web Push (RFC 8030), encrypted (RFC 8291, RFC 8188), signed (RFC 8292).

The address is the browser's subscription as JSON: an endpoint of its push service and two keys.
Only the browser can read what is sent; the push service sees how long and how urgent it is.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import jwt
import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

from notifications.channels import calling, outside
from notifications.channels.message import BadAddress, Content, Message, NotSent, shortened

NAME = "webpush"
CURVE = ec.SECP256R1()
LONGEST_ADDRESS = 4000
# what every push service takes (RFC 8030, section 7.2), less the header, a mark and the seal
LARGEST_BODY = 4096
HEADER, SEAL = 16 + 4 + 1 + 65, 17
LARGEST_PAYLOAD = LARGEST_BODY - HEADER - SEAL
# a browser that was off for longer need not hear of it: where an order stands is on its page
LIFE, URGENT_LIFE = timedelta(hours=4), timedelta(hours=24)
# of our signature; a day at the most (RFC 8292, section 2)
SIGNED_FOR = timedelta(hours=12)


@dataclass(frozen=True)
class Browser:
    """Where a browser is reached, and the keys that it alone can read with."""

    endpoint: str
    public_key: bytes
    auth: bytes


def label() -> str:
    return _("Browser notification")


def public_key() -> str:
    """What a browser is told when it subscribes: `applicationServerKey`."""
    return _text(_point(_private_key().public_key()))


def check(address: str) -> str:
    """The subscription as JSON, without what is not needed; raise BadAddress."""
    browser = _read(address)
    keys = {"p256dh": _text(browser.public_key), "auth": _text(browser.auth)}
    return orjson.dumps({"endpoint": browser.endpoint, "keys": keys}).decode()


def send(message: Message) -> str:
    """The push service's name of the message; raise NotSent."""
    try:
        browser = _read(message.address)
    except BadAddress as error:
        raise NotSent("bad_address", permanent=True) from error
    content = message.content
    life = URGENT_LIFE if content.is_urgent else LIFE
    answer = calling.post(
        browser.endpoint,
        by=outside.client(),
        content=encrypt(
            payload(content),
            browser,
            own=ec.generate_private_key(CURVE),
            salt=secrets.token_bytes(16),
        ),
        headers={
            "Authorization": _vapid(browser.endpoint, now=message.now),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(int(life.total_seconds())),
            "Urgency": "high" if content.is_urgent else "normal",
            **({"Topic": topic(content.thread)} if content.thread else {}),
        },
    )
    if answer.status_code not in (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED):
        raise _refusal(answer, now=message.now)
    return str(answer.headers.get("Location", ""))[:255] or message.key


def topic(thread: str) -> str:
    """At most 32 letters (RFC 8030, section 5.4): a newer message of it replaces an unseen one."""
    return _text(hashlib.sha256(thread.encode()).digest())[:32]


def payload(content: Content) -> bytes:
    """What the service worker shows, as long as it may be."""
    said = content.chat or content.short or content.text
    for room in (1000, 400, 100, 0):
        packed = orjson.dumps(
            {
                "title": shortened(content.subject, 120),
                "body": shortened(said, room) if room else "",
                "url": content.url,
                "tag": content.thread,
                "lang": content.locale,
                "dir": "rtl" if get_language_info(content.locale)["bidi"] else "ltr",
            }
        )
        if len(packed) <= LARGEST_PAYLOAD:
            return packed
    raise NotSent("too_large", permanent=True)


def encrypt(
    plain: bytes, browser: Browser, *, own: ec.EllipticCurvePrivateKey, salt: bytes
) -> bytes:
    """One record of `aes128gcm` with its header; `own` and `salt` are new for each message."""
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, browser.public_key)
    mine = _point(own.public_key())
    shared = own.exchange(ec.ECDH(), theirs)
    both = b"WebPush: info\0" + browser.public_key + mine
    secret = _derive(shared, salt=browser.auth, info=both, length=32)
    key = _derive(secret, salt=salt, info=b"Content-Encoding: aes128gcm\0", length=16)
    nonce = _derive(secret, salt=salt, info=b"Content-Encoding: nonce\0", length=12)
    header = salt + LARGEST_BODY.to_bytes(4, "big") + bytes([len(mine)]) + mine
    # the last record ends with a 2
    return header + AESGCM(key).encrypt(nonce, plain + b"\x02", None)


def _derive(secret: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def _vapid(endpoint: str, *, now: datetime) -> str:
    """Who we are, for this push service alone."""
    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int((now + SIGNED_FOR).timestamp()),
        "sub": settings.VAPID_SUBJECT,
    }
    token = jwt.encode(claims, _private_key(), algorithm="ES256")
    return f"vapid t={token}, k={public_key()}"


def _private_key() -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(_bytes(settings.VAPID_PRIVATE_KEY), "big")
    return ec.derive_private_key(number, CURVE)


def _refusal(answer: Any, *, now: datetime) -> NotSent:
    detail = f"push {answer.status_code}"
    if answer.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return NotSent("gone", permanent=True, detail=detail)
    return calling.general_refusal(answer, now=now, detail=detail)


def _read(address: str) -> Browser:
    if len(address) > LONGEST_ADDRESS:
        raise _unreadable()
    try:
        told = orjson.loads(address)
        keys = told["keys"]
        browser = Browser(str(told["endpoint"]), _bytes(keys["p256dh"]), _bytes(keys["auth"]))
        # a point that is not on the curve could tell something of our key
        ec.EllipticCurvePublicKey.from_encoded_point(CURVE, browser.public_key)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable() from error
    if len(browser.auth) != 16 or len(browser.public_key) != 65:
        raise _unreadable()
    if not outside.leads_outside(browser.endpoint):
        raise BadAddress(_("The endpoint of the subscription is no public https address."))
    return browser


def _unreadable() -> BadAddress:
    return BadAddress(_("Send the browser's subscription as JSON: endpoint, keys.p256dh and auth."))


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _text(data: bytes) -> str:
    """Base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Either alphabet, with padding or without; raise ValueError."""
    plain = text.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
