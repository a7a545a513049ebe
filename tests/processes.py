"""Other processes that work on the test's own database."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connection

PREAMBLE = """
import os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "museo.settings"
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


def eventually(is_true: Callable[[], bool], *, seconds: float = 60) -> None:
    """Return as soon as it is true; fail when the time is over."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.005)
