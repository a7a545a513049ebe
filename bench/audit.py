"""How long the audit of a large log takes: `python -m bench.audit [--events 1000000]`.

On a throw-away PostgreSQL that writes to its disk as it does by default, or on SQLite (`--sqlite`).
One order is bought, delivered and told of by the shop itself; then its rows are copied until the
log has so many events, with numbers of their own and mixed among each other as orders are. Printed
is what `manage.py audit` says, and its seconds of CPU: of its own process, and of its connection
to the database.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests import services
from tests.processes import PREAMBLE

ROOT = Path(__file__).parents[1]

FILL = (
    PREAMBLE
    + """
from bench.copies import fill
fill(events=int(sys.argv[1]))
"""
)
AUDIT = (
    PREAMBLE
    + """
import resource
import time

import psutil
from django.db import connection
from django.utils import timezone

from museo.ops import audit

mine = psutil.Process()
connection.ensure_connection()
if connection.vendor == "postgresql":
    backend = psutil.Process(connection.connection.info.backend_pid)
else:
    backend = None

def cpu():
    times = [each.cpu_times() for each in (mine, backend) if each]
    return [one.user + one.system for one in times]

began, before = time.monotonic(), cpu()
slowest, holds, first = 0, True, before
for answer in audit.run(now=timezone.now()):
    spent = sum(cpu()) - sum(first)
    first = cpu()
    finding = answer.finding
    slowest, holds = max(slowest, finding.slowest), holds and answer.holds
    print(f"{answer.seconds:7.2f} s {spent:7.2f} s CPU, a slice at most {finding.slowest:5.2f} s,"
          f" {finding.looked_at:9,} rows  {finding.name}", flush=True)
spent = [after - early for after, early in zip(cpu(), before)]
print(f"{time.monotonic() - began:7.2f} s {sum(spent):7.2f} s CPU"
      f" ({', '.join(f'{each:.2f}' for each in spent)}), a slice at most {slowest:5.2f} s, "
      f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB"
      f"  {'all holds' if holds else 'BROKEN'}")
"""
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--sqlite", action="store_true")
    options = parser.parse_args()
    with _database(options.sqlite) as environment:
        _run("manage.py", "migrate", "--verbosity=0", environment=environment)
        _run("-c", FILL, str(options.events), environment=environment)
        _run("-c", AUDIT, environment=environment)


@contextmanager
def _database(is_sqlite: bool) -> Iterator[Mapping[str, str]]:
    given = {**os.environ, "REDIS_URL": "", "DJANGO_SETTINGS_MODULE": "museo.settings"}
    with tempfile.TemporaryDirectory() as home:
        given["MUSEO_HOME"] = home
        if is_sqlite:
            yield {**given, "DATABASE_URL": f"sqlite:///{home}/audited.sqlite3"}
            return
        programs = services.find_postgresql()
        if programs is None:
            sys.exit("bench.audit needs PostgreSQL: apt-get install postgresql")
        with services.postgresql(programs, settings=()) as url:
            yield {**given, "DATABASE_URL": url}


def _run(*words: str, environment: Mapping[str, str]) -> None:
    subprocess.run([sys.executable, *words], cwd=ROOT, env=dict(environment), check=True)


if __name__ == "__main__":
    main()
