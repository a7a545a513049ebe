"""`python -m bench.live [--quick] [--only PATTERN …] [--peers SERVER …]`."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

from bench.live import client, kitchen, measuring, patterns, report, runs
from bench.live.patterns import Pattern
from bench.live.servers.eventstream import server as eventstream
from bench.live.servers.museo import server as museo
from bench.live.servers.nchan import server as nchan
from bench.live.servers.server import Server
from bench.live.servers.stock import server as stock

PEERS = {"nchan": nchan, "eventstream": eventstream, "channels": stock}


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    chosen = [
        pattern
        for pattern in (patterns.quick() if options.quick else patterns.full())
        if not options.only or pattern.name in options.only
    ]
    try:
        return tell(options.report_of) if options.report_of else measure(chosen, options)
    except (kitchen.Missing, RuntimeError) as problem:
        sys.exit(f"bench: {problem}")


def measure(chosen: Sequence[Pattern], options: argparse.Namespace) -> int:
    began_at = time.monotonic()
    about = measuring.about("bench.live")
    kitchen.CACHE.mkdir(parents=True, exist_ok=True)
    rows: list[runs.Row] = []
    with ExitStack() as stack:
        sites = stack.enter_context(_sites(chosen, options))
        raw = stack.enter_context(options.rows.open("a"))
        for pattern, site, turn in _in_turn(chosen, sites, options.rounds):
            row = runs.run(site, pattern) | {"round": turn, **about}
            rows.append(row)
            raw.write(json.dumps(row) + "\n")
            raw.flush()
            sys.stderr.write(report.line(row) + "\n")
    _print(rows, chosen)
    minutes = (time.monotonic() - began_at) / 60
    sys.stderr.write(f"{minutes:.1f} minutes. Raw rows: {_named(options.rows)}\n")
    has_failed = any(row["problem"] for row in rows if row["server"] == "museo")
    return 1 if has_failed else 0


def tell(files: Sequence[Path]) -> int:
    """The report of rows that were measured before, perhaps in several runs."""
    rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    names = {row["pattern"] for row in rows}
    _print(rows, [pattern for pattern in patterns.full() if pattern.name in names])
    return 0


def _print(rows: Sequence[runs.Row], chosen: Sequence[Pattern]) -> None:
    found = {pattern.name: report.medians(rows, pattern) for pattern in chosen}
    told = dict.fromkeys(f"{row['at']}, {row['machine']}: `{row['command']}`" for row in rows)
    say = [*told, ""]
    say += [report.table(found[pattern.name], pattern) for pattern in chosen]
    sys.stdout.write("\n".join([*say, report.verdicts(found)]) + "\n")


@contextmanager
def _sites(chosen: Sequence[Pattern], options: argparse.Namespace) -> Iterator[list[runs.Site]]:
    """Every server that takes part, ready to be started, and its publishers."""
    orders = max([1, *(pattern.plan.topics for pattern in chosen)])
    parts: dict[str, Callable[[Path, int], AbstractContextManager[list[Server]]]] = {
        "museo": partial(museo.prepared, orders=orders),
        **{name: PEERS[name].prepared for name in options.peers},
    }
    program = client.build(kitchen.compiler(), kitchen.CACHE)
    most = max(pattern.publishers for pattern in chosen)
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="museo-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        sites = []
        for index, (name, prepared) in enumerate(parts.items()):
            (folder / name).mkdir()
            servers = stack.enter_context(prepared(folder / name, options.port + 2 * index))
            for server in servers:
                publishing = stack.enter_context(runs.publishers(server, most))
                sites.append(runs.Site(server, publishing, program))
        yield sites


def _in_turn(
    chosen: Sequence[Pattern], sites: Sequence[runs.Site], rounds: int | None
) -> Iterator[tuple[Pattern, runs.Site, int]]:
    """Round by round, so that what else the machine does meets all servers alike."""
    for pattern in chosen:
        for turn in range(1, 1 + (rounds or pattern.rounds)):
            for site in sites:
                is_wanted = pattern.only is None or site.server.name in pattern.only
                if is_wanted and pattern.kind in site.server.kinds:
                    yield pattern, site, turn


def _named(path: Path) -> Path:
    return path.relative_to(kitchen.ROOT) if path.is_relative_to(kitchen.ROOT) else path


def _parser() -> argparse.ArgumentParser:
    names = [pattern.name for pattern in patterns.full()]
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, one round: does it work")
    parser.add_argument(
        "--only", nargs="+", choices=names, metavar="PATTERN", help=", ".join(names)
    )
    parser.add_argument(
        "--peers", nargs="*", choices=list(PEERS), default=list(PEERS), help=", ".join(PEERS)
    )
    parser.add_argument(
        "--report-of", nargs="+", type=Path, metavar="ROWS", help="tables of rows of earlier runs"
    )
    parser.add_argument("--rounds", type=int, help="instead of three")
    parser.add_argument("--port", type=int, default=7600, help="the first of ten")
    parser.add_argument("--rows", type=Path, default=kitchen.CACHE / "live.jsonl")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
