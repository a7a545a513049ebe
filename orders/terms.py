"""The terms that a shop sells on: taxes, ways of delivery, plans; kept by each process.

They are read with every basket and change a few times a year. Whoever writes one of their tables,
in whatever way, gives the one row of TermsStamp another value in the same transaction: a trigger
does. So what was read under a stamp holds for as long as the stamp is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import models
from django.db.models import Q, QuerySet

T = TypeVar("T")


class TermsStamp(models.Model):
    """Some random letters, others after every change of the terms."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    stamp = models.CharField(max_length=36)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="there_is_one_stamp_of_terms")
        ]

    def __str__(self) -> str:
        return self.stamp


def stamps() -> QuerySet[TermsStamp, str]:
    """What `Kept.get` takes, for a query that asks for more than that."""
    return TermsStamp.objects.values_list("stamp", flat=True)


class Kept(Generic[T]):
    """What `read` finds in the tables of terms; nobody changes it."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._kept: tuple[str, T] | None = None

    def get(self, stamp: str | None = None) -> T:
        """As of a stamp that was read in this transaction; without one, that is one query."""
        stamp = stamp or stamps().first()
        kept = self._kept
        if kept and kept[0] == stamp:
            return kept[1]
        found = self._read()
        # without a stamp nobody knows for how long it holds
        self._kept = (stamp, found) if stamp else None
        return found
