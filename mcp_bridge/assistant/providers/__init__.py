"""The models that the settings name, in the order in which they are asked.

Nothing of a provider's library is loaded before one is asked for the first time.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec

from django.conf import settings

from mcp_bridge.assistant.providers.anthropic_messages import Messages
from mcp_bridge.assistant.providers.chat_completions import Completions
from mcp_bridge.assistant.providers.talk import Provider

logger = logging.getLogger(__name__)


def configured() -> Sequence[Provider]:
    """The shop's own address first, then Anthropic, then Groq; none without their settings."""
    return _made(
        (settings.MUSEO_AI_URL, settings.MUSEO_AI_KEY, settings.MUSEO_AI_MODEL),
        (
            settings.ANTHROPIC_API_BASE,
            settings.MCP_ANTHROPIC_API_KEY,
            settings.MUSEO_ANTHROPIC_MODEL,
        ),
        (settings.GROQ_API_BASE, settings.MCP_GROQ_API_KEY, settings.MUSEO_GROQ_MODEL),
    )


# of each: address, key, model
@cache
def _made(
    own: tuple[str, str, str], anthropic: tuple[str, str, str], groq: tuple[str, str, str]
) -> tuple[Provider, ...]:
    found: list[Provider] = []
    if own[0] and _is_installed("openai"):
        found.append(Completions(name="own", url=own[0], key=own[1], model=own[2]))
    if anthropic[1] and _is_installed("anthropic"):
        url, key, model = anthropic
        found.append(Messages(name="anthropic", url=url, key=key, model=model))
    if groq[1] and _is_installed("openai"):
        found.append(Completions(name="groq", url=groq[0], key=groq[1], model=groq[2]))
    return tuple(found)


def _is_installed(library: str) -> bool:
    if find_spec(library):
        return True
    logger.warning(
        "a model has a key and no library: pip install -r requirements-ai.txt",
        extra={"library": library},
    )
    return False
