"""Other processes that work on the test's own database."""

import asyncio
import os
import ssl
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, connections

# made once: httpx would read all certificates anew for every client
TLS = ssl.create_default_context()
SHORTEST_PAUSE = 0.005
LONGEST_PAUSE = 0.1
PREAMBLE = """
import os, sys, django
from museo import garbage
os.environ["DJANGO_SETTINGS_MODULE"] = "museo.settings"
with garbage.not_among_what_is_loaded():
    django.setup()
"""


def database_url() -> str:
    """Where the test's database is, as DATABASE_URL."""
    at: dict[str, Any] = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{at['NAME']}"
    host = at["HOST"]
    if host.startswith("/"):
        return f"postgres://{at['USER']}@/{at['NAME']}?host={host}&port={at['PORT']}"
    return f"postgres://{at['USER']}@{host}:{at['PORT']}/{at['NAME']}"


def spawn(code: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Run Python with the shop set up, on the test's database."""
    return subprocess.Popen(
        [sys.executable, "-c", PREAMBLE + textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "DATABASE_URL": database_url(),
            "MUSEO_HOME": str(settings.MUSEO_HOME),
            **environment,
        },
    )


def fork(act: Callable[[], object]) -> int:
    """Do it in a copy of this process with database connections of its own; return the copy's id.

    Unlike `spawn` it need not set the shop up anew, and may do what the test has in hand.
    """
    connections.close_all()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        # the pool's threads were not copied
        connection.settings_dict["OPTIONS"].pop("pool", None)
        act()
        code = 0
    finally:
        # nothing of the tests goes on in the copy
        os._exit(code)


def ended(child: int) -> int:
    """Wait for a copy; return its exit code, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def eventually(is_true: Callable[[], bool], *, seconds: float = 60) -> None:
    """Return as soon as it is true; fail when the time is over. Asks less and less often."""
    deadline = time.monotonic() + seconds
    pause = SHORTEST_PAUSE
    while not is_true():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(pause)
        pause = min(pause * 1.2, LONGEST_PAUSE)


async def until(is_true: Callable[[], bool], *, seconds: float = 60) -> None:
    """The same beside what else the event loop does."""
    async with asyncio.timeout(seconds):
        while not is_true():  # noqa: ASYNC110  any condition, seen from outside
            await asyncio.sleep(SHORTEST_PAUSE)


def is_healthy(address: str) -> bool:
    """Whether the server at http://host:port says so; costs little, as it is asked often."""
    asked = HTTPConnection(urlsplit(address).netloc, timeout=2)
    try:
        asked.request("GET", "/healthz")
        return asked.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        asked.close()
