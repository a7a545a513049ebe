"""What is asked of each server, in the order in which one run takes them."""

from __future__ import annotations

from dataclasses import dataclass

from bench.live.report import Target


@dataclass(frozen=True)
class Path:
    name: str
    title: str
    how: str = "requests"


PATHS = (
    Path("list", "the newest 20 products with price, stock, picture and category"),
    Path("detail", "one product, each time another one"),
    Path("add", "one product into a new basket; the answer is the basket"),
    Path("checkout", "a basket of two lines is bought in one shot, with address and payment"),
    Path(
        "hot",
        "all buy the same product; then there is enough of it for 6 in 10 buyers",
        how="race",
    ),
)
GROWTH = (
    Path("growth: list", "the newest 20, by number of products", how="growth"),
    Path("growth: middle", "20 from the middle, by cursor", how="growth"),
    Path("growth: price", "the 20 cheapest", how="growth"),
    Path("growth: rating", "the 20 best rated", how="growth"),
    Path("growth: name", "the first 20 by name", how="growth"),
    Path("growth: detail", "one product", how="growth"),
)
UVICORN = "museo, uvicorn"
# each answer made anew; only reads
NOTHING_KEPT = "museo, nothing kept"
READS = frozenset({"list", "detail"})
TARGETS = (
    Target("list", "per_second", 8, "oscar", server=NOTHING_KEPT),
    Target("list", "per_second", 25, "naive", server=NOTHING_KEPT),
    Target("list", "per_second", 12, "oscar"),
    Target("detail", "per_second", 12, "oscar", server=NOTHING_KEPT),
    Target("detail", "per_second", 20, "oscar"),
    Target("add", "per_second", 15, "oscar"),
    Target("checkout", "per_second", 20, "oscar"),
    Target("hot", "per_second", 12, "oscar"),
    Target("hot", "oversold", 0, is_most=True),
    *(
        Target(path.name, "per_second", 1, peer, server=UVICORN)
        for path in PATHS
        for peer in ("oscar", "naive")
    ),
)
