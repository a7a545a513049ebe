"""Who is behind the proxies that are ours (`MUSEO_TRUSTED_PROXIES`)."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from django.conf import settings


def is_trusted(host: str) -> bool:
    """Whether this is a proxy of ours, whose word is taken for who called it."""
    return is_within(host, settings.MUSEO_TRUSTED_PROXIES)


def is_within(host: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Whether an address is of one of these; a socket of the machine's own has none."""
    # none is the rule, and this is asked for each call
    return (
        bool(networks)
        and _is_address(host)
        and any(ip_address(host) in network for network in networks)
    )


def client(forwarded_for: str) -> str:
    """The client whom a proxy of ours names in `X-Forwarded-For`; empty if it names none.

    Each proxy appends whom it heard from; the last that is no proxy of ours is the client. What
    stands before it, the client may have written.
    """
    found = ""
    for hop in reversed(forwarded_for.split(",")):
        if not _is_address(hop.strip()):
            break
        found = hop.strip()
        if not is_trusted(found):
            break
    return found


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
