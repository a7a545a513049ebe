"""One server, or the one that Sentinels name: a real master dies, and the next one is found."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from redis import Redis, RedisError

from museo import broker, environment
from museo.celery import app
from museo.ops import valkey
from notifications.listening import Ear
from notifications.live.wake import CHANNEL
from tests.processes import eventually
from tests.shops import free_port

LOCALHOST = "127.0.0.1"
SENTINELS = 3


def test_what_sentinels_watch_is_named_by_one_url() -> None:
    found = broker.watched("sentinel://:a%40b@one:26379,[::1]:7000,three/shop/2")

    assert found == broker.Watched(
        (("one", 26379), ("::1", 7000), ("three", 26379)), "shop", 2, "a@b"
    )
    assert found.celery_url().split(";")[0] == "sentinel://:a%40b@one:26379/2"
    assert broker.watched("redis://one:6379/0") is None
    assert broker.for_channels("redis://one:6379/0") == "redis://one:6379/0"


@pytest.mark.parametrize(
    ("url", "database"),
    [
        ("redis://one:6379", 0),
        ("redis://:hush@one:6379/3", 3),
        ("rediss://one/3?db=4", 4),
        ("unix:///tmp/valkey.sock?db=5", 5),
        ("unix:///tmp/valkey.sock", 0),
        ("sentinel://one:26379/shop/6", 6),
        ("", 0),
    ],
)
def test_a_channel_is_of_one_database(url: str, database: int) -> None:
    assert broker.channel(url, "log") == f"museo:{database}:log"


@pytest.mark.parametrize("url", ["sentinel://", "sentinel://one:26379", "sentinel://one:x/shop"])
def test_a_url_that_names_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("REDIS_URL", url)

    with pytest.raises(ImproperlyConfigured, match="sentinel://host:26379"):
        environment.redis()


@dataclass(frozen=True)
class Watch:
    """A master, its replica, and three Sentinels that agree on who is the master."""

    url: str
    master: subprocess.Popen[bytes]
    ports: tuple[int, int]

    def now(self) -> int:
        """The port of the master that clients are sent to; 0 while there is none."""
        with broker.client(self.url, socket_timeout=1) as client:
            try:
                client.ping()
                (connection,) = client.connection_pool._available_connections
            except RedisError:
                return 0
            return int(connection.port)


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    program = valkey.server()
    assert program, "this test needs Valkey"
    with ExitStack() as stack:
        ports = free_port(), free_port()
        master = stack.enter_context(_server(program, tmp_path / "one", ports[0]))
        following = ("--replicaof", f"{LOCALHOST} {ports[0]}")
        stack.enter_context(_server(program, tmp_path / "two", ports[1], *following))
        eventually(lambda: _is_followed(ports[0]), seconds=20)
        sentinels = [free_port() for _ in range(SENTINELS)]
        for port in sentinels:
            stack.enter_context(_sentinel(program, tmp_path / str(port), port, ports[0]))
        at = ",".join(f"{LOCALHOST}:{port}" for port in sentinels)
        found = Watch(f"sentinel://{at}/shop/0", master, ports)
        eventually(lambda: all(_knows_all(port) for port in sentinels), seconds=30)
        yield found


@pytest.mark.long
def test_who_is_heard_and_who_sends_find_the_next_master(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    ear = Ear(watch.url, lambda: calls.append("woken"))
    ear.start()
    assert watch.now() == watch.ports[0]
    eventually(lambda: ear.hears.is_set(), seconds=20)
    assert _sends(watch.url)

    watch.master.kill()
    eventually(lambda: watch.now() == watch.ports[1], seconds=40)

    eventually(lambda: ear.hears.is_set(), seconds=20)
    before = len(calls)
    with broker.client(watch.url) as client:
        assert client.publish(broker.channel(watch.url, CHANNEL), b"{}") == 1
    eventually(lambda: len(calls) > before, seconds=20)
    assert _sends(watch.url)
    ear.stop()


def _sends(url: str) -> bool:
    """Whether Celery can put a message into the queue of the master, and get it again."""
    address, options = environment.celery_broker(url, Path())
    with app.connection_for_write(url=address, transport_options=options) as connection:
        queue = connection.SimpleQueue("trial")
        queue.put("told")
        message = queue.get(timeout=10)
        message.ack()
        queue.close()
        return bool(message.payload == "told")


@contextmanager
def _server(
    program: Path, folder: Path, port: int, *more: str
) -> Iterator[subprocess.Popen[bytes]]:
    folder.mkdir()
    words = ("--bind", LOCALHOST, "--port", str(port), "--dir", str(folder), "--save", "")
    with _running([str(program), *words, *more], folder) as process:
        eventually(lambda: _answers(port), seconds=20)
        yield process


@contextmanager
def _sentinel(program: Path, folder: Path, port: int, master: int) -> Iterator[None]:
    folder.mkdir()
    conf = folder / "sentinel.conf"
    conf.write_text(
        f"port {port}\nbind {LOCALHOST}\ndir {folder}\n"
        f"sentinel monitor shop {LOCALHOST} {master} 2\n"
        "sentinel down-after-milliseconds shop 1000\n"
        "sentinel failover-timeout shop 5000\n"
    )
    with _running([str(program), str(conf), "--sentinel"], folder):
        eventually(lambda: _answers(port), seconds=20)
        yield


@contextmanager
def _running(command: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as plug:
        return plug.connect_ex((LOCALHOST, port)) == 0


def _is_followed(port: int) -> bool:
    return _asked(port, lambda client: client.info("replication")["slave0"]["state"] == "online")


def _knows_all(port: int) -> bool:
    """Whether a Sentinel knows the replica and the others."""

    def looks(client: Redis) -> bool:
        # the stubs leave open which of two forms it is
        masters: Any = client.sentinel_masters()
        shop = masters["shop"]
        return bool(shop["num-slaves"] == 1 and shop["num-other-sentinels"] == SENTINELS - 1)

    return _asked(port, looks)


def _asked(port: int, look: Callable[[Redis], object]) -> bool:
    with Redis(port=port, socket_timeout=1) as client:
        try:
            return bool(look(client))
        except (RedisError, KeyError):
            return False
