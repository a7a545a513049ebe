"""Names that cannot be guessed: public ids, order numbers, tokens and their digests."""

import hashlib
import re
import secrets

# Crockford's alphabet: no I, L, O or U, so that a number survives being read aloud
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# any byte as one of its letters, each as likely as the others
_LETTERS = (ALPHABET * 8).encode()
# what can be told of a thing without opening it: public ids, order numbers, names of single sends
PUBLIC_ID = re.compile(
    r"ORD-[0-9A-Z]{8}|[a-z]{3}_[0-9a-z]{16}|(?:dlv|sub)_[0-9a-f]{24}|[0-9a-f]{32}"
)


def _letters(count: int) -> str:
    """Five random bits for each letter."""
    return secrets.token_bytes(count).translate(_LETTERS).decode()


def public_id(prefix: str) -> str:
    """`prd_5c0x…`: 80 random bits behind the prefix of its kind."""
    return f"{prefix}_{_letters(16).lower()}"


def public_ids(prefix: str, count: int) -> list[str]:
    """As many at once, which is quicker."""
    drawn = _letters(count * 16).lower()
    return [f"{prefix}_{drawn[at : at + 16]}" for at in range(0, len(drawn), 16)]


def as_name(text: str) -> str:
    """As it may be looked up: what cannot be printed names nothing, and no database takes it."""
    return text if text.isprintable() else ""


def key_prefix() -> str:
    """`msk_5c0x…`: what a service account's key begins with, and is looked up by."""
    return f"msk_{_letters(10).lower()}"


def order_number() -> str:
    """`ORD-7K4Q2M9X`."""
    return f"ORD-{_letters(8)}"


def new_token() -> str:
    """128 random bits for a URL or a header."""
    return secrets.token_urlsafe(16)


def digest(token: str) -> str:
    """What is stored of a token: its SHA-256 in hex; random bits need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()
