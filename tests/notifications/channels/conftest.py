"""What all channels say in these tests, and the providers, each on a loopback socket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from pytest_django import Settings

from notifications.channels import calling, outside
from notifications.channels.message import Content, Message, Template
from tests.notifications.channels import meta_server, push_service, twilio_server
from tests.notifications.channels.meta_server import Meta
from tests.notifications.channels.push_service import Browser
from tests.notifications.channels.twilio_server import Twilio
from tests.notifications.conftest import NOON

NUMBER = "+358401234567"
CONTENT = Content(
    subject="Your order is on the way",
    text="The courier has picked up your order.\n\nIt will be with you in 4 minutes.\n",
    html="<p>The courier has picked up your order.</p>",
    short="The courier has picked up your order. 4 minutes left.",
    chat="🔔 Driver is on the way! 🚚\nETA: 4 minutes",
    url="https://shop.example/orders/ORD-7K4Q2M9X",
    thread="order.ORD-7K4Q2M9X",
    template=Template("order_update", ("ORD-7K4Q2M9X", "On the way.\nSoon.")),
    unsubscribe_url="https://shop.example/stop/abc",
)


def message(
    address: str = NUMBER,
    content: Content = CONTENT,
    *,
    last_heard_at: datetime | None = None,
    now: datetime = NOON,
) -> Message:
    return Message(address, content, key="dlv_1", now=now, last_heard_at=last_heard_at)


@pytest.fixture(autouse=True)
def _full_buckets(full_buckets: None) -> None:
    """Every test may send as much as there is."""


@pytest.fixture(autouse=True)
def _no_open_calls() -> Iterator[None]:
    """What was open to a server that is gone is closed with it."""
    yield
    for client in (calling._client, outside._client):
        if client.cache_info().currsize:
            client().close()
            client.cache_clear()


@pytest.fixture
def twilio(settings: Settings) -> Iterator[Twilio]:
    with twilio_server.serve() as server:
        settings.TWILIO_ACCOUNT_SID = twilio_server.ACCOUNT
        settings.TWILIO_AUTH_TOKEN = twilio_server.TOKEN
        settings.TWILIO_FROM = "+15005550006"
        settings.TWILIO_API_BASE = server.url
        settings.MUSEO_PUBLIC_URL = "https://shop.example"
        yield server


@pytest.fixture
def meta(settings: Settings) -> Iterator[Meta]:
    with meta_server.serve() as server:
        settings.META_APP_SECRETS = [meta_server.SECRET, "an-older-secret"]
        settings.META_VERIFY_TOKEN = meta_server.WORD
        settings.WHATSAPP_TOKEN = settings.INSTAGRAM_TOKEN = meta_server.TOKEN
        settings.WHATSAPP_PHONE_NUMBER_ID = meta_server.PHONE
        settings.INSTAGRAM_ACCOUNT_ID = meta_server.ACCOUNT
        settings.WHATSAPP_API_BASE = settings.INSTAGRAM_API_BASE = server.url
        yield server


@pytest.fixture
def browser(settings: Settings) -> Iterator[Browser]:
    with push_service.serve() as server:
        settings.MUSEO_WEBHOOK_ALLOW = frozenset({server.url.removeprefix("http://")})
        yield server
