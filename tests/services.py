"""Throw-away servers for tests and measurements: started on a private socket, gone afterwards."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from playwright._impl._driver import compute_driver_executable

from museo import tether
from museo.ops.valkey import Bundled

POSTGRESQL_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/usr/local/pgsql/bin",
)
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# the same without windows: it computes half as much, and shows no notifications
HEADLESS_NAMES = ("chromium-headless-shell",)
CHROMIUM_ON_MACOS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
# nothing of it outlives the tests, so nothing has to reach the disk; deadlocks are soon known
FORGETFUL = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "deadlock_timeout=100ms",
)


def find_postgresql() -> Path | None:
    """The folder of PostgreSQL's programs, of the newest version where there are several."""
    on_path = shutil.which("initdb")
    if on_path and shutil.which("pg_ctl"):
        return Path(on_path).parent
    folders = [
        folder
        for pattern in POSTGRESQL_FOLDERS
        for folder in Path("/").glob(pattern.removeprefix("/"))
        if (folder / "initdb").exists()
    ]
    return max(folders, key=_version, default=None)


def find_chromium() -> Path | None:
    found = _first_of(CHROMIUM_NAMES)
    if found:
        return found
    return next((Path(path) for path in CHROMIUM_ON_MACOS if Path(path).exists()), None)


def find_headless() -> Path | None:
    """Chromium for all that needs no notifications; the whole one where there is no other."""
    return _first_of(HEADLESS_NAMES) or find_chromium()


def _first_of(names: Sequence[str]) -> Path | None:
    return next((Path(path) for path in map(shutil.which, names) if path), None)


def find_nginx() -> Path | None:
    """It lies where only root's PATH leads."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


def find_curl() -> Path | None:
    found = shutil.which("curl")
    return Path(found) if found else None


def find_npm() -> Path | None:
    """It brings a Node of its own to those who need one."""
    found = shutil.which("npm")
    return Path(found) if found else None


def find_compiler() -> Path | None:
    """A C compiler that works; a Mac has one that only tells how to get one."""
    found = shutil.which("cc")
    works = found and subprocess.run([found, "--version"], capture_output=True, check=False)
    return Path(found) if found and works and works.returncode == 0 else None


def find_driver() -> Path | None:
    """The program that Playwright speaks to browsers with; None where it does not start."""
    node = Path(compute_driver_executable()[0])
    works = subprocess.run([node, "--version"], capture_output=True, check=False).returncode == 0
    return node if works else None


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL that runs; it can be stopped as by a power cut, and started again."""

    url: str
    run: Callable[..., None]

    def cut_power(self) -> None:
        self.run("pg_ctl", "--mode=immediate", "--wait", "--silent", "stop")

    def start(self) -> None:
        self.run("pg_ctl", "--wait", "--silent", "start")


@contextmanager
def postgresql(programs: Path, *, settings: Sequence[str] = FORGETFUL) -> Iterator[str]:
    """A cluster of its own; yields its DATABASE_URL."""
    with cluster(programs, settings=settings) as started:
        yield started.url


@contextmanager
def cluster(programs: Path, *, settings: Sequence[str] = FORGETFUL) -> Iterator[Cluster]:
    """As `postgresql`, for those who stop it in between and start it again."""
    folder = Path(tempfile.mkdtemp(prefix="museo-pg-"))
    # PostgreSQL refuses to run as root
    identity = _as_another_user(folder) if os.getuid() == 0 else {}

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [programs / program, "-D", folder / "data", *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            **identity,
        )

    try:
        run("initdb", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
        with (folder / "data" / "postgresql.conf").open("a") as conf:
            own = (f"unix_socket_directories='{folder}'", "listen_addresses=''")
            conf.write("\n".join([*own, "max_connections=300", *settings, ""]))
        run("pg_ctl", "--wait", "--silent", f"--log={folder / 'log'}", "start")
        url = f"postgres://postgres@{quote(str(folder), safe='')}/postgres"
        started = Cluster(url, run)
        try:
            yield started
        finally:
            started.cut_power()
    finally:
        shutil.rmtree(folder)


class Valkey:
    """A server of its own, which can die and come back with nothing."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._server = Bundled(program, folder, folder / "valkey.sock")
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> None:
        tethered = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*tethered, *self._server.command], stdout=log, stderr=log
            )
        _wait_for(self._server, self._process, self._folder / "log")

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait()

    def lose_everything(self) -> None:
        """Kill it, and start it with nothing of what it had."""
        assert self._process
        self._process.kill()
        self._process.wait()
        for kept in self._folder.iterdir():
            if kept.is_dir():
                shutil.rmtree(kept)
            else:
                kept.unlink()
        self.start()


@contextmanager
def valkey_server(program: Path) -> Iterator[Valkey]:
    with tempfile.TemporaryDirectory(prefix="museo-valkey-") as folder:
        server = Valkey(program, Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextmanager
def valkey(program: Path) -> Iterator[str]:
    """A server of its own; yields its REDIS_URL."""
    with valkey_server(program) as server:
        yield server.url


NGINX = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream behind {{
        {servers}
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://behind;
            proxy_set_header Host $http_host;
            {more}
        }}
    }}
}}
"""


@contextmanager
def nginx(
    program: Path, *, upstream: str, port: int, more: str = "", others: Sequence[str] = ()
) -> Iterator[str]:
    """In front of `upstream`, with the buffering that it has by default; yields its address.

    With `others` each is asked in turn.
    """
    servers = " ".join(f"server {urlsplit(each).netloc};" for each in (upstream, *others))
    with tempfile.TemporaryDirectory(prefix="museo-nginx-") as name:
        conf = Path(name) / "nginx.conf"
        conf.write_text(NGINX.format(folder=name, servers=servers, port=port, more=more))
        process = subprocess.Popen([program, "-c", conf, "-e", f"{name}/error.log"])
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _wait_for(server: Bundled, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 10
    while not server.answers():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"Valkey does not start: {log.read_text()}")
        time.sleep(0.02)


def _as_another_user(folder: Path) -> dict[str, Any]:
    user = next(user for user in map(_user, ("postgres", "nobody")) if user)
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _version(folder: Path) -> tuple[int, ...]:
    digits = "".join(char if char.isdigit() else " " for char in str(folder))
    return tuple(int(number) for number in digits.split())
