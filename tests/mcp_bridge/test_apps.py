"""Apps of one person: none has what another's sessions have, or goes on without its yes."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone

from catalog.models import Variant
from mcp_bridge import asgi, budgets, push
from museo.access import access_tokens, connections
from museo.access.bearers import caller_from_bearer
from museo.access.callers import Caller
from museo.access.limits import TooOften
from museo.access.models import Connection, User
from museo.access.scopes import SCOPES
from notifications import access_changes, tickets
from notifications.audiences import user_topic
from notifications.live.hub import in_thread
from tests.mcp_bridge.conftest import BUYER, SKU
from tests.mcp_bridge.raw import LEGACY, raw
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


async def test_a_stream_ticket_opens_nothing_when_its_app_is_disconnected(
    committed: None, address: str
) -> None:
    """Every way to a stream asks `tickets`."""
    opened = {}
    for name in ("one", "other"):
        who = await in_thread(connected)(name)
        async with raw(address) as http:
            read = await http.ask("resources/read", {"uri": "museo://live-feed"}, **LEGACY, **who)
        feed = json.loads(read["contents"][0]["text"])
        opened[name] = Caller(tickets=(feed["ticket"],))
    maya = await in_thread(User.objects.get)()

    before = await tickets.admit(opened["one"], now=timezone.now())
    await in_thread(disconnect)("one")
    with pytest.raises(tickets.StaleTicket):
        await tickets.admit(opened["one"], now=timezone.now())
    others = await tickets.admit(opened["other"], now=timezone.now())

    assert user_topic(maya.pk) in before.granted
    assert others.granted == before.granted


async def test_a_yes_to_one_app_is_none_to_another(phone: Variant, address: str) -> None:
    one, other = [{**LEGACY, **await in_thread(connected)(name)} for name in ("one", "other")]
    async with raw(address) as http:
        basket = await http.call("add_to_basket", {"sku": SKU}, **one)
        buyer = {**BUYER, "basket_token": basket["basket_token"]}
        question = await http.call("place_order", buyer, **one)
        agreed = {**buyer, "confirm": question["confirm"]}
        refusal = await http.call("place_order", agreed, **other)
        order = await http.call("place_order", agreed, **one)

    assert (refusal["status"], refusal["code"]) == (409, "confirmation_needed")
    assert order["number"]


@pytest.mark.usefixtures("full_buckets")
async def test_an_app_that_calls_too_often_silences_no_other(
    committed: None, settings: LazySettings
) -> None:
    settings.MUSEO_CALLS_PER_MINUTE = 2
    callers = [await in_thread(caller)(name) for name in ("one", "other")]
    now = timezone.now()
    one, other = callers

    for _time in range(2):
        await budgets.take_read(one, now=now)
    with pytest.raises(TooOften):
        await budgets.take_read(one, now=now)
    await budgets.take_read(other, now=now)


def caller(name: str) -> Caller:
    token = connected(name)["authorization"].removeprefix("Bearer ")
    return caller_from_bearer(token, access_tokens.mcp_resource(), now=timezone.now())
