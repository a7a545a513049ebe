"""What has happened can be asked for again: by tickets, by accounts, and nobody else's."""

import json
from collections.abc import Callable
from typing import Any

from django.utils import timezone
from mcp.client.client import Client

from catalog.models import Variant
from museo.access.callers import Caller
from notifications import notices
from notifications.live.hub import in_thread
from notifications.models import Receipt
from tests.mcp_bridge.conftest import Connect, advance, buy, call, person, program, refused, said

Speak = Callable[[Caller], None]


def types(page: dict[str, Any]) -> list[str]:
    return [event["type"] for event in page["events"]]


async def test_who_was_away_is_told_everything_in_order(
    phone: Variant, connect: Connect, era: str
) -> None:
    async with connect(era) as client:
        order = await buy(client)
        for minutes in (2, 4):
            await advance(order, minutes=minutes)
        mine = {"topics": [f"order.{order['number']}"], "ticket": order["ticket"]}

        first = await call(client, "replay_events", after=0, **mine, limit=2)
        rest = await call(client, "replay_events", after=first["next"], **mine)
        end = await call(client, "replay_events", after=rest["next"], **mine)

    assert types(first) + types(rest) == ["order.placed", "order.confirmed", "order.preparing"]
    assert [event["version"] for event in first["events"] + rest["events"]] == [1, 2, 3]
    assert (end["events"], end["next"]) == ([], rest["next"])
    assert rest["next"] == f"{rest['epoch']}-{rest['events'][-1]['position']}"


async def test_a_ticket_alone_names_its_order(phone: Variant, connect: Connect, era: str) -> None:
    async with connect(era) as client:
        order, _other = await buy(client), await buy(client)
        await advance(order, minutes=2)

        recent = await call(client, "get_recent_events", ticket=order["ticket"], limit=1)
        everything = await call(client, "replay_events", after="0", ticket=order["ticket"])

    assert types(recent) == ["order.confirmed"]
    assert {event["topic"] for event in everything["events"]} == {f"order.{order['number']}"}


async def test_without_a_ticket_an_order_has_no_events(phone: Variant, connect: Connect) -> None:
    async with connect() as client:
        order = await buy(client)
        theirs = {"topics": [f"order.{order['number']}"]}
        nobodys = {"topics": ["order.ORD-NONE"]}

        answers = [
            await refused(
                client, tool, **wanted, **({"after": 0} if tool == "replay_events" else {})
            )
            for tool in ("replay_events", "get_recent_events")
            for wanted in (
                theirs,
                nobodys,
                {**theirs, "ticket": "guessed"},
                {"topics": ["staff.ops"]},
            )
        ]
        own = await call(client, "get_recent_events")

    # nothing tells what there is from what there is not
    assert {(each["status"], each["code"], each["detail"]) for each in answers} == {
        (404, "not_found", answers[0]["detail"])
    }
    assert own["events"] == []


async def test_a_cursor_of_another_log_gets_a_reset(phone: Variant, connect: Connect) -> None:
    async with connect() as client:
        order = await buy(client)

        page = await call(client, "replay_events", after="other-1", ticket=order["ticket"])
        bad = await refused(client, "replay_events", after="x y", ticket=order["ticket"])

    assert (page["type"], page["events"]) == ("reset", [])
    assert page["snapshot"][f"order.{order['number']}"]["status"] == "placed"
    assert (bad["code"], bad["errors"][0]["pointer"]) == ("bad_cursor", "/after")


async def test_people_replay_their_own_and_programs_what_their_scopes_open(
    phone: Variant, connect: Connect, speak: Speak
) -> None:
    maya, noah = await person("maya@example.org"), await person("noah@example.org")
    async with connect() as client:
        speak(maya)
        await buy(client)
        own = await call(client, "replay_events", after=0)
        speak(noah)
        others = await call(client, "replay_events", after=0)
        speak(await program("orders:read"))
        of_shop = await call(client, "get_recent_events")
        speak(await program("shop:read"))
        of_none = await call(client, "get_recent_events")

    assert types(own) == ["order.placed", "payment.captured"]
    assert "order.placed" in types(of_shop)
    assert others["events"] == of_none["events"] == []


async def acknowledged(client: Client, position: int, **more: str) -> int:
    answer = await call(client, "acknowledge_events", position=position, **more)
    return int(answer["position"])


async def test_a_receipt_only_moves_forward_and_is_its_owners(
    phone: Variant, connect: Connect, era: str
) -> None:
    async with connect(era) as client:
        mine, theirs = await buy(client), await buy(client)

        first = await acknowledged(client, 2, ticket=mine["ticket"])
        back = await acknowledged(client, 1, ticket=mine["ticket"])
        other = await acknowledged(client, 1, ticket=theirs["ticket"])
        future = await refused(client, "acknowledge_events", position=10**6)
        told = await client.call_tool(
            "acknowledge_events", {"position": 2, "ticket": mine["ticket"]}
        )

    assert (first, back, other) == (2, 2, 1)
    assert future["errors"][0]["pointer"] == "/position"
    assert said(told.content) == "✅ Noted: you have everything up to position 2."
    assert await in_thread(Receipt.objects.count)() == 2


async def test_the_live_feed_says_where_to_listen_and_what_was_last(
    phone: Variant, connect: Connect, era: str
) -> None:
    async with connect(era) as client:
        order = await buy(client)
        await in_thread(notices.send)(
            await program("notify:send"), message="We close at six.", now=timezone.now()
        )
        uri = f"museo://live-feed?ticket={order['ticket']}"
        feed = json.loads(said((await client.read_resource(uri)).contents))
        narrow = f"museo://live-feed?types=notification&ticket={order['ticket']}"
        narrowed = json.loads(said((await client.read_resource(narrow)).contents))

    assert types(feed) == ["order.placed", "notification"]
    assert feed["events"][1]["data"]["message"] == "We close at six."
    assert types(narrowed) == ["notification"]
    assert feed["topics"] == ["broadcast.all", f"order.{order['number']}"]
    assert feed["ticket"].startswith("st_")
    assert feed["stream_url"].endswith(
        f"/api/v1/events?topics=broadcast.all,order.{order['number']}&ticket={feed['ticket']}"
    )
    assert feed["websocket_url"].startswith("ws")


async def test_statistics_are_numbers_alone(committed: None, connect: Connect, era: str) -> None:
    async with connect(era) as client:
        told = await call(client, "get_realtime_stats")
        read = json.loads(said((await client.read_resource("museo://realtime-stats")).contents))

    assert {name for name, value in told.items() if not isinstance(value, int)} == {"epoch"}
    assert read.keys() == told.keys()
