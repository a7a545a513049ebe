"""Calls to addresses that people name: only to the world outside, whatever their names lead to.

`webhook` says what is outside. A host is looked up once and connected to where it was looked up: a
name that leads elsewhere a moment later leads nowhere. TLS and the Host header stay those of the
name.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Any

import httpcore2
import httpx2

from notifications.channels import calling, webhook
from notifications.channels.webhook import BadWebhook, NoSuchHost

# how long a name may take to be looked up
PATIENCE = timedelta(seconds=3)


def leads_outside(url: str) -> bool:
    """Whether it is https to a public host, as far as the address itself says."""
    try:
        webhook.read(url)
    except BadWebhook:
        return False
    return True


class Outside(httpcore2.SyncBackend):
    """Connects to what it has looked up and found to be outside."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        try:
            found = webhook.addresses(webhook.target(host, port), within=PATIENCE)
        except (BadWebhook, NoSuchHost) as refusal:
            raise httpcore2.ConnectError(refusal.code) from refusal
        return super().connect_tcp(found[0], port, timeout, local_address, socket_options)

    def connect_unix_socket(self, *_arguments: Any, **_options: Any) -> httpcore2.NetworkStream:
        raise httpcore2.ConnectError("a socket of this machine")


def client() -> httpx2.Client:
    """Of this process, for all addresses that people name."""
    with calling.making:
        return _client()


@cache
def _client() -> httpx2.Client:
    transport = httpx2.HTTPTransport(verify=calling.tls(), trust_env=False)
    # the library takes no backend, its pool does
    transport._pool = httpcore2.ConnectionPool(
        ssl_context=calling.tls(),
        max_connections=100,
        max_keepalive_connections=20,
        keepalive_expiry=5,
        network_backend=Outside(),
    )
    return httpx2.Client(
        transport=transport, timeout=calling.TIMEOUT, follow_redirects=False, trust_env=False
    )
