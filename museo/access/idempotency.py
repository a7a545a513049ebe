"""`Idempotency-Key`: the same request sent twice is done once and answered twice.

The key's row is committed before the work (`claim`), or with the first transaction of the work
(`once`), with a lease. The work writes its answer into the row in its own transaction, so there is
an answer exactly when there is an effect. Whoever finds the lease over takes the work up. After the
IETF draft draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import KW_ONLY, dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from museo import sql
from museo.access.encryption import seal, unseal
from museo.access.models import IdempotencyKey
from museo.access.problems import Invalid, Problem

LEASE = timedelta(seconds=60)
LONGEST_KEY = 255
# how long the same key waits for the first one's answer, and how many may wait in a process
PATIENCE_SECONDS = 2.0
# most work takes less
MOMENT_SECONDS = 0.1
# an answer is given again for so long
KEPT = timedelta(days=30)
_waiting_room = threading.BoundedSemaphore(2)
# of the keys whose work a thread of this process does, what says that it has ended
_at_work: dict[tuple[str, str], threading.Event] = {}


class KeyInFlight(Problem):
    """The first request with this key is still being worked on."""

    status = 409
    code = "idempotency_in_flight"


class KeyReused(Problem):
    """The key came before, with another body."""

    status = 422
    code = "idempotency_conflict"


class BadKey(Invalid):
    code = "idempotency_key_invalid"


@dataclass(frozen=True)
class Answer:
    """What was or will be answered; `is_replay` if it was given before."""

    status: int
    body: dict[str, Any]
    is_replay: bool = False


class _Taken(Exception):
    """The key is another's, or was."""


@dataclass
class Attempt:
    """The right to do a key's work until the lease ends; `subject` is what it had begun.

    Of one that `is_new` the row is written with the work; `given` is what was answered.
    """

    row: IdempotencyKey
    _: KW_ONLY
    is_new: bool = False
    given: Answer | None = None

    @property
    def subject(self) -> str:
        return self.row.subject

    def hold(self) -> None:
        """Lock the row first of all, inside the work's transaction; raise if the lease was lost."""
        if self.is_new:
            _insert(self.row)
            return
        held = (
            "UPDATE access_idempotencykey SET subject = subject"
            " WHERE id = %s AND state = 'in_flight' AND lease_until = %s"
        )
        if not sql.changed(held, [self.row.pk, self.row.lease_until]):
            raise _in_flight()

    def begin(self, subject: str) -> None:
        """Note what the work is about, for whoever might have to take it up."""
        self.row.subject = subject
        self.is_new = False
        IdempotencyKey.objects.filter(pk=self.row.pk).update(subject=subject)

    def answer(self, status: int, body: dict[str, Any]) -> None:
        """Keep the answer, inside the work's transaction."""
        sql.write(
            "UPDATE access_idempotencykey SET state = 'done', status_code = %s, answer = %s"
            " WHERE id = %s",
            [status, seal(orjson.dumps(body).decode()), self.row.pk],
        )
        self.given = Answer(status, body)

    def forget(self) -> None:
        """Free the key of work that was refused and changed nothing."""
        if not self.is_new:
            self._mine().delete()

    def _mine(self) -> QuerySet[IdempotencyKey]:
        return IdempotencyKey.objects.filter(
            pk=self.row.pk,
            state=IdempotencyKey.State.IN_FLIGHT,
            lease_until=self.row.lease_until,
        )


def forget(*, now: datetime, keep: timedelta) -> int:
    """Delete what was answered longer ago than that."""
    old = IdempotencyKey.objects.filter(state=IdempotencyKey.State.DONE, created_at__lt=now - keep)
    return old.delete()[0]


def forget_of(who: str) -> None:
    """Delete those of a caller, and of the apps that act for them, with what was answered."""
    own = Q(scope__startswith=f"{who} ") | Q(scope__startswith=f"{who}/")
    IdempotencyKey.objects.filter(own).delete()


def request_hash(body: Any) -> str:
    """The same for bodies that mean the same."""
    # the standard library's, which also writes integers of any size and halves of characters
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def claim(*, scope: str, key: str, body: Any, now: datetime) -> Attempt | Answer:
    """The right to do the work, or the answer it had; raise KeyReused, KeyInFlight or BadKey."""
    wanted = _wanted(scope, key, body, now)
    try:
        with sql.alone():
            _insert(wanted)
    except _Taken:
        return _second(wanted, now)
    return Attempt(wanted)


def once(
    work: Callable[[Attempt], object], *, scope: str, key: str, body: Any, now: datetime
) -> Answer:
    """The answer that the key has, or that `work` gives; raises what `claim` and `work` raise.

    The first transaction of `work` holds its attempt first of all: the key is written with it. A
    refusal that changed nothing frees the key.
    """
    wanted = _wanted(scope, key, body, now)
    with _first_here((scope, key)) as is_first, suppress(_Taken):
        if is_first:
            return _answer_of(work, Attempt(wanted, is_new=True))
    found = _second(wanted, now)
    return found if isinstance(found, Answer) else _answer_of(work, found)


@contextmanager
def _first_here(named: tuple[str, str]) -> Iterator[bool]:
    """Whether no other thread of this process does the key's work; else it is waited for.

    In the database all of them would stand, each with a connection. For longer than a moment few
    wait; raise KeyInFlight for the others.
    """
    ended = threading.Event()
    first = _at_work.setdefault(named, ended)
    if first is not ended:
        _wait_here(first)
        yield False
        return
    try:
        yield True
    finally:
        del _at_work[named]
        ended.set()


def _wait_here(first: threading.Event) -> None:
    if first.wait(MOMENT_SECONDS):
        return
    with _among_few():
        if not first.wait(PATIENCE_SECONDS):
            raise _in_flight()


@contextmanager
def _among_few() -> Iterator[None]:
    """A seat in the waiting room; raise KeyInFlight if there is none."""
    if not _waiting_room.acquire(blocking=False):
        raise _in_flight()
    try:
        yield
    finally:
        _waiting_room.release()


def _answer_of(work: Callable[[Attempt], object], attempt: Attempt) -> Answer:
    try:
        work(attempt)
    except Problem:
        attempt.forget()
        raise
    if attempt.given is None:
        raise NotImplementedError("The work has kept no answer.")
    return attempt.given


def _wanted(scope: str, key: str, body: Any, now: datetime) -> IdempotencyKey:
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise BadKey(_("Send an Idempotency-Key of 1 to 255 printable characters."))
    return sql.new(
        IdempotencyKey,
        scope=scope,
        key=key,
        request_hash=request_hash(body),
        lease_until=now + LEASE,
        created_at=now,
    )


def _insert(wanted: IdempotencyKey) -> None:
    if not sql.insert_unless(wanted, same="scope, key"):
        raise _Taken


def _second(wanted: IdempotencyKey, now: datetime) -> Attempt | Answer:
    """What a key gets that was seen before."""
    found = IdempotencyKey.objects.filter(scope=wanted.scope, key=wanted.key).first()
    if found is None:
        raise _in_flight()
    if found.request_hash != wanted.request_hash:
        raise KeyReused(_("This Idempotency-Key came before with another body. Send a new key."))
    if found.state == IdempotencyKey.State.IN_FLIGHT and found.lease_until <= now:
        return _take_over(found, now)
    return _replay(found) if found.state == IdempotencyKey.State.DONE else _wait_for(found)


def _take_over(found: IdempotencyKey, now: datetime) -> Attempt:
    lapsed = IdempotencyKey.objects.filter(
        pk=found.pk, state=IdempotencyKey.State.IN_FLIGHT, lease_until=found.lease_until
    )
    if not lapsed.update(lease_until=now + LEASE):
        raise _in_flight()
    found.lease_until = now + LEASE
    return Attempt(found)


def _wait_for(found: IdempotencyKey) -> Answer:
    """The first one's answer, if it comes soon and few are waiting."""
    with _among_few():
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            row = IdempotencyKey.objects.filter(pk=found.pk).first()
            if row is None or row.state == IdempotencyKey.State.DONE:
                break
            time.sleep(0.02)
        else:
            raise _in_flight()
    if row is None:
        raise _in_flight()
    return _replay(row)


def _replay(row: IdempotencyKey) -> Answer:
    return Answer(row.status_code or 200, orjson.loads(unseal(row.answer)), is_replay=True)


def _in_flight() -> KeyInFlight:
    return KeyInFlight(
        _("The first request with this key is still running. Ask again in a second."),
        retry_after=1,
    )
