"""Under a WSGI server each thread keeps its connection; each test asks in a process of its own."""

import json
import os
import subprocess
import sys
import textwrap
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from tests.processes import database_url

pytestmark = [
    pytest.mark.usefixtures("committed"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps a file"),
]
PREAMBLE = """
import gc, json, sys
import httpx
from concurrent.futures import ThreadPoolExecutor
from museo.wsgi import application
import psycopg
from django.db import connection
from django.db.backends.signals import connection_created
from museo import connecting
from tests.processes import eventually

shop = httpx.Client(base_url="http://127.0.0.1", transport=httpx.WSGITransport(application))

def call():
    return shop.get("/api/v1/catalog/products").status_code

def kept():
    "The connection that this thread has after its calls, by PostgreSQL's number."
    return connection.connection and connection.connection.info.backend_pid

def thread():
    return ThreadPoolExecutor(1)

def as_admin(statement, *params):
    with psycopg.connect(sys.argv[1], autocommit=True) as admin:
        return admin.execute(statement, params).fetchone()[0]

def is_open(pid):
    return as_admin("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", pid) == 1

def tell(*found):
    print(json.dumps(found))
"""


def told(code: str, preamble: str = PREAMBLE) -> Any:
    """What a process with the shop's WSGI application finds out."""
    ended = subprocess.run(
        [sys.executable, "-c", preamble + textwrap.dedent(code), database_url()],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "museo.settings",
            "DATABASE_URL": database_url(),
            "MUSEO_HOME": str(settings.MUSEO_HOME),
        },
    )
    return json.loads(ended.stdout)


CALLS = """
with thread() as one, thread() as other:
    tell(*[each.submit(act).result() for each in (one, other, one) for act in (call, kept)])
"""


def test_a_thread_asks_over_one_connection_of_its_own() -> None:
    first, pid, second, others, third, again = told(CALLS)

    assert (first, second, third) == (200, 200, 200)
    assert again == pid
    assert None not in (pid, others)
    assert others != pid


def test_elsewhere_calls_give_it_back() -> None:
    first_of_all = "import django; django.setup()"

    assert told(CALLS, first_of_all + PREAMBLE) == [200, None] * 3


ENDED = """
gc.disable()
with thread() as one:
    one.submit(call).result()
    pid = one.submit(kept).result()
    was_open = is_open(pid)
"""


def test_it_ends_with_its_thread() -> None:
    assert told(ENDED + "eventually(lambda: not is_open(pid)); tell(was_open)") == [True]


def test_it_would_stay_open_until_somebody_looks_for_garbage() -> None:
    alone = "connection_created.disconnect(connecting.end_with_thread)"
    looked_for = "stays = is_open(pid); gc.collect(); eventually(lambda: not is_open(pid))"

    assert told(alone + ENDED + looked_for + "; tell(was_open, stays)") == [True, True]


def test_one_that_is_broken_costs_one_call() -> None:
    broken = """
        with thread() as one:
            one.submit(call).result()
            as_admin("SELECT pg_terminate_backend(%s, 5000)", one.submit(kept).result())
            tell(*[one.submit(call).result() for _ in range(3)])
        """

    assert told(broken) == [503, 200, 200]
