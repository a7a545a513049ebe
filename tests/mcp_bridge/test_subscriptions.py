"""Standing wishes are made, changed and ended in a chat, by whose they are."""

import asyncio
import json
from collections.abc import Callable

import pytest
from django.core.mail import EmailMessage
from django.utils import timezone

from catalog.models import Variant
from museo.access.callers import Caller
from notifications.channels import news
from notifications.live.hub import in_thread
from notifications.models import Subscription
from tests.mcp_bridge.conftest import Connect, buy, call, person, program, refused, said
from tests.mcp_bridge.test_push import legacy_client, modern_client

Speak = Callable[[Caller], None]
HOOK = "https://192.0.32.8/orders"
TOOL = "manage_user_subscriptions"
pytestmark = pytest.mark.filterwarnings("ignore:resources/(un)?subscribe is removed")


async def test_a_subscription_is_made_changed_paused_and_ended(
    phone: Variant, connect: Connect, speak: Speak, era: str
) -> None:
    speak(await person("maya@example.org"))
    async with connect(era) as client:
        order = await buy(client)
        topic = f"order.{order['number']}"
        wish = {"topics": [topic], "types": ["order.delivered"], "address": HOOK}
        made = await client.call_tool(TOOL, {"action": "create", **wish})
        one = {"subscription_id": made.structured_content["subscriptions"][0]["id"]}

        own = await call(client, TOOL, action="create", address=HOOK)
        listed = await call(client, TOOL, action="read")
        changed = await call(
            client, TOOL, action="update", **one, filter={"late": [True]}, locale="de-AT"
        )
        paused = await client.call_tool(TOOL, {"action": "pause", **one})
        resumed = await call(client, TOOL, action="resume", **one)
        read = await call(client, TOOL, action="read", **one)
        resource = await client.read_resource("museo://user-subscriptions")
        ended = await call(client, TOOL, action="delete", **one)
        gone = await refused(client, TOOL, action="read", **one)

    assert said(made.content) == f"✅ Subscribed to {topic}."
    assert made.structured_content["secret"].startswith("whsec_")
    assert own["subscriptions"][0]["topic"].startswith("user.")
    # who buys is told by e-mail besides
    assert [(each["channel"], each["topic"]) for each in listed["subscriptions"]] == [
        ("webhook", own["subscriptions"][0]["topic"]),
        ("webhook", topic),
        ("email", topic),
    ]
    assert listed["secret"] == ""
    state = changed["subscriptions"][0]
    assert (state["types"], state["filter"]) == (["order.delivered"], {"late": [True]})
    assert state["locale"] == "de"
    assert said(paused.content).startswith("⏸️ You are told nothing of order.")
    assert [each["subscriptions"][0]["state"] for each in (resumed, read)] == ["active"] * 2
    assert len(json.loads(said(resource.contents))["subscriptions"]) == 3
    assert (ended["removed"], gone["code"]) == (True, "unknown_subscription")


@pytest.mark.parametrize(
    ("given", "code", "pointer"),
    [
        ({"action": "create", "topics": ["order.ORD-NONE"], "address": HOOK}, "not_found", None),
        ({"action": "create", "address": "ftp://x"}, "bad_webhook", "/address"),
        ({"action": "create"}, "invalid", "/address"),
        ({"action": "create", "address": HOOK, "channel": "smoke"}, "invalid", "/channel"),
        ({"action": "create", "address": HOOK, "types": ["A b"]}, "invalid", "/types/0"),
        ({"action": "create", "address": HOOK, "filter": {"a b": [1]}}, "invalid", "/filter"),
        ({"action": "create", "address": HOOK, "filter": {"a": [2**70]}}, "invalid", "/filter/a/0"),
        ({"action": "create", "topics": ["order.ORD-A", "b"], "address": HOOK}, "not_found", None),
        ({"action": "create", "topics": ["a"] * 21, "address": HOOK}, "invalid", "/topics"),
        ({"action": "burn"}, "invalid", "/action"),
        ({}, "invalid", "/action"),
        ({"action": "update"}, "unknown_subscription", None),
        ({"action": "delete", "subscription_id": "sub_none"}, "unknown_subscription", None),
    ],
)
async def test_a_bad_wish_is_refused(
    committed: None,
    connect: Connect,
    speak: Speak,
    given: dict[str, object],
    code: str,
    pointer: str | None,
) -> None:
    speak(await person("maya@example.org"))
    async with connect() as client:
        problem = await refused(client, TOOL, **given)

    assert problem["code"] == code
    assert [error["pointer"] for error in problem["errors"]] == ([pointer] if pointer else [])
    assert not await in_thread(Subscription.objects.exists)()


async def test_one_subscription_has_several_topics(
    phone: Variant, connect: Connect, speak: Speak
) -> None:
    speak(await person("maya@example.org"))
    async with connect() as client:
        topics = sorted([f"order.{(await buy(client))['number']}" for _order in range(2)])
        made = await client.call_tool(TOOL, {"action": "create", "topics": topics, "address": HOOK})
        one = {"subscription_id": made.structured_content["subscriptions"][0]["id"]}
        fewer = await call(client, TOOL, action="update", **one, topics=topics[1:])

    assert said(made.content) == f"✅ Subscribed to {topics[0]}, {topics[1]}."
    assert made.structured_content["subscriptions"][0]["topics"] == topics
    assert fewer["subscriptions"][0]["topics"] == topics[1:]


async def test_somebody_elses_subscription_does_not_exist(
    committed: None, connect: Connect, speak: Speak
) -> None:
    speak(await person("maya@example.org"))
    async with connect() as client:
        made = await call(client, TOOL, action="create", address=HOOK)
        one = {"subscription_id": made["subscriptions"][0]["id"]}
        speak(await person("noah@example.org"))
        for action in ("read", "update", "delete", "pause", "resume"):
            assert (await refused(client, TOOL, action=action, **one))["status"] == 404
        assert (await call(client, TOOL, action="read"))["subscriptions"] == []
        speak(await program("orders:read"))
        no_topic = await refused(client, TOOL, action="create", address=HOOK)

    assert no_topic["errors"][0]["pointer"] == "/topics"


def write(channel: str, text: str) -> None:
    """Somebody writes to the shop."""
    now = timezone.now()
    news.hear([news.Reply(channel, f"{channel}-{text}", "maya@example.org", text, now)])


async def test_messages_are_told_to_who_asked_for_them(
    committed: None, address: str, speak: Speak
) -> None:
    speak(await program("events:read"))
    async with modern_client(address) as client:
        mail = await call(client, "subscribe_to_email_changes", channels=["email"])
        async with client.listen(resource_subscriptions=[mail["uri"]]) as updates:
            await in_thread(write)("sms", "Is it late?")
            await in_thread(write)("email", "Where is my order?")
            async with asyncio.timeout(60):
                update = await anext(updates)
            read = await client.read_resource(mail["uri"], cache_mode="bypass")

    assert mail["topics"] == ["staff.inbox"]
    assert str(update.uri) == mail["uri"]  # type: ignore[union-attr]
    events = json.loads(said(read.contents))["events"]
    assert [event["data"]["channel"] for event in events] == ["email"]
    assert "maya@example.org" not in str(events)


async def test_a_session_that_asked_for_messages_is_told_of_them(
    committed: None, address: str, speak: Speak
) -> None:
    speak(await program("events:read"))
    async with legacy_client(address) as (client, updates):
        mail = await call(client, "subscribe_to_email_changes", types=["mail.received"])
        await in_thread(write)("sms", "Is it late?")
        async with asyncio.timeout(60):
            told = await updates.get()

    assert (mail["delivery"], told) == ("session", mail["uri"])


async def test_customers_hear_of_notifications_and_not_of_the_inbox(
    committed: None, connect: Connect, speak: Speak, era: str
) -> None:
    speak(await person("maya@example.org"))
    async with connect(era) as client:
        mine = await client.call_tool("subscribe_to_email_changes", {})
        speak(await program("orders:read", "events:read"))
        of_shop = await call(client, "subscribe_to_email_changes", channels=["sms", "email"])
        bad = await refused(client, "subscribe_to_email_changes", channels=["not one&x=1"])

    assert said(mine.content) == (
        "✅ Subscribed to new messages. You'll receive automatic notifications."
    )
    assert [topic.partition(".")[0] for topic in mine.structured_content["topics"]] == ["user"]
    assert of_shop["uri"] == (
        "museo://live-feed?topics=staff.inbox"
        "&types=mail.analyzed,mail.received,notification&channels=email,sms"
    )
    assert bad["errors"][0]["pointer"] == "/channels/0"


async def test_a_persons_address_is_confirmed_by_its_code(
    committed: None, connect: Connect, speak: Speak, mailoutbox: list[EmailMessage]
) -> None:
    speak(await program("orders:read"))
    wish = {"topics": ["broadcast.all"], "channel": "email", "address": "maya@example.org"}
    async with connect() as client:
        made = await client.call_tool(TOOL, {"action": "create", **wish})
        one = {"subscription_id": made.structured_content["subscriptions"][0]["id"]}
        wrong = await refused(client, TOOL, action="confirm", **one, code="none")
        code = str(mailoutbox[0].subject)[:6]
        confirmed = await call(client, TOOL, action="confirm", **one, code=code)

    assert said(made.content) == "✉️ Confirm the code that was sent, to be told of broadcast.all."
    assert made.structured_content["secret"] == ""
    assert wrong["code"] == "bad_code"
    assert confirmed["subscriptions"][0]["state"] == "active"
