"""Secrets that must be readable again, sealed with `MUSEO_ENCRYPTION_KEYS` (newest first)."""

import base64
import hashlib
from contextlib import suppress
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


def seal(text: str) -> str:
    return _keys().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    return _keys().decrypt(sealed.encode()).decode()


def fingerprints() -> list[str]:
    """What tells the keys apart, and says nothing of them; newest first."""
    keys = settings.MUSEO_ENCRYPTION_KEYS
    return [hashlib.sha256(b"fingerprint:" + key.encode()).hexdigest()[:12] for key in keys]


def renewed(sealed: str) -> str | None:
    """The same, sealed with the newest key; None if it is already, or was never sealed here."""
    newest, *_older = _fernets()
    try:
        newest.decrypt(sealed.encode())
    except InvalidToken:
        with suppress(InvalidToken):
            return _keys().rotate(sealed.encode()).decode()
    return None


@cache
def _keys() -> MultiFernet:
    return MultiFernet(_fernets())


def _fernets() -> list[Fernet]:
    return [
        Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))
        for key in settings.MUSEO_ENCRYPTION_KEYS
    ]
