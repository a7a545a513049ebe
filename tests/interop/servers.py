"""Further servers of an open shop, and a balancer that lets each answer in turn."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import httpx

from tests import services
from tests.processes import PREAMBLE, TLS, eventually, is_healthy
from tests.shops import ROOT, Shop, free_port

UVICORN = """
import uvicorn

uvicorn.run("museo.asgi:application", port=int(sys.argv[1]), log_config=None)
"""
DAPHNE = """
from daphne.cli import CommandLineInterface

arguments = ["-b", "127.0.0.1", "-p", sys.argv[1], "-v", "0", "museo.asgi:application"]
CommandLineInterface().run(arguments)
"""
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@contextmanager
def serving(shop: Shop, code: str, *, count: int) -> Iterator[list[str]]:
    """So many more servers of the shop, each at its own address."""
    surroundings = shop.process("museo.ops.worker clock").environ()
    with ExitStack() as stack:
        addresses = []
        for _server in range(count):
            port = free_port()
            command = [sys.executable, "-c", PREAMBLE + code, str(port)]
            process = subprocess.Popen(command, cwd=ROOT, env=surroundings)
            stack.callback(_end, process)
            addresses.append(f"http://127.0.0.1:{port}")
        for address in addresses:
            eventually(partial(is_healthy, address))
            # it loads MCP with its first client, who would wait
            assert httpx.post(f"{address}/mcp", json=PING, timeout=60, verify=TLS).json()["id"] == 1
        yield addresses


@contextmanager
def in_turn(addresses: Sequence[str], *, log: Path | None = None) -> Iterator[str]:
    """One address, whose requests go to each of these in turn; ended ones of sessions are logged.

    mcp-remote also opens a stream of no session, to be told where to sign in, for five seconds.
    """
    program = services.find_nginx()
    assert program, "this test needs nginx: apt-get install nginx"
    first, *others = addresses
    port = free_port()
    more = f"access_log {log} combined if=$http_mcp_session_id;" if log else ""
    with services.nginx(program, upstream=first, others=others, port=port, more=more) as address:
        eventually(partial(is_healthy, address))
        yield address


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(timeout=60)
