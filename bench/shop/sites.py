"""Every server that takes part, with its own database in one PostgreSQL that writes to disk."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg

from bench.live import kitchen
from bench.live.servers.museo.server import START
from bench.live.servers.server import Server
from bench.shop import faces, products
from bench.shop.faces import Face
from bench.shop.paths import NOTHING_KEPT, READS, UVICORN
from bench.shop.products import Product
from tests import services

REQUIREMENTS = Path(__file__).with_name("requirements-peers.txt")
FUNCTIONS = Path(__file__).with_name("servers") / "starlette" / "functions.sql"
PEERS = ("oscar", "naive", "starlette", "pgbench")
# one process each, with the same four threads
GRANIAN = ("--interface", "wsgi", "--workers", "1", "--blocking-threads", "4", "--no-ws")
NO_LIMIT = "1000000000"
KEEP_NOTHING = {"MUSEO_ANSWERS_MB": "0"}

AS_IN_PRODUCTION = ("shared_buffers=256MB",)


@dataclass(frozen=True)
class Site:
    """`restock` takes count and SKU, `left` the SKU; without `server` it is the bare database."""

    name: str
    server: Server | None
    face: Face
    database: psycopg.Connection[Any]
    restock: str
    left: str

    def takes(self, path: str) -> bool:
        return self.name != NOTHING_KEPT or path in READS

    def set_stock(self, product: Product, count: int) -> None:
        self.database.execute(self.restock, {"count": count, "sku": product.sku})

    def stock(self, product: Product) -> int:
        row = self.database.execute(self.left, {"sku": product.sku}).fetchone()
        return int(row[0]) if row else 0


@dataclass(frozen=True)
class Shops:
    sites: Sequence[Site]
    sold: Sequence[Product]
    # brings Museo to so many products; tells a cursor of its middle
    grow: Callable[[int], str]


@contextmanager
def prepared(folder: Path, *, port: int, count: int, peers: Sequence[str]) -> Iterator[Shops]:
    with ExitStack() as stack:
        settings = AS_IN_PRODUCTION
        cluster = stack.enter_context(services.cluster(kitchen.postgresql(), settings=settings))
        redis_url = stack.enter_context(services.valkey(kitchen.valkey_server()))
        host = unquote(urlsplit(cluster.url).netloc.partition("@")[2])
        environment = kitchen.environment(
            DJANGO_SETTINGS_MODULE="museo.settings",
            MUSEO_HOME=str(folder / "home"),
            MUSEO_CALLS_PER_MINUTE=NO_LIMIT,
            MUSEO_PUBLIC_URL=f"http://127.0.0.1:{port}",
            DATABASE_URL=cluster.url,
            REDIS_URL=redis_url,
        )
        file = folder / "products"

        def make(number: int) -> dict[str, Any]:
            module = "bench.shop.servers.museo.shop"
            command = [sys.executable, "-c", START, module, str(port), str(number), str(file)]
            return _last_line(command, environment)

        uvicorn = make(count)["uvicorn"]
        sold = products.read(file)
        connect = partial(_connected, stack, host)
        granian = _granian()
        web = [sys.executable, *granian.command, "museo.wsgi:application"]
        under = {**environment, **granian.path}
        sites = [
            _museo("museo", [*web, *_at(port)], under, folder, port),
            _museo(NOTHING_KEPT, [*web, *_at(port)], {**under, **KEEP_NOTHING}, folder, port),
            _museo(UVICORN, uvicorn, environment, folder, port),
        ]
        stocked = connect("postgres")
        made = [Site(server.name, server, faces.Museo(port), stocked, *MUSEO) for server in sites]
        if "oscar" in peers:
            made.append(_oscar(connect, host, file, port, folder))
        if {"naive", "starlette", "pgbench"} & set(peers):
            made += [
                site
                for site in _of_naive_tables(connect, host, file, port, folder)
                if site.name in peers
            ]
        yield Shops(made, sold, grow=lambda number: str(make(number)["middle"]))


MUSEO = (
    "UPDATE catalog_stockitem SET on_hand = %(count)s, reserved = 0 FROM catalog_variant v"
    " WHERE v.id = variant_id AND v.sku = %(sku)s",
    "SELECT on_hand - reserved FROM catalog_stockitem s JOIN catalog_variant v"
    " ON v.id = s.variant_id WHERE v.sku = %(sku)s",
)
OSCAR = (
    "UPDATE partner_stockrecord SET num_in_stock = %(count)s, num_allocated = 0"
    " WHERE partner_sku = %(sku)s",
    "SELECT num_in_stock - coalesce(num_allocated, 0) FROM partner_stockrecord"
    " WHERE partner_sku = %(sku)s",
)
NAIVE = (
    "UPDATE naive_product SET stock = %(count)s WHERE sku = %(sku)s",
    "SELECT stock FROM naive_product WHERE sku = %(sku)s",
)


def _museo(
    name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path, port: int
) -> Server:
    return Server(name, command, environment, folder, port)


def _oscar(connect: Any, host: str, file: Path, port: int, folder: Path) -> Site:
    database = connect("oscar", is_new=True)
    environment = _environment(host, "oscar", "bench.shop.servers.oscar.settings")
    _fill("bench.shop.servers.oscar.fill", file, environment)
    server = Server("oscar", _under_granian(port), environment, folder, port)
    rows = database.execute("SELECT slug, id FROM catalogue_product").fetchall()
    return Site("oscar", server, faces.Oscar(port, dict(rows)), database, *OSCAR)


def _of_naive_tables(connect: Any, host: str, file: Path, port: int, folder: Path) -> list[Site]:
    database = connect("naive", is_new=True)
    environment = _environment(host, "naive", "bench.shop.servers.naive.settings")
    _fill("bench.shop.servers.naive.fill", file, environment)
    # the near limit has tables of its own: what guards the stock would guard the naive shop, too
    database.execute("CREATE DATABASE starlette TEMPLATE naive")
    limit = connect("starlette")
    limit.execute(FUNCTIONS.read_text())
    naive = Server("naive", _under_granian(port), environment, folder, port)
    quiet = ("--no-access-log", "--log-level", "warning")
    starlette = Server(
        "starlette",
        [_python(), "-m", "uvicorn", *quiet, "bench.shop.servers.starlette.app:app", *_at(port)],
        _environment(host, "starlette"),
        folder,
        port,
    )
    like_museo = faces.Museo(port)
    return [
        Site("naive", naive, faces.Naive(port), database, *NAIVE),
        Site("starlette", starlette, like_museo, limit, *NAIVE),
        Site("pgbench", None, like_museo, limit, *NAIVE),
    ]


@dataclass(frozen=True)
class _Granian:
    command: Sequence[str]
    path: Mapping[str, str]


def _granian() -> _Granian:
    """The same one as the peers', for Museo's own Python: it is no part of Museo."""
    folder = kitchen.CACHE / "granian"
    wanted = next(line for line in REQUIREMENTS.read_text().splitlines() if "granian" in line)
    if not (folder / wanted).exists():
        install = ["install", "-q", "--upgrade", "--no-deps", "--target", str(folder), wanted]
        subprocess.run([str(_python()), "-m", "pip", *install], check=True)
        (folder / wanted).touch()
    return _Granian(("-m", "granian", *GRANIAN), {"PYTHONPATH": f"{kitchen.ROOT}:{folder}"})


def _under_granian(port: int) -> list[str | Path]:
    return [_python(), "-m", "granian", *GRANIAN, *_at(port), "bench.shop.servers.wsgi:application"]


def _at(port: int) -> tuple[str, ...]:
    return ("--host", "127.0.0.1", "--port", str(port))


def _python() -> Path:
    return kitchen.python_of_peers(REQUIREMENTS, named="shop-peers")


def _environment(host: str, database: str, settings: str = "") -> dict[str, str]:
    own = {"DJANGO_SETTINGS_MODULE": settings} if settings else {}
    return kitchen.environment(BENCH_DATABASE_HOST=host, BENCH_DATABASE=database, **own)


def _fill(module: str, file: Path, environment: Mapping[str, str]) -> None:
    subprocess.run(
        [_python(), "-W", "ignore", "-m", module, file], env=dict(environment), check=True
    )


def _connected(
    stack: ExitStack, host: str, name: str, *, is_new: bool = False
) -> psycopg.Connection[Any]:
    if is_new:
        with psycopg.connect(host=host, user="postgres", autocommit=True) as first:
            first.execute(f"CREATE DATABASE {name}".encode())
    connection = psycopg.connect(host=host, user="postgres", dbname=name, autocommit=True)
    stack.callback(connection.close)
    return connection


def _last_line(command: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        command, env=dict(environment), stdout=subprocess.PIPE, text=True, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
