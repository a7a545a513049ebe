"""Lines of the log to Grafana Loki, beside where they go anyway; whoever writes one never waits.

Lines wait in memory for a thread that sends them together. While Loki is away they wait on; when
there is no room left the oldest are dropped, and counted.

The push API: https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Sequence
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

import orjson
import prometheus_client as metrics

from museo.ops.logs import NAMES, Json

PATH = "/loki/api/v1/push"
HEADERS = {"Content-Type": "application/json"}
# lines that wait
ROOM = 10_000
AT_ONCE = 1_000
# between two pushes; it doubles as long as they fail
SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 30.0
TIMEOUT_SECONDS = 5.0
# it will take them later; anything else would be refused again
LATER = {HTTPStatus.TOO_MANY_REQUESTS, *(status for status in HTTPStatus if status >= 500)}

LOST = metrics.Counter("museo_log_lines_lost", "Lines of the log that Loki never got")

# time in nanoseconds, level, line
Waiting = tuple[int, str, str]


class Loki(logging.Handler):
    """One for each process; its thread starts with the first line, so that it survives a fork."""

    def __init__(self, host: str, port: int, *, process: str) -> None:
        super().__init__()
        self.formatter = Json()
        self._at = host, port
        self._process = process
        self._waiting: deque[Waiting] = deque(maxlen=ROOM)
        self._news, self._ends = threading.Event(), threading.Event()
        self._thread: threading.Thread | None
        self._pid, self._thread = 0, None

    def emit(self, record: logging.LogRecord) -> None:
        if self._pid != os.getpid():
            self._start()
        # what sending says of itself would be sent again
        if threading.current_thread() is self._thread:
            return
        if len(self._waiting) == ROOM:
            LOST.inc()
        level = NAMES.get(record.levelname, "info")
        self._waiting.append((int(record.created * 1e9), level, self.format(record)))
        self._news.set()

    def close(self) -> None:
        """Send what waits, as the process ends."""
        self._ends.set()
        self._news.set()
        if self._thread and self._pid == os.getpid():
            self._thread.join(TIMEOUT_SECONDS)
        super().close()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._run, name="loki", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        lines: list[Waiting] = []
        pause = SHORTEST_SECONDS
        while self._news.wait():
            self._ends.wait(pause)
            if not lines:
                self._news.clear()
                lines = self._next()
            if self._send(lines):
                lines, pause = [], SHORTEST_SECONDS
            else:
                pause = min(2 * pause, LONGEST_SECONDS)
            if lines or self._waiting:
                self._news.set()
            if self._ends.is_set() and (lines or not self._waiting):
                return

    def _next(self) -> list[Waiting]:
        return [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]

    def _send(self, lines: Sequence[Waiting]) -> bool:
        """False if they should be sent again."""
        if not lines:
            return True
        connection = HTTPConnection(*self._at, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", PATH, self._body(lines), HEADERS)
            status = connection.getresponse().status
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
        if status in LATER:
            return False
        if status >= HTTPStatus.BAD_REQUEST:
            LOST.inc(len(lines))
        return True

    def _body(self, lines: Sequence[Waiting]) -> bytes:
        levels = dict.fromkeys(level for _time, level, _line in lines)
        streams = [
            {
                "stream": {"app": "museo", "process": self._process, "level": level},
                "values": [[str(at), line] for at, its, line in lines if its == level],
            }
            for level in levels
        ]
        return orjson.dumps({"streams": streams})
