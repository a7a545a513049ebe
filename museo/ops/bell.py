"""Wakes the supervisor: when a process ends, or when somebody wants it to stop."""

import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Bell:
    """While it hangs, endings raise KeyboardInterrupt and `wait` hears of children that ended.

    Only the main thread can hang it.
    """

    def __enter__(self) -> Self:
        self._ear, self._clapper = socket.socketpair()
        self._ear.settimeout(0)
        self._clapper.settimeout(0)
        self._wakeup = signal.set_wakeup_fd(self._clapper.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, _interrupt) for number in ENDINGS}
        # without a handler the signal is dropped before the ear hears it
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _go_on)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._ear.close()
        self._clapper.close()

    def wait(self, seconds: float | None) -> None:
        """Return after `seconds` (None: never), or when a signal came since the last call."""
        if select.select([self._ear], [], [], seconds)[0]:
            self._ear.recv(4096)

    def silence(self) -> None:
        """Ignore endings from here on: one is under way."""
        for number in ENDINGS:
            signal.signal(number, signal.SIG_IGN)


class _Ending:
    """Signals belong to the whole process, and so does this."""

    is_held = False
    has_come = False


@contextmanager
def undisturbed() -> Iterator[None]:
    """An ending that comes meanwhile is raised after what is done here, never within."""
    _Ending.is_held = True
    try:
        yield
    finally:
        has_come = _Ending.has_come
        _Ending.is_held = _Ending.has_come = False
        if has_come:
            raise KeyboardInterrupt


def _interrupt(number: int, frame: FrameType | None) -> None:
    if _Ending.is_held:
        _Ending.has_come = True
    else:
        raise KeyboardInterrupt


def _go_on(number: int, frame: FrameType | None) -> None:
    pass
