"""When Python looks for garbage: seldom, and not among what stays."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# so many new objects might be garbage; times ten, and times twenty for all that have stayed long
LOOKED_FOR_AFTER = (10_000, 10, 20)


def keep_what_is_loaded() -> None:
    """It is most of what there is: to look at it again takes 80 ms each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*LOOKED_FOR_AFTER)


@contextmanager
def left_alone() -> Iterator[None]:
    """For who makes objects by the hundred thousand: looking for circles would find none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def not_among_what_is_loaded() -> Iterator[None]:
    """For who loads code, all of which stays: to look through it takes a fifth of a start."""
    with left_alone():
        yield
        gc.freeze()


def look_through_the_newest() -> None:
    """For who leaves garbage alone: now, rather than when it is looked for again."""
    gc.collect(0)
