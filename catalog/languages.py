"""Texts that are kept by language beside the one that is for all others."""

from collections.abc import Mapping
from typing import Any


def in_language(text: Any, others: Mapping[str, Any], locale: str) -> Any:
    """The text as it is in a language, or in that language's family, or else as it is."""
    return others.get(locale) or others.get(locale.partition("-")[0]) or text
