"""Days as people say them, as dates: "Friday" is the next one, "last week" begins on its Monday."""

from __future__ import annotations

import re
from datetime import date, timedelta

from catalog.search import words
from mcp_bridge.assistant import vocabulary
from mcp_bridge.assistant.message import hear

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
NEAR = {"today": 0, "tomorrow": 1, "yesterday": -1}
WEEKS = {"last_week": -1, "this_week": 0, "next_week": 1}
MONTHS_AWAY = {"last_month": -1, "this_month": 0, "next_month": 1}
YEARS = {"last_year": -1, "this_year": 0}
ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
DAY_FIRST = re.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{2,4})?")


def date_of(said: str, *, today: date) -> str:
    """`2026-11-27`; what is no day stays as it was said. A month that is over is this year's."""
    found = _written(words.fold(said), today) or _named(said, today)
    return found.isoformat() if found else said


def _written(said: str, today: date) -> date | None:
    try:
        if match := ISO.fullmatch(said):
            return date(*(int(part) for part in match.groups()))
        if match := DAY_FIRST.fullmatch(said):
            year = int(match[3] or today.year)
            return date(year + 2000 if year < 100 else year, int(match[2]), int(match[1]))
    except ValueError:
        return None
    return None


def _named(said: str, today: date) -> date | None:
    for language in vocabulary.LANGUAGES:
        for meaning in sorted(hear(said, language=language).meanings):
            if meaning.startswith("day:") and (found := _day(meaning[4:], today)):
                return found
    return None


def _day(name: str, today: date) -> date | None:
    if name in NEAR:
        return today + timedelta(days=NEAR[name])
    if name in WEEKDAYS:
        return today + timedelta(days=(WEEKDAYS.index(name) - today.weekday()) % 7)
    if name in WEEKS:
        return today + timedelta(days=7 * WEEKS[name] - today.weekday())
    if name in MONTHS_AWAY:
        month = today.year * 12 + today.month - 1 + MONTHS_AWAY[name]
        return date(month // 12, month % 12 + 1, 1)
    if name in YEARS:
        return date(today.year + YEARS[name], 1, 1)
    return date(today.year, MONTHS.index(name) + 1, 1) if name in MONTHS else None
