"""What pages cost a slow phone: `python -m bench.pages [--quick] [--only tracking board]`."""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "museo.settings"
django.setup()

from bench.live import kitchen, measuring  # noqa: E402  the settings come first
from bench.pages import visits  # noqa: E402
from bench.pages.phone import Seen  # noqa: E402
from bench.pages.visits import VISITS, Visit  # noqa: E402
from tests.clients.orders import desk  # noqa: E402
from tests.services import find_chromium  # noqa: E402
from tests.shops import open_shop  # noqa: E402
from tests.whole.browser import browser  # noqa: E402

ROUNDS = 3
ORDERS = 60
NO_LIMIT = "1000000000"
KB = 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it work: one round, few orders")
    parser.add_argument("--only", nargs="+", choices=[each.name for each in VISITS])
    chosen = parser.parse_args()
    rounds, orders = (1, 8) if chosen.quick else (ROUNDS, ORDERS)
    wanted = [each for each in VISITS if not chosen.only or each.name in chosen.only]
    found = measure(wanted, rounds, orders)
    print(f"{datetime.now(UTC):%Y-%m-%d}, {measuring.machine()}, load {measuring.load()}\n")
    print("\n".join(table(found)))
    return 0 if all(holds for _page, _what, holds, _figure in judged(found)) else 1


def measure(wanted: Sequence[Visit], rounds: int, orders: int) -> dict[Visit, list[Seen]]:
    program = find_chromium()
    if not program:
        raise kitchen.Missing("The bench needs Chromium: apt-get install chromium.")
    found: dict[Visit, list[Seen]] = {each: [] for each in wanted}
    with (
        tempfile.TemporaryDirectory() as folder,
        open_shop(
            Path(folder) / "home", speed=1, within=300, MUSEO_CALLS_PER_MINUTE=NO_LIMIT
        ) as shop,
        desk(shop) as at,
        browser(str(program)) as opened,
    ):
        prepared = visits.prepare(at, opened, orders)
        # whoever comes first waits until all is loaded
        for each in wanted:
            visits.visit(each, prepared, opened)
        for _number in range(rounds):
            for each in wanted:
                prepared = visits.another_order(prepared)
                found[each].append(visits.visit(each, prepared, opened))
    return found


def table(found: dict[Visit, list[Seen]]) -> list[str]:
    """Medians of the rounds, in Markdown."""
    heads = ("page", "LCP ms", "CLS", "INP ms", "JS KB", "CSS KB", "HTML KB", "pictures KB")
    lines = [_line(heads), _line(["---"] * len(heads))]
    for page, rounds in found.items():
        of = {
            name: statistics.median(look(each) for each in rounds) for name, look in LOOKS.items()
        }
        figures = [f"{of[name]:.{digits}f}" for name, digits in SHOWN.items()]
        lines.append(_line([page.name, *figures]))
    for page, rounds in found.items():
        last = rounds[-1]
        moved = f"; moved {last.moved}" if last.moved else ""
        lines.append(f"\n{page.name}: largest {last.largest}; slowest {last.slowest}{moved}")
    missed = [
        f"{page}: {what} {figure:g}" for page, what, holds, figure in judged(found) if not holds
    ]
    return [*lines, "", "Missed: " + ("; ".join(missed) or "nothing") + "."]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


LOOKS: dict[str, Callable[[Seen], float]] = {
    "lcp": lambda each: each.lcp,
    "cls": lambda each: each.cls,
    "inp": lambda each: each.inp,
    "js": lambda each: each.bytes["js"] / KB,
    "css": lambda each: each.bytes["css"] / KB,
    "html": lambda each: each.bytes["html"] / KB,
    "images": lambda each: each.bytes["images"] / KB,
}
SHOWN = {"lcp": 0, "cls": 3, "inp": 0, "js": 1, "css": 1, "html": 1, "images": 1}
MOST = {"lcp": 1_800, "cls": 0.05, "inp": 200, "css": 12, "html": 20}


def judged(found: dict[Visit, list[Seen]]) -> list[tuple[str, str, bool, float]]:
    """Page, what must hold, whether it does, and the figure."""
    rows = []
    for page, rounds in found.items():
        for name, most in {**MOST, "js": page.largest_js_kb}.items():
            figure = statistics.median(LOOKS[name](each) for each in rounds)
            rows.append((page.name, name, figure <= most, round(figure, 3)))
    return rows


if __name__ == "__main__":
    sys.exit(main())
