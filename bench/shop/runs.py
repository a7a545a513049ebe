"""One server's turn: started, checked, asked for everything, stopped."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from statistics import quantiles
from typing import Any

import psutil

from bench.live import kitchen, measuring
from bench.live.runs import Row
from bench.live.servers.museo.server import postmaster
from bench.live.servers.server import running
from bench.shop import answers, load
from bench.shop.faces import Basket, Wrong
from bench.shop.load import Answer, Load
from bench.shop.products import AMPLE, Product
from bench.shop.sites import Site

# of the buyers of one product, so many in ten get it
LUCKY = 6


@dataclass(frozen=True)
class Sizes:
    """`seconds` for each path, at most `most` requests that write."""

    seconds: float = 2.0
    most: int = 4000
    buyers: int = 400
    connections: int = 8
    warm_seconds: float = 1.0


QUICK = Sizes(seconds=0.7, most=300, buyers=40, warm_seconds=0.3)


class Turn:
    """What one server does in one round."""

    def __init__(self, site: Site, sold: Sequence[Product], sizes: Sizes, program: Path) -> None:
        self.site, self.sold, self.sizes, self.program = site, sold, sizes, program
        self.face = site.face
        self._processes: list[psutil.Process] = []

    def rows(self, names: Sequence[str]) -> Iterator[Row]:
        if self.site.server is None:
            yield from self._bare(names)
            return
        with running(self.site.server) as started:
            self._processes = [
                *started.processes,
                psutil.Process(postmaster(self.site.database)),
            ]
            self._send([self.face.list()], cycles=True, seconds=self.sizes.warm_seconds)
            self._prepare()
            for name in names:
                yield self._row(name)

    def _row(self, name: str) -> Row:
        steps = {
            "list": self._list,
            "detail": self._detail,
            "add": self._add,
            "checkout": self._checkout,
            "hot": self._hot,
        }
        return measured(self.site.name, name, steps[name])

    def _prepare(self) -> None:
        """Each path once, so that nothing is loaded while it is timed."""
        details = [self.face.detail(product) for product in self.sold[:8]]
        self._send(details, cycles=True, seconds=self.sizes.warm_seconds)
        answered = self._send([self.face.add(product) for product in self.sold[:8]], keeps=True)
        baskets = [self.face.basket(answer) for answer in answered.answers if answer.status == 200]
        self._send([self.face.checkout(basket, f"warm {basket.key}") for basket in baskets])

    def _list(self) -> dict[str, float]:
        request = [self.face.list()]
        answers.check_list(self.face, self._once(request)[0], self.sold)
        asked = self._send(request, cycles=True)
        answers.check_alike(asked.answers)
        return asked.figures()

    def _detail(self) -> dict[str, float]:
        some = self.sold[:: max(1, len(self.sold) // 200)]
        requests = [self.face.detail(product) for product in some]
        # all once: what keeps answers is timed when it has them
        for answer in self._once(requests):
            answers.check_detail(self.face, answer, some[answer.index])
        asked = self._send(requests, cycles=True)
        answers.check_alike(asked.answers)
        return asked.figures()

    def _add(self) -> dict[str, float]:
        asked, _baskets = self._baskets(self._some(self.sizes.most))
        return asked.figures()

    def _checkout(self) -> dict[str, float]:
        first, second = self._some(self.sizes.most), self._some(self.sizes.most, after=1)
        _asked, one = self._baskets(first)
        _asked, baskets = self._baskets(second[: len(one)], before=one)
        asked = self._send(self._checkouts(baskets), keeps=True)
        answers.check_paid(self.face, asked.answers, baskets)
        return asked.figures()

    def _hot(self) -> dict[str, float]:
        """How fast one product is sold of which there is enough; then, how exactly, of too few."""
        product = self.sold[len(self.sold) // 2]
        self.site.set_stock(product, AMPLE)
        _asked, baskets = self._baskets([product] * self.sizes.most)
        asked = self._send(self._checkouts(baskets), keeps=True)
        answers.check_paid(self.face, asked.answers, baskets)
        return {**asked.figures(), **self._too_few(product)}

    def _too_few(self, product: Product) -> dict[str, float]:
        _asked, baskets = self._baskets([product] * self.sizes.buyers)
        stock = len(baskets) * LUCKY // 10
        self.site.set_stock(product, stock)
        asked = self._send(self._checkouts(baskets), seconds=120)
        accepted = answers.orders(asked.answers)
        told = answers.oversold(accepted=accepted, stock=stock, left=self.site.stock(product))
        self.site.set_stock(product, AMPLE)
        return {**told, "stock": stock, "few_per_second": round(accepted / asked.seconds, 1)}

    def _baskets(
        self, products: Sequence[Product], *, before: Sequence[Basket] = ()
    ) -> tuple[Load, list[Basket]]:
        """Baskets with a product each, or with one more; as many as the time allows."""
        none: list[Basket | None] = [None] * len(products)
        pairs = zip(products, before or none, strict=True)
        asked = self._send([self.face.add(product, old) for product, old in pairs], keeps=True)
        made = answers.opened(self.face, asked.answers, products, before=before)
        return asked, [basket for basket, _cost in made]

    def _checkouts(self, baskets: Sequence[Basket]) -> list[bytes]:
        return [self.face.checkout(basket, f"bench {basket.key}") for basket in baskets]

    def _some(self, count: int, *, after: int = 0) -> list[Product]:
        """Products from all over the shop; others for another `after`."""
        some = self.sold[after :: max(2, len(self.sold) // 1000)]
        return list(islice(cycle(some), count))

    def _once(self, requests: Sequence[bytes]) -> Sequence[Answer]:
        return self._send(requests, keeps=True).answers

    def _send(
        self,
        requests: Sequence[bytes],
        *,
        cycles: bool = False,
        keeps: bool = False,
        seconds: float = 0,
    ) -> Load:
        before = measuring.cpu_seconds(self._processes)
        found = load.send(
            self.program,
            self.site.server.port if self.site.server else 0,
            requests,
            connections=self.sizes.connections,
            seconds=seconds or self.sizes.seconds,
            cycles=cycles,
            keeps=keeps,
        )
        return replace(found, their_cpu=measuring.cpu_seconds(self._processes) - before)

    # the database alone

    def _bare(self, names: Sequence[str]) -> Iterator[Row]:
        for name in names:
            if name in SCRIPTS:
                yield measured(self.site.name, name, lambda name=name: self._pgbench(name))

    def _pgbench(self, name: str) -> dict[str, float]:
        if name == "checkout":
            self.site.database.execute(BASKETS)
        info = self.site.database.info
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "script"
            script.write_text(SCRIPTS[name].format(most=len(self.sold)))
            # the programs may be links to where it lies
            program = (kitchen.postgresql() / "initdb").resolve().with_name("pgbench")
            command = [str(program), "--no-vacuum", "--protocol=prepared"]
            options = ["--client=8", f"--time={max(1, round(self.sizes.seconds))}", "--log"]
            where = ["--host", info.host, "--username", info.user, info.dbname]
            own = [f"--file={script}", f"--log-prefix={folder}/log", "--define=i=0"]
            subprocess.run([*command, *options, *own, *where], check=True, capture_output=True)
            logs = [path.read_text() for path in Path(folder).glob("log*")]
        return latencies("".join(logs), seconds=max(1, round(self.sizes.seconds)))


SCRIPTS = {
    "list": "SELECT product_list();",
    "detail": "\\set n random(1, {most})\n"
    "SELECT product_detail('load-' || lpad(:n::text, 7, '0'));",
    "add": "\\set n random(1, {most})\n"
    "SELECT basket_add(gen_random_uuid()::text, 'LOAD-' || lpad(:n::text, 7, '0'), 1);",
    "checkout": "\\set i :i + 1\n"
    "SELECT order_place('pg-' || :client_id || '-' || :i, gen_random_uuid()::text,"
    " 'maya@example.org', 'Maya Okafor', '{{}}');",
}
BASKETS = """
DELETE FROM naive_basketline l USING naive_basket b WHERE b.id = l.basket_id AND token LIKE 'pg-%';
DELETE FROM naive_basket WHERE token LIKE 'pg-%';
WITH made AS (
    INSERT INTO naive_basket (token, created_at)
    SELECT 'pg-' || client || '-' || i, now()
    FROM generate_series(0, 7) client, generate_series(1, 3000) i RETURNING id)
INSERT INTO naive_basketline (basket_id, product_id, quantity)
SELECT made.id, p.id, 1 FROM made JOIN LATERAL
    (SELECT id FROM naive_product WHERE id > made.id % 900 ORDER BY id LIMIT 2) p ON true;
"""


def latencies(log: str, *, seconds: float) -> dict[str, float]:
    """Figures from pgbench's log: the third word of a line is microseconds."""
    took = sorted(int(line.split()[2]) / 1000 for line in log.splitlines())
    cuts = quantiles(took, n=100, method="inclusive")
    return {
        "per_second": round(len(took) / seconds, 1),
        "p50_ms": round(cuts[49], 3),
        "p99_ms": round(cuts[98], 3),
    }


def measured(server: str, name: str, step: Any) -> Row:
    row: Row = {"server": server, "pattern": name, "problem": "", "load": measuring.load()}
    try:
        return {**row, **step()}
    except Wrong as wrong:
        return {**row, "problem": str(wrong)}


def grown(site: Site, count: int, middle: str, sizes: Sizes, program: Path) -> Iterator[Row]:
    """Museo's reads as its catalogue grows; `middle` is a cursor."""
    listing = "/api/v1/catalog/products"
    paths = {
        "growth: list": f"{listing}?limit=20",
        "growth: middle": f"{listing}?limit=20&cursor={middle}",
        "growth: price": f"{listing}?limit=20&sort=price",
        "growth: rating": f"{listing}?limit=20&sort=rating",
        "growth: name": f"{listing}?limit=20&sort=name",
        "growth: detail": f"{listing}/load-{count // 2:07d}",
    }
    port = site.server.port if site.server else 0
    for name, path in paths.items():
        requests = [load.request("GET", path, port=port)]

        def step(requests: Sequence[bytes] = requests) -> dict[str, float]:
            for seconds in (sizes.warm_seconds, sizes.seconds):
                asked = load.send(
                    program,
                    port,
                    requests,
                    connections=sizes.connections,
                    seconds=seconds,
                    cycles=True,
                )
                answers.check_alike(asked.answers)
            return asked.figures()

        yield measured(f"{count:,} products", name, step)
