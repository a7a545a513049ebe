"""The catalogue as it stands: which edition of it this is, and the answers made of it.

Every write to what shoppers read of the catalogue makes another edition, in its own transaction:
triggers see to that, whoever writes (migration 0004). So an answer may be given again for as long
as the edition is the one in which it was asked for; one cheap query tells.

On PostgreSQL each transaction adds a row of its own, because writers that all raised one number
would wait for each other, and in a circle with the rows of stock; `fold` makes one number of many
rows. On SQLite, which has one writer at a time, the triggers raise the number themselves.

The edition must be asked for *before* what is kept under it is read: a write that comes in between
is then in an answer that nobody will ask for again. The other way round, an old answer would be
kept under a new edition.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.conf import settings
from django.db import connection, models

from museo import sql

# what an answer takes besides its body
AROUND = 1000
# rows that a count of them does not notice
FEW_WRITES = 100


class EditionNumber(models.Model):
    """One row: how many writes are counted already, and the last transaction of them."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    number = models.BigIntegerField()
    last = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="there_is_one_edition")
        ]


class CatalogWrite(models.Model):
    """A transaction that has written to the catalogue and is not counted yet; PostgreSQL's only."""

    writer = models.BigIntegerField(primary_key=True)


# also in one statement: two would see two editions
NUMBER = """
    SELECT (SELECT number FROM catalog_editionnumber), (SELECT last FROM catalog_editionnumber),
        COUNT(*), MAX(writer) FROM catalog_catalogwrite
"""
FOLD = """
    WITH counted AS (DELETE FROM catalog_catalogwrite RETURNING writer),
    folded AS (
        INSERT INTO catalog_editionnumber AS edition (id, number, last)
        SELECT 1, COUNT(*), MAX(writer) FROM counted HAVING COUNT(*) > 0
        ON CONFLICT (id) DO UPDATE SET
            number = edition.number + EXCLUDED.number,
            last = GREATEST(edition.last, EXCLUDED.last)
    )
    SELECT COUNT(*) FROM counted
"""
# when time alone will change what is read
MOMENTS = """
    SELECT MIN(valid_from) FROM catalog_price WHERE valid_from > %s
    UNION ALL SELECT MIN(valid_to) FROM catalog_price WHERE valid_to > %s
    UNION ALL
    SELECT MIN(published_at) FROM catalog_master WHERE status = 'active' AND published_at > %s
"""

# how many writes, and the last of them: restored from a copy, the first may come twice
Number = tuple[int, int]


@dataclass(frozen=True)
class Answer:
    """The body of a 200 with its headers."""

    body: bytes
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str:
        return dict(self.headers).get(name, "")


@dataclass
class Edition:
    """`until` is when a price begins or ends, or a product is published; None if none is planned.

    Of its answers those that were asked for longest ago go first.
    """

    number: Number
    since: datetime
    until: datetime | None
    _answers: OrderedDict[Hashable, Answer] = field(default_factory=OrderedDict)
    _size: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def holds(self, now: datetime) -> bool:
        return self.since <= now and (self.until is None or now < self.until)

    def answer(self, key: Hashable) -> Answer | None:
        with self._lock:
            found = self._answers.get(key)
            if found:
                self._answers.move_to_end(key)
            return found

    def keep(self, key: Hashable, answer: Answer) -> None:
        with self._lock:
            before = self._answers.pop(key, None)
            self._answers[key] = answer
            self._size += _size(answer) - (_size(before) if before else 0)
            while self._size > settings.MUSEO_ANSWERS_MB * 1024 * 1024:
                _key, oldest = self._answers.popitem(last=False)
                self._size -= _size(oldest)


def _size(answer: Answer) -> int:
    return len(answer.body) + AROUND


_current: Edition | None = None


def current(*, now: datetime) -> Edition | None:
    """The edition that there is now; None inside a transaction, which sees what others do not."""
    global _current
    if connection.in_atomic_block:
        return None
    number, known = _number(), _current
    if known is None or number != known.number or not known.holds(now):
        known = _current = Edition(number, now, _next_moment(now))
    return known


def answer(key: Hashable, *, now: datetime) -> Answer | None:
    """What is kept under the edition that there is now, which is asked for if something is."""
    known = _current
    if known is None or known.answer(key) is None or current(now=now) is not known:
        return None
    return known.answer(key)


def forget() -> None:
    """As if this process had answered nothing yet."""
    global _current
    _current = None


def _number() -> Number:
    ((counted, last, writes, newest),) = sql.rows(NUMBER, [])
    return (counted or 0) + writes, max(last or 0, newest or 0)


def _next_moment(now: datetime) -> datetime | None:
    at = connection.ops.adapt_datetimefield_value(now)
    with connection.cursor() as cursor:
        cursor.execute(MOMENTS, [at, at, at])
        moments = [_read(moment) for (moment,) in cursor.fetchall() if moment]
    return min(moments, default=None)


def _read(moment: datetime | str) -> datetime:
    """SQLite keeps it as text."""
    if isinstance(moment, datetime):
        return moment
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


def fold() -> int:
    """Count the writes that have a row each; return how many. They stay one edition."""
    if CatalogWrite.objects.count() < FEW_WRITES:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(FOLD)
        ((counted,),) = cursor.fetchall()
    return int(counted)
