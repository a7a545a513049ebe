"""The shop's application, with topics of trials, under each server as a process of its own."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.processes import eventually, is_healthy, spawn
from tests.shops import free_port

SERVED = """
from museo.asgi import application
from notifications import topics
from tests.notifications.conftest import _all_but_secrets, _newest

topics.register("trial", may_read=_all_but_secrets, snapshot=_newest)
"""
UVICORN = (
    SERVED
    + """
import uvicorn

from museo.ops.up import LARGEST_FRAME

sockets = {"ws": "websockets-sansio", "ws_max_size": LARGEST_FRAME}
uvicorn.run(application, port=int(sys.argv[1]), log_config=None, **sockets)
"""
)
DAPHNE = (
    SERVED
    + """
from daphne.server import Server

endpoint = f"tcp:port={sys.argv[1]}:interface=127.0.0.1"
Server(application, endpoints=[endpoint]).run()
"""
)
RUNSERVER = (
    SERVED
    + """
from django.core.management import call_command

call_command("runserver", f"127.0.0.1:{sys.argv[1]}", use_reloader=False)
"""
)


@contextmanager
def served(code: str, redis_url: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    port = free_port()
    # the settings look for the command's name among the arguments
    name = ["runserver"] if code == RUNSERVER else []
    process = spawn(code, str(port), *name, REDIS_URL=redis_url)
    address = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: process.poll() is not None or is_healthy(address))
        yield process, address
    finally:
        process.kill()
        process.communicate()
