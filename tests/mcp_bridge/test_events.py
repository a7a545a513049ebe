"""MCP Events: a callback is verified, told what happens, signed, and ended, in both eras."""

import asyncio
import base64
import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
import standardwebhooks.webhooks
from django.utils import timezone
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, Request, RequestParams, Result
from pydantic import ConfigDict

from catalog import stock
from catalog.models import Variant
from catalog.stock import Count
from mcp_bridge.event_kinds import KINDS
from museo.access import limits
from museo.access.callers import Caller
from museo.access.models import ServiceAccount, Trail, User
from museo.access.problems import NotFound
from notifications import (
    callbacks,
    dispatcher,
    log,
    retention,
    sending,
    subscribing,
)
from notifications.audiences import user_topic
from notifications.channels import event_wire
from notifications.live.hub import in_thread
from notifications.models import Delivery, LogHead, Subscription
from orders import tracking
from orders.models import OrderTicket
from tests.mcp_bridge.conftest import SKU, Connect, advance, buy, person, program
from tests.mcp_bridge.raw import LEGACY, META, modern, raw
from tests.notifications.receivers import Got, Receiver, always, answer, receiving

Speak = Callable[[Caller], None]
MOVED = "order.status_changed"
SECRET, OTHER_SECRET = (
    "whsec_" + base64.b64encode(bytes(range(first, first + 32))).decode() for first in (0, 32)
)


class Params(RequestParams):
    """Whatever a method takes."""

    model_config = ConfigDict(extra="allow")


class Said(Result):
    """Whatever it is answered with."""

    model_config = ConfigDict(extra="allow")


async def agree(got: Got, _writer: asyncio.StreamWriter) -> bytes:
    """A callback that gives challenges back and takes everything."""
    said = json.loads(got.body)
    if said.get("type") != "verification":
        return answer(204)
    return answer(200, body=json.dumps({"challenge": said["challenge"]}).encode())


def agree_then(after: bytes) -> Any:
    """A callback that agrees, and answers that to what it is told."""

    async def behave(got: Got, writer: asyncio.StreamWriter) -> bytes:
        is_challenge = json.loads(got.body).get("type") == "verification"
        return await agree(got, writer) if is_challenge else after

    return behave


@pytest.fixture
def allow(settings: Any) -> Callable[[Receiver], str]:
    """Let a receiver of this machine be a callback."""

    def allow(receiver: Receiver) -> str:
        settings.MUSEO_WEBHOOK_ALLOW = frozenset({receiver.place})
        return receiver.url

    return allow


@pytest.fixture
def callback(allow: Callable[[Receiver], str]) -> Iterator[Receiver]:
    with receiving(agree) as receiver:
        allow(receiver)
        yield receiver


async def ask(client: Client, method: str, **params: Any) -> dict[str, Any]:
    """The result of a method that the client has no name for."""
    request = Request[Params, str](method=method, params=Params(**params))
    said = await client.session.send_request(request, Said)
    return said.model_dump(by_alias=True, mode="json")


async def subscribe(
    client: Client, url: str, name: str = MOVED, secret: str = SECRET, **more: Any
) -> dict[str, Any]:
    arguments = more.pop("arguments", {})
    place = {"mode": "webhook", "url": url, "secret": secret}
    return await ask(
        client, "events/subscribe", name=name, arguments=arguments, delivery=place, **more
    )


async def unsubscribe(
    client: Client, url: str, arguments: Mapping[str, Any], name: str = MOVED
) -> dict[str, Any]:
    place = {"mode": "webhook", "url": url}
    return await ask(client, "events/unsubscribe", name=name, arguments=arguments, delivery=place)


async def refused(asked: Any) -> tuple[int, Any]:
    """The code of a JSON-RPC error, and what it says besides."""
    with pytest.raises(MCPError) as error:
        await asked
    return error.value.error.code, error.value.error.data


def mine(order: Mapping[str, Any]) -> dict[str, str]:
    return {"order_id": order["number"], "ticket": order["ticket"]}


def work(now: datetime | None = None) -> None:
    """What a work process does each second."""
    while dispatcher.dispatch(now=now or timezone.now()):
        pass
    sending.run(clock=lambda: now or timezone.now(), dice=random.Random(7))  # noqa: S311


def told(receiver: Receiver, secret: str = SECRET) -> list[dict[str, Any]]:
    """What came, but for challenges; each with a good signature of the secret."""
    verifier = standardwebhooks.webhooks.Webhook(secret)
    bodies = [verifier.verify(got.body, got.headers) for got in receiver.got]
    return [body for body in bodies if body.get("type") != "verification"]


async def kept() -> list[Subscription]:
    """The callbacks that there are."""
    return await in_thread(list)(Subscription.objects.filter(shape="event").order_by("pk"))


async def deliveries() -> list[tuple[str, str]]:
    """What became of what was to be told to them, oldest first."""
    ours = Delivery.objects.filter(subscription__shape="event").order_by("position")
    return await in_thread(list)(ours.values_list("state", "reason"))


# what there is


async def test_both_eras_are_told_that_there_are_events(phone: Variant, address: str) -> None:
    """By a server on a port: the client in memory would not see a capability it does not know."""
    async with raw(address) as shop:
        discovered = await shop.ask("server/discover", {"_meta": META}, **modern("server/discover"))
        session = await shop.initialize()
        listed = [
            await shop.ask("events/list", {"_meta": META}, **modern("events/list")),
            await shop.ask("events/list", {}, **session),
            await shop.ask("events/list", {}, **LEGACY),
        ]
        message = {"jsonrpc": "2.0", "id": 0, "method": "initialize"}
        begun = await shop.post(
            {
                **message,
                "params": {
                    "protocolVersion": "2025-11-25",
                    "capabilities": {},
                    "clientInfo": {"name": "a", "version": "1"},
                },
            },
            **LEGACY,
        )

    assert discovered["capabilities"]["events"] == {}
    assert '"events":{}' in begun.text.replace(" ", "")
    assert [each["events"] for each in listed] == [listed[0]["events"]] * 3


async def test_an_event_says_what_it_takes_and_what_it_tells(
    phone: Variant, connect: Connect, era: str
) -> None:
    async with connect(era) as client:
        listed = (await ask(client, "events/list"))["events"]
        with pytest.raises(MCPError, match="only one page") as further:
            await ask(client, "events/list", cursor="2")

    assert further.value.error.code == INVALID_PARAMS
    assert [event["name"] for event in listed] == [*KINDS]
    moved = listed[0]
    assert moved["delivery"] == ["webhook"]
    assert {*moved["inputSchema"]["properties"]} == {"order_id", "ticket", "statuses"}
    assert {"order_id", "status", "status_message"} <= {*moved["payloadSchema"]["properties"]}


# the way of an event


async def test_every_step_reaches_a_guests_callback_signed_and_in_order(
    phone: Variant, connect: Connect, callback: Receiver, era: str
) -> None:
    async with connect(era) as client:
        order = await buy(client)
        granted = await subscribe(client, callback.url, arguments=mine(order))
        for minutes in (2, 4, 8, 12):
            await advance(order, minutes=minutes)
        await in_thread(work)()

    challenge = callback.got[0]
    assert json.loads(challenge.body)["type"] == "verification"
    assert challenge.headers["webhook-id"].startswith("msg_verification_")
    events = told(callback)
    assert [event["data"]["status"] for event in events] == [
        *("confirmed", "preparing", "out_for_delivery", "delivered")
    ]
    first, got = events[0], callback.got[1]
    assert {*first} == {"eventId", "name", "timestamp", "data", "cursor"}
    assert (first["name"], first["eventId"]) == (MOVED, got.headers["webhook-id"])
    assert first["data"]["order_id"] == order["number"]
    assert first["data"]["type"] == "order.confirmed"
    assert first["data"]["status_message"]
    assert first["timestamp"].endswith("Z")
    assert {got.headers["x-mcp-subscription-id"] for got in callback.got} == {granted["id"]}
    cursors = [int(event["cursor"].rpartition("-")[2]) for event in events]
    assert cursors == sorted(cursors)
    assert events[-1]["cursor"].endswith(f"-{callback.got[-1].headers['museo-position']}")
    versions = [got.headers["museo-version"] for got in callback.got[1:]]
    assert versions == ["2", "3", "4", "5"]
    assert await deliveries() == [("sent", "")] * 4


async def test_asking_twice_is_asking_once(
    phone: Variant, connect: Connect, callback: Receiver
) -> None:
    async with connect() as client:
        order = await buy(client)
        asked = {"ticket": order["ticket"], "order_id": f" {order['number']} "}
        first = await subscribe(client, callback.url, arguments=mine(order))
        again = await subscribe(client, callback.url, arguments=asked)
        other = await subscribe(client, callback.url, "payment.updated", arguments=mine(order))
        arrival = {**mine(order), "statuses": ["delivered"]}
        of_arrival = await subscribe(client, callback.url, arguments=arrival)
        await advance(order, minutes=2)
        await in_thread(work)()

    assert again["id"] == first["id"]
    assert len({first["id"], other["id"], of_arrival["id"]}) == 3
    # one that has agreed is not asked again
    assert len(callback.got) == 2
    assert [event["data"]["status"] for event in told(callback)] == ["confirmed"]


async def test_only_the_statuses_that_were_asked_for_are_told(
    phone: Variant, connect: Connect, callback: Receiver
) -> None:
    async with connect() as client:
        order = await buy(client)
        wanted = {**mine(order), "statuses": ["delivered", "confirmed", "delivered"]}
        await subscribe(client, callback.url, arguments=wanted)
        for minutes in (2, 4, 8, 12):
            await advance(order, minutes=minutes)
        await in_thread(work)()

    assert [event["data"]["status"] for event in told(callback)] == ["confirmed", "delivered"]


async def test_somebody_signed_in_is_told_of_all_orders_and_payments_of_theirs(
    phone: Variant, connect: Connect, callback: Receiver, speak: Speak
) -> None:
    speak(await person("noah@example.org"))
    async with connect() as client:
        await buy(client)
        speak(await person("maya@example.org"))
        await subscribe(client, callback.url)
        await subscribe(client, callback.url, "payment.updated")
        order = await buy(client)
        await in_thread(work)()

    moved, paid = sorted(told(callback), key=lambda event: str(event["name"]))
    assert (moved["data"]["status"], moved["data"]["order_id"]) == ("placed", order["number"])
    assert (paid["data"]["type"], paid["data"]["amount"]) == ("payment.captured", 80290)


async def test_what_is_back_in_stock_is_told(
    phone: Variant, connect: Connect, callback: Receiver, speak: Speak
) -> None:
    speak(await program("shop:read"))

    def sell_out_and_receive() -> None:
        for units in (0, 3):
            with log.change():
                stock.take_stock([Count(SKU, on_hand=units)], by="", at=timezone.now())
        work()

    async with connect() as client:
        await subscribe(client, callback.url, "product.back_in_stock", arguments={"sku": SKU})
        await in_thread(sell_out_and_receive)()

    (event,) = told(callback)
    assert event["data"]["sku"] == SKU
    assert "iPhone 15" in event["data"]["message"]


# how it ends


async def test_who_unsubscribes_is_told_no_more(
    phone: Variant, connect: Connect, callback: Receiver, era: str
) -> None:
    async with connect(era) as client:
        order = await buy(client)
        await subscribe(client, callback.url, arguments=mine(order))
        assert not (await unsubscribe(client, callback.url, mine(order))).get("error")
        again = await refused(unsubscribe(client, callback.url, mine(order)))
        await advance(order, minutes=2)
        await in_thread(work)()

    assert (again[0], again[1]["kind"]) == (-32011, "subscription")
    assert told(callback) == []


async def test_a_callback_that_is_gone_is_told_no_more_until_it_is_asked_again(
    phone: Variant, connect: Connect, allow: Callable[[Receiver], str]
) -> None:
    with receiving(agree_then(answer(410))) as receiver:
        async with connect() as client:
            order = await buy(client)
            url = allow(receiver)
            granted = await subscribe(client, url, arguments=mine(order))
            await advance(order, minutes=2)
            await in_thread(work)()
            await advance(order, minutes=4)
            await in_thread(work)()
            (gone,) = await kept()
            # nobody who is gone is known to agree
            again = await subscribe(client, url, arguments=mine(order))
            (back,) = await kept()

    assert (gone.state, gone.reason) == ("disabled", "gone")
    kinds = [json.loads(got.body).get("type", "event") for got in receiver.got]
    assert kinds == ["verification", "event", "verification"]
    assert (again["id"], back.state) == (granted["id"], "active")


async def test_what_is_too_large_is_not_sent_again_and_the_next_one_is(
    phone: Variant, connect: Connect, allow: Callable[[Receiver], str]
) -> None:
    with receiving(agree_then(answer(413))) as receiver:
        async with connect() as client:
            order = await buy(client)
            await subscribe(client, allow(receiver), arguments=mine(order))
            await advance(order, minutes=2)
            await advance(order, minutes=4)
            await in_thread(work)()

    assert [event["data"]["status"] for event in told(receiver)] == ["confirmed", "preparing"]
    assert await deliveries() == [("failed", "too_large")] * 2
    assert [each.state for each in await kept()] == ["active"]


async def test_who_lost_their_rights_is_told_that_it_has_ended_and_nothing_else(
    phone: Variant, connect: Connect, callback: Receiver, speak: Speak
) -> None:
    agent = await program("orders:read")

    async with connect() as client:
        order = await buy(client)
        speak(agent)
        await subscribe(client, callback.url)
        speak(Caller(sales_channel="mcp"))
        await in_thread(ServiceAccount.objects.update)(scopes=["shop:read"])
        # of two orders, whose events go out at once
        await advance(order, minutes=2)
        await buy(client)
        await in_thread(work)()
        await in_thread(work)()

    (farewell,) = told(callback)
    assert (farewell["type"], farewell["error"]["code"]) == ("terminated", -32012)
    (ended,) = await kept()
    assert (ended.state, ended.reason) == ("disabled", "not_allowed")
    assert await deliveries() == [("skipped", "not_allowed")] * 2


async def test_what_a_ticket_opened_ends_with_the_ticket(
    phone: Variant, connect: Connect, callback: Receiver
) -> None:
    def close() -> None:
        tracking._close(OrderTicket.objects.open(), now=timezone.now())

    async with connect() as client:
        order = await buy(client)
        await subscribe(client, callback.url, arguments=mine(order))
        await subscribe(client, callback.url, "payment.updated", arguments=mine(order))
        await in_thread(close)()
        closed = await refused(subscribe(client, callback.url, arguments=mine(order)))
        await advance(order, minutes=2)
        await in_thread(work)()

    assert closed[0] == -32011
    assert told(callback) == []
    assert await kept() == []


async def test_its_time_is_what_was_asked_for_within_bounds_and_then_it_is_over(
    phone: Variant, connect: Connect, callback: Receiver
) -> None:
    hour, now = 3_600_000, timezone.now()
    asked: list[dict[str, Any]] = [{}, {"ttlMs": hour}, {"ttlMs": 1}, {"ttlMs": 10**30}]
    async with connect() as client:
        order = await buy(client)
        granted = [
            await subscribe(client, callback.url, arguments=mine(order), **each) for each in asked
        ]
        ends = [datetime.fromisoformat(each["refreshBefore"]) - now for each in granted]
        await subscribe(client, callback.url, arguments=mine(order), ttlMs=hour)
        await advance(order, minutes=2)
        later = timezone.now() + timedelta(hours=2)
        await in_thread(work)(later)
        ended = await in_thread(callbacks.end_expired)(now=later)

    days = [round(each / timedelta(hours=1), 1) for each in ends]
    assert days == [7 * 24, 1, round(1 / 12, 1), 30 * 24]
    assert (told(callback), ended) == ([], 1)


# without a gap


async def test_who_comes_back_with_a_cursor_gets_what_they_missed(
    phone: Variant, connect: Connect, callback: Receiver
) -> None:
    async with connect() as client:
        order = await buy(client)
        first = await subscribe(client, callback.url, arguments=mine(order))
        await advance(order, minutes=2)
        await in_thread(work)()
        cursor = told(callback)[-1]["cursor"]
        await unsubscribe(client, callback.url, mine(order))
        await advance(order, minutes=4)
        await advance(order, minutes=8)
        await in_thread(work)()
        again = await subscribe(client, callback.url, arguments=mine(order), cursor=cursor)
        going_on = await subscribe(client, callback.url, arguments=mine(order), cursor=cursor)
        await advance(order, minutes=12)
        await in_thread(work)()

    assert (again["id"], again["truncated"]) == (first["id"], False)
    assert going_on["cursor"] == again["cursor"] == cursor
    statuses = [event["data"]["status"] for event in told(callback)]
    assert statuses == ["confirmed", "preparing", "out_for_delivery", "delivered"]


@pytest.mark.parametrize(
    ("cursor", "more"),
    [("another-1", {}), ("{epoch}-999999", {}), ("{epoch}-0", {"maxAgeMs": 0})],
    ids=["of another log", "from the future", "from too long ago"],
)
async def test_what_cannot_be_told_any_more_is_said_to_be_missing(
    phone: Variant, connect: Connect, callback: Receiver, cursor: str, more: dict[str, Any]
) -> None:
    async with connect() as client:
        order = await buy(client)
        epoch = (await in_thread(log.state)()).epoch
        given = {"cursor": cursor.format(epoch=epoch), **more}
        granted = await subscribe(client, callback.url, arguments=mine(order), **given)
        await in_thread(work)()

    assert granted["truncated"]
    assert told(callback) == []


async def test_an_event_that_the_log_has_forgotten_is_told_as_a_gap(
    phone: Variant, connect: Connect, callback: Receiver
) -> None:
    def forget() -> None:
        while dispatcher.dispatch(now=timezone.now()):
            pass
        head = log.state().head
        LogHead.objects.update(floor=head)
        retention._delete_up_to(head)
        work()

    async with connect() as client:
        order = await buy(client)
        await subscribe(client, callback.url, arguments=mine(order))
        await advance(order, minutes=2)
        await in_thread(forget)()

    (gap,) = told(callback)
    assert gap["type"] == "gap"
    assert gap["cursor"] == (await in_thread(callbacks.reached)((await kept())[0]))


async def test_another_secret_signs_beside_the_one_before(
    phone: Variant, connect: Connect, callback: Receiver
) -> None:
    async with connect() as client:
        order = await buy(client)
        await subscribe(client, callback.url, arguments=mine(order))
        await subscribe(client, callback.url, arguments=mine(order), secret=OTHER_SECRET)
        await advance(order, minutes=2)
        await in_thread(work)()

    got = callback.got[-1]
    for secret in (SECRET, OTHER_SECRET):
        assert standardwebhooks.webhooks.Webhook(secret).verify(got.body, got.headers)
    (row,) = await kept()
    assert SECRET not in f"{row.secret} {row.previous_secret}"


# what is refused


async def test_an_order_of_somebody_else_is_as_one_that_does_not_exist(
    phone: Variant, connect: Connect, callback: Receiver, speak: Speak, era: str
) -> None:
    nobodys = {"order_id": "ORD-NONE", "ticket": "none"}
    async with connect(era) as client:
        order = await buy(client)
        its = {"order_id": order["number"]}
        wrong = [{**its, "ticket": "wrong"}, its, {**its, "ticket": nobodys["ticket"]}, nobodys]
        as_guest = [
            await refused(subscribe(client, callback.url, name, arguments=each))
            for each in wrong
            for name in (MOVED, "payment.updated", "order.eta_changed")
        ]
        speak(await person("noah@example.org"))
        as_other = [
            await refused(subscribe(client, callback.url, name, arguments={"order_id": number}))
            for number in (order["number"], "ORD-NONE")
            for name in (MOVED, "payment.updated", "order.eta_changed")
        ]

    assert {str(each) for each in (*as_guest, *as_other)} == {str(as_guest[0])}
    assert as_guest[0][0] == -32011
    assert callback.got == []
    assert await kept() == []


async def test_somebody_else_ends_and_changes_nothing(
    phone: Variant, connect: Connect, callback: Receiver, speak: Speak
) -> None:
    async with connect() as client:
        order = await buy(client)
        first = await subscribe(client, callback.url, arguments=mine(order))
        speak(await program("orders:read"))
        its = {"order_id": order["number"]}
        ended = await refused(unsubscribe(client, callback.url, its))
        theirs = await subscribe(client, callback.url, arguments=its, secret=OTHER_SECRET)

    assert ended[0] == -32011
    assert theirs["id"] != first["id"]
    # they had to be agreed to themselves
    assert len(callback.got) == 2


async def test_a_callback_that_does_not_give_the_challenge_back_is_told_nothing(
    phone: Variant, connect: Connect, allow: Callable[[Receiver], str]
) -> None:
    said = {
        "challenge_failed": answer(200, body=b'{"challenge": "another"}'),
        "http_4xx": answer(404, body=b'{"challenge": "another"}'),
        "http_5xx": answer(503),
    }
    reasons = []
    async with connect() as client:
        order = await buy(client)
        for each in said.values():
            with receiving(always(each)) as receiver:
                asked = subscribe(client, allow(receiver), arguments=mine(order))
                code, data = await refused(asked)
                reasons.append((code, data["reason"]))
        # nobody listens there any more
        code, data = await refused(subscribe(client, receiver.url, arguments=mine(order)))

    assert reasons == [(-32015, reason) for reason in said]
    assert (code, data["reason"]) == (-32015, "connection_refused")
    assert await kept() == []


@pytest.mark.parametrize("said", [b"", b"[]", b"null", b'{"challenge": 1}', b"\xff", b'{"a": 1}'])
def test_no_other_answer_is_the_challenge(said: bytes) -> None:
    assert not event_wire.is_answered(said, "right")
    assert event_wire.is_answered(b'{"challenge": "right", "more": 1}', "right")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://127.0.0.1/hook",
        "https://10.0.0.1/hook",
        "https://169.254.169.254/latest",
        "https://localhost/hook",
        "https://user:secret@example.com/hook",
        "https://example.com:8443/hook",
        "nonsense",
        "",
    ],
)
async def test_a_callback_is_https_to_the_world_outside(
    phone: Variant, connect: Connect, url: str
) -> None:
    async with connect() as client:
        order = await buy(client)
        code, data = await refused(subscribe(client, url, arguments=mine(order)))

    assert (code, data["code"]) == (INVALID_PARAMS, "bad_webhook")


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "secret",
        SECRET.removeprefix("whsec_"),
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
        "whsec_ä" + SECRET[7:],
    ],
)
async def test_a_secret_that_could_not_sign_is_refused(
    phone: Variant, connect: Connect, callback: Receiver, secret: str
) -> None:
    async with connect() as client:
        order = await buy(client)
        asked = subscribe(client, callback.url, arguments=mine(order), secret=secret)
        code, data = await refused(asked)

    assert (code, data["errors"][0]["pointer"]) == (INVALID_PARAMS, "/delivery/secret")
    assert callback.got == []


@pytest.mark.parametrize(
    ("given", "code", "fact"),
    [
        ({"name": "order.eaten"}, -32011, {"kind": "event"}),
        ({"delivery": {"mode": "push"}}, -32014, {"feature": "deliveryMode", "value": "push"}),
        ({"arguments": {}}, INVALID_PARAMS, {"code": "invalid"}),
        ({"arguments": {"number": 1}}, INVALID_PARAMS, {"code": "invalid"}),
        ({"arguments": {"order_id": [1]}}, INVALID_PARAMS, {"code": "invalid"}),
        ({"arguments": {"order_id": "A\0"}}, INVALID_PARAMS, {"code": "invalid"}),
        ({"arguments": {"order_id": "x" * 10_000}}, INVALID_PARAMS, {"code": "invalid"}),
        (
            {"arguments": {"order_id": "ORD-1", "statuses": ["eaten"]}},
            INVALID_PARAMS,
            {"code": "invalid"},
        ),
        ({"cursor": "not one"}, INVALID_PARAMS, {"code": "bad_cursor"}),
        ({"ttlMs": 0}, INVALID_PARAMS, None),
        ({"ttlMs": "1"}, INVALID_PARAMS, None),
        ({"maxAgeMs": -(2**70)}, INVALID_PARAMS, None),
        ({"delivery": {"url": 1}}, INVALID_PARAMS, None),
        ({"arguments": []}, INVALID_PARAMS, None),
        (
            {"name": "product.back_in_stock", "arguments": {"sku": SKU}},
            -32012,
            {"code": "authentication_required"},
        ),
        (
            {"name": "product.back_in_stock", "arguments": {"sku": "NONE"}},
            -32011,
            {"kind": "argument"},
        ),
    ],
)
async def test_what_cannot_be_is_refused_by_its_code(
    phone: Variant,
    connect: Connect,
    callback: Receiver,
    era: str,
    given: dict[str, Any],
    code: int,
    fact: dict[str, Any] | None,
) -> None:
    place = {"mode": "webhook", "url": callback.url, "secret": SECRET}
    asked = {"name": MOVED, "arguments": {"order_id": "ORD-1"}, **given}
    asked["delivery"] = {**place, **given.get("delivery", {})}
    async with connect(era) as client:
        got, data = await refused(ask(client, "events/subscribe", **asked))

    assert got == code
    assert fact is None or fact.items() <= data.items()
    assert callback.got == []


async def test_scopes_are_asked_for(
    phone: Variant, connect: Connect, callback: Receiver, speak: Speak
) -> None:
    speak(await program("basket:write"))
    async with connect() as client:
        listed = await ask(client, "events/list")
        moved = await refused(subscribe(client, callback.url))
        back = subscribe(client, callback.url, "product.back_in_stock", arguments={"sku": SKU})
        sold_out = await refused(back)

    assert "product.back_in_stock" not in [each["name"] for each in listed["events"]]
    assert [moved[0], sold_out[0]] == [-32012, -32012]


async def test_a_subscription_leaves_a_trace_without_where_to_and_by_which_secret(
    phone: Variant, connect: Connect, callback: Receiver, speak: Speak
) -> None:
    def traces() -> list[tuple[str, ...]]:
        rows = Trail.objects.filter(what__startswith="mcp.events").order_by("pk")
        return list(rows.values_list("who", "what", "target", "outcome"))

    async with connect() as client:
        order = await buy(client)
        await ask(client, "events/list")
        await subscribe(client, callback.url, arguments=mine(order))
        await refused(subscribe(client, "https://10.0.0.1/", arguments=mine(order)))
        await unsubscribe(client, callback.url, mine(order))
        maya = await person("maya@example.org")
        speak(maya)
        of_all = await subscribe(client, callback.url)

    asked, ended = "mcp.events/subscribe", "mcp.events/unsubscribe"
    assert await in_thread(traces)() == [
        ("guest", asked, order["number"], "done"),
        ("guest", asked, order["number"], "bad_webhook"),
        ("guest", ended, order["number"], "done"),
        (maya.who, asked, of_all["id"], "done"),
    ]
    kept = str(await in_thread(list)(Trail.objects.values()))
    for said in (callback.url, SECRET, order["ticket"], "10.0.0.1"):
        assert said not in kept


async def test_who_asks_is_counted_off_the_event_loop(
    phone: Variant, connect: Connect, callback: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis may be slow, and everybody else would wait."""
    on_the_loop = []
    take = limits.take

    def noted(key: str, *args: Any, **more: Any) -> Any:
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            on_the_loop.append(key)
        return take(key, *args, **more)

    monkeypatch.setattr(limits, "take", noted)
    async with connect() as client:
        await subscribe(client, callback.url, arguments=mine(await buy(client)))

    assert on_the_loop == []


async def test_what_a_ticket_opened_is_not_turned_to_what_an_account_may_read(
    phone: Variant, connect: Connect, callback: Receiver
) -> None:
    """It would go on when the account, its role or its app has ended."""
    maya = await person("maya@example.org")
    async with connect() as client:
        order = await buy(client)
        await subscribe(client, callback.url, arguments=mine(order))
    (row,) = await kept()
    both = maya.with_ticket(order["ticket"])
    own = {"topics": [user_topic(maya.user_id or 0)]}

    with pytest.raises(NotFound):
        await in_thread(subscribing.change)(both, row, own, now=timezone.now())

    assert [each.topic for each in await kept()] == [row.topic]


async def test_a_caller_has_so_many_and_no_more(
    phone: Variant, connect: Connect, callback: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callbacks, "MOST_BY_TICKET", 1)
    monkeypatch.setattr(subscribing, "MOST", 1)
    async with connect() as client:
        order = await buy(client)
        await subscribe(client, callback.url, arguments=mine(order))
        await subscribe(client, callback.url, arguments=mine(order))
        other = subscribe(client, callback.url, "payment.updated", arguments=mine(order))
        code, data = await refused(other)

    assert (code, data["limit"]) == (-32013, "subscriptions")


async def test_nobody_takes_all_challenges_of_a_host_that_others_ask(
    phone: Variant,
    connect: Connect,
    callback: Receiver,
    full_buckets: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(callbacks, "CHALLENGES_A_MINUTE", 2)
    monkeypatch.setattr(callbacks, "CHALLENGES_OF_ONE_A_MINUTE", 1)
    async with connect() as client:
        order, other = await buy(client), await buy(client)
        await subscribe(client, callback.url, arguments=mine(order))
        elsewhere = [f"{callback.url}/{number}" for number in range(3)]
        codes = [
            (await refused(subscribe(client, url, arguments=mine(order))))[0] for url in elsewhere
        ]
        await subscribe(client, callback.url, arguments=mine(other))

    assert codes == [-32013] * 3


async def test_a_caller_asks_no_more_often_than_so(
    phone: Variant,
    connect: Connect,
    callback: Receiver,
    full_buckets: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(callbacks, "CHALLENGES_A_MINUTE", 1)
    async with connect() as client:
        order, other = await buy(client), await buy(client)
        await subscribe(client, callback.url, arguments=mine(order))
        code, data = await refused(subscribe(client, callback.url, arguments=mine(other)))

    assert (code, data["limit"]) == (-32013, "requests")


# for staff


async def test_staff_see_it_and_its_owner_tries_it_out(
    phone: Variant, connect: Connect, callback: Receiver, speak: Speak, client: Any
) -> None:
    def look(id: str) -> tuple[str, Any]:
        root = User.objects.create_superuser("root@example.org")
        client.force_login(root)
        row = Subscription.objects.get(public_id=id)
        page = client.get(f"/admin/notifications/subscription/{row.pk}/change/")
        client.force_login(User.objects.get(email="maya@example.org"))
        return page.content.decode(), client.post(f"/api/v1/subscriptions/{id}/test").json()

    speak(await person("maya@example.org"))
    async with connect() as agent:
        granted = await subscribe(agent, callback.url)
        page, tried = await in_thread(look)(granted["id"])

    assert MOVED in page
    assert granted["id"] in page
    assert "/hook" not in page
    assert tried["sent"]
    kinds = [json.loads(got.body)["type"] for got in callback.got]
    assert kinds == ["verification", "verification"]
