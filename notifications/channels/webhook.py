"""Webhooks: which address may be one, and where on the network it leads.

https, at the usual port, to the world outside. Whoever may name an address could otherwise look
around in the shop's own network by it. `MUSEO_WEBHOOK_ALLOW` names the exceptions, for development.
A name can lead elsewhere a moment later: who sends asks again, and connects to what it was told.
"""

import asyncio
import re
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from museo.access.problems import Invalid, Problem, field_error

LONGEST = 1000
# ASCII without blanks; what follows a # is not sent, and what a \ means each reads differently
WRITTEN = re.compile(r"[!\"$-\[\]-~]+")
PORTS = {"https": 443, "http": 80}
# labels of letters, digits and dashes with dots between; the last one is no number
NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")
# the ends of names that only some network knows (RFC 6761, 6762, 8375, ICANN's .internal)
LOCAL_NAMES = ("localhost", "local", "internal", "arpa")
# of IPv6 nothing else is given out to anybody
GLOBAL_UNICAST = ip_network("2000::/3")
# beside what Python calls private: reserved, translated, tunnelled and retired ranges
ELSEWHERE = [
    ip_network(network)
    for network in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
]
# how long whoever registers an address waits for its name to be looked up
PATIENCE = timedelta(seconds=2)
# so few look up at once, however slow somebody's name server is
_lookups = ThreadPoolExecutor(4, thread_name_prefix="lookup")
# what is sent waits for its own
_lookups_of_sends = ThreadPoolExecutor(32, thread_name_prefix="lookup of a send")

Address = IPv4Address | IPv6Address


class BadWebhook(Invalid):
    """This address can be no webhook; nothing is said of what is there."""

    code = "bad_webhook"


class NoSuchHost(Problem):
    """The name is not known at this moment."""

    status = 409
    code = "no_such_host"


@dataclass(frozen=True)
class Target:
    """Where an address leads: a host by its name or number, and a port."""

    host: str
    port: int
    # named in MUSEO_WEBHOOK_ALLOW: it may be private
    is_excepted: bool


def check(url: str) -> None:
    """Raise BadWebhook for an address that can be none, or that is known to lead inside."""
    target = read(url)
    # a name that is not known yet may be by the time something is sent
    with suppress(NoSuchHost):
        addresses(target, within=PATIENCE)


def read(url: str) -> Target:
    """What an address says, without asking the network; raise BadWebhook."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _no_address() from error
    if not WRITTEN.fullmatch(url) or len(url) > LONGEST or "@" in parts.netloc:
        raise _no_address()
    if port is None:
        port = PORTS.get(parts.scheme, 0)
    named = target(host, port)
    if named.is_excepted and parts.scheme in PORTS:
        return named
    if parts.scheme != "https" or port != PORTS["https"]:
        raise _bad(_("A webhook takes https at its usual port, 443."))
    if not _is_outside(host):
        raise _inside()
    return named


def addresses(target: Target, *, within: timedelta) -> list[str]:
    """The network addresses of a host, all of them outside; raise BadWebhook, NoSuchHost."""
    asked = _lookups.submit(_look_up, target.host, target.port)
    try:
        # that the time is over is an OSError, too
        found = asked.result(timeout=within.total_seconds())
    except (OSError, UnicodeError) as error:
        asked.cancel()
        raise NoSuchHost(_("The host of this address is not known. Check its name.")) from error
    return _outside_only(target, found)


def target(host: str, port: int) -> Target:
    """Where something is about to be sent to."""
    return Target(host, port, is_excepted=f"{host}:{port}" in settings.MUSEO_WEBHOOK_ALLOW)


async def addresses_now(target: Target) -> list[str]:
    """As `addresses`, for who is about to connect, and sees to it that it does not take long."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.run_in_executor(_lookups_of_sends, _look_up, target.host, target.port)
    except (OSError, UnicodeError) as error:
        raise NoSuchHost(_("The host of this address is not known. Check its name.")) from error
    return _outside_only(target, found)


def _outside_only(target: Target, found: Iterable[Address]) -> list[str]:
    addresses = list(found)
    if not target.is_excepted and not all(map(is_public, addresses)):
        raise _inside()
    return [str(address) for address in addresses]


def is_public(address: Address) -> bool:
    """Whether an address of the network is of the world outside."""
    return (
        address.is_global
        and not address.is_multicast
        and (address.version == 4 or address in GLOBAL_UNICAST)
        and not any(address in network for network in ELSEWHERE)
    )


def _is_outside(host: str) -> bool:
    """As far as the host says by itself."""
    try:
        return is_public(ip_address(host))
    except ValueError:
        last = host.rpartition(".")[2]
        return bool(NAME.fullmatch(host)) and len(host) <= 253 and last not in LOCAL_NAMES


def _look_up(host: str, port: int) -> Iterable[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return sorted({ip_address(address[0]) for *_more, address in found}, key=str)


def _no_address() -> BadWebhook:
    return _bad(
        _("Write an address such as https://example.com/orders: ASCII, without a name or fragment.")
    )


def _inside() -> BadWebhook:
    return _bad(_("A webhook leads to a public host. Use one that everybody can reach."))


def _bad(detail: str) -> BadWebhook:
    return BadWebhook(detail, errors=[field_error("/webhook_url", BadWebhook.code, detail)])
