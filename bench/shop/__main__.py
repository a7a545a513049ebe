"""`python -m bench.shop [--quick] [--only PATH …] [--peers SERVER …]`."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from bench.live import kitchen, measuring, report
from bench.live.report import Medians
from bench.live.runs import Row
from bench.live.servers.server import running
from bench.shop import load, paths, runs, sites
from bench.shop.runs import QUICK, Sizes, Turn
from bench.shop.sites import Shops

GROWN = (1_000, 10_000, 100_000)
GROWN_QUICK = (1_000, 2_000)
# above it, the client might be what is measured
MOST_OF_CLIENT = 0.5


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        return tell(options.report_of) if options.report_of else measure(options)
    except (kitchen.Missing, RuntimeError) as problem:
        sys.exit(f"bench: {problem}")


def measure(options: argparse.Namespace) -> int:
    began_at = time.monotonic()
    about = measuring.about("bench.shop")
    kitchen.CACHE.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    with options.rows.open("a") as raw:
        for row in _rows(options):
            rows.append(row | about)
            raw.write(json.dumps(rows[-1]) + "\n")
            raw.flush()
            sys.stderr.write(report.line(row) + "\n")
    _print(rows)
    sys.stderr.write(f"{(time.monotonic() - began_at) / 60:.1f} minutes\n")
    own = [row for row in rows if row["server"].startswith("museo")]
    return 1 if any(row["problem"] or row.get("oversold") for row in own) else 0


def tell(files: Sequence[Path]) -> int:
    """The report of rows that were measured before, perhaps in several runs."""
    _print([json.loads(line) for file in files for line in file.read_text().splitlines()])
    return 0


def _rows(options: argparse.Namespace) -> Iterator[Row]:
    sizes = QUICK if options.quick else Sizes()
    if options.seconds:
        sizes = replace(sizes, seconds=options.seconds)
    program = load.build(kitchen.CACHE)
    names = [path.name for path in paths.PATHS if path.name in options.only]
    count = 1_000 if options.quick else 10_000
    with _shops(options, count=count, peers=options.peers) as shops:
        for turn in range(1, 1 + (options.rounds or (1 if options.quick else 3))):
            for site in shops.sites:
                asked = [name for name in names if site.takes(name)]
                for row in Turn(site, shops.sold, sizes, program).rows(asked):
                    yield row | {"round": turn}
    if options.growth:
        yield from _growth(options, sizes, program)


def _growth(options: argparse.Namespace, sizes: Sizes, program: Path) -> Iterator[Row]:
    """A shop of its own, which begins small."""
    grown = GROWN_QUICK if options.quick else GROWN
    with _shops(options, count=grown[0], peers=()) as shops:
        museo = next(site for site in shops.sites if site.name == paths.NOTHING_KEPT)
        for count in grown:
            middle = shops.grow(count)
            with running(museo.server) if museo.server else nullcontext():
                yield from runs.grown(museo, count, middle, sizes, program)


@contextmanager
def _shops(options: argparse.Namespace, *, count: int, peers: Sequence[str]) -> Iterator[Shops]:
    folder = Path(tempfile.mkdtemp(prefix="museo-bench-"))
    try:
        with sites.prepared(folder, port=options.port, count=count, peers=peers) as shops:
            yield shops
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _print(rows: Sequence[Row]) -> None:
    told = dict.fromkeys(f"{row['at']}, {row['machine']}: `{row['command']}`" for row in rows)
    asked = {row["pattern"] for row in rows}
    chosen = [path for path in (*paths.PATHS, *paths.GROWTH) if path.name in asked]
    found = {path.name: _beside_oscar(report.medians(rows, path)) for path in chosen}
    say = [*told, "", report.verdicts(found, paths.TARGETS)]
    say += [report.table(found[path.name], path) for path in chosen]
    sys.stdout.write("\n".join([*say, *_about_the_client(rows)]) + "\n")


def _beside_oscar(found: Sequence[Medians]) -> list[Medians]:
    oscar = next((each.values for each in found if each.server == "oscar"), {})
    return [replace(each, values={**each.values, **_ratios(each.values, oscar)}) for each in found]


def _ratios(own: Mapping[str, float], oscar: Mapping[str, float]) -> dict[str, float]:
    ratios = {}
    if "per_second" in own and "per_second" in oscar:
        ratios["times"] = own["per_second"] / oscar["per_second"]
    # others use this machine, too: what a request costs does not depend on them
    if own.get("cpu_ms") and "cpu_ms" in oscar:
        ratios["times_of_cpu"] = oscar["cpu_ms"] / own["cpu_ms"]
    return ratios


def _about_the_client(rows: Sequence[Row]) -> list[str]:
    busy = [row for row in rows if row.get("client", 0) > MOST_OF_CLIENT]
    return [
        f"The client used {row['client']:.0%} of a core at {row['server']}, {row['pattern']}:"
        " it may be the bottleneck there."
        for row in busy
    ]


def _parser() -> argparse.ArgumentParser:
    names = [path.name for path in paths.PATHS]
    parser = argparse.ArgumentParser(prog="python -m bench.shop", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, one round: does it work")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help=", ".join(names))
    parser.add_argument(
        "--peers", nargs="*", choices=sites.PEERS, default=sites.PEERS, help=", ".join(sites.PEERS)
    )
    parser.add_argument("--no-growth", dest="growth", action="store_false", help="10,000 only")
    parser.add_argument("--report-of", nargs="+", type=Path, metavar="ROWS", help="earlier rows")
    parser.add_argument("--rounds", type=int, help="instead of three")
    parser.add_argument("--seconds", type=float, help="of each path, instead of two")
    parser.add_argument("--port", type=int, default=7620)
    parser.add_argument("--rows", type=Path, default=kitchen.CACHE / "shop.jsonl")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
