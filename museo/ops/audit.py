"""Proves that nothing was lost: every invariant of every app, looked at in the database."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from catalog import audit as of_the_catalogue
from catalog.search import audit as of_the_search
from notifications import audit as of_the_log
from notifications.audit import Finding, look
from orders import audit as of_orders

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
        return not self.finding.offenders

    def as_json(self) -> dict[str, object]:
        return {**asdict(self.finding), "holds": self.holds, "seconds": round(self.seconds, 3)}


def run() -> Iterator[Answer]:
    """One answer after the other; the first offenders are named."""
    for invariant in INVARIANTS:
        began = time.monotonic()
        finding = look(invariant)
        yield Answer(finding, time.monotonic() - began)
