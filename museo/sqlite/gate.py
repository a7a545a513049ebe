"""First come, first served for SQLite's one write lock.

SQLite lets whoever asks at the right moment write, so a busy writer starves the others. Writers
therefore queue here before BEGIN: threads of one process among themselves, then one thread of
each process at a lock file. There each takes the next number, locks the byte of that number and
waits for the byte of the number before. The kernel frees the bytes of a process that dies, so
nobody waits for the dead. The gate only orders the writers; that there is one at a time is still
SQLite's own lock.
"""

import fcntl
import os
import struct
import threading
from collections import deque

# the counter's place in the file; the bytes of the numbers follow it
COUNTER = struct.Struct("<q")
FIRST_BYTE = 64


class Gate:
    """The queue at one lock file, for all threads of this process."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        self._door = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._is_taken = False
        self._number = 0

    def enter(self) -> None:
        """Return when it is this thread's turn."""
        self._wait_for_threads()
        try:
            self._wait_for_processes()
        except BaseException:
            # whoever waits for its number would wait for ever
            self.leave()
            raise

    def leave(self) -> None:
        """Let the next one in."""
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, FIRST_BYTE + self._number)
        self._next_thread()

    def _wait_for_threads(self) -> None:
        with self._door:
            if not self._is_taken:
                self._is_taken = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()

    def _next_thread(self) -> None:
        with self._door:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False

    def _wait_for_processes(self) -> None:
        self._number = self._take_number()
        before = FIRST_BYTE + self._number - 1
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, before)
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, before)

    def _take_number(self) -> int:
        """Also locks the number's byte, before anybody can take the next number."""
        fcntl.lockf(self._file, fcntl.LOCK_EX, COUNTER.size, 0)
        try:
            kept = os.pread(self._file, COUNTER.size, 0)
            number = COUNTER.unpack(kept)[0] + 1 if len(kept) == COUNTER.size else 1
            os.pwrite(self._file, COUNTER.pack(number), 0)
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, FIRST_BYTE + number)
            return int(number)
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, COUNTER.size, 0)


_gates: dict[str, Gate] = {}
_making = threading.Lock()


def gate_at(path: str) -> Gate:
    """The one of a file in this process, whichever threads ask at once.

    Locks are the process's: through two gates two of its threads would be in the queue, each let
    through by the bytes of the other, and other processes wait in a circle with them (EDEADLK).
    And closing any descriptor of a file drops all locks of the process on it.
    """
    with _making:
        if path not in _gates:
            _gates[path] = Gate(path)
        return _gates[path]
