"""Programs call `/mcp` with their token: it takes the place of what guests may."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone

from catalog.models import Variant
from museo.access import access_tokens, accounts, grants
from notifications.live.hub import in_thread
from tests.mcp_bridge.raw import META, modern, raw


async def token(*scopes: str) -> str:
    keys = await in_thread(accounts.create)(name="agent", scopes=scopes, now=timezone.now())
    granted = await in_thread(grants.give)(keys.account, now=timezone.now())
    return granted.access_token


async def names(address: str, **headers: str) -> set[str]:
    async with raw(address) as http:
        listed: Any = await http.ask("tools/list", {}, **headers)
    return {tool["name"] for tool in listed["tools"]}


async def test_tools_are_those_of_the_tokens_scopes(phone: Variant, address: str) -> None:
    sender = await names(address, authorization=f"Bearer {await token('notify:send')}")

    assert "send_notification" in sender
    assert "search_products" not in sender
    assert "send_notification" not in await names(address)


@pytest.mark.parametrize("kind", ["made up", "for REST alone"])
async def test_a_token_that_is_not_for_here_is_refused(
    phone: Variant, address: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = "x"
    if kind == "for REST alone":
        with monkeypatch.context() as narrow:
            narrow.setattr(access_tokens, "resources", lambda: (access_tokens.rest_resource(),))
            given = await token("shop:read")
    message = {"jsonrpc": "2.0", "id": "1", "method": "tools/list", "params": {}}

    async with raw(address) as http:
        response: httpx.Response = await http.post(message, authorization=f"Bearer {given}")

    code = "invalid_token" if kind == "made up" else "wrong_audience"
    assert (response.status_code, response.json()["code"]) == (401, code)
    assert response.headers["www-authenticate"].startswith("Bearer ")
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_listen_stream_ends_with_its_token(
    phone: Variant, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with raw(address) as http:
        order = await http.buy({})
        uri = f"museo://orders/{order['number']}"
        monkeypatch.setattr(access_tokens, "LIFETIME", timedelta(seconds=4))
        headers = {
            **modern("subscriptions/listen"),
            "authorization": f"Bearer {await token('orders:read')}",
        }
        params = {"_meta": META, "notifications": {"resourceSubscriptions": [uri]}}
        message = {"jsonrpc": "2.0", "id": "1", "method": "subscriptions/listen", "params": params}

        async with (
            asyncio.timeout(60),
            http.client.stream("POST", address, json=message, headers=headers) as response,
        ):
            told = [line async for line in response.aiter_lines() if line.startswith("data: {")]

    assert uri in told[0]
    assert json.loads(told[-1].removeprefix("data: "))["id"] == "1"
