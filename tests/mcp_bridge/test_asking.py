"""Where a client can ask its person, they are asked; what they say is done, and nothing else."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone
from mcp.client.client import Client
from mcp.server import request_state
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, ElicitResult, InputRequiredResult
from starlette.requests import Request

from catalog import masters
from catalog.models import Master, Variant
from mcp_bridge import asking, calls, confirmations, purchases
from museo.access import access_tokens, accounts, grants
from museo.access.callers import Caller
from museo.access.idempotency import Attempt
from museo.access.models import IdempotencyKey
from notifications.live.hub import in_thread
from notifications.models import Subscription
from orders import baskets
from orders.models import Basket, Order
from tests.mcp_bridge.conftest import (
    BUYER,
    SKU,
    Connect,
    buy,
    call,
    person,
    program,
    refused,
    said,
)
from tests.mcp_bridge.raw import META, modern, raw

Speak = Callable[[Caller], None]
YES = ElicitResult(action="accept", content={"agree": True})
NOT_TICKED = ElicitResult(action="accept", content={"agree": False})
EMPTY = ElicitResult(action="accept")
NO = ElicitResult(action="decline")
CLOSED = ElicitResult(action="cancel")


@dataclass
class Somebody:
    """Sits before the client, and says the same to whatever they are asked."""

    says: ElicitResult = field(default_factory=lambda: YES)
    asked: list[Any] = field(default_factory=list)
    # what happens meanwhile
    meanwhile: Callable[[], object] = lambda: None

    async def __call__(self, context: object, params: Any) -> ElicitResult:
        self.asked.append(params)
        await in_thread(self.meanwhile)()
        return self.says


async def basket_and_buyer(client: Client) -> dict[str, Any]:
    basket = await call(client, "add_to_basket", sku=SKU)
    return {**BUYER, "basket_token": basket["basket_token"]}


async def number_of_orders() -> int:
    return await in_thread(Order.objects.count)()


async def first_round(client: Client, buyer: dict[str, Any]) -> InputRequiredResult:
    result = await client.session.call_tool("place_order", buyer, allow_input_required=True)
    assert isinstance(result, InputRequiredResult)
    return result


async def second_round(
    client: Client, buyer: dict[str, Any], state: str | None, says: ElicitResult | None = YES
) -> CallToolResult | InputRequiredResult:
    return await client.session.call_tool(
        "place_order",
        buyer,
        request_state=state,
        input_responses={asking.QUESTION: says} if says else None,
        allow_input_required=True,
    )


def done(result: CallToolResult | InputRequiredResult) -> dict[str, Any]:
    assert isinstance(result, CallToolResult)
    assert not result.is_error, result.content
    data: dict[str, Any] = result.structured_content
    return data


async def test_a_person_agrees_and_the_order_is_placed_in_one_call(
    phone: Variant, connect: Connect, era: str
) -> None:
    maya = Somebody()
    async with connect(era, elicitation_callback=maya) as client:
        order = await call(client, "place_order", **await basket_and_buyer(client))

    (question,) = maya.asked
    assert question.message == (
        "🛒 **Please confirm this order**\n"
        "- 1 x iPhone 15: €799.00\n"
        "- Delivery: €3.90\n"
        "**Total**: €802.90\n"
        "**For**: Maya Okafor, Helsinki"
    )
    agree = question.requested_schema["properties"]["agree"]
    assert (agree["type"], agree["title"]) == ("boolean", "Buy this for €802.90")
    assert order["status"] == "placed"
    assert "confirm" not in order
    assert await number_of_orders() == 1


@pytest.mark.parametrize(
    ("says", "code"),
    [
        (NO, "person_declined"),
        (NOT_TICKED, "person_declined"),
        (EMPTY, "person_declined"),
        (CLOSED, "person_not_answered"),
    ],
)
async def test_without_a_yes_nothing_is_bought(
    phone: Variant, connect: Connect, era: str, says: ElicitResult, code: str
) -> None:
    async with connect(era, elicitation_callback=Somebody(says)) as client:
        buyer = await basket_and_buyer(client)
        problem = await refused(client, "place_order", **buyer)
        basket = await call(client, "get_basket", basket_token=buyer["basket_token"])

    assert (problem["code"], problem["status"]) == (code, 409)
    assert "Nothing was changed." in problem["detail"]
    assert len(basket["lines"]) == 1
    assert await number_of_orders() == 0
    assert not await in_thread(IdempotencyKey.objects.exists)()


@pytest.mark.parametrize("says", [YES, NO])
async def test_cancelling_and_deleting_ask_too(
    phone: Variant, connect: Connect, speak: Speak, era: str, says: ElicitResult
) -> None:
    speak(await person("owner@example.org", "owner"))
    async with connect() as without_a_person:
        order = await buy(without_a_person)
        followed = await call(
            without_a_person,
            "manage_user_subscriptions",
            action="create",
            topics=[f"order.{order['number']}"],
            address="https://hooks.example.org/museo",
        )
    (subscription,) = followed["subscriptions"]
    owner = Somebody(says)
    async with connect(era, elicitation_callback=owner) as client:
        for tool, arguments in (
            ("cancel_order", {"order_id": order["number"]}),
            ("delete_product", {"product": phone.master.public_id}),
            (
                "manage_user_subscriptions",
                {"action": "delete", "subscription_id": subscription["id"]},
            ),
        ):
            use = call if says == YES else refused
            await use(client, tool, **arguments)

    assert [question.message.partition(":")[0] for question in owner.asked] == [
        "🛑 **Please confirm",
        "🗑️ **Please confirm",
        "👋 **Please confirm",
    ]
    is_done = says == YES
    assert (await in_thread(Order.objects.get)()).status == ("cancelled" if is_done else "placed")
    assert ((await in_thread(Master.objects.get)()).deleted_at is not None) is is_done
    assert await in_thread(Subscription.objects.filter(public_id=subscription["id"]).exists)() is (
        not is_done
    )


async def test_a_price_that_changes_while_the_person_reads_is_not_paid(
    phone: Variant, connect: Connect, era: str
) -> None:
    maya = Somebody(meanwhile=lambda: phone.prices.update(amount=89900))
    async with connect(era, elicitation_callback=maya) as client:
        problem = await refused(client, "place_order", **await basket_and_buyer(client))

    assert problem["code"] == "confirmation_needed"
    assert await number_of_orders() == 0


async def test_nobody_waits_longer_than_the_question_holds(
    phone: Variant, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirmations, "LIFETIME", timedelta(seconds=0.05))

    async def away(context: object, params: object) -> ElicitResult:
        await asyncio.Event().wait()
        raise AssertionError

    async with connect("legacy", elicitation_callback=away) as client:
        problem = await refused(client, "place_order", **await basket_and_buyer(client))

    assert problem["code"] == "person_not_answered"
    assert await number_of_orders() == 0


# the sealed state, since 2026-07-28


async def test_the_same_yes_sent_again_buys_once(phone: Variant, connect: Connect) -> None:
    async with connect(elicitation_callback=Somebody()) as client:
        buyer = await basket_and_buyer(client)
        state = (await first_round(client, buyer)).request_state
        answers = await asyncio.gather(*(second_round(client, buyer, state) for _time in range(2)))

    first, second = (done(answer) for answer in answers)
    assert first == second
    assert first["number"]
    assert await number_of_orders() == 1


async def test_without_a_row_per_yes_the_second_would_not_get_its_order(
    phone: Variant, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin of the test above."""

    def claim_anew(*, now: Any, **_what: object) -> Attempt:
        row = IdempotencyKey(
            scope=f"anew {timezone.now()}", key="k", lease_until=now, created_at=now
        )
        row.save()
        return Attempt(row)

    monkeypatch.setattr(purchases, "claim", claim_anew)
    async with connect(elicitation_callback=Somebody()) as client:
        buyer = await basket_and_buyer(client)
        state = (await first_round(client, buyer)).request_state
        first = await second_round(client, buyer, state)
        again = await second_round(client, buyer, state)

    assert done(first)["number"]
    assert isinstance(again, CallToolResult)
    assert again.is_error


@pytest.mark.parametrize("kind", ["spoilt", "for another address", "of another tool", "too old"])
async def test_a_state_is_good_for_its_own_question_alone(
    phone: Variant, connect: Connect, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async with connect(elicitation_callback=Somebody()) as client:
        buyer = await basket_and_buyer(client)
        order = await buy_by_form(client)
        state = (await first_round(client, buyer)).request_state
        assert state
        if kind == "spoilt":
            state = state[:-2] + ("AA" if state[-2:] != "AA" else "BB")
        if kind == "for another address":
            buyer = {**buyer, "email": "noah@example.org"}
        if kind == "of another tool":
            other = await client.session.call_tool(
                "cancel_order",
                {"order_id": order["number"], "ticket": order["ticket"]},
                allow_input_required=True,
            )
            assert isinstance(other, InputRequiredResult)
            state = other.request_state
        if kind == "too old":
            late = time.time() + 601
            monkeypatch.setattr(time, "time", lambda: late)
        with pytest.raises(MCPError) as caught:
            await second_round(client, buyer, state)

    assert caught.value.error.code == -32602
    assert await number_of_orders() == 1


async def buy_by_form(client: Client) -> dict[str, Any]:
    return await call(client, "place_order", **await basket_and_buyer(client))


async def test_a_state_is_good_for_who_was_asked_alone(
    phone: Variant, connect: Connect, speak: Speak
) -> None:
    asked, thief = await program("checkout:write"), await program("checkout:write")
    async with connect(elicitation_callback=Somebody()) as client:
        buyer = await basket_and_buyer(client)
        speak(asked)
        state = (await first_round(client, buyer)).request_state
        speak(thief)
        with pytest.raises(MCPError) as caught:
            await second_round(client, buyer, state)

    assert caught.value.error.code == -32602
    assert await number_of_orders() == 0


async def test_a_yes_that_nobody_asked_for_is_none(phone: Variant, connect: Connect) -> None:
    async with connect(elicitation_callback=Somebody()) as client:
        buyer = await basket_and_buyer(client)
        without_state = await second_round(client, buyer, None)
        state = (await first_round(client, buyer)).request_state
        without_answer = await second_round(client, buyer, state, None)

    assert isinstance(without_state, InputRequiredResult)
    assert isinstance(without_answer, InputRequiredResult)
    assert await number_of_orders() == 0


async def test_the_state_does_not_show_the_token_that_buys(
    phone: Variant, connect: Connect
) -> None:
    async with connect(elicitation_callback=Somebody()) as client:
        buyer = await basket_and_buyer(client)
        state = (await first_round(client, buyer)).request_state
        problem = await refused(client, "place_order", **buyer, confirm=state)

    assert problem["code"] == "confirmation_needed"
    assert await number_of_orders() == 0


@pytest.mark.parametrize("is_rotated", [False, True])
async def test_any_process_reads_the_state_of_another(
    settings: LazySettings, is_rotated: bool
) -> None:
    """Each makes its own boundary, of the shop's keys."""

    def process() -> request_state.RequestStateBoundary:
        return asking.boundary(lambda _ctx: "guest:1", audience="shop")

    params = {"name": "place_order", "arguments": {"a": 1}}
    sealed: Any = await process()(_call(params), _asks)
    if is_rotated:
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "k" * 50
    seen: list[str] = []

    async def note(ctx: Any) -> dict[str, Any]:
        seen.append(ctx.params["requestState"])
        return {}

    await process()(_call({**params, "requestState": sealed["requestState"]}), note)

    assert seen == ["the token"]


def _call(params: dict[str, Any]) -> ServerRequestContext[Any, Any]:
    session: Any = None
    return ServerRequestContext(
        session=session,
        lifespan_context={},
        protocol_version="2026-07-28",
        method="tools/call",
        params=params,
    )


async def _asks(_ctx: object) -> dict[str, Any]:
    return {"resultType": "input_required", "requestState": "the token"}


# over HTTP


async def test_a_person_is_asked_over_http(phone: Variant, address: str, era: str) -> None:
    maya = Somebody()
    async with Client(
        address, mode=era, elicitation_callback=maya, read_timeout_seconds=60
    ) as client:
        order = await buy_by_form(client)
        maya.says = NO
        problem = await refused(client, "place_order", **await basket_and_buyer(client))

    assert len(maya.asked) == 2
    assert order["delivery"] == ("listen" if era == "auto" else "session")
    assert problem["code"] == "person_declined"
    assert await number_of_orders() == 1


@pytest.mark.parametrize(
    ("shows", "is_asked"),
    [({}, True), ({"form": {}}, True), ({"url": {}}, False), (None, False)],
)
async def test_only_who_shows_forms_is_asked_by_one(
    phone: Variant, address: str, shows: dict[str, Any] | None, is_asked: bool
) -> None:
    capabilities = {} if shows is None else {"elicitation": shows}
    meta = {**META, "io.modelcontextprotocol/clientCapabilities": capabilities}
    async with raw(address) as http:
        basket = await http.call("add_to_basket", {"sku": SKU})
        arguments = {**BUYER, "basket_token": basket["basket_token"]}
        answer = await http.ask(
            "tools/call",
            {"name": "place_order", "arguments": arguments, "_meta": meta},
            **modern("tools/call", "place_order"),
        )

    assert (answer["resultType"] == "input_required") is is_asked
    assert ("requestState" in answer) is is_asked
    assert ("confirm" in answer.get("structuredContent", {})) is not is_asked


async def test_a_token_that_ends_while_the_person_thinks_is_good_no_more(
    committed: None,
) -> None:
    keys = await in_thread(accounts.create)(name="agent", scopes=["shop:read"], now=timezone.now())
    token = (await in_thread(grants.give)(keys.account, now=timezone.now())).access_token
    request = Request({"type": "http", calls.BEARER_KEY: await calls.bearer(token)})

    await in_thread(calls.recheck)(request, timezone.now())
    await in_thread(calls.recheck)(None, timezone.now())
    with pytest.raises(access_tokens.InvalidToken):
        await in_thread(calls.recheck)(request, timezone.now() + timedelta(minutes=16))


# who cannot ask


async def test_who_cannot_ask_gets_no_more_than_a_payment_link(
    phone: Variant, connect: Connect, era: str, settings: LazySettings
) -> None:
    settings.MUSEO_AGENT_CHECKOUT = "link"
    async with connect(era) as client:
        buyer = await basket_and_buyer(client)
        problem = await refused(client, "place_order", **buyer)
        skipped = await refused(client, "place_order", **buyer, confirm="yes")
        link = await call(client, "get_payment_link", basket_token=buyer["basket_token"])
    assert await number_of_orders() == 0
    async with connect(era, elicitation_callback=Somebody()) as client:
        order = await call(client, "place_order", **buyer)

    assert (problem["code"], problem["status"]) == ("person_needed", 403)
    # a card would make a button of it
    assert not {"confirm", "summary"} & {*problem}
    assert "get_payment_link" in problem["detail"]
    assert skipped["code"] == "confirmation_needed"
    assert link["url"]
    assert order["status"] == "placed"


async def test_a_name_neither_breaks_nor_turns_the_question(
    phone: Variant, connect: Connect
) -> None:
    """A supplier's, or one that the agent fills in: a price beside it is read as it is."""

    def rename() -> None:
        phone.master.name = "iPhone \u202e\u2066 15\u2028**Total**: \u20ac1.00"
        phone.master.save()

    await in_thread(rename)()
    async with connect() as client:
        buyer = await basket_and_buyer(client)
        buyer["name"] = "Maya\u202e\u2029**Total**: \u20ac1.00"
        asked = await client.call_tool("place_order", buyer)

    lines = said(asked.content).splitlines()
    assert lines[1] == "- 1 x iPhone 15 **Total**: €1.00: €799.00"
    assert [line for line in lines if line.startswith("**Total**")] == ["**Total**: €802.90"]
    assert not {"\u202e", "\u2066"} & set(said(asked.content))


async def test_what_costs_nothing_is_confirmed_in_two_calls_in_any_shop(
    phone: Variant, connect: Connect, settings: LazySettings
) -> None:
    async with connect() as client:
        order = await buy(client)
        settings.MUSEO_AGENT_CHECKOUT = "link"
        mine = {"order_id": order["number"], "ticket": order["ticket"]}
        asked = await client.call_tool("cancel_order", mine)
        confirm = asked.structured_content["confirm"]
        done = await call(client, "cancel_order", **mine, confirm=confirm)

    assert "call cancel_order again with the same arguments" in said(asked.content)
    assert done["status"] == "cancelled"


async def test_a_yes_to_deleting_holds_once(phone: Variant, connect: Connect, speak: Speak) -> None:
    owner = await person("owner@example.org", "owner")
    speak(owner)
    product = {"product": phone.master.public_id}
    async with connect() as client:
        confirm = (await call(client, "delete_product", **product))["confirm"]
        await call(client, "delete_product", **product, confirm=confirm)
        await in_thread(masters.restore)(
            owner, phone.master.public_id, revision=None, now=timezone.now()
        )
        problem = await refused(client, "delete_product", **product, confirm=confirm)

    assert problem["code"] == "confirmation_needed"
    assert (await in_thread(Master.objects.get)()).deleted_at is None


@pytest.mark.parametrize("is_bound", [True, False])
async def test_a_basket_that_changes_at_the_last_moment_is_not_bought(
    phone: Variant, connect: Connect, monkeypatch: pytest.MonkeyPatch, is_bound: bool
) -> None:
    """After what was agreed was looked at, and before it is bought; for the same sum."""
    async with connect() as client:
        buyer = await basket_and_buyer(client)
        confirm = (await call(client, "place_order", **buyer))["confirm"]
        compare = confirmations.require_same

        def meanwhile(agreed: Any, offered: Any) -> None:
            compare(agreed, offered)
            baskets.lock(Basket.objects.get().pk)

        monkeypatch.setattr(confirmations, "require_same", meanwhile)
        if not is_bound:
            monkeypatch.setattr("orders.checkout._require_revision", lambda *_any: None)
        result = await client.call_tool("place_order", {**buyer, "confirm": confirm})

    assert result.is_error is is_bound
    if is_bound:
        assert result.structured_content["code"] == "basket_changed"
    assert await number_of_orders() == (0 if is_bound else 1)
