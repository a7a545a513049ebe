"""django-eventstream on uvicorn, with Redis between its processes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.live import kitchen
from bench.live.servers.server import Server
from bench.live.servers.stock.server import uvicorn


@contextmanager
def prepared(folder: Path, port: int) -> Iterator[list[Server]]:
    """The port after `port` is for its Redis."""
    python = kitchen.python_of_peers()
    with kitchen.redis_for_peers(port + 1) as redis:
        yield [
            Server(
                name="eventstream",
                command=uvicorn(python, "bench.live.servers.eventstream.asgi:application", port),
                environment=kitchen.environment(
                    DJANGO_SETTINGS_MODULE="bench.live.servers.eventstream.settings",
                    BENCH_REDIS_PORT=str(port + 1),
                ),
                folder=folder,
                port=port,
                publisher=[python, "-m", "bench.live.servers.eventstream.publisher"],
                paths=_paths,
                kinds=frozenset({"sse"}),
                backends=[redis],
            )
        ]


def _paths(kind: str, topics: int) -> Sequence[str]:
    if topics == 1:
        return ["/sse/all"]
    return [f"/sse/order-{topic}" for topic in range(topics)]
