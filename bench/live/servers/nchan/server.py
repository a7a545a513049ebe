"""nchan: nginx with a module in C, one worker, messages in its own memory."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.live import kitchen
from bench.live.servers.server import Server

CONF = Path(__file__).with_name("nginx.conf")


@contextmanager
def prepared(folder: Path, port: int) -> Iterator[list[Server]]:
    conf = folder / "nginx.conf"
    told = {"module": kitchen.nchan_module(), "folder": folder, "port": port}
    conf.write_text(CONF.read_text().format(**told))
    yield [
        Server(
            name="nchan",
            command=[kitchen.nginx(), "-c", conf, "-e", folder / "nginx-error.log"],
            environment=kitchen.environment(),
            folder=folder,
            port=port,
            publisher=[sys.executable, "-m", "bench.live.servers.nchan.publisher", str(port)],
            paths=_paths,
        )
    ]


def _paths(kind: str, topics: int) -> Sequence[str]:
    if topics == 1:
        return [f"/{kind}/all"]
    return [f"/{kind}/order-{topic}" for topic in range(topics)]
