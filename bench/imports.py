"""How many rows a second an import takes: `python -m bench.imports [--rows 50000]`.

On a throw-away PostgreSQL that writes to its disk as it does by default. The file has two variants
of each product, with names in two languages, an option, an attribute, a price before and stock.
Each round imports it into an empty shop, then with other prices and stock, then once more as it
is; the median of three rounds is printed, and what came of every row is checked. Beside the rows a
second stand the rows for each second of CPU of the worker and its database connection together,
which says the same on a busy machine as on an idle one.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from tests import services
from tests.processes import PREAMBLE

ROOT = Path(__file__).parents[1]
ROUNDS = 3
HEADER = (
    "sku,product,name:en,name:de,description:en,category,brand,option:Size,attribute:Material,"
    "price,list_price,stock"
)
WORK = (
    PREAMBLE
    + """
import gc
import time
from pathlib import Path

import orjson
import psutil
from django.db import connection
from django.utils import timezone
from catalog.imports import services, working
from catalog.models import Category, Master

def parts(path):
    with open(path, "rb") as file:
        while part := file.read(65536):
            yield part

with connection.cursor() as cursor:
    cursor.execute("TRUNCATE catalog_master, catalog_import, catalog_category CASCADE")
Category.objects.add_root(instance=Category(slug="clay", name="Clay"))
figures = {}

# as museo.ops.worker does
gc.set_threshold(50_000, 20, 100)

def cpu():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = psutil.Process(cursor.fetchone()[0]).cpu_times()
    return time.process_time() + backend.user + backend.system

def measure(name, path, *, dry_run=False):
    began, used = time.monotonic(), cpu()
    found = services.upload(parts(path), file_name=path, owner_id=None, now=timezone.now())
    services.begin(found, by="user:1", mapping=found.mapping, dry_run=dry_run, now=timezone.now())
    working.work_on(found, timezone.now)
    found.refresh_from_db()
    counts = [found.created, found.changed, found.unchanged, found.refused]
    note(name, found.total, began, used, counts)
    return found

def note(name, rows, began, used, counts):
    rates = [rows / (time.monotonic() - began), rows / (cpu() - used)]
    figures[name] = {"rates": rates, "counts": counts}

first, second = sys.argv[1:]
measure("dry run of new rows", first, dry_run=True)
new = measure("new rows", first)
measure("changed rows", second)
measure("unchanged rows", second)
began, used = time.monotonic(), cpu()
from catalog.imports import exports
from museo.access.callers import caller_for_user
from museo.access.models import User
user, _new = User.objects.get_or_create(
    email="bench@museo.example", is_staff=True, is_superuser=True
)
caller = caller_for_user(user, locale="en")
size = sum(map(len, exports.export(caller, kind="csv", now=timezone.now())))
note("exported rows", new.total, began, used, [])
import resource
figures["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(orjson.dumps(figures).decode())
"""
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--bad", type=int, default=200)
    options = parser.parse_args()
    programs = services.find_postgresql()
    if programs is None:
        sys.exit("bench.imports needs PostgreSQL: apt-get install postgresql")
    rates: dict[str, list[list[float]]] = {}
    peak = 0
    with (
        services.postgresql(programs, settings=()) as url,
        tempfile.TemporaryDirectory(prefix="museo-bench-") as home,
    ):
        environment = {**os.environ, "DATABASE_URL": url, "REDIS_URL": "", "MUSEO_HOME": home}
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        subprocess.run(migrate, cwd=ROOT, env=environment, check=True)
        paths = [Path(home) / "first.csv", Path(home) / "second.csv"]
        for path, dearer in zip(paths, (0, 1), strict=True):
            write(path, options.rows, options.bad, dearer)
        for _round in range(ROUNDS):
            figures = measure(paths, environment)
            peak = max(peak, figures.pop("peak"))
            require_right(figures, options.rows, options.bad)
            for name, figure in figures.items():
                rates.setdefault(name, []).append(figure["rates"])
    for name, found in rates.items():
        by_clock, by_cpu = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"{by_clock:8,.0f} rows/s {by_cpu:8,.0f} rows/CPU-s  {name}")
    print(f"{peak:8,} MB  at most in memory")


def write(path: Path, rows: int, bad: int, dearer: int) -> None:
    every = rows // bad if bad else rows + 1
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{HEADER}\n")
        file.writelines(lines(rows, every, dearer))


def lines(rows: int, every: int, dearer: int) -> Iterator[str]:
    for number in range(rows):
        product, size = number // 2, "SL"[number % 2]
        price = "-1" if number % every == every // 2 else f"{number % 900 + 5 + dearer}.50"
        yield (
            f"SKU-{number},product-{product},Name {product},Bezeichnung {product},"
            f'"Thrown by hand, number {product}.",clay,Studio,{size},Stoneware,'
            f"{price},{number % 900 + 99}.00,{number % 50 + dearer}\n"
        )


def measure(paths: list[Path], environment: Mapping[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", WORK, *map(str, paths)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    figures: dict[str, Any] = orjson.loads(done.stdout)
    return figures


def require_right(figures: Mapping[str, Mapping[str, object]], rows: int, bad: int) -> None:
    good = rows - bad
    wanted = {
        "dry run of new rows": [good, 0, 0, bad],
        "new rows": [good, 0, 0, bad],
        "changed rows": [0, good, 0, bad],
        "unchanged rows": [0, 0, good, bad],
    }
    for name, counts in wanted.items():
        if figures[name]["counts"] != counts:
            sys.exit(f"{name}: {figures[name]['counts']} instead of {counts}")


if __name__ == "__main__":
    main()
