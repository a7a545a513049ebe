"""What staff say is shown to them as it will be, and done when they say yes."""

from __future__ import annotations

import pytest
from django.utils import timezone

from catalog.imports import services as importing
from catalog.imports import working
from catalog.models import Master, Price, StockItem, Variant
from museo.access.models import Trail
from notifications.live.hub import in_thread
from tests.mcp_bridge.assistant.conftest import Talk


async def test_a_price_is_changed_by_a_yes_and_its_history_says_where(
    phone: Variant, staff: Talk
) -> None:
    question = await staff.say("Set the price of the iPhone 15 to 749 euros")
    before = await in_thread(_prices)()

    done = await staff.say(confirm=question["data"]["confirm"]["id"])

    assert "€799.00 → €749.00" in question["message"]
    assert before == [79900]
    assert (await in_thread(_prices)())[-1] == 74900
    assert done["metadata"]["outcome"] == "done"
    rows = await in_thread(list)(
        Trail.objects.filter(target=phone.master.public_id).values_list("conversation", flat=True)
    )
    assert set(rows) == {staff.conversation_id}


async def test_a_product_is_made_of_one_sentence(phone: Variant, staff: Talk) -> None:
    asked = await staff.say("Create a product Blue Bowl for 19.90 euros")
    question = await staff.say("Phones")

    await staff.say(confirm=question["data"]["confirm"]["id"])

    assert asked["data"]["choices"] == [{"label": "Phones", "message": "Phones"}]
    made = await in_thread(Master.objects.get)(slug="blue-bowl")
    assert made.status == Master.Status.DRAFT


async def test_a_dropped_file_is_shown_and_imported_by_a_yes(phone: Variant, staff: Talk) -> None:
    row = b"sku,product,name,category,price\nBOWL-1,bowl,Bowl,phones,19.90\n"
    dropped = await in_thread(importing.start)(
        staff.caller, [row], file_name="bowls.csv", dry_run=True, now=timezone.now()
    )
    await in_thread(working.work_on_next)(timezone.now)

    question = await staff.say("bowls.csv", details={"import_id": dropped.public_id})
    begun = await staff.say(confirm=question["data"]["confirm"]["id"])
    await in_thread(working.work_on_next)(timezone.now)

    assert "bowls.csv\n- New: 1\n- Changed: 0\n- Refused: 0" in question["message"]
    assert begun["data"]["kind"] == "import"
    assert (begun["data"]["import"]["id"], begun["data"]["import"]["state"]) == (
        dropped.public_id,
        "running",
    )
    assert await in_thread(Variant.objects.filter(sku="BOWL-1").exists)()


async def test_stock_is_added_and_counted(phone: Variant, staff: Talk) -> None:
    question = await staff.say("Add 20 iPhone 15 to stock")
    await staff.say(confirm=question["data"]["confirm"]["id"])

    shelf = await in_thread(StockItem.objects.get)(variant=phone)
    assert "10 → 30" in question["message"]
    assert shelf.on_hand == 30


async def test_a_question_that_was_declined_is_closed(phone: Variant, staff: Talk) -> None:
    question = await staff.say("Delete the product iPhone 15")
    id = question["data"]["confirm"]["id"]
    no = await staff.say(confirm=id, agree=False)
    late = await staff.say(confirm=id)

    await in_thread(phone.master.refresh_from_db)()
    assert (no["message"], phone.master.deleted_at) == ("All right, nothing was changed.", None)
    assert late["metadata"]["code"] == "confirmation_needed"


async def test_a_yes_is_to_the_product_as_it_was_shown(phone: Variant, staff: Talk) -> None:
    question = await staff.say("Set the price of the iPhone 15 to 749 euros")
    await in_thread(Master.objects.filter(pk=phone.master.pk).update)(revision=9)

    refused = await staff.say(confirm=question["data"]["confirm"]["id"])

    assert refused["metadata"]["outcome"] == "refused"
    assert await in_thread(_prices)() == [79900]


@pytest.mark.parametrize(
    "words",
    ["Set the price of the iPhone 15 to 1 euro", "Delete the iPhone 15", "Which orders are late?"],
)
async def test_what_only_staff_do_is_refused_to_others(
    phone: Variant, guest: Talk, words: str
) -> None:
    answer = await guest.say(words)

    assert answer["message"] == "Only staff can use this."


async def test_staff_see_orders_and_figures(phone: Variant, staff: Talk) -> None:
    orders = await staff.say("List the orders")
    figures = await staff.say("How much did we sell today?")
    products = await staff.say("List all products")

    assert (orders["data"]["kind"], figures["data"]["kind"]) == ("orders", "orders")
    assert products["data"]["table"]["rows"][0][0] == "iPhone 15"


def _prices() -> list[int]:
    return list(Price.objects.order_by("pk").values_list("amount", flat=True))
