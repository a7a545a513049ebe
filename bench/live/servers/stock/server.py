"""Django Channels as it comes: both layers of channels-redis, on uvicorn and on daphne."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.live import kitchen
from bench.live.servers.server import Server

LAYERS = {
    "core": "channels_redis.core.RedisChannelLayer",
    "pubsub": "channels_redis.pubsub.RedisPubSubChannelLayer",
}
APPLICATION = "bench.live.servers.stock.asgi:application"


@contextmanager
def prepared(folder: Path, port: int) -> Iterator[list[Server]]:
    """The port after `port` is for their Redis."""
    python = kitchen.python_of_peers()
    at = ("127.0.0.1", str(port))
    commands: dict[str, list[str | Path]] = {
        "uvicorn": uvicorn(python, APPLICATION, port),
        "daphne": [python, "-m", "daphne", "-b", at[0], "-p", at[1], "-v", "0", APPLICATION],
    }
    with kitchen.redis_for_peers(port + 1) as redis:
        yield [
            Server(
                name=f"channels-{layer}-{program}",
                command=command,
                environment=kitchen.environment(
                    DJANGO_SETTINGS_MODULE="bench.live.servers.stock.settings",
                    BENCH_LAYER=LAYERS[layer],
                    BENCH_REDIS_PORT=str(port + 1),
                ),
                folder=folder,
                port=port,
                publisher=[python, "-m", "bench.live.servers.stock.publisher"],
                paths=_paths,
                backends=[redis],
                is_slow=True,
            )
            for program, command in commands.items()
            for layer in LAYERS
        ]


def uvicorn(python: Path, application: str, port: int) -> list[str | Path]:
    """With the same options as Museo's own."""
    listen = ("--host", "127.0.0.1", "--port", str(port))
    rest = ("--ws", "websockets-sansio", "--no-access-log", "--log-level", "warning")
    return [python, "-m", "uvicorn", application, *listen, *rest]


def _paths(kind: str, topics: int) -> Sequence[str]:
    if topics == 1:
        return [f"/{kind}/all"]
    return [f"/{kind}/order-{topic}" for topic in range(topics)]
