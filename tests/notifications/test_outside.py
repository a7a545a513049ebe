"""Nothing that people name leads inside: seen at the sockets, by each way that leads out.

A resolver of ours reads numbers as that of a system does: `2130706433` and `0x7f.1` are 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any

import pytest

from notifications.channels import posting, webhook, webpush
from notifications.channels.message import NotSent
from tests.notifications.channels.conftest import message
from tests.notifications.channels.push_service import Browser
from tests.notifications.test_webhook_addresses import REFUSED

PUBLIC = "192.0.32.8"
INSIDE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.7",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.127.255.255",
    "169.254.169.254",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "3fff::1",
    "5f00::1",
    "fd00::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
ROUNDS = 200


class Network:
    """Keeps where every socket would connect to; nobody is there.

    A thread that an earlier test has left may look for its server meanwhile: that is not kept.
    """

    def __init__(self) -> None:
        self.connected: list[str] = []
        self._others = {*threading.enumerate()} - {threading.current_thread()}
        # what a name leads to
        self.leads_to: Callable[[], list[str]] = list
        self.asked = 0

    def connect(self, _socket: socket.socket, address: Any) -> None:
        if threading.current_thread() not in self._others:
            self.connected.append(address[0])
        raise ConnectionRefusedError

    def look_up(self, host: Any, port: Any, *_hints: Any, **_more: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        number = _as_systems_read(name)
        self.asked += number is None
        return [_found(each, port) for each in ([number] if number else self.leads_to())]


def _as_systems_read(host: str) -> str | None:
    if ":" in host:
        return host.partition("%")[0]
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def _found(number: str, port: Any) -> tuple[Any, ...]:
    if ":" in number:
        return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (number, int(port), 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, int(port)))


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network()
    monkeypatch.setattr(socket, "getaddrinfo", network.look_up)
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, lambda own, to: network.connect(own, to))
    return network


# the ways out


def by_webhook(url: str) -> None:
    async def post() -> None:
        async with posting.pool() as connections:
            await posting.post(connections, url, headers={}, body=b"{}", total=timedelta(seconds=5))

    asyncio.run(post())


def by_push(url: str) -> None:
    keys = json.loads(Browser().subscription)["keys"]
    webpush.send(message(json.dumps({"endpoint": url, "keys": keys})))


WAYS = pytest.mark.parametrize("way", [by_webhook, by_push])


def literal(number: str) -> str:
    return f"https://[{number}]/" if ":" in number else f"https://{number}/"


# what is refused


@WAYS
@pytest.mark.parametrize("url", REFUSED)
def test_what_can_be_no_webhook_is_not_even_looked_up(
    way: Callable[[str], None], url: str, network: Network
) -> None:
    network.leads_to = lambda: [PUBLIC]

    with pytest.raises(NotSent, match="bad_address"):
        way(url)

    assert (network.connected, network.asked) == ([], 0)


@WAYS
@pytest.mark.parametrize("number", INSIDE)
def test_nothing_inside_is_connected_to_by_its_number_or_by_a_name(
    way: Callable[[str], None], number: str, network: Network
) -> None:
    with pytest.raises(NotSent, match="bad_address"):
        way(literal(number))
    for found in ([number], [PUBLIC, number], [number, PUBLIC]):
        network.leads_to = lambda found=found: found  # type: ignore[misc]
        with pytest.raises(NotSent):
            way("https://example.com/")

    assert (network.connected, network.asked) == ([], 3)


@WAYS
@pytest.mark.parametrize("number", ["127.0.0.1", "169.254.169.254", "::7f00:1"])
def test_without_the_check_it_is_connected_to(
    way: Callable[[str], None],
    number: str,
    network: Network,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The twin."""
    monkeypatch.setattr(webhook, "is_public", lambda address: True)
    network.leads_to = lambda: [number]

    for url in (literal(number), "https://example.com/"):
        with pytest.raises(NotSent, match="unreachable"):
            way(url)

    assert network.connected == [number, number]


@WAYS
@pytest.mark.parametrize("number", [PUBLIC, "2a00:1450:4026:803::200e", "100.128.0.1"])
def test_the_world_outside_is_connected_to(
    way: Callable[[str], None], number: str, network: Network
) -> None:
    network.leads_to = lambda: [number]

    for url in (literal(number), "https://example.com/"):
        with pytest.raises(NotSent, match="unreachable"):
            way(url)

    assert network.connected == [number, number]


# names that lead elsewhere a moment later


def _rebind(way: Callable[[str], None], network: Network) -> int:
    """Send by names that lead outside at first and then inside; return how often it could."""
    dice, could = Random(7), 0  # noqa: S311  of a test
    for _ in range(ROUNDS):
        outside_for, number, asked = dice.randrange(3), dice.choice(INSIDE), count()
        network.leads_to = lambda first=outside_for, number=number, asked=asked: [  # type: ignore[misc]
            PUBLIC if next(asked) < first else number
        ]
        could += outside_for > 0
        with pytest.raises(NotSent):
            way("https://example.com/")
    return could


@WAYS
def test_a_name_that_leads_elsewhere_a_moment_later_leads_nowhere(
    way: Callable[[str], None], network: Network
) -> None:
    could = _rebind(way, network)

    # asked once each time, and what was checked is what was connected to
    assert network.asked == ROUNDS
    assert network.connected == [PUBLIC] * could


@WAYS
def test_whoever_checks_and_then_connects_to_the_name_is_led_inside(
    way: Callable[[str], None], network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: without the address that was checked being the one connected to."""
    check, check_now = webhook.addresses, webhook.addresses_now

    def addresses(target: webhook.Target, **more: Any) -> list[str]:
        check(target, **more)
        return [target.host]

    async def addresses_now(target: webhook.Target) -> list[str]:
        await check_now(target)
        return [target.host]

    monkeypatch.setattr(webhook, "addresses", addresses)
    monkeypatch.setattr(webhook, "addresses_now", addresses_now)
    _rebind(way, network)

    assert set(network.connected) & set(INSIDE)
