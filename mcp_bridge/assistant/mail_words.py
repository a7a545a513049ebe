"""What a message to the shop is about, by its words alone: category, mood, how urgent it is.

No database and no network; the same answer each time, in whatever language of the shop's.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, override

from catalog.search import words
from mcp_bridge.assistant import vocabulary
from mcp_bridge.assistant.intents import UNKNOWN
from mcp_bridge.assistant.message import ORDER_NUMBER
from mcp_bridge.assistant.understanding import understand
from mcp_bridge.models import MailAnalysis

Category, Mood, Urgency = MailAnalysis.Category, MailAnalysis.Mood, MailAnalysis.Urgency
# letters that are read
LONGEST = 4000
SURE = 0.6
# which words decide first
BY_WORDS = ("complaint", "return", "invoice")
BY_INTENT: Mapping[str, str] = {
    "track_order": Category.ORDER_STATUS,
    "cancel_order": Category.CANCELLATION,
    "return_order": Category.RETURN,
    "ask_question": Category.QUESTION,
    "product_details": Category.QUESTION,
    "check_availability": Category.QUESTION,
    "search_products": Category.QUESTION,
    "add_to_basket": Category.ORDER,
    "place_order": Category.ORDER,
}
# whose answer should not wait
PRESSING = (Category.CANCELLATION, Category.COMPLAINT)
ANSWERS: Mapping[str, str] = {
    Category.ORDER_STATUS: gettext_noop(
        "Thank you for your message. We look where your order is and tell you today."
    ),
    Category.CANCELLATION: gettext_noop(
        "Thank you for your message. We see whether your order can still be cancelled and tell "
        "you right away."
    ),
    Category.RETURN: gettext_noop(
        "Thank you for your message. You can send the goods back; we tell you how, and the money "
        "goes back the way it was paid."
    ),
    Category.COMPLAINT: gettext_noop(
        "We are sorry that something is not as it should be. Please send us a photo of it; we put "
        "it right."
    ),
    Category.INVOICE: gettext_noop(
        "Thank you for your message. We send you the invoice by e-mail today."
    ),
    Category.THANKS: gettext_noop("Thank you very much! That makes our day."),
}
OTHERWISE = gettext_noop("Thank you for your message. We answer it as soon as we can.")


@dataclass(frozen=True)
class Finding:
    """`number` as it was written, of an order that may not be there; `suggestion` for staff."""

    category: str
    mood: str
    urgency: str
    language: str
    number: str = ""
    suggestion: str = ""


def read(subject: str, text: str, *, currency: str, locale: str) -> Finding:
    """What it says; where its language is not clear, it is taken for one of `locale`."""
    said = f"{subject}\n{text}"[:LONGEST]
    folded = words.fold(said)
    language = _language(folded, locale)
    category = _category(subject, text, folded, language, currency)
    mood = _mood(folded, language)
    is_urgent = _has(folded, language, "urgent") or (category in PRESSING and mood == Mood.NEGATIVE)
    found = ORDER_NUMBER.search(folded)
    return Finding(
        category=category,
        mood=mood,
        urgency=Urgency.HIGH if is_urgent else _calm(category),
        language=language,
        number=number(found[0]) if found else "",
        suggestion=suggestion(category, language),
    )


def number(written: str) -> str:
    """`ord 7k4q` as an order is called: ORD-7K4Q."""
    return f"ORD-{re.sub(r'[^a-z0-9]', '', written)[3:].upper()}"


def suggestion(category: str, language: str) -> str:
    with override(language):
        return _(ANSWERS.get(category, OTHERWISE))


def _calm(category: str) -> str:
    return Urgency.LOW if category in (Category.THANKS, Category.OTHER) else Urgency.NORMAL


def _language(folded: str, locale: str) -> str:
    """That of which most is heard; of the caller's if that is none."""
    own = locale.partition("-")[0]
    heard = {
        each: sum(len(vocabulary.of(each).forms(word)) > 0 for word in words.split(folded)[:80])
        for each in vocabulary.LANGUAGES
    }
    return max(heard, key=lambda each: (heard[each], each == own))


def _category(subject: str, text: str, folded: str, language: str, currency: str) -> str:
    for name in BY_WORDS:
        if _has(folded, language, name):
            return name
    for said in (subject, text):
        heard = understand(said, language=language, currency=currency, is_staff=False)
        if heard.intent != UNKNOWN and heard.confidence >= SURE and heard.intent in BY_INTENT:
            return BY_INTENT[heard.intent]
    return Category.THANKS if _has(folded, language, "thanks") else Category.OTHER


def _mood(folded: str, language: str) -> str:
    if _has(folded, language, "negative"):
        return Mood.NEGATIVE
    return Mood.POSITIVE if _has(folded, language, "positive") else Mood.NEUTRAL


def _has(folded: str, language: str, name: str) -> bool:
    return bool(_patterns()[language][name].search(folded))


@cache
def _patterns() -> dict[str, dict[str, re.Pattern[str]]]:
    known = tomllib.loads(Path(__file__).with_name("mail.toml").read_text("utf-8"))
    return {
        language: {name: _pattern(listed) for name, listed in lists.items()}
        for language, lists in known.items()
    }


def _pattern(listed: list[str]) -> re.Pattern[str]:
    alike = sorted((re.escape(words.fold(each)) for each in listed), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(alike)})")
