"""What staff want, intent by intent; what changes the shop they see first, as it will be."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog import sheets, shop
from catalog.imports import services as importing
from catalog.models import Category
from catalog.search import words
from mcp_bridge import texts
from mcp_bridge.assistant import replies
from mcp_bridge.assistant.interpreting import Meaning
from mcp_bridge.assistant.message import hear
from mcp_bridge.assistant.replies import Reply
from mcp_bridge.assistant.running import Run
from mcp_bridge.assistant.shopping import Handler, ask_for, product
from museo.directions import isolated
from notifications.live.hub import in_thread
from orders import lifecycle

LATE = ("late", "verspat", "retard", "retrasad", "متاخر")
MOST_CATEGORIES = 12


async def create_product(run: Run, meaning: Meaning) -> Reply:
    name = str(meaning.entities.get("product") or "").strip()
    price = meaning.entities.get("price")
    if not name:
        return ask_for(run, meaning, "product", _("What is the product called?"))
    if price is None:
        return ask_for(run, meaning, "price", _("What does it cost?"))
    colour = str(meaning.entities.get("colour") or "")
    if colour and words.fold(colour) not in words.fold(name):
        name = f"{colour} {name}".strip()
    name = name[:1].upper() + name[1:]
    category = await in_thread(_category)(str(meaning.entities.get("category") or name))
    if category is None:
        known = await in_thread(_categories)()
        ask_for(run, meaning, "category", "")
        return replies.choices(_("In which category?"), known)
    amount = {"amount": price, "currency": await in_thread(shop.currency)()}
    quantity = meaning.entities.get("quantity") or 0
    new = {
        "category": category.slug,
        "translations": {run.locale: {"name": name}},
        "variants": [
            {"sku": _sku(name), "on_hand": quantity, "prices": [{"price": amount}]},
        ],
    }
    run.memory.pending = {}
    answer = await run.ask(
        "create_product",
        new,
        question="\n".join(
            [
                _("📦 **Please confirm: create %(name)s**") % {"name": isolated(name)},
                f"- {_('Price')}: {texts.money(amount)}",
                f"- {_('Category')}: {category.name}",
                f"- {_('Stock')}: {quantity}",
                f"- SKU: {_sku(name)}",
            ]
        ),
        yes=_("Create it"),
    )
    return Reply(answer.text)


def _sku(name: str) -> str:
    letters = [each for each in words.split(name) if each.isascii()]
    return "-".join(letters).upper()[:60] or f"P-{zlib.crc32(name.encode()) % 10**6}"


def _category(said: str) -> Category | None:
    """The first category whose name is said."""
    asked = set(words.split(said))
    return next((each for each in Category.objects.all() if asked & _called(each)), None)


def _called(category: Category) -> set[str]:
    named = {*words.split(category.name), *words.split(category.slug)}
    return named | {each.removesuffix("s") for each in named}


def _categories() -> list[tuple[str, str]]:
    return [(each.name, each.name) for each in Category.objects.all()[:MOST_CATEGORIES]]


async def change_price(run: Run, meaning: Meaning) -> Reply:
    sheet = await _sheet(run, meaning)
    if isinstance(sheet, Reply):
        return sheet
    price = meaning.entities.get("price")
    if price is None:
        return ask_for(run, meaning, "price", _("What does it cost?"))
    amount = {"amount": price, "currency": await in_thread(shop.currency)()}
    from_day = await in_thread(_beginning)(meaning.entities.get("date_from"))
    new: dict[str, Any] = {"price": amount, **({"valid_from": from_day} if from_day else {})}
    variants = [each for each in sheet["variants"] if each["is_active"]]
    before = [_price_of(each) for each in variants]
    run.memory.pending = {}
    answer = await run.ask(
        "update_product",
        {
            "product": sheet["id"],
            "revision": sheet["revision"],
            "variants": [{"sku": each["sku"], "prices": [new]} for each in variants],
        },
        question="\n".join(
            [
                _("💶 **Please confirm: change the price of %(name)s**")
                % {"name": isolated(_name(sheet))},
                *(
                    f"- {each['sku']}: {was} → {texts.money(amount)}"
                    for each, was in zip(variants, before, strict=True)
                ),
                *([_("From %(day)s on.") % {"day": from_day[:10]}] if from_day else []),
            ]
        ),
        yes=_("Change the price"),
    )
    return Reply(answer.text)


def _price_of(variant: Mapping[str, Any]) -> str:
    prices = [each for each in variant["prices"] if each["sales_channel"] == "web"]
    return texts.money(prices[-1]["price"]) if prices else "-"


def _beginning(day: Any) -> str:
    """Of a day, by the shop's clock; empty for none."""
    try:
        said = date.fromisoformat(str(day))
    except ValueError:
        return ""
    return datetime.combine(said, time.min, shop.current().zone).isoformat()


async def change_stock(run: Run, meaning: Meaning) -> Reply:
    sheet = await _sheet(run, meaning)
    if isinstance(sheet, Reply):
        return sheet
    quantity = meaning.entities.get("quantity")
    if quantity is None:
        return ask_for(run, meaning, "quantity", _("How many?"))
    run.memory.pending = {}
    variant = sheet["variants"][0]
    marks = hear(run.said.text, language=run.locale.partition("-")[0]).meanings
    is_count = "set" in marks and "add" not in marks
    change = -quantity if "lost" in marks else quantity
    here = variant["stock"]["on_hand"]
    counted = {"on_hand": quantity} if is_count else {"delta": change}
    answer = await run.ask(
        "change_stock",
        {"sku": variant["sku"], **counted},
        question="\n".join(
            [
                _("📦 **Please confirm: change the stock of %(name)s**")
                % {"name": isolated(_name(sheet))},
                f"- {variant['sku']}: {here} → {quantity if is_count else here + change}",
            ]
        ),
        yes=_("Change the stock"),
    )
    return Reply(answer.text)


async def update_product(run: Run, meaning: Meaning) -> Reply:
    """What else of a product: the words of a description are theirs to write, on its page."""
    sheet = await _sheet(run, meaning)
    if isinstance(sheet, Reply):
        return sheet
    return Reply(
        _("What shall I change of %(name)s: its price or its stock? Texts are on its page.")
        % {"name": isolated(_name(sheet))},
        suggestions=[_("Change the price of a product"), _("Add 20 pieces to the stock")],
    )


async def delete_product(run: Run, meaning: Meaning) -> Reply:
    sheet = await _sheet(run, meaning)
    if isinstance(sheet, Reply):
        return sheet
    run.memory.pending = {}
    answer = await run.call("delete_product", product=sheet["id"], revision=sheet["revision"])
    return Reply(answer.text)


async def _sheet(run: Run, meaning: Meaning) -> dict[str, Any] | Reply:
    """The product that is meant, as staff see it; or the question which it is."""
    known = await product(run, meaning)
    if isinstance(known, Reply):
        return known
    return await in_thread(sheets.sheet)(run.caller, known["id"])


def _name(sheet: Mapping[str, Any]) -> str:
    named = sheet["translations"]
    first: Mapping[str, str] = next(iter(named.values()), {})
    return str(named.get("en", first).get("name") or sheet["slug"])


async def import_products(run: Run, meaning: Meaning) -> Reply:
    """The file comes by `POST /admin/imports`, which checks it; here it is begun."""
    import_id = run.said.details.get("import_id")
    if not import_id:
        run.memory.pending = {"intent": "import_products", "entities": {}, "slot": "file"}
        said = _("Drop the file here (CSV, XLSX or JSON), or upload it on the import page.")
        fields = [
            {"name": "import_id", "label": said, "type": "file", "required": True, "value": ""}
        ]
        return Reply(said, "form", {"fields": fields})
    run.memory.pending = {}
    found = await in_thread(importing.find)(run.caller, str(import_id))
    answer = await run.ask(
        "create_from_file",
        {"import_id": found.public_id},
        question="\n".join(
            [
                _("📥 **Please confirm: take the products of this file over**"),
                f"- {found.file_name}",
                f"- {_('New')}: {found.created}",
                f"- {_('Changed')}: {found.changed}",
                f"- {_('Refused')}: {found.refused}",
            ]
        ),
        yes=_("Import them"),
    )
    return Reply(answer.text)


async def list_products(run: Run, meaning: Meaning) -> Reply:
    found = (await run.call("list_products", limit=20)).data["results"]
    rows = [
        (_name(each), each["status"], _price_of(first), first["stock"]["on_hand"])
        for each in found
        if (first := next(iter(each["variants"]), None))
    ]
    said = ngettext(
        "%(count)s product, newest first.", "%(count)s products, newest first.", len(rows)
    ) % {"count": len(rows)}
    return replies.table("sheets", said, [_("Name"), _("Status"), _("Price"), _("Stock")], rows)


async def list_orders(run: Run, meaning: Meaning) -> Reply:
    is_late = any(each in words.fold(run.said.text) for each in LATE)
    found = (await run.call("list_orders", limit=20, **({"late": True} if is_late else {}))).data
    rows = [
        (each["number"], _(lifecycle.text_key(each["status"], "label")), texts.money(each["total"]))
        for each in found["results"]
    ]
    said = (
        ngettext("%(count)s order is late.", "%(count)s orders are late.", len(rows))
        if is_late
        else ngettext(
            "%(count)s order, newest first.", "%(count)s orders, newest first.", len(rows)
        )
    )
    columns = [_("Order"), _("Status"), _("Total")]
    return replies.table("orders", said % {"count": len(rows)}, columns, rows)


async def show_statistics(run: Run, meaning: Meaning) -> Reply:
    since = await in_thread(_beginning)(meaning.entities.get("date_from"))
    hours = 24
    if since:
        passed = timezone.now() - datetime.fromisoformat(since)
        hours = max(1, min(24 * 366, int(passed.total_seconds() // 3600) + 1))
    told = (await run.call("show_statistics", hours=hours)).data
    rows: Sequence[Sequence[Any]] = [
        (_(lifecycle.text_key(status, "label")), count)
        for status, count in told["by_status"].items()
        if count
    ]
    said = ngettext(
        "%(count)s order in the last %(hours)s h; late: %(late)s.",
        "%(count)s orders in the last %(hours)s h; late: %(late)s.",
        told["orders"],
    ) % {
        "count": told["orders"],
        "hours": hours,
        "late": told["late"]["orders"],
    }
    return replies.table("orders", said, [_("Status"), _("Orders")], rows)


HANDLERS: Mapping[str, Handler] = {
    each.__name__: each
    for each in (
        create_product,
        update_product,
        change_price,
        change_stock,
        list_products,
        delete_product,
        import_products,
        list_orders,
        show_statistics,
    )
}
