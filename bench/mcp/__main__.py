"""`python -m bench.mcp [--quick] [--peers SERVER …]`."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.live import kitchen, measuring, report
from bench.live.runs import Row
from bench.mcp import paths, runs, sites, streams
from bench.mcp.runs import QUICK, Sizes
from bench.shop import load

FILES = 8192


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        return tell(options.report_of) if options.report_of else measure(options)
    except (kitchen.Missing, RuntimeError) as problem:
        sys.exit(f"bench: {problem}")


def measure(options: argparse.Namespace) -> int:
    began_at = time.monotonic()
    about = measuring.about("bench.mcp")
    kitchen.CACHE.mkdir(parents=True, exist_ok=True)
    streams.allow_files(FILES)
    sizes = QUICK if options.quick else Sizes()
    count = options.rounds or (1 if options.quick else 3)
    program = load.build(kitchen.CACHE)
    folder = Path(tempfile.mkdtemp(prefix="museo-bench-"))
    # two kinds of streams in each round move orders of their own, and 20 stay where they are
    orders = max(sizes.orders, 2 * count * sizes.moved + 20)
    rows: list[Row] = []
    try:
        with (
            sites.shop(folder, options.port, products=sizes.products, orders=orders) as shop,
            options.rows.open("a") as raw,
        ):
            for row in runs.rounds(count, shop, sizes, program, tuple(options.peers)):
                rows.append(row | about)
                raw.write(json.dumps(rows[-1]) + "\n")
                raw.flush()
                sys.stderr.write(report.line(row) + "\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _print(rows)
    sys.stderr.write(f"{(time.monotonic() - began_at) / 60:.1f} minutes\n")
    return 1 if any(row["problem"] for row in rows if row["server"] == "museo") else 0


def tell(files: Sequence[Path]) -> int:
    """The report of rows that were measured before, perhaps in several runs."""
    _print([json.loads(line) for file in files for line in file.read_text().splitlines()])
    return 0


def _print(rows: Sequence[Row]) -> None:
    told = dict.fromkeys(f"{row['at']}, {row['machine']}: `{row['command']}`" for row in rows)
    asked = {row["pattern"] for row in rows}
    chosen = [path for path in paths.PATHS if path.name in asked]
    found = {path.name: report.medians(rows, path) for path in chosen}
    say = [*told, "", report.verdicts(found, paths.TARGETS)]
    say += [report.table(found[path.name], path) for path in chosen]
    sys.stdout.write("\n".join(say) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.mcp", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, one round: does it work")
    parser.add_argument(
        "--peers", nargs="*", choices=sites.PEERS, default=sites.PEERS, help=", ".join(sites.PEERS)
    )
    parser.add_argument("--report-of", nargs="+", type=Path, metavar="ROWS", help="earlier rows")
    parser.add_argument("--rounds", type=int, help="instead of three")
    parser.add_argument("--port", type=int, default=7640)
    parser.add_argument("--rows", type=Path, default=kitchen.CACHE / "mcp.jsonl")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
