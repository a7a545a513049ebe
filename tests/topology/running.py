"""The topology of deploy/ on this machine: its commands behind Debian's nginx."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
from django.core.management import call_command
from django.db import connection

from museo.ops import probe
from museo.ops.preflight import ROOT
from museo.ops.supervisor import Part, Supervisor
from tests import services
from tests.processes import TLS, ended, eventually, fork, is_healthy
from tests.services import Cluster, Valkey
from tests.shops import free_port
from tests.topology import deployed

BIN = Path(sys.executable).parent
# they run the shop's own code
SERVERS = ("web", "live")
WORKERS = ("clock", "work")
STARTS_WITHIN = 180
TEND_EVERY = 0.1
# what a proxy may be that is believed: here it is this machine
THIS_MACHINE = "127.0.0.1"
PUT_OUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"


@dataclass
class Topology:
    address: str
    # the same shop, where clients of the orchestrator look
    orchestrator: str
    home: Path
    environment: Mapping[str, str]
    ports: Mapping[str, int]
    pulses: Mapping[str, Path]
    logs: Path
    database_url: str
    cluster: Cluster | None
    valkey: Valkey | None
    _supervisor: Supervisor
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def parts(self) -> list[str]:
        return [*self.ports, *self.pulses]

    def of(self, service: str) -> list[str]:
        return [name for name in self.parts if name.startswith(f"{service}-")]

    def process(self, part: str) -> psutil.Process:
        with self._lock:
            return psutil.Process(self._supervisor.pids()[part])

    def kill(self, part: str) -> None:
        """As a machine that dies takes a container along: all its processes, with -9."""
        with suppress(psutil.NoSuchProcess, KeyError):
            process = self.process(part)
            for each in (process, *process.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    each.kill()

    def restart(self, part: str) -> None:
        """As docs/operations.md says: ask it to end, start it again, wait until it is well.

        And until nginx asks it again, which takes two seconds; Docker looks every ten.
        """
        process = self.process(part)
        process.terminate()
        eventually(lambda: not process.is_running() or process.status() == "zombie", seconds=40)
        eventually(lambda: self.is_well(part), seconds=STARTS_WITHIN)
        if part in self.ports:
            # what the old process had answered does not count
            before = len(self.asked())
            server = f"127.0.0.1:{self.ports[part]}"
            eventually(lambda: server in self._answered(after=before), seconds=STARTS_WITHIN)

    def _answered(self, *, after: int) -> set[str]:
        """Who answered what nginx was asked since then, in the end; it is asked for each."""
        for path in ("/healthz", "/mcp"):
            httpx.get(f"{self.address}{path}", timeout=20, verify=TLS)
        asked = [line["metadata"] for line in self.asked(after=after)]
        return {each["server"] for each in asked if each["status"] < HTTPStatus.BAD_GATEWAY}

    def reload_proxy(self) -> None:
        """Have nginx read its configuration again, and wait until the old one is not used."""
        master = self.process("nginx")
        old = master.children()
        master.send_signal(signal.SIGHUP)
        eventually(lambda: not any(worker in master.children() for worker in old), seconds=30)

    def is_well(self, part: str) -> bool:
        if part in self.ports:
            return is_healthy(f"http://127.0.0.1:{self.ports[part]}")
        pulse = self.pulses[part]
        with suppress(psutil.NoSuchProcess, KeyError, FileNotFoundError):
            began = self.process(part).create_time()
            return pulse.stat().st_mtime > began and probe.is_well(str(pulse))
        return False

    def are_well(self) -> bool:
        return all(self.is_well(part) for part in self.parts)

    def health(self) -> dict[str, str]:
        """The state of each part as `/health` tells it, and of all as `status`."""
        answer = httpx.get(f"{self.address}/health", timeout=20, verify=TLS).json()
        parts = {name: part["state"] for name, part in answer["parts"].items()}
        return {"status": answer["status"], **parts}

    @property
    def access_log(self) -> Path:
        return self.logs.parent / "nginx" / "access.log"

    def asked(self, *, after: int = 0) -> list[dict[str, Any]]:
        """What nginx was asked, from a line of its log on."""
        return [json.loads(line) for line in self.access_log.read_text().splitlines()[after:]]

    def audit(self) -> str:
        """What `manage.py audit` says; it must not find anything."""
        done = self.manage("audit")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
        )

    def tend(self) -> None:
        with self._lock:
            self._supervisor.tend(now=time.monotonic())


@contextmanager
def topology(
    database_url: str,
    redis_url: str,
    *,
    cluster: Cluster | None = None,
    valkey: Valkey | None = None,
    speed: float = 240,
    fill: Callable[[Mapping[str, str], Mapping[str, str]], None] | None = None,
    **given: str,
) -> Iterator[Topology]:
    """All of compose.yaml but the database and Valkey, which are given.

    `fill` makes tables and products; None where they are there already.
    """
    nginx_program = services.find_nginx()
    assert nginx_program, "this test needs nginx: apt-get install nginx"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="museo-topology-")))
        # nginx's workers are somebody else, if its master is root
        folder.chmod(0o711)
        home = folder / "home"
        ports = {"8000": free_port(), "3300": free_port()}
        address = f"http://127.0.0.1:{ports['8000']}"
        file = deployed.compose({"POSTGRES_PASSWORD": "secret", "MUSEO_PUBLIC_URL": address})
        environment = {
            **_kept(),
            **_own(file["services"]["web"], database_url, redis_url, home),
            "MUSEO_CLOCK_SPEED": f"{speed:g}",
            **given,
        }
        if fill:
            fill(file["services"]["prepare"], environment)
        supervisor = Supervisor(
            logs=_made(folder / "logs"), environment=environment, say=lambda _sentence: None
        )
        found = Topology(
            address=address,
            orchestrator=f"http://127.0.0.1:{ports['3300']}",
            home=home,
            environment=environment,
            ports={
                name: free_port()
                for service in SERVERS
                for name in _names(service, file["services"][service])
            },
            pulses={
                name: folder / f"pulse-{name}"
                for service in WORKERS
                for name in _names(service, file["services"][service])
            },
            logs=folder / "logs",
            database_url=database_url,
            cluster=cluster,
            valkey=valkey,
            _supervisor=supervisor,
        )
        stack.callback(supervisor.stop)
        for part in _parts(file["services"], found):
            supervisor.start(part, now=time.monotonic())
        proxy = _made(folder / "nginx")
        proxy.chmod(0o755)
        conf = proxy / "nginx.conf"
        at = {service: [found.ports[name] for name in found.of(service)] for service in SERVERS}
        conf.write_text(deployed.nginx(at, ports, str(proxy)))
        words = [str(nginx_program), "-c", str(conf), "-e", f"{proxy}/error.log"]
        supervisor.start(Part("nginx", (*words, "-g", "daemon off;")), now=time.monotonic())
        stack.enter_context(_tended(found))
        for name in found.parts:
            eventually(partial(found.is_well, name), seconds=STARTS_WITHIN)
        eventually(lambda: is_healthy(found.orchestrator), seconds=STARTS_WITHIN)
        yield found


@contextmanager
def own_topology(
    programs: Path, server: Path, *, speed: float = 240, **given: str
) -> Iterator[Topology]:
    """With a PostgreSQL and a Valkey of its own, which may die; their data outlives that."""
    with (
        services.cluster(programs, settings=()) as cluster,
        services.valkey_server(server) as valkey,
        topology(
            cluster.url,
            valkey.url,
            cluster=cluster,
            valkey=valkey,
            # webhooks to a program of the tests
            MUSEO_WEBHOOK_ALLOW=f"{THIS_MACHINE}:{free_port()}",
            fill=_prepare,
            speed=speed,
            **given,
        ) as found,
    ):
        yield found


@contextmanager
def copied_database(server: str, template: str) -> Iterator[str]:
    """A copy of a database that nobody is connected to: its tables need not be made again."""
    name = f"{template}_topology"
    target = f"{server}/{name}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as database:
        # threads of tests before this one may still look into it, and would come back
        database.execute(f'ALTER DATABASE "{template}" ALLOW_CONNECTIONS false')
        try:
            database.execute(PUT_OUT, [template])
            database.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        finally:
            database.execute(f'ALTER DATABASE "{template}" ALLOW_CONNECTIONS true')
        try:
            yield target
        finally:
            database.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def fill_with_demo(database_url: str) -> None:
    """In a copy of this process, which has the shop loaded already."""

    def fill() -> None:
        connection.settings_dict["NAME"] = database_url.rpartition("/")[2]
        call_command("demo", verbosity=0)

    assert ended(fork(fill)) == 0


def _parts(file: Mapping[str, Mapping[str, str]], found: Topology) -> Iterator[Part]:
    for name, port in found.ports.items():
        moved = {"0.0.0.0": THIS_MACHINE, "8000": str(port)}
        yield Part(name, _command(file[name.partition("-")[0]], moved))
    for name, pulse in found.pulses.items():
        moved = {"/tmp/pulse": str(pulse)}  # noqa: S108  a container's own
        yield Part(name, _command(file[name.partition("-")[0]], moved))


def _command(service: Mapping[str, str], moved: Mapping[str, str]) -> Sequence[str]:
    program, *words = deployed.command(service, moved)
    assert service["restart"] == "unless-stopped"
    return [sys.executable if program == "python" else str(BIN / program), *words]


def _names(service: str, told: Mapping[str, Mapping[str, str]]) -> list[str]:
    return [f"{service}-{number + 1}" for number in range(int(told["deploy"]["replicas"]))]


def _prepare(service: Mapping[str, str], environment: Mapping[str, str]) -> None:
    words = deployed.command(service, {"python": sys.executable})
    subprocess.run(
        [*words, "--demo"], cwd=ROOT, env=dict(environment), check=True, stdout=subprocess.DEVNULL
    )


def _own(
    service: Mapping[str, Mapping[str, str]], database_url: str, redis_url: str, home: Path
) -> dict[str, str]:
    """What the file sets, but for where things are."""
    moved = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "MUSEO_HOME": str(home),
        "MUSEO_TRUSTED_PROXIES": THIS_MACHINE,
    }
    assert set(moved) <= set(service["environment"])
    return {**service["environment"], **moved}


def _kept() -> dict[str, str]:
    kept = ("MUSEO_CALLS_PER_MINUTE", "MUSEO_SIGN_INS_PER_MINUTE")
    return {
        name: value
        for name, value in os.environ.items()
        if name in kept or not name.startswith(("MUSEO_", "DATABASE_", "REDIS_", "TEST_"))
    }


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@contextmanager
def _tended(found: Topology) -> Iterator[None]:
    """What ended is started again, as Docker does (`restart: unless-stopped`)."""
    is_over = threading.Event()

    def tend() -> None:
        while not is_over.wait(TEND_EVERY):
            found.tend()

    thread = threading.Thread(target=tend, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def answers(address: str, path: str, is_right: Callable[[httpx.Response], bool]) -> bool:
    with suppress(httpx.TransportError):
        return is_right(httpx.get(f"{address}{path}", timeout=20, verify=TLS))
    return False


def is_ok(answer: httpx.Response) -> bool:
    return answer.status_code == HTTPStatus.OK
