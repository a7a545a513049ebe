"""Answers of models that are given again to whoever asks just the same, for a moment.

They are kept in the cache, sealed, under `request:{hash}`. The hash is of all that an answer
depends on, first of all of whose it is: nobody is given another one's. Only answers are kept that
rest on what everybody may read; of orders and of the shop's business a person wants the news.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import orjson
from django.conf import settings
from django.core.cache import cache

from mcp_bridge.assistant.planning import Task
from museo.access.callers import Caller
from museo.access.encryption import seal, unseal

# what answers that are kept may rest on
PUBLIC = frozenset({"search_products", "get_product_info", "answer_question"})


def key(task: Task, caller: Caller, models: Sequence[str]) -> str:
    """A guest is known by the conversation alone."""
    whose = caller.who or f"guest:{task.conversation_id}"
    told = [
        whose,
        sorted(caller.scopes),
        task.locale,
        task.client_type,
        task.message,
        [[turn.role, turn.content] for turn in task.history],
        [tool.name for tool in task.tools],
        list(models),
    ]
    return f"request:{hashlib.sha256(orjson.dumps(told)).hexdigest()}"


def find(name: str) -> str:
    """Empty if there is none."""
    sealed = cache.get(name) if settings.MUSEO_AI_ANSWER_SECONDS else None
    return unseal(sealed) if sealed else ""


def keep(name: str, answer: str) -> None:
    if settings.MUSEO_AI_ANSWER_SECONDS and answer:
        cache.set(name, seal(answer), settings.MUSEO_AI_ANSWER_SECONDS)
