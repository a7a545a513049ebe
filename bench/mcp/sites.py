"""Every server that takes part; Museo with a PostgreSQL and a Valkey of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.live import kitchen
from bench.live.servers.museo.server import START
from bench.live.servers.server import Server
from bench.shop.sites import AS_IN_PRODUCTION, NO_LIMIT
from tests import services
from tests.interop import packages

SERVERS = Path(__file__).with_name("servers")
PEERS = ("sdk", "fastmcp", "typescript")
QUIET = ("--no-access-log", "--no-server-header", "--log-level", "warning")
WITH_ECHO = "bench.mcp.servers.museo:application"


@dataclass(frozen=True)
class Shop:
    """Museo, how many processes it may have, and what is in it."""

    server: Server
    environment: dict[str, str]
    orders: Sequence[Sequence[str]]
    mover: Sequence[str]

    def on(self, processes: int) -> Server:
        if processes == 1:
            return self.server
        command = [*self.server.command, "--workers", str(processes)]
        return Server("museo", command, self.environment, self.server.folder, self.server.port)


def peer(name: str, folder: Path, port: int) -> Server:
    """A server that echoes."""
    commands = {"sdk": _python_server(sys.executable, "sdk", port)}
    if name == "fastmcp":
        commands[name] = _python_server(str(packages.python()), "fast", port)
    if name == "typescript":
        commands[name] = [*packages.script(SERVERS / "typescript.mjs"), str(port)]
    return Server(name, commands[name], kitchen.environment(), folder, port)


def _python_server(python: str, module: str, port: int) -> list[str]:
    at = ("--host", "127.0.0.1", "--port", str(port))
    return [python, "-m", "uvicorn", f"bench.mcp.servers.{module}:application", *at, *QUIET]


@contextmanager
def shop(folder: Path, port: int, *, products: int, orders: int) -> Iterator[Shop]:
    with ExitStack() as stack:
        cluster = stack.enter_context(
            services.cluster(kitchen.postgresql(), settings=AS_IN_PRODUCTION)
        )
        redis_url = stack.enter_context(services.valkey(kitchen.valkey_server()))
        environment = kitchen.environment(
            DJANGO_SETTINGS_MODULE="museo.settings",
            MUSEO_HOME=str(folder / "home"),
            # what is kept would only be asked for over REST
            MUSEO_ANSWERS_MB="0",
            MUSEO_CALLS_PER_MINUTE=NO_LIMIT,
            MUSEO_STREAMS_PER_CALLER=NO_LIMIT,
            MUSEO_PUBLIC_URL=f"http://127.0.0.1:{port}",
            DATABASE_URL=cluster.url,
            REDIS_URL=redis_url,
        )
        told = _made(environment, port, products, orders)
        command = [word.replace("museo.asgi:application", WITH_ECHO) for word in told["command"]]
        server = Server("museo", command, environment, folder, port)
        mover = [sys.executable, "-c", START, "bench.mcp.servers.mover"]
        yield Shop(server, environment, told["orders"], mover)


def _made(environment: dict[str, str], *numbers: int) -> dict[str, Any]:
    words = [str(number) for number in numbers]
    done = subprocess.run(
        [sys.executable, "-c", START, "bench.mcp.servers.shop", *words],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
