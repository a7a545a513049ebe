"""Staff work by talking, under the rules of REST; customers have no such tools."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from catalog.imports import working
from catalog.imports.models import Import
from catalog.models import Category, Master, Variant
from museo.access.callers import Caller
from notifications.live.hub import in_thread
from orders.models import Order
from tests.mcp_bridge.conftest import Connect, buy, call, person, program, refused, said

Speak = Callable[[Caller], None]
TOOLS = [
    "create_product",
    "update_product",
    "delete_product",
    "create_from_file",
    "list_products",
    "list_orders",
    "advance_order",
]
BOWL: dict[str, Any] = {
    "category": "phones",
    "status": "active",
    "translations": {"en": {"name": "Blue bowl"}},
    "variants": [
        {
            "sku": "BOWL",
            "prices": [{"price": {"amount": 8405, "currency": "EUR"}}],
            "on_hand": 7,
        }
    ],
}


@pytest.fixture
async def staff(phone: Variant, speak: Speak) -> Caller:
    """The owner calls."""
    owner = await person("owner@example.org", "owner")
    speak(owner)
    return owner


async def test_a_product_is_made_changed_found_and_taken_away(
    staff: Caller, connect: Connect, era: str
) -> None:
    async with connect(era) as client:
        made = await client.call_tool("create_product", BOWL)
        id = made.structured_content["id"]
        assert made.structured_content["warnings"] == []
        for_sale = await call(client, "get_product_info", product="BOWL")
        changed = await call(client, "update_product", product=id, brand="Kiln", revision=1)
        listed = await call(client, "list_products", sku="BOWL")
        question = await client.call_tool("delete_product", {"product": id})
        confirm = question.structured_content["confirm"]
        still = await call(client, "get_product_info", product="BOWL")
        deleted = await client.call_tool("delete_product", {"product": id, "confirm": confirm})
        again = await call(client, "delete_product", product=id, confirm=confirm)
        hidden = await call(client, "list_products", deleted=True)
        gone = await refused(client, "get_product_info", product="BOWL")

    assert said(made.content) == "✅ Blue bowl is made."
    assert for_sale["price"] == {"amount": 8405, "currency": "EUR"}
    assert (changed["brand"], changed["revision"]) == ("Kiln", 2)
    assert changed["translations"]["en"]["name"] == "Blue bowl"
    assert [each["id"] for each in listed["results"]] == [id]
    assert said(question.content).startswith("🗑️ **Please confirm: take Blue bowl out of the shop**")
    assert still["slug"] == "blue-bowl"
    assert said(deleted.content) == "🗑️ Blue bowl is out of the shop."
    assert deleted.structured_content["deleted_at"] == again["deleted_at"]
    assert [each["id"] for each in hidden["results"]] == [id]
    assert gone["code"] == "unknown_product"


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"category": "none"}, "bad_product", "/category"),
        ({"status": "sold"}, "bad_product", "/status"),
        ({"slug": "a b"}, "bad_product", "/slug"),
        ({"variants": []}, "bad_product", "/variants"),
        ({"variants": [{"sku": "IPHONE-15-128-BLACK"}]}, "bad_product", "/variants/0/sku"),
        ({"variants": [{"sku": "A", "on_hand": -1}]}, "bad_product", "/variants/0/on_hand"),
        ({"variants": [{"sku": "A", "on_hand": 2**70}]}, "invalid", "/variants/0/on_hand"),
        ({"variants": [{"sku": "A", "colour": "red"}]}, "invalid", "/variants/0/colour"),
        ({"translations": {}}, "bad_product", "/translations"),
        ({"translations": {"tlh": {"name": "a"}}}, "bad_product", "/translations"),
        ({"attributes": {"a": None}}, "invalid", "/attributes/a"),
        ({"attributes": {"a": 2**70}}, "invalid", "/attributes/a"),
        ({"published_at": "yesterday"}, "invalid", "/published_at"),
        ({"brand": "a\x00"}, "invalid", ""),
        ({"nonsense": 1}, "invalid", "/nonsense"),
    ],
)
async def test_a_bad_product_is_refused_as_rest_refuses_it(
    staff: Caller, connect: Connect, changes: dict[str, Any], code: str, pointer: str
) -> None:
    async with connect() as client:
        problem = await refused(client, "create_product", **{**BOWL, **changes})

    assert problem["code"] == code
    assert problem["errors"][0]["pointer"] == pointer
    assert await in_thread(Master.objects.count)() == 1


async def test_a_change_to_what_was_edited_meanwhile_is_refused(
    staff: Caller, connect: Connect, phone: Variant
) -> None:
    id = phone.master.public_id
    async with connect() as client:
        confirm = (await call(client, "delete_product", product=id))["confirm"]
        await call(client, "update_product", product=id, brand="Kiln")

        stale = await refused(client, "update_product", product=id, brand="Other", revision=1)
        deleted = await refused(client, "delete_product", product=id, confirm=confirm)
        unknown = await refused(client, "update_product", product="mst_none", brand="Other")

    assert (stale["code"], stale["revision"]) == ("edited_meanwhile", 2)
    assert deleted["code"] == "confirmation_needed"
    assert unknown["code"] == "unknown_product"
    master = await in_thread(Master.objects.get)()
    assert (master.brand, master.deleted_at) == ("Kiln", None)


def work() -> None:
    while working.work_on_next(timezone.now):
        pass


async def test_products_are_made_from_a_file_after_a_dry_run(
    staff: Caller, connect: Connect, era: str
) -> None:
    table = "sku,name,category,price,currency\nCUP,Cup,phones,12.50,EUR\n"
    file = base64.b64encode(table.encode()).decode()
    async with connect(era) as client:
        asked = {"file": file, "file_name": "cups.csv", "dry_run": True}
        tried = await client.call_tool("create_from_file", asked)
        id = tried.structured_content["id"]
        await in_thread(work)()
        assert not await in_thread(Variant.objects.filter(sku="CUP").exists)()
        await call(client, "create_from_file", import_id=id)
        await in_thread(work)()
        done = await in_thread(Import.objects.get)(public_id=id)
        events = await call(client, "get_recent_events", topics=["staff.catalog"])

    assert said(tried.content).startswith("📥 cups.csv: ")
    assert (done.created, done.refused) == (1, 0), done.failure
    assert await in_thread(Variant.objects.filter(sku="CUP").exists)()
    assert "import.progress" in {event["type"] for event in events["events"]}


@pytest.mark.parametrize(
    ("given", "code", "pointer"),
    [
        ({}, "invalid", "/file"),
        ({"file": "%%%"}, "invalid", "/file"),
        ({"file": "====", "file_name": "a.csv"}, "invalid", "/file"),
        ({"file": "a" * 4_000_001}, "invalid", "/file"),
        ({"file": base64.b64encode(b"\x00\xff\x00").decode()}, "not_a_text", None),
        ({"import_id": "imp_none"}, "unknown_import", None),
        ({"import_id": "imp_none", "mapping": {"a": "b"}}, "invalid", "/mapping"),
    ],
)
async def test_what_is_no_file_of_products_is_refused(
    staff: Caller, connect: Connect, given: dict[str, Any], code: str, pointer: str | None
) -> None:
    async with connect() as client:
        problem = await refused(client, "create_from_file", **given)

    assert problem["code"] == code
    assert [error["pointer"] for error in problem["errors"]] == ([pointer] if pointer else [])
    assert not await in_thread(Import.objects.exists)()


async def test_staff_list_orders_and_move_them_on(
    staff: Caller, connect: Connect, speak: Speak, era: str
) -> None:
    async with connect(era) as client:
        speak(Caller())
        first, second = await buy(client), await buy(client)
        speak(staff)
        page = await call(client, "list_orders", limit=1)
        rest = await call(client, "list_orders", limit=1, cursor=page["next"])
        moved = await client.call_tool(
            "advance_order", {"order_id": first["number"], "to": "confirmed"}
        )
        again = await refused(client, "advance_order", order_id=first["number"], to="confirmed")
        confirmed = await call(client, "list_orders", status="confirmed", late=False)
        bad = await refused(client, "list_orders", status="lost", placed_after="soon")
        bad_cursor = await refused(client, "list_orders", cursor="\x7f")

    assert [each["number"] for each in page["results"] + rest["results"]] == [
        second["number"],
        first["number"],
    ]
    assert rest["next"] is None
    assert said(moved.content) == f"✅ Order {first['number']}: Confirmed"
    assert moved.structured_content["version"] == 2
    assert (again["code"], again["next_status"]) == ("cannot_advance", "preparing")
    assert [each["number"] for each in confirmed["results"]] == [first["number"]]
    assert {error["pointer"] for error in bad["errors"]} == {"/status", "/placed_after"}
    assert bad_cursor["errors"][0]["pointer"] == "/cursor"


async def test_customers_have_no_staff_tools_and_cannot_call_them(
    phone: Variant, connect: Connect, speak: Speak
) -> None:
    async with connect() as client:
        order = await buy(client)
        for caller in (Caller(), await person("maya@example.org")):
            speak(caller)
            listed = {tool.name for tool in (await client.list_tools(cache_mode="bypass")).tools}
            assert listed.isdisjoint(TOOLS)
            for tool, given in {
                "list_orders": {},
                "list_products": {},
                "advance_order": {"order_id": order["number"], "to": "confirmed"},
                "delete_product": {"product": phone.master.public_id},
            }.items():
                assert (await refused(client, tool, **given))["code"] == "not_allowed"
    placed = await in_thread(Order.objects.get)()
    assert placed.status == "placed"


async def test_a_program_has_the_tools_of_its_scopes(
    phone: Variant, connect: Connect, speak: Speak
) -> None:
    async with connect() as client:
        speak(await program("products:write"))
        of_products = {tool.name for tool in (await client.list_tools(cache_mode="bypass")).tools}
        made = await call(client, "create_product", **BOWL)
        orders = await refused(client, "list_orders")
        speak(await program("orders:write"))
        of_orders = {tool.name for tool in (await client.list_tools(cache_mode="bypass")).tools}
        products = await refused(client, "create_product", **BOWL)

    assert of_products & set(TOOLS) == set(TOOLS[:5])
    assert of_orders & set(TOOLS) == set(TOOLS[5:])
    assert made["slug"] == "blue-bowl"
    assert orders["code"] == products["code"] == "not_allowed"


async def test_staff_of_one_room_do_not_work_in_another(
    phone: Variant, connect: Connect, speak: Speak
) -> None:
    speak(await person("support@example.org", "support"))
    async with connect() as client:
        problem = await refused(client, "create_product", **BOWL)

    assert problem["status"] == 403
    assert await in_thread(Category.objects.count)() == 1
