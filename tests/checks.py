"""All checks of the project: what `scripts/test` runs.

One follows the other, but the long ones run four at a time: the lanes of the tests wait as much
as they compute, and share nothing.
"""

import argparse
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import psutil

from museo.ops.preflight import ROOT
from museo.ops.translations import compile_changed
from tests import needs, services
from tests.needs import Need
from tests.shared import SHARED, TEMPLATE

BIN = Path(sys.executable).parent
PYTHON = (sys.executable, "-m")
MANAGE = (sys.executable, "manage.py")
PACKAGES = ("museo", "catalog", "orders", "notifications", "mcp_bridge", "tests", "bench")
# the longest first
LANES = (
    OF_THE_BRIDGE := "tests of the bridge",
    IN_A_BUSY_SHOP := "tests in a busy shop",
    HEAVY := "heavy tests",
    OF_THE_PUSH := "tests of the push",
    IN_A_CALM_SHOP := "tests in a calm shop",
    ON_POSTGRESQL := "tests on PostgreSQL",
    OF_THE_ORDERS := "tests of the orders",
    ON_SQLITE := "tests on SQLite",
)
AT_ONCE = 4
# what they run is measured in the long form, and makes up nearly all; measuring costs half as much
# again
MEASURED = (ON_POSTGRESQL, OF_THE_BRIDGE, OF_THE_ORDERS, OF_THE_PUSH)
# what pushes, what it is pushed through, and what survives when parts of it die
PUSHED = ("tests/faults", "tests/notifications")
OF_MCP = ("tests/mcp_bridge",)
OF_ORDERS = ("tests/orders",)
# pages and clients share a shop that is open, and a browser; it would stay open where it is not
# asked for any more
TALKS = "tests/faults/test_conversations.py"
OF_AN_OPEN_SHOP = ("tests/clients", "tests/interop", "tests/whole", TALKS)
# they start programs of the shop, race and die by hundreds, or are made up by Hypothesis
COMPUTE_MUCH = (
    "tests/ops",
    "tests/soak",
    "tests/topology",
    "tests/access/test_matrix.py",
    "tests/catalog/imports/test_deadlocks.py",
    "tests/catalog/imports/test_killed_imports.py",
    "tests/museo/test_schemathesis.py",
    "tests/orders/test_deadlocks.py",
    "tests/orders/test_killed_ticks.py",
    "tests/orders/test_races.py",
    "tests/orders/test_state_machine.py",
)
# in each file with tests for both engines
MARK = "mark.both"
# which tests are to be mended when all takes too long
SLOWEST = ("--durations=8", "--durations-min=5")
# a soak may take minutes before it is held to hang
LONG = ("--long", "-o", "faulthandler_timeout=1200")
NOTHING_COLLECTED = 5
# what a check that is told to stop may take to put its things away
STOPS_WITHIN = 20


@dataclass(frozen=True)
class Servers:
    """What runs for the tests; an empty address: left out."""

    database_url: str
    redis_url: str
    has_browser: bool
    has_npm: bool


@dataclass(frozen=True)
class Check:
    title: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    # where pytest writes what it counted
    report: Path | None = None
    may_be_empty: bool = False
    is_long: bool = False


@dataclass(frozen=True)
class Result:
    title: str
    passed: bool
    seconds: float
    counts: Mapping[str, int] = field(default_factory=dict)


def main(arguments: Sequence[str]) -> int:
    options, chosen = _parser().parse_known_args(arguments)
    left_out = needs.left_out(os.environ.get("MUSEO_TEST_WITHOUT", ""))
    wanted = [
        need
        for need in needs.NEEDS
        if need not in left_out and _is_wanted(need, chosen, is_long=options.long)
    ]
    for number in (signal.SIGTERM, signal.SIGINT):
        # a shell's background job would ignore Ctrl-C, and so would all that it starts
        signal.signal(number, _as_ctrl_c)
    started_at = time.monotonic()
    try:
        found = needs.provide(wanted, may_install=not options.no_install)
        with (
            tempfile.TemporaryDirectory(prefix="museo-test-") as folder,
            _servers(found) as servers,
        ):
            compile_changed(ROOT / "locale")
            checks = (
                chosen_tests(servers, Path(folder), [*(LONG if options.long else ()), *chosen])
                if chosen
                else all_checks(servers, Path(folder), is_long=options.long, is_whole=not left_out)
            )
            results = run(checks)
    except KeyboardInterrupt:
        sys.exit("museo: stopped; nothing is left running.")
    print(summary(results, left_out, time.monotonic() - started_at))
    is_empty = not any(result.counts for result in results)
    return 1 if is_empty or not all(result.passed for result in results) else 0


def all_checks(
    servers: Servers, folder: Path, *, is_long: bool = False, is_whole: bool = True
) -> list[Check]:
    """`is_whole`: nothing is left out, so the floor of the coverage holds."""
    shared = {"COVERAGE_FILE": str(folder / "coverage"), SHARED: str(folder / "shared")}
    if "TEST_DATABASE_URL" not in os.environ:
        # who gives a server finds nothing new in it afterwards
        shared |= {TEMPLATE: "museo_tables"}
    plain = _environment(folder / "plain") | shared
    pytest = ("pytest", *SLOWEST, *(LONG if is_long else ()))
    measured = _measured(servers) if is_long else ()
    tests = []
    for title, which, url in _lanes(servers, is_long=is_long):
        runner = ("coverage", "run", "-m", *pytest) if title in measured else pytest
        command = [*PYTHON, *runner, *which]
        tests.append(_tests(title, command, url, servers, folder, shared))
    return [
        *_checks_of_the_text(plain),
        *tests,
        # they fill up what the lanes leave
        *_checks_of_the_project(plain),
        *(_coverage(plain, is_whole=is_whole) if is_long else ()),
    ]


def chosen_tests(servers: Servers, folder: Path, arguments: Sequence[str]) -> list[Check]:
    """What the caller asked of pytest, on both engines; one of them may have nothing of it."""
    pytest = (*PYTHON, "pytest", *arguments)
    in_both = () if "-m" in arguments else ("-m", "both")
    lanes = [(ON_POSTGRESQL, servers.database_url, ()), (ON_SQLITE, "", in_both)]
    return [
        _tests(title, [*pytest, *marked], url, servers, folder, {}, may_be_empty=True)
        for title, url, marked in (lanes if servers.database_url else lanes[1:])
    ]


def _checks_of_the_text(plain: Mapping[str, str]) -> list[Check]:
    templates = [
        path
        for package in (".", *PACKAGES)
        for path in sorted((ROOT / package / "templates").glob("**/*.html"))
    ]
    return [
        Check("format", [BIN / "ruff", "format", "--check", "."], plain),
        Check("lint", [BIN / "ruff", "check", "."], plain),
        Check("layers", [BIN / "lint-imports", "--no-logo"], plain),
        Check("templates", [BIN / "djade", "--check", "--target-version=5.2", *templates], plain),
    ]


def _checks_of_the_project(plain: Mapping[str, str]) -> list[Check]:
    deployed = {
        **plain,
        "MUSEO_PUBLIC_URL": "https://shop.example",
        "MUSEO_ALLOWED_HOSTS": "shop.example",
        "MUSEO_TRUSTED_PROXIES": "127.0.0.1",
        "MUSEO_SECRET_KEYS": secrets.token_urlsafe(48),
        "DATABASE_URL": "postgres://museo:secret@db.example/museo",
        "REDIS_URL": "redis://redis.example:6379/0",
    }
    migrations = ("makemigrations", "--check", "--dry-run")
    deployment = ("check", "--deploy", "--fail-level=WARNING")
    return [
        Check("types", [*PYTHON, "mypy", *PACKAGES], plain, is_long=True),
        Check("migrations", [*MANAGE, *migrations], plain, is_long=True),
        Check("deployment", [*MANAGE, *deployment], deployed, is_long=True),
    ]


def _measured(servers: Servers) -> Sequence[str]:
    """Without PostgreSQL there is one lane besides the open shop's."""
    return MEASURED if servers.database_url else (ON_SQLITE,)


def _coverage(plain: Mapping[str, str], *, is_whole: bool) -> list[Check]:
    floor = () if is_whole else ("--fail-under=0",)
    return [
        Check("coverage data", [*PYTHON, "coverage", "combine", "--quiet"], plain),
        Check("coverage", [*PYTHON, "coverage", "report", *floor], plain),
    ]


def _lanes(servers: Servers, *, is_long: bool) -> Iterator[tuple[str, Sequence[str], str]]:
    """Title, which tests and DATABASE_URL."""
    heavy = [f"--ignore={where}" for where in COMPUTE_MUCH]
    others = [f"--ignore={where}" for where in (*PUSHED, *OF_MCP, *OF_AN_OPEN_SHOP, *OF_ORDERS)]
    there = {"browser": servers.has_browser, "interop": servers.has_npm}
    which = _marked(**there)
    # each opens its shop once, and none stays open for tests that do not ask it
    in_a_shop = {
        IN_A_BUSY_SHOP: [*OF_AN_OPEN_SHOP, *_marked(calm=False, **there)],
        IN_A_CALM_SHOP: [*OF_AN_OPEN_SHOP, *_marked(calm=True, **there)],
    }
    if not servers.database_url:
        yield from ((title, what, "") for title, what in in_a_shop.items())
    else:
        yield OF_THE_BRIDGE, [*OF_MCP, *which], _beside(servers.database_url, "bridge")
        yield IN_A_BUSY_SHOP, in_a_shop[IN_A_BUSY_SHOP], ""
        yield HEAVY, [*COMPUTE_MUCH, *which], _beside(servers.database_url, "heavy")
        pushed = [*PUSHED, f"--ignore={TALKS}", *which]
        yield OF_THE_PUSH, pushed, _beside(servers.database_url, "push")
        yield IN_A_CALM_SHOP, in_a_shop[IN_A_CALM_SHOP], ""
        yield ON_POSTGRESQL, [*others, *heavy, *which], servers.database_url
        yield OF_THE_ORDERS, [*OF_ORDERS, *heavy, *which], _beside(servers.database_url, "orders")
    both = "(both or both_in_long)" if is_long else "both"
    yield ON_SQLITE, [*_with_marks(), "-m", f"{both} and not browser"], ""


def _with_marks() -> Sequence[str]:
    """The files with tests for both engines: pytest would import all to find these."""
    files = sorted(ROOT.glob("tests/**/test_*.py"))
    return [str(file.relative_to(ROOT)) for file in files if MARK in file.read_text()]


def _marked(calm: bool | None = None, **has: bool) -> Sequence[str]:
    """Pytest's option that leaves out the tests for which something is not there."""
    wanted = [f"not {marker}" for marker, is_there in has.items() if not is_there]
    if calm is not None:
        wanted.append("calm" if calm else "not calm")
    return ("-m", " and ".join(wanted)) if wanted else ()


def _beside(database_url: str, name: str) -> str:
    """A test database of its own in the same cluster."""
    url = urlsplit(database_url)
    return url._replace(path=f"{url.path}_{name}").geturl()


def _tests(
    title: str,
    pytest: Sequence[str],
    database_url: str,
    servers: Servers,
    folder: Path,
    more: Mapping[str, str],
    *,
    may_be_empty: bool = False,
) -> Check:
    home = folder / "-".join(title.lower().split()[-2:])
    report = folder / f"{home.name}.xml"
    environment = {
        **_environment(home),
        **more,
        "DATABASE_URL": database_url,
        # what one lane leaves in the broker is not for the next
        "REDIS_URL": servers.redis_url.replace("?db=0", f"?db={LANES.index(title)}"),
    }
    command = [*pytest, f"--junitxml={report}"]
    return Check(title, command, environment, report, may_be_empty, is_long=True)


def _environment(home: Path) -> dict[str, str]:
    """Without whatever settings the caller's own shop has.

    And what Python has compiled is kept: it is started hundreds of times.
    """
    names = {"DATABASE_URL", "TEST_DATABASE_URL", "REDIS_URL", "MCP_REDIS_URL"}
    names |= {"DJANGO_SETTINGS_MODULE", "PYTHONDONTWRITEBYTECODE", SHARED, TEMPLATE}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in names and not name.startswith("MUSEO_")
    }
    return {**kept, "MUSEO_HOME": str(home)}


@contextmanager
def _servers(found: Mapping[str, Path]) -> Iterator[Servers]:
    with ExitStack() as stack:
        database_url = os.environ.get("TEST_DATABASE_URL", "")
        if not database_url and "postgresql" in found:
            database_url = stack.enter_context(services.postgresql(found["postgresql"]))
        redis_url = ""
        if "valkey" in found:
            redis_url = stack.enter_context(services.valkey(found["valkey"]))
        yield Servers(database_url, redis_url, "browser" in found, "npm" in found)


def _is_wanted(need: Need, chosen: Sequence[str], *, is_long: bool) -> bool:
    """A chosen test says itself that it needs a program; a given database needs no other."""
    is_given = need.name == "postgresql" and "TEST_DATABASE_URL" in os.environ
    is_too_early = need.is_for_long_runs and not is_long
    return not is_given and not is_too_early and not (need.name in {"browser", "npm"} and chosen)


def run(checks: Sequence[Check]) -> list[Result]:
    """Run them all; what those say that run beside others is printed when they have ended."""
    results: list[Result] = []
    for are_long, alike in groupby(checks, lambda check: check.is_long):
        group = list(alike)
        results += _run_together(group) if are_long else map(_run, group)
    return results


def _run_together(checks: Sequence[Check]) -> list[Result]:
    waiting = deque(checks)
    beside = [_Beside(waiting) for _ in range(AT_ONCE - 1)]
    results = []
    try:
        check = _next(waiting)
        for other in beside:
            other.start()
        while check:
            results.append(_run(check))
            check = _next(waiting)
        for other in beside:
            other.join()
    except KeyboardInterrupt as stop:
        for other in beside:
            other.stop(knows=stop.args == (signal.SIGINT,))
        raise
    return [*results, *(result for other in beside for result in other.results)]


def _next(waiting: deque[Check]) -> Check | None:
    """All threads ask."""
    with suppress(IndexError):
        return waiting.popleft()
    return None


class _Beside(threading.Thread):
    """Runs checks while the main thread runs others, and keeps what each says for its end."""

    def __init__(self, waiting: deque[Check]) -> None:
        super().__init__()
        self.results: list[Result] = []
        self._waiting = waiting
        self._process: subprocess.Popen[bytes] | None = None
        self._is_over = False

    def run(self) -> None:
        while not self._is_over and (check := _next(self._waiting)):
            with tempfile.TemporaryFile() as said:
                started_at = time.monotonic()
                self._process = _start(check, stdout=said, stderr=said)
                code = self._process.wait()
                said.seek(0)
                print(f"\n== {check.title}", said.read().decode(errors="replace"), sep="\n")
            self.results.append(_result(check, code, started_at))

    def stop(self, *, knows: bool) -> None:
        self._is_over = True
        if self._process:
            _let_finish(self._process, knows=knows)
        if self.is_alive():
            self.join()


def _run(check: Check) -> Result:
    print(f"\n== {check.title}", flush=True)
    started_at = time.monotonic()
    process = _start(check)
    try:
        code = process.wait()
    except KeyboardInterrupt as stop:
        # the terminal sends Ctrl-C to the check, too; of another signal it knows nothing
        _let_finish(process, knows=stop.args == (signal.SIGINT,))
        raise
    return _result(check, code, started_at)


def _start(check: Check, **said: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(check.command, cwd=ROOT, env=check.environment, **said)


def _result(check: Check, code: int, started_at: float) -> Result:
    seconds = time.monotonic() - started_at
    passed = code == 0 or (check.may_be_empty and code == NOTHING_COLLECTED)
    print(f"== {check.title}: {'ok' if passed else 'FAILED'}, {seconds:.1f} s", flush=True)
    return Result(check.title, passed, seconds, _counts(check.report))


def _let_finish(process: subprocess.Popen[bytes], *, knows: bool) -> None:
    try:
        process.wait(STOPS_WITHIN / 2 if knows else 0)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(STOPS_WITHIN)
    except subprocess.TimeoutExpired:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()


def _as_ctrl_c(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)


def _counts(report: Path | None) -> dict[str, int]:
    if not report or not report.exists():
        return {}
    suites = ElementTree.parse(report).getroot().iter("testsuite")  # noqa: S314  pytest wrote it
    total: Counter[str] = Counter()
    for suite in suites:
        other = {
            "failed": int(suite.get("failures", 0)),
            "error": int(suite.get("errors", 0)),
            "skipped": int(suite.get("skipped", 0)),
        }
        total.update(other)
        total["passed"] += int(suite.get("tests", 0)) - sum(other.values())
    return dict(+total)


def summary(results: Sequence[Result], left_out: Sequence[Need], seconds: float) -> str:
    """Its last line counts all tests of all lanes, in pytest's own form."""
    lines = ["", "Summary"]
    total: Counter[str] = Counter()
    for result in results:
        total.update(result.counts)
        state = "ok    " if result.passed else "FAILED"
        counts = f": {_in_words(result.counts)}" if result.counts else ""
        lines.append(f"  {state} {result.seconds:7.1f} s  {result.title}{counts}")
    lines += [f"  left out: {need.what} (MUSEO_TEST_WITHOUT)" for need in left_out]
    return "\n".join([*lines, "", f"==== {_in_words(total) or 'no tests'} in {seconds:.2f}s ===="])


def _in_words(counts: Mapping[str, int]) -> str:
    order = ("failed", "passed", "skipped", "error")
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in order if counts.get(outcome))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/test",
        usage="scripts/test [--long] [--no-install] [pytest arguments]",
        description="Runs every check. With pytest arguments: those tests only, on both engines.",
        epilog="Example: scripts/test tests/orders -k race. MUSEO_TEST_WITHOUT=browser,postgresql "
        "leaves a part out; TEST_DATABASE_URL names a PostgreSQL to use instead of a throw-away "
        "one.",
    )
    parser.add_argument("--long", action="store_true", help="also the long races and soaks")
    parser.add_argument(
        "--no-install", action="store_true", help="never install a Debian package, even as root"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
