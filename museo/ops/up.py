"""Opens the small shop and keeps it open: all that `manage.py up` does, in order."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from museo.ops import lock, measuring, preflight, prepare, staff, valkey
from museo.ops.bell import Bell
from museo.ops.preflight import CannotStart
from museo.ops.supervisor import Part, Supervisor

# a machine may have much else to do; a part that ends is said at once
VALKEY_STARTS_WITHIN = 60.0
OPENS_WITHIN = 150.0
LOOK_EVERY = 0.1
# of a WebSocket, in bytes; a larger one closes it with 1009 before it is read
LARGEST_FRAME = 256 * 1024
AS_IN_LIFE, AS_IN_A_DEMO = 1.0, 60.0
ONES_OWN = (
    "This shop is your own: it opens as with --no-demo (manage.py demo adds the demo's products)."
)

# what Museo makes in its folder; `--fresh` deletes these and goes near nothing else
DATABASES = {
    name + suffix
    for name in ("museo.sqlite3", "test.sqlite3")
    for suffix in ("", "-wal", "-shm", "-journal")
}
SECRETS = {"secret-key", "encryption-key", "staff-login"}
FOLDERS = {"broker", "logs", "media", "metrics", "static", "valkey"}
OURS = DATABASES | SECRETS | FOLDERS | {"up.lock", "write.lock"}


@dataclass(frozen=True)
class Options:
    host: str = "127.0.0.1"
    port: int = 8000
    # 0: as usual
    speed: float = 0
    fresh: bool = False
    demo: bool = True
    # where clients of the MCP orchestrator look for it, too; None for nowhere
    orchestrator_port: int | None = None

    @property
    def ports(self) -> list[int]:
        return [port for port in (self.port, self.orchestrator_port) if port]

    @property
    def address(self) -> str:
        """How this machine reaches the shop."""
        return self.at(self.port)

    def at(self, port: int) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(options: Options, *, home: Path, say: Callable[[str], None]) -> None:
    """Return after Ctrl-C or SIGTERM, when nothing of the shop is left running."""
    with prepare.in_words(home), lock.hold(home) as held, Bell() as bell:
        if options.fresh:
            wipe(home)
        for port in options.ports:
            preflight.require_port(options.host, port)
        preflight.require_room(home, preflight.ROOM_FOR_THE_SHOP)
        try:
            _keep_open(decided(options, say=say), home=home, say=say, held=held, bell=bell)
        except KeyboardInterrupt:
            say("Closing the shop.")


def decided(options: Options, *, say: Callable[[str], None]) -> Options:
    """With what is up to the shop that is there already: one's own opens as it did before."""
    is_demo = options.demo and not prepare.is_ones_own()
    if options.demo and not is_demo:
        say(ONES_OWN)
    speed = options.speed or usual_speed(os.environ, demo=is_demo)
    return replace(options, demo=is_demo, speed=speed)


def _keep_open(
    options: Options, *, home: Path, say: Callable[[str], None], held: lock.Lock, bell: Bell
) -> None:
    server = None if settings.REDIS_URL else valkey.bundled(home)
    redis_url = server.url if server else settings.REDIS_URL
    told = environment(os.environ, options, home=home, redis_url=redis_url)
    told |= measuring.begin(home)
    supervisor = Supervisor(logs=home / "logs", environment=told, say=say)
    watch = _Watch(supervisor, bell, held, options.address)
    try:
        if server:
            watch.start(Part("valkey", server.command, stops_last=True))
            watch.until(server.answers, part="valkey", within=VALKEY_STARTS_WITHIN)
        login = prepare.shop(home, demo=options.demo)
        for part in parts(options):
            watch.start(part)
        public_url = told["MUSEO_PUBLIC_URL"]
        is_open = partial(answers, options.address, as_host=urlsplit(public_url).netloc)
        watch.until(is_open, part="web", within=OPENS_WITHIN)
        say(welcome(public_url, login, options, home=home, redis_url=redis_url))
        watch.for_good()
    finally:
        bell.silence()
        supervisor.stop()


def parts(options: Options) -> list[Part]:
    """The processes that run Museo's own code."""
    python = (sys.executable, "-m")
    # open streams are cut after a second; their clients resume where they were
    brief = ("--timeout-graceful-shutdown", "1")
    # who called is for `museo.edge` to find out: it knows the trusted proxies
    plain = ("--no-proxy-headers", "--no-server-header", "--no-access-log")
    # compressing for each client anew would cost more than all other work on a delivery
    sockets = ("--ws", "websockets-sansio", "--ws-per-message-deflate", "false")
    largest = ("--ws-max-size", str(LARGEST_FRAME))
    rest = (*sockets, *largest, "--log-level", "warning")
    served = (*python, "uvicorn", "museo.asgi:application", "--host", options.host)
    # the same shop at each: they share database and Valkey, as two live processes do
    serving = [
        Part(name, (*served, "--port", str(port), *brief, *plain, *rest))
        for name, port in zip(("web", "orchestrator"), options.ports, strict=False)
    ]
    return [
        *serving,
        Part("clock", (*python, "museo.ops.worker", "clock")),
        Part("work", (*python, "museo.ops.worker", "work")),
    ]


def environment(
    given: Mapping[str, str], options: Options, *, home: Path, redis_url: str
) -> dict[str, str]:
    """What the processes are told: what was given, and above it what was decided here."""
    return {
        "MUSEO_PUBLIC_URL": options.address,
        **given,
        "DJANGO_SETTINGS_MODULE": "museo.settings",
        "MUSEO_HOME": str(home),
        "MUSEO_CLOCK_SPEED": f"{options.speed:g}",
        "REDIS_URL": redis_url,
    }


def usual_speed(given: Mapping[str, str], *, demo: bool) -> float:
    """As the environment says; else a demo plays what takes as long as in life where one sells."""
    is_given = bool(given.get("MUSEO_CLOCK_SPEED"))
    return AS_IN_A_DEMO if demo and not is_given else float(settings.MUSEO_CLOCK_SPEED)


def wipe(home: Path) -> None:
    """Delete all state; refuse, and delete nothing, where something else lies among it."""
    found = sorted(home.iterdir())
    foreign = [path.name for path in found if path.name not in OURS]
    if foreign:
        raise CannotStart(
            f"--fresh empties {home}, but {foreign[0]} in there was not made by Museo. "
            "Move it elsewhere first; nothing was deleted."
        )
    for path in found:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        # the lock is held: whoever came now would make and lock another one
        elif path.name != "up.lock":
            path.unlink()


def answers(address: str, *, as_host: str) -> bool:
    """Whether the web process serves and has its database; asked under a name that it goes by."""
    at = urlsplit(address)
    asked = HTTPConnection(at.hostname or "", at.port, timeout=2)
    try:
        asked.request("GET", "/healthz", headers={"Host": as_host})
        return asked.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        asked.close()


def welcome(
    address: str, login: staff.Login | None, options: Options, *, home: Path, redis_url: str
) -> str:
    staff_login = ""
    if login:
        staff_login = (
            f"   {login.email}   {login.password or '(the password is the one you gave it)'}"
        )
    pace = "as in life (--speed 60: sixty times as fast)"
    if options.speed != AS_IN_LIFE:
        pace = f"{options.speed:g} times as fast as life (--speed 1: as in life)"
    lines = [
        "",
        "Museo is open.",
        "",
        f"  Shop    {address}/",
        f"  Staff   {address}/admin/{staff_login}",
        f"  MCP     {address}/mcp",
        "",
        f"  Clock   {pace}",
        f"  Logs    {home / 'logs'}",
    ]
    if options.orchestrator_port:
        lines.insert(6, f"  Agents  {options.at(options.orchestrator_port)}/")
    if not redis_url:
        lines += ["", f"  {valkey.NONE_HERE}"]
    return "\n".join([*lines, "", "Ctrl-C closes it.", ""])


class _Watch:
    """Tends the children while it waits, and keeps their numbers for the next start."""

    def __init__(self, supervisor: Supervisor, bell: Bell, held: lock.Lock, address: str) -> None:
        self._supervisor = supervisor
        self._bell = bell
        self._held = held
        self._address = address
        self._pids: dict[str, int] = {}
        self._note()

    def start(self, part: Part) -> None:
        self._supervisor.start(part, now=time.monotonic())
        self._note()

    def until(self, is_so: Callable[[], bool], *, part: str, within: float) -> None:
        """Give up with a sentence if `part` is broken or time is over."""
        give_up_at = time.monotonic() + within
        while not is_so():
            if self._supervisor.broken() or time.monotonic() > give_up_at:
                raise CannotStart(self._why(self._supervisor.broken() or part))
            self._tend(at_most=LOOK_EVERY)

    def for_good(self) -> None:
        while True:
            self._tend()

    def _tend(self, at_most: float | None = None) -> None:
        due_in = self._supervisor.tend(now=time.monotonic())
        self._note()
        waits = [seconds for seconds in (due_in, at_most) if seconds is not None]
        self._bell.wait(min(waits, default=None))

    def _note(self) -> None:
        pids = self._supervisor.pids()
        if pids == self._pids:
            return
        self._pids = pids
        born = {pid: lock.birth(pid) or "" for pid in pids.values()}
        # a full disk must not close the shop
        with suppress(OSError):
            self._held.write(lock.Holder(os.getpid(), self._address, born))

    def _why(self, part: str) -> str:
        log = self._supervisor.log(part)
        lines = log.read_text(errors="replace").split("\n") if log.exists() else []
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it says nothing")
        return f"{part} does not start: {last}. All of it is in {log}"
