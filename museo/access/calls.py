"""A task goes on with the call that asked for it: Celery carries the call's name along."""

from typing import Any

from celery import signals

from museo.access import context

# the header of a task
CALL = "museo_call"


@signals.before_task_publish.connect
def say_which_call(headers: dict[str, Any], **_more: Any) -> None:
    if name := context.correlation_id():
        headers[CALL] = name


@signals.task_prerun.connect
def go_on_with_call(task: Any, **_more: Any) -> None:
    """What the clock asks for is a call of its own."""
    context.begin(task.request.get(CALL) or "")
