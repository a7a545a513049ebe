"""A task that does nothing but tell of its progress: for trying out clients (`simulate_progress`).

It runs in the live process that was asked and ends with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import DatabaseError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from museo.access.callers import Caller
from museo.access.limits import require_allowance
from museo.access.permissions import require_scope
from museo.access.problems import Invalid, NotAllowed, Problem, field_error
from museo.access.scopes import NOTIFY_SEND
from notifications import log
from notifications.audiences import EVERYBODY, process_topic
from notifications.live.hub import in_thread

logger = logging.getLogger(__name__)

LONGEST_NAME = 120
MOST_AT_ONCE = 10
MOST_PER_MINUTE = 30
STEP_DONE = gettext_noop("Completed step %(step)s of %(steps)s")

_running: Counter[str] = Counter()
_tasks: set[asyncio.Task[None]] = set()


class TooManyTasks(Problem):
    status = 429
    code = "too_many_tasks"


@dataclass(frozen=True)
class Simulation:
    """One event each `duration_seconds / step_count` seconds, on `topic`."""

    topic: str
    task_id: str
    task_name: str
    duration_seconds: float
    step_count: int


async def start(
    caller: Caller,
    *,
    task_name: str,
    duration_seconds: float = 10,
    step_count: int = 5,
    broadcast: bool = False,
    now: datetime,
) -> Simulation:
    """Begin a task of 1 to 60 seconds and 1 to 20 steps; raise before anything has begun."""
    _check(task_name=task_name, duration_seconds=duration_seconds, step_count=step_count)
    if broadcast:
        require_scope(caller, NOTIFY_SEND)
    owner = caller.process
    if not (owner or broadcast):
        raise NotAllowed(_("There is no stream here on which you could hear of it."))
    await in_thread(require_allowance)(
        f"simulations:{owner}", most=MOST_PER_MINUTE, seconds=60, now=now
    )
    if _running[owner] >= MOST_AT_ONCE:
        raise TooManyTasks(_("Too many of your tasks are running. Wait until one has ended."))
    topic = EVERYBODY if broadcast else process_topic(caller)
    simulation = Simulation(topic, uuid4().hex, task_name, duration_seconds, step_count)
    _running[owner] += 1
    task = asyncio.create_task(_run(simulation))
    _tasks.add(task)
    task.add_done_callback(lambda ended: _ended(ended, owner))
    return simulation


def _check(*, task_name: str, duration_seconds: float, step_count: int) -> None:
    if not 1 <= len(task_name) <= LONGEST_NAME:
        raise _invalid("/task_name", _("Name the task in 1 to 120 characters."))
    if not 1 <= duration_seconds <= 60:
        raise _invalid("/duration_seconds", _("Choose 1 to 60 seconds."))
    if not 1 <= step_count <= 20:
        raise _invalid("/step_count", _("Choose 1 to 20 steps."))


def _invalid(pointer: str, detail: str) -> Problem:
    return Invalid(detail, errors=[field_error(pointer, "out_of_range", detail)])


async def _run(simulation: Simulation) -> None:
    """Each step at its own time, however long telling the last one took."""
    clock = asyncio.get_running_loop().time
    began = clock()
    for step in range(1, simulation.step_count + 1):
        due = began + step * simulation.duration_seconds / simulation.step_count
        await asyncio.sleep(max(0.0, due - clock()))
        await in_thread(_tell)(simulation, step)


def _tell(simulation: Simulation, step: int) -> None:
    data: dict[str, Any] = {
        "task_id": simulation.task_id,
        "progress": 100 * step / simulation.step_count,
        "step": step,
        "total_steps": simulation.step_count,
    }
    texts = {"message": [STEP_DONE, {"step": step, "steps": simulation.step_count}]}
    with log.change() as change:
        change.event(
            simulation.topic,
            "progress",
            data,
            at=timezone.now(),
            texts=texts,
            own_text={"task_name": simulation.task_name},
        )


def _ended(task: asyncio.Task[None], owner: str) -> None:
    _tasks.discard(task)
    _running[owner] -= 1
    if not _running[owner]:
        del _running[owner]
    if not task.cancelled() and isinstance(task.exception(), DatabaseError):
        logger.warning("simulated task stopped: the log cannot be written")
