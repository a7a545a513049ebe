"""Doing things at the same moment, in threads with their own database connections."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connections

Result = TypeVar("Result")


def at_once(actions: Sequence[Callable[[], Result]]) -> list[Result | Exception]:
    """Start all actions together; return what each returned or raised, in their order."""
    start = Barrier(len(actions))

    def run(action: Callable[[], Result]) -> Result | Exception:
        try:
            start.wait(timeout=30)
            return action()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(actions)) as threads:
        return list(threads.map(run, actions))
