"""The products that all servers sell; only the standard library: peers read them, too."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

# nothing sells out but where that is what is measured
AMPLE = 1_000_000


@dataclass(frozen=True)
class Product:
    """`amount` is in cents; the newest are listed first."""

    slug: str
    sku: str
    name: str
    subtitle: str
    description: str
    category: str
    room: str
    image: str
    amount: int
    published_at: str


def write(products: Iterable[Product], file: Path) -> None:
    file.write_text("".join(json.dumps(asdict(product)) + "\n" for product in products))


def read(file: Path) -> list[Product]:
    """The newest first."""
    return [Product(**json.loads(line)) for line in file.read_text().splitlines()]
