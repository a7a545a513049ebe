"""Proves that nothing was lost: every invariant of every app, looked at in the database."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from django.utils.translation import gettext_noop

from catalog import audit as of_the_catalogue
from catalog.search import audit as of_the_search
from museo.access import heartbeat
from notifications import audit as of_the_log
from notifications import log
from notifications.audit import Finding, broken, look
from notifications.subscriptions import STAFF
from orders import audit as of_orders

logger = logging.getLogger(__name__)
NAME = "audit"
# every clock asks for one, at the same time
ONCE_A_NIGHT = timedelta(hours=12)
MESSAGE = gettext_noop("audit.broken.message")

INVARIANTS = (
    *of_the_log.INVARIANTS,
    *of_the_catalogue.INVARIANTS,
    *of_the_search.INVARIANTS,
    *of_orders.INVARIANTS,
)


@dataclass(frozen=True)
class Answer:
    finding: Finding
    seconds: float

    @property
    def holds(self) -> bool:
        return not self.finding.broken

    def as_json(self) -> dict[str, object]:
        told = {**asdict(self.finding), "slowest": round(self.finding.slowest, 3)}
        return {**told, "holds": self.holds, "seconds": round(self.seconds, 3)}


def run(*, now: datetime) -> Iterator[Answer]:
    """One answer after the other; the first offenders are named."""
    for invariant in INVARIANTS:
        began = time.monotonic()
        finding = look(invariant, now=now)
        yield Answer(finding, time.monotonic() - began)


def at_night(*, now: datetime) -> list[Finding]:
    """What does not hold, which is told to staff; nothing, too, if another clock asked already."""
    if not heartbeat.take_turn(NAME, now=now, every=ONCE_A_NIGHT):
        return []
    found = broken(INVARIANTS, now=now)
    for finding in found:
        logger.error(
            "audit found something",
            extra={"invariant": finding.name, "offenders": finding.offenders},
        )
    if found:
        _tell([finding.name for finding in found], at=now)
    return found


def _tell(names: Sequence[str], *, at: datetime) -> None:
    told = {
        "notification_id": uuid4().hex,
        "notification_type": "error",
        "data": {"invariants": list(names)},
    }
    with log.change() as change:
        texts: dict[str, list[object]] = {"message": [MESSAGE, {}]}
        change.event(STAFF, "notification", told, at=at, texts=texts)
