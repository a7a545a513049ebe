"""Apps of one person: none has what another's sessions have, or goes on without its yes."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from catalog.models import Variant
from mcp_bridge import asgi, push
from museo.access import access_tokens, connections
from museo.access.models import Connection, User
from museo.access.scopes import SCOPES
from notifications import access_changes
from notifications.live.hub import in_thread
from tests.mcp_bridge.raw import raw
from tests.processes import until


def connected(name: str) -> dict[str, str]:
    """An app that Maya lets do all that she may: what it says who it is with."""
    now = timezone.now()
    maya, _is_new = User.objects.get_or_create(email="maya@example.org")
    client = connections.model("Application").objects.create(name=name, client_id=name)
    Connection.objects.create(
        user=maya, client=client, scopes=list(SCOPES), created_at=now, used_at=now
    )
    connections.model("AccessToken").objects.create(
        user=maya,
        application=client,
        token=connections.PREFIX + name,
        scope=" ".join(SCOPES),
        expires=now + timedelta(hours=1),
        resource=[access_tokens.mcp_resource()],
    )
    return {"authorization": f"Bearer {connections.PREFIX}{name}"}


def disconnect(name: str) -> None:
    connection = Connection.objects.select_related("user").get(client__client_id=name)
    assert access_changes.disconnect(connection, now=timezone.now())


def followed(session: dict[str, str]) -> list[str]:
    _process, _dot, name = session["mcp_session_id"].partition(".")
    follower = push._followers.get(name)
    return list(follower.followed) if follower else []


async def test_a_session_follows_nothing_when_its_app_is_disconnected(
    phone: Variant, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "REJOIN_SECONDS", 0)
    async with raw(address) as http:
        one = await http.initialize(**await in_thread(connected)("one"))
        other = await http.initialize(**await in_thread(connected)("other"))
        order = await http.buy(one)
        await http.ask("resources/subscribe", {"uri": "museo://me/orders"}, **other)
        assert followed(one) == [order["uri"]]

        await in_thread(disconnect)("one")

        await until(lambda: not followed(one))
        assert followed(other) == ["museo://me/orders"]


async def test_an_app_does_not_go_on_where_another_was(phone: Variant, address: str) -> None:
    who = await in_thread(connected)("one")
    async with raw(address) as http:
        order = await http.buy(await http.initialize(**who))
        # as when the process is started again
        await asgi.shutdown()

        other = await http.initialize(**await in_thread(connected)("other"))
        own = await http.initialize(**who)
        await until(lambda: followed(own) == [order["uri"]])
        assert followed(other) == []


async def test_an_app_does_not_open_the_session_of_another(phone: Variant, address: str) -> None:
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    async with raw(address) as http:
        session = await http.initialize(**await in_thread(connected)("one"))
        stolen = {**session, **await in_thread(connected)("other")}

        assert (await http.post(message, **session)).status_code == 200
        assert (await http.post(message, **stolen)).status_code == 404
