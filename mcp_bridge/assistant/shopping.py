"""What a shopper wants, intent by intent: which tools are called, and what is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.search import words
from mcp_bridge import texts
from mcp_bridge.assistant import replies
from mcp_bridge.assistant.interpreting import Meaning
from mcp_bridge.assistant.replies import Reply
from mcp_bridge.assistant.running import Refused, Run
from museo.access.models import User
from museo.access.problems import Problem
from museo.directions import isolated
from notifications.live.hub import in_thread
from orders import places
from orders.models import Order

Handler = Callable[[Run, Meaning], Awaitable[Reply]]
# a page shows no more at once
MOST_PRODUCTS = 8
# the fields of a purchase, and how they are asked for, in this order
NEEDED = (
    "email",
    "name",
    "address.line1",
    "address.postal_code",
    "address.city",
    "address.country",
)


async def search_products(run: Run, meaning: Meaning) -> Reply:
    found = await _search(run, run.said.text)
    is_near = False
    for query in _less(meaning):
        if found["results"] or query == run.said.text:
            break
        found, is_near = await _search(run, query), True
    run.memory.remember_products(found["results"])
    return replies.products(found, is_near=is_near)


def _less(meaning: Meaning) -> list[str]:
    """What to look for if there is nothing of all that was said: the thing, first in its colour."""
    name, colour = (str(meaning.entities.get(each) or "") for each in ("product", "colour"))
    return ([f"{colour} {name}"] if colour else []) + [name] if name else []


async def _search(run: Run, query: str) -> dict[str, Any]:
    found = await run.call("search_products", query=query[:200], limit=MOST_PRODUCTS)
    return dict(found.data)


async def product_details(run: Run, meaning: Meaning) -> Reply:
    return await _show(run, meaning, asks_for_stock=False)


async def check_availability(run: Run, meaning: Meaning) -> Reply:
    return await _show(run, meaning, asks_for_stock=True)


async def _show(run: Run, meaning: Meaning, *, asks_for_stock: bool) -> Reply:
    known = await product(run, meaning)
    if isinstance(known, Reply):
        return known
    found = (await run.call("get_product_info", product=known["slug"])).data
    run.memory.remember_products([{**found, **known}])
    return replies.product(found, asks_for_stock=asks_for_stock)


async def add_to_basket(run: Run, meaning: Meaning) -> Reply:
    known = await product(run, meaning)
    if isinstance(known, Reply):
        return known
    wanted = {"sku": known["default_sku"], "quantity": meaning.entities.get("quantity") or 1}
    shown = (await run.call("add_to_basket", **wanted)).data
    if not run.caller.user_id:
        run.memory.basket_token = shown["basket_token"]
    said = _("%(name)s is in your basket.") % {"name": isolated(known["name"])}
    return replies.basket(shown, said=said)


async def show_basket(run: Run, meaning: Meaning) -> Reply:
    return replies.basket((await run.call("get_basket")).data)


async def product(run: Run, meaning: Meaning) -> dict[str, Any] | Reply:
    """The one that is meant, as the search has it; or the question which it is."""
    name = str(meaning.entities.get("product") or "")
    if not name:
        if run.memory.products:
            return run.memory.products[0]
        return ask_for(run, meaning, "product", _("Which product is it about?"))
    colour = meaning.entities.get("colour")
    query = f"{colour} {name}" if colour else name
    results = (await _search(run, query))["results"]
    exact = [each for each in results if words.fold(each["name"]) == words.fold(name)]
    fitting = exact or results
    if len(fitting) == 1:
        run.memory.remember_products(fitting)
        return dict(fitting[0])
    if not fitting:
        run.memory.pending = {}
        return Reply(
            _("There is nothing like “%(name)s” here.") % {"name": isolated(name[:200])},
            suggestions=[_("What can you do?")],
        )
    ask_for(run, meaning, "product", "")
    names = [(each["name"], each["name"]) for each in fitting]
    return replies.choices(_("Which of these is it?"), names)


def ask_for(run: Run, meaning: Meaning, slot: str, question: str) -> Reply:
    """Ask for what is missing; the next message answers that."""
    known = {name: value for name, value in meaning.entities.items() if name != slot}
    run.memory.pending = {"intent": meaning.intent, "entities": known, "slot": slot}
    return Reply(question)


async def place_order(run: Run, meaning: Meaning) -> Reply:
    details = await _details(run, meaning)
    missing = [name for name in NEEDED if not _value(details, name)]
    if missing:
        return _ask_for_details(run, meaning, details, missing)
    wanted = ("email", "name", "address", "delivery")
    body = {name: details[name] for name in wanted if details.get(name)}
    try:
        answer = await run.call("place_order", **body)
    except Refused as refused:
        if any(each["pointer"] for each in refused.problem.errors):
            # what was told cannot be used: it is asked for again
            run.memory.details = {}
            return _ask_for_details(run, meaning, {}, list(NEEDED), said=_said(refused.problem))
        raise
    return placed(run, answer.data)


def placed(run: Run, order: Mapping[str, Any]) -> Reply:
    """The order that a yes has placed."""
    run.memory.remember_order(order["number"], "" if run.caller.user_id else order["ticket"])
    run.memory.details = {}
    return Reply(
        texts.placed(order, now=timezone.now()),
        "order",
        dict(order),
        suggestions=[_("Where is my order?")],
    )


async def _details(run: Run, meaning: Meaning) -> dict[str, Any]:
    """What is known of the buyer: told before, told now, and where they usually buy."""
    run.memory.pending = {}
    known = run.memory.details or await in_thread(_known)(run)
    told = {**run.said.details, "address": _address(run.said.details)}
    for name in NEEDED:
        if value := meaning.entities.get(name):
            told = _with(told, name, str(value))
    address = {**_address(known), **told["address"]}
    found = {**known, **told, "address": address}
    run.memory.details = found
    return found


def _address(details: Mapping[str, Any]) -> Mapping[str, Any]:
    """Nothing of what is no address."""
    told = details.get("address")
    return told if isinstance(told, Mapping) else {}


def _known(run: Run) -> dict[str, Any]:
    """A customer buys as before, until they say otherwise."""
    user_id = run.caller.customer_id
    if user_id is None or (usual := places.usual(user_id)) is None:
        return {}
    email = User.objects.values_list("email", flat=True).get(pk=user_id)
    return {"email": email, "name": usual.name, "address": dict(usual.address)}


def _ask_for_details(
    run: Run, meaning: Meaning, details: Mapping[str, Any], missing: list[str], said: str = ""
) -> Reply:
    """All at once by a form; where there is none, the first of them."""
    labels = {
        "email": _("What is your e-mail address?"),
        "name": _("Who receives it?"),
        "address.line1": _("Which street and number does it go to?"),
        "address.postal_code": _("What is the postal code?"),
        "address.city": _("Which town is that?"),
        "address.country": _("Which country is that, in two letters such as FI?"),
    }
    run.memory.pending = {"intent": "place_order", "entities": {}, "slot": missing[0]}
    fields = [
        {
            "name": name,
            "label": label,
            "type": "email" if name == "email" else "text",
            "required": True,
            "value": _value(details, name),
        }
        for name, label in labels.items()
    ]
    question = labels[missing[0]]
    if run.client.has_cards:
        question = _("Where does it go? Fill this in, or tell me one after the other.")
    return Reply("\n".join(filter(None, [said, question])), "form", {"fields": fields})


def _value(details: Mapping[str, Any], name: str) -> str:
    outer, _dot, inner = name.partition(".")
    found = details.get(outer)
    if inner:
        found = found.get(inner) if isinstance(found, Mapping) else ""
    return found if isinstance(found, str) else ""


def _with(details: dict[str, Any], name: str, value: str) -> dict[str, Any]:
    outer, _dot, inner = name.partition(".")
    if not inner:
        return {**details, outer: value}
    return {**details, outer: {**(details.get(outer) or {}), inner: value}}


def _said(problem: Problem) -> str:
    return " ".join([problem.detail, *(each["detail"] for each in problem.errors)])


async def track_order(run: Run, meaning: Meaning) -> Reply:
    number = await _number(run, meaning)
    if not number:
        return ask_for(run, meaning, "order_number", _("What is the order's number?"))
    answer = await run.call("track_order", order_id=number)
    run.memory.remember_order(number)
    return Reply(answer.text, "order", answer.data, suggestions=[_("Cancel my order")])


async def cancel_order(run: Run, meaning: Meaning) -> Reply:
    number = await _number(run, meaning)
    if not number:
        return ask_for(run, meaning, "order_number", _("What is the order's number?"))
    answer = await run.call("cancel_order", order_id=number)
    return Reply(answer.text, "order", answer.data)


async def _number(run: Run, meaning: Meaning) -> str:
    """The order that is meant: named, or spoken of before, or the customer's newest."""
    run.memory.pending = {}
    if number := meaning.entities.get("order_number"):
        return str(number)
    if run.memory.orders:
        return run.memory.orders[0]
    return await in_thread(_newest)(run)


def _newest(run: Run) -> str:
    if not run.caller.customer_id:
        return ""
    own = Order.objects.own(run.caller.to_act()).order_by("-pk")
    return own.values_list("number", flat=True).first() or ""


async def return_order(run: Run, meaning: Meaning) -> Reply:
    number = await _number(run, meaning)
    if not number:
        return ask_for(run, meaning, "order_number", _("What is the order's number?"))
    answer = await run.call("track_order", order_id=number)
    said = _("Open the page of order %(number)s and choose what to send back: there you can.")
    return Reply(said % {"number": number}, "order", answer.data)


async def ask_question(run: Run, meaning: Meaning) -> Reply:
    answer = await run.call("answer_question", question=run.said.text[:500])
    return Reply(answer.text, metadata={"confident": answer.data["confident"]}, quoted=["message"])


async def greeting(run: Run, meaning: Meaning) -> Reply:
    return Reply(_("👋 Hello! What are you looking for?"), suggestions=_can_say())


async def say_help(run: Run, meaning: Meaning) -> Reply:
    said = _(
        "I can find products, fill your basket, place and follow orders, and answer questions."
    )
    listed = "\n".join(f"- {each}" for each in _can_say())
    return Reply(said, listed=listed, suggestions=_can_say())


async def unknown(run: Run, meaning: Meaning) -> Reply:
    run.memory.pending = {}
    return Reply(
        _("I did not understand that. Ask “What can you do?” to see what I can do."),
        suggestions=_can_say(),
    )


def _can_say() -> list[str]:
    return [
        _("Do you have red mugs under 20 euros?"),
        _("What is in my basket?"),
        _("Where is my order?"),
    ]


HANDLERS: Mapping[str, Handler] = {
    "search_products": search_products,
    "product_details": product_details,
    "check_availability": check_availability,
    "add_to_basket": add_to_basket,
    "show_basket": show_basket,
    "place_order": place_order,
    "track_order": track_order,
    "cancel_order": cancel_order,
    "return_order": return_order,
    "ask_question": ask_question,
    "greeting": greeting,
    "help": say_help,
}
