"""How many tokens models have taken: for each conversation, and for the shop on each day."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from mcp_bridge.models import TokenSpending
from museo import sql

# what was spent is known for so long
KEPT = timedelta(days=31)


def left(conversation: str, *, now: datetime) -> int:
    """How many there are still for this conversation today; one query."""
    names = [_of(conversation), _on(now)]
    rows = TokenSpending.objects.filter(name__in=names).values_list("name", "tokens")
    spent = dict(rows)
    return min(
        settings.MUSEO_AI_TOKENS - spent.get(names[0], 0),
        settings.MUSEO_AI_TOKENS_A_DAY - spent.get(names[1], 0),
    )


def left_today(*, now: datetime) -> int:
    """For what is no conversation."""
    spent = TokenSpending.objects.filter(name=_on(now)).values_list("tokens", flat=True).first()
    return int(settings.MUSEO_AI_TOKENS_A_DAY - (spent or 0))


def spend(tokens: int, *, conversation: str = "", now: datetime) -> None:
    names = sorted(filter(None, [_of(conversation) if conversation else "", _on(now)]))
    rows = ", ".join(["(%s, %s, %s)"] * len(names))
    sql.changed(
        # only placeholders are put in
        f"INSERT INTO mcp_bridge_tokenspending (name, tokens, at) VALUES {rows}"  # noqa: S608
        " ON CONFLICT (name)"
        " DO UPDATE SET tokens = mcp_bridge_tokenspending.tokens + EXCLUDED.tokens",
        [value for name in names for value in (name, tokens, now)],
    )


def forget(*, now: datetime) -> int:
    """Delete what was spent long ago; return how many rows."""
    return TokenSpending.objects.filter(at__lt=now - KEPT).delete()[0]


def _of(conversation: str) -> str:
    return f"conversation:{conversation}"


def _on(now: datetime) -> str:
    return f"day:{now:%Y-%m-%d}"
