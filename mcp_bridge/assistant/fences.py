"""What others have written, as a model may read it; and what a model has written, as people may.

Names of products, mails and answers of tools are data. A model gets them between marks that none of
them can know, without letters that nobody sees, without what opens doors, and cut. That helps a
model to keep data and instructions apart; it stops none that does not (`guard` does).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.conf import settings

# letters of one result, and of one text within it
LONGEST_RESULT = 12_000
LONGEST_TEXT = 2_000
LONGEST_ANSWER = 4_000
# what opens a basket or an order, or signs something: no model needs it
SECRETS = frozenset(
    {"basket_token", "confirm", "secret", "ticket", "ticket_expires_at", "token", "track_url"}
    | {"events_url", "stream_url", "websocket_url", "uri"}
)
# that nobody sees: controls, joiners, marks of direction, tags, variants, private and unused ones
UNSEEN = frozenset({"Cc", "Cf", "Co", "Cn", "Cs"})
# variants of letters and of emoji, and letters that are drawn as nothing
VARIANTS = re.compile("[\\ufe00-\\ufe0f\\U000e0100-\\U000e01ef\\u115f\\u1160\\u3164\\uffa0\\u2800]")
# how models' own marks begin and end
MARKS = re.compile(
    r"<\|[^|>]{0,40}\|>|\[/?INST\]|</?s>|<</?SYS>>|</?data\b[^>]{0,80}>", re.IGNORECASE
)
ADDRESS = re.compile(
    r"\b(?:https?|ftp|javascript|data|file|mailto|tel):\S+|//[\w-]+\.\S+|\bwww\.\S+"
    r"|\b(?:[a-z0-9-]+\.)+[a-z]{2,24}/\S*",
    re.IGNORECASE,
)
LEFT_OUT = "[...]"


def seen(text: str) -> str:
    """Without letters that nobody sees, in one form of each that looks the same."""
    plain = unicodedata.normalize("NFKC", VARIANTS.sub("", text))
    return "".join(
        letter
        if letter in "\n\t" or unicodedata.category(letter) not in UNSEEN
        else " " * (letter == "\r")
        for letter in plain
    )


def plain(text: str, *, longest: int = LONGEST_TEXT) -> str:
    """A text of others on its own: what could be taken for a mark of the conversation is none."""
    return MARKS.sub(LEFT_OUT, seen(text[: 2 * longest]))[:longest]


def fenced(name: str, data: Any, *, mark: str) -> str:
    """A result of a tool between marks; `mark` is drawn for this conversation."""
    written = orjson.dumps(_plain(data), default=str).decode()[:LONGEST_RESULT]
    return f'<data from="{name}" mark="{mark}">\n{written}\n</data mark="{mark}">'


def _plain(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return plain(value)
    if depth > 8:
        return LEFT_OUT
    if isinstance(value, Mapping):
        return {
            plain(str(name), longest=80): _plain(each, depth + 1)
            for name, each in value.items()
            if name not in SECRETS
        }
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(each, depth + 1) for each in value]
    return value


def answer(text: str) -> str:
    """A model's words for a person: only addresses of the shop, and nothing that is not seen."""
    return ADDRESS.sub(_own_address, seen(text))[:LONGEST_ANSWER].strip()


def draft(text: str) -> str:
    """How the answer begins of which this is written so far; nothing of it is taken back.

    The last word is left out: more of it may come, and make an address of it.
    """
    said = seen(text)
    *_, last = ["", *said.split()]
    return answer(said.removesuffix(last))


def _own_address(found: re.Match[str]) -> str:
    url = found[0]
    home = urlsplit(settings.MUSEO_PUBLIC_URL)
    try:
        parts = urlsplit(url)
    except ValueError:
        return LEFT_OUT
    is_ours = (parts.scheme, parts.netloc) == (home.scheme, home.netloc)
    return url if is_ours else LEFT_OUT
