"""How the analysis of mail stands, for staff: how many wait, and what the last ones are about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from mcp_bridge.models import MailAnalysis
from museo.access.callers import Caller
from museo.access.encryption import unseal
from museo.access.problems import NotAllowed, NotFound
from notifications import correspondence, topics
from notifications.channels.news import INBOX
from notifications.envelope import timestamp
from notifications.models import InboundMessage

State = MailAnalysis.State
Data = dict[str, Any]


def is_open_to(caller: Caller) -> bool:
    """Whoever may hear of the mail may hear what it is about; asks the database."""
    return bool(topics.readable(caller, [INBOX]))


def require_open(caller: Caller) -> None:
    if not is_open_to(caller):
        raise NotAllowed(_("Only staff who read the messages can use this."))


def overview(
    caller: Caller,
    *,
    category: str = "",
    urgency: str = "",
    channel: str = "",
    limit: int,
    now: datetime,
) -> Data:
    """Raises NotAllowed."""
    require_open(caller)
    wanted = {"category": category, "urgency": urgency, "message__channel": channel}
    rows: QuerySet[MailAnalysis] = MailAnalysis.objects.filter(
        **{name: value for name, value in wanted.items() if value}
    )
    newest = rows.select_related("message").order_by("-pk")[:limit]
    return {"analyses": [shape(each) for each in newest], **_counted(), "now": timestamp(now)}


def one(caller: Caller, message_id: str, *, now: datetime) -> Data:
    """With the answer that is suggested; that somebody has read it is noted.

    Raises NotAllowed, and NotFound for whoever may not read what the message says.
    """
    require_open(caller)
    found = MailAnalysis.objects.filter(message__public_id=message_id).select_related("message")
    analysis = found.first()
    if analysis is None:
        raise NotFound(_("There is no such message, or it has not been read yet."))
    correspondence.read(caller, analysis.message, now=now)
    shown = {**shape(analysis), "suggestion": suggestion(analysis)}
    return {"analyses": [shown], **_counted(), "now": timestamp(now)}


def of(message: InboundMessage) -> MailAnalysis | None:
    return MailAnalysis.objects.filter(message=message).first()


def suggestion(analysis: MailAnalysis) -> str:
    """Empty for what was erased."""
    return unseal(analysis.sealed_suggestion) if analysis.sealed_suggestion else ""


def shape(analysis: MailAnalysis) -> Data:
    message = analysis.message
    return {
        "message_id": message.public_id,
        "channel": message.channel,
        "received_at": timestamp(message.received_at),
        "state": analysis.state,
        "category": analysis.category or None,
        "mood": analysis.mood or None,
        "urgency": analysis.urgency or None,
        "order_id": analysis.order_number or None,
        "by": analysis.by or None,
        "analyzed_at": timestamp(analysis.analyzed_at) if analysis.analyzed_at else None,
        "suggestion": None,
    }


def _counted() -> Data:
    rows = MailAnalysis.objects.values_list("state", "category", "urgency")
    counts = [(*each[:3], each[3]) for each in rows.annotate(count=Count("pk")).order_by()]
    return {
        "waiting": _sum(count for state, _c, _u, count in counts if state == State.WAITING),
        "analyzed": _sum(count for state, _c, _u, count in counts if state == State.DONE),
        "by_category": _by(counts, 1),
        "by_urgency": _by(counts, 2),
    }


def _sum(counts: Iterable[int]) -> int:
    return sum(counts)


def _by(counts: Iterable[tuple[str, str, str, int]], place: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in counts:
        if name := str(each[place]):
            found[name] = found.get(name, 0) + each[3]
    return dict(sorted(found.items()))
