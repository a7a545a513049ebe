"""Redis or Valkey: one server, or the one that Sentinels name.

    sentinel://:password@sentinel-1:26379,sentinel-2:26379/mymaster/0

The password is that of the servers. Whoever connects asks the Sentinels where the master is, so
after a failover each comes to the new one with its next connection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

if TYPE_CHECKING:
    import redis
    import redis.asyncio

SCHEME = "sentinel://"
SENTINEL_PORT = 26379
# a Sentinel that does not answer has others beside it
SENTINEL_SECONDS = 0.5


@dataclass(frozen=True)
class Watched:
    """A server that Sentinels watch, by the name that they know it under."""

    sentinels: tuple[tuple[str, int], ...]
    name: str
    database: int
    password: str | None

    def celery_url(self) -> str:
        """As kombu writes it; the name goes with the options of the transport."""
        secret = f":{quote(self.password, safe='')}@" if self.password else ""
        return ";".join(
            f"sentinel://{secret}{host}:{port}/{self.database}" for host, port in self.sentinels
        )

    def client(self, sentinel: Callable[..., Any], options: dict[str, Any]) -> Any:
        asked = {"socket_timeout": SENTINEL_SECONDS, "socket_connect_timeout": SENTINEL_SECONDS}
        watch = sentinel(list(self.sentinels), sentinel_kwargs=asked)
        return watch.master_for(self.name, db=self.database, password=self.password, **options)


@cache
def watched(url: str) -> Watched | None:
    """None where the URL names a server itself; ValueError where it names nothing."""
    if not url.startswith(SCHEME):
        return None
    secret, _, hosts = urlsplit(url).netloc.rpartition("@")
    name, _, database = urlsplit(url).path.strip("/").partition("/")
    sentinels = tuple(_address(host) for host in hosts.split(",") if host)
    if not (sentinels and name):
        raise ValueError("no Sentinels, or no name of what they watch")
    password = unquote(secret.partition(":")[2]) or None
    return Watched(sentinels, name, int(database or 0), password)


@cache
def channel(url: str, name: str) -> str:
    """A channel of this shop's own: Redis has one set of channels for all of its databases."""
    return f"museo:{_database(url)}:{name}"


def _database(url: str) -> int:
    """Its number, as redis-py reads it out of a URL."""
    if found := watched(url):
        return found.database
    parts = urlsplit(url)
    path = "" if parts.scheme == "unix" else parts.path.strip("/")
    return int(parse_qs(parts.query).get("db", [path])[0] or 0)


def client(url: str, **options: Any) -> redis.Redis:
    # the settings read this module, and most of them need no client
    from redis import Redis
    from redis.sentinel import Sentinel

    found = watched(url)
    given: Redis = found.client(Sentinel, options) if found else Redis.from_url(url, **options)
    return given


def async_client(url: str, **options: Any) -> redis.asyncio.Redis:
    from redis.asyncio import Redis
    from redis.asyncio.sentinel import Sentinel

    found = watched(url)
    given: Redis = found.client(Sentinel, options) if found else Redis.from_url(url, **options)
    return given


def for_channels(url: str) -> str | dict[str, Any]:
    """As channels_redis wants a host."""
    found = watched(url)
    if not found:
        return url
    given = {"password": found.password} if found.password else {}
    return {
        "sentinels": list(found.sentinels),
        "master_name": found.name,
        "db": found.database,
        **given,
    }


def _address(host: str) -> tuple[str, int]:
    at = urlsplit(f"//{host}")
    if not at.hostname:
        raise ValueError(f"{host} is no host")
    return at.hostname, at.port or SENTINEL_PORT
