"""A person's agent signs in, by the official client and against a real server, until it is over."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import httpx2
import pytest
from django.conf import LazySettings
from django.test import Client as Browser
from django.utils import timezone
from mcp.client.auth import OAuthClientProvider
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from pydantic import AnyUrl

from catalog.models import Variant
from museo.access import access_tokens
from museo.access.models import Connection, User
from museo.edge import CONSENT
from notifications import access_changes
from notifications.live.hub import in_thread
from tests.mcp_bridge.conftest import call
from tests.mcp_bridge.raw import META, modern, raw

REDIRECT = "http://127.0.0.1:49152/callback"
HIDDEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
TICKED = re.compile(r'name="granted" value="([^"]+)" checked')


@dataclass
class Kept:
    """What the client has stored."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


@dataclass
class Person:
    """Maya at her browser, which is sent to the consent page and says yes to all of it."""

    cookie: str
    pages: list[httpx.Response] = field(default_factory=list)
    answer: str = ""

    async def open(self, url: str) -> None:
        async with httpx.AsyncClient(cookies={"sessionid": self.cookie}) as http:
            page = await http.get(url)
            form = {
                "csrfmiddlewaretoken": HIDDEN.findall(page.text)[0],
                "granted": TICKED.findall(page.text),
                "allow": "1",
            }
            told = await http.post(url, data=form, headers={"Referer": url})
        self.pages.append(page)
        self.answer = told.headers["location"]

    async def went_back(self) -> AuthorizationCodeResult:
        address, _sign, query = self.answer.partition("?")
        assert address == REDIRECT
        told = {name: values[0] for name, values in parse_qs(query).items()}
        return AuthorizationCodeResult(**told)


@pytest.fixture
async def shop(
    phone: Variant, address: str, settings: LazySettings, full_buckets: None, valkey_url: str
) -> str:
    """The address of `/mcp` of a shop that knows its own address."""
    settings.REDIS_URL = valkey_url
    own = address.removesuffix("/mcp")
    settings.MUSEO_PUBLIC_URL = own
    settings.CSRF_TRUSTED_ORIGINS = [own]
    settings.OAUTH2_PROVIDER = {**settings.OAUTH2_PROVIDER, "OIDC_ISS_ENDPOINT": own}
    return address


@pytest.fixture
async def maya(phone: Variant) -> Person:
    def signed_in() -> str:
        browser = Browser()
        browser.force_login(User.objects.create_user("maya@example.org"))
        return browser.cookies["sessionid"].value

    return Person(await in_thread(signed_in)())


def provider(address: str, maya: Person, kept: Kept) -> OAuthClientProvider:
    return OAuthClientProvider(
        address,
        OAuthClientMetadata(redirect_uris=[AnyUrl(REDIRECT)], client_name="Assistant"),
        kept,
        maya.open,
        maya.went_back,
    )


async def test_an_agent_signs_in_buys_and_is_disconnected(shop: str, maya: Person) -> None:
    kept, address = Kept(), f"{shop}/me"
    auth = provider(address, maya, kept)

    async with httpx2.AsyncClient(auth=auth, timeout=60) as http:
        async with Client(streamable_http_client(address, http_client=http)) as client:
            added = await call(client, "add_to_basket", sku="IPHONE-15-128-BLACK")
            tools = {tool.name for tool in (await client.list_tools()).tools}
        first = kept.tokens
        assert first
        assert first.access_token.startswith("mso_")
        assert added["lines"][0]["sku"] == "IPHONE-15-128-BLACK"
        assert {"place_order", "manage_user_subscriptions"} <= tools
        assert "list_orders" not in tools

        # the token has ended: the next call gets another by itself
        auth.context.token_expiry_time = 1
        async with Client(streamable_http_client(address, http_client=http)) as client:
            again = await call(client, "get_basket")
        assert again["lines"] == added["lines"]
        assert kept.tokens
        assert kept.tokens.access_token != first.access_token
        # the person was asked once
        assert len(maya.pages) == 1

    token = kept.tokens.access_token
    page = maya.pages[0]
    assert page.headers["content-security-policy"] == CONSENT
    assert page.headers["x-frame-options"] == "DENY"
    assert await status(address, token) == 200
    assert await status(address, first.access_token) == 401
    async with httpx.AsyncClient() as plain:
        form = {"token": token, "client_id": kept.client.client_id if kept.client else ""}
        ended = await plain.post(f"{origin(shop)}/oauth/revoke", data=form)
    assert ended.status_code == 200
    assert await status(address, token) == 401


async def test_who_has_not_signed_in_is_told_where_to(shop: str) -> None:
    async with raw(f"{shop}/me") as http:
        refused: Any = await http.post(
            {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        )
    challenge = refused.headers["www-authenticate"]
    assert refused.status_code == 401
    assert challenge.startswith("Bearer ")
    found = re.findall(r'resource_metadata="([^"]+)"', challenge)
    assert found == [f"{origin(shop)}/.well-known/oauth-protected-resource/mcp/me"]
    async with httpx.AsyncClient() as plain:
        told = (await plain.get(found[0])).json()
    assert told["resource"] == f"{shop}/me"
    assert told["authorization_servers"] == [origin(shop)]


async def test_a_stream_ends_when_its_app_is_disconnected(shop: str, maya: Person) -> None:
    kept, address = Kept(), f"{shop}/me"
    async with (
        httpx2.AsyncClient(auth=provider(address, maya, kept), timeout=60) as http,
        Client(streamable_http_client(address, http_client=http)) as client,
    ):
        await call(client, "connection_status")
    assert kept.tokens
    uri = "museo://me/orders"
    headers = {
        **modern("subscriptions/listen"),
        "authorization": f"Bearer {kept.tokens.access_token}",
    }
    params = {"_meta": META, "notifications": {"resourceSubscriptions": [uri]}}
    message = {"jsonrpc": "2.0", "id": "1", "method": "subscriptions/listen", "params": params}

    async with (
        asyncio.timeout(60),
        raw(address) as listening,
        listening.client.stream("POST", address, json=message, headers=headers) as response,
    ):
        lines = response.aiter_lines()
        told = [await next_data(lines)]
        assert uri in json.dumps(told[0])
        await in_thread(disconnect)()
        async with asyncio.timeout(60):
            told += [json.loads(line[6:]) async for line in lines if line.startswith("data: {")]

    assert told[-1]["id"] == "1"
    assert await status(address, kept.tokens.access_token) == 401


async def next_data(lines: AsyncIterator[str]) -> Any:
    async for line in lines:
        if line.startswith("data: {"):
            return json.loads(line[6:])
    raise AssertionError("the stream has ended")


def disconnect() -> None:
    connection = Connection.objects.select_related("user").get()
    assert access_changes.disconnect(connection, now=timezone.now())


@pytest.mark.parametrize(
    ("path", "kind"), [("", "made up"), ("/admin", "made up"), ("/admin", "another toolset")]
)
async def test_a_token_that_is_not_for_here_is_told_where_there_are_some(
    shop: str, maya: Person, path: str, kind: str
) -> None:
    token = "mso_x"
    if kind == "another toolset":
        kept, elsewhere = Kept(), f"{shop}/me"
        async with (
            httpx2.AsyncClient(auth=provider(elsewhere, maya, kept), timeout=60) as http,
            Client(streamable_http_client(elsewhere, http_client=http)) as client,
        ):
            await call(client, "connection_status")
        assert kept.tokens
        token = kept.tokens.access_token

    async with raw(f"{shop}{path}") as by_hand:
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        refused = await by_hand.post(message, authorization=f"Bearer {token}")

    assert refused.status_code == 401
    code = "invalid_token" if kind == "made up" else "wrong_audience"
    assert refused.json()["code"] == code
    expected = access_tokens.metadata_url(f"{shop}{path}")
    assert f'resource_metadata="{expected}"' in refused.headers["www-authenticate"]
    assert expected.endswith(f"/.well-known/oauth-protected-resource/mcp{path}")


def origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


async def status(address: str, token: str) -> int:
    async with raw(address) as http:
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        answer = await http.post(message, authorization=f"Bearer {token}")
    return answer.status_code
