"""What the intent tools say: an intent that was heard, what is missing for it, what to ask next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from catalog import products, shop
from catalog.search import words
from mcp_bridge.assistant import days, intents, vocabulary
from mcp_bridge.assistant.intents import UNKNOWN, Intent
from mcp_bridge.assistant.understanding import Understanding, understand
from mcp_bridge.calls import Call
from mcp_bridge.registry import works_for_shop
from museo.access.problems import Invalid, field_error
from museo.directions import isolated

# who is less sure than this looks whether it was said in another language
SURE = 0.6
MOST_SUGGESTIONS = 5
MOST_CHOICES = 5
LONGEST_NAME = 200

Data = dict[str, Any]


class UnknownIntent(Invalid):
    code = "unknown_intent"


def heard(call: Call, text: str) -> Understanding:
    """In the caller's language, or another of the shop's in which it is understood far better."""
    own = _read(call, text, call.locale)
    if own.pattern and _is_sure(own):
        return own
    others = [_read(call, text, each) for each in vocabulary.LANGUAGES if each != own.language]
    best = max(others, key=lambda each: (_is_sure(each), bool(each.pattern), each.confidence))
    # who has learned from sentences says something of any words; a pattern knows them
    is_better = best.confidence > own.confidence and bool(best.pattern)
    return best if _is_sure(best) and (is_better or not _is_sure(own)) else own


def _is_sure(found: Understanding) -> bool:
    return found.intent != UNKNOWN and found.confidence >= SURE


def _read(call: Call, text: str, locale: str) -> Understanding:
    return understand(
        text,
        language=locale.partition("-")[0],
        currency=shop.currency(),
        is_staff=works_for_shop(call.caller),
    )


def analysis(call: Call, text: str) -> Data:
    """The answer of `analyze_intent`."""
    found = heard(call, text)
    entities = with_days(call, found.entities)
    if found.intent == "search_products":
        entities["query"] = text.strip()[:LONGEST_NAME]
    return {
        "intent": found.intent,
        "confidence": found.confidence,
        "language": found.language,
        "entities": entities,
        "pattern": found.pattern,
        "alternatives": [
            {"intent": name, "confidence": confidence} for name, confidence in found.alternatives
        ],
        **_mapped(call, found.intent, entities),
    }


def mapping(call: Call, intent: str, entities: Mapping[str, Any]) -> Data:
    """The answer of `validate_mapping`: products are looked up; raise UnknownIntent."""
    if intent not in intents.ALL:
        names = ", ".join(each.name for each in _offered(call))
        detail = _("There is no such intent. The intents are: %(names)s.") % {"names": names}
        raise UnknownIntent(detail, errors=[field_error("/intent", "invalid", detail)])
    mapped = _mapped(call, intent, entities)
    choices: list[Data] = []
    name = entities.get("product")
    if isinstance(name, str) and name and mapped["allowed"]:
        choices = _choices(call, name)
        mapped = _with_product(intents.ALL[intent], mapped, choices, name)
    return {"intent": intent, "valid": not mapped["missing"], **mapped, "choices": choices}


def _mapped(call: Call, name: str, entities: Mapping[str, Any]) -> Data:
    intent = intents.ALL.get(name)
    if intent is None:
        return _nothing(
            _("I did not understand that. Ask “What can you do?” to see what I can do.")
        )
    if intent.is_for_staff and not works_for_shop(call.caller):
        said = _("Only staff can use %(tool)s.") % {"tool": intent.tool or intent.name}
        return {**_nothing(said), "tool": intent.tool, "allowed": False}
    missing = intents.missing(intent, entities)
    questions = [_(intents.QUESTIONS[each]) for each in missing]
    return {
        "tool": intent.tool,
        "arguments": intents.arguments(intent, entities),
        "allowed": True,
        "missing": missing,
        "asks_for_a_yes": intent.asks,
        "message": " ".join([_(intent.title) + ".", *questions]),
    }


def _nothing(said: str) -> Data:
    return {
        "tool": "",
        "arguments": {},
        "allowed": True,
        "missing": [],
        "asks_for_a_yes": False,
        "message": said,
    }


# products


def _choices(call: Call, name: str) -> list[Data]:
    page = products.listing(
        locale=call.locale, now=call.now, query=name[:LONGEST_NAME], limit=MOST_CHOICES
    )
    fields = ("id", "slug", "name", "default_sku")
    return [{field: card[field] for field in fields} for card in page.results]


def _with_product(intent: Intent, mapped: Data, choices: list[Data], name: str) -> Data:
    """With the one product that is meant, or the question which of them it is."""
    if intent.name in ("search_products", "create_product"):
        return mapped
    exact = [each for each in choices if words.fold(each["name"]) == words.fold(name)]
    meant = exact or choices
    if len(meant) == 1:
        known = {
            "sku": meant[0]["default_sku"],
            "product": meant[0]["id" if intent.is_for_staff else "slug"],
        }
        found = {key: known.get(key, value) for key, value in mapped["arguments"].items()}
        return {**mapped, "arguments": found}
    said = (
        _("Which of these is it: %(names)s?")
        % {"names": ", ".join(isolated(e["name"]) for e in meant)}
        if meant
        else _("There is nothing like “%(name)s” here.") % {"name": isolated(name[:LONGEST_NAME])}
    )
    still = list(dict.fromkeys([*mapped["missing"], "product"]))
    return {**mapped, "missing": still, "message": f"{mapped['message']} {said}"}


def with_days(call: Call, entities: Mapping[str, Any]) -> Data:
    """Days as they were said are dates by the shop's clock; what is none stays as it is."""
    today = call.now.astimezone(shop.current().zone).date()
    return {
        name: days.date_of(value, today=today) if name in ("date_from", "date_to") else value
        for name, value in entities.items()
    }


# suggestions


def suggestions(call: Call, text: str) -> Data:
    """The answer of `get_suggestions`: sentences that begin so, or that fit what was said."""
    said = " ".join(words.split(text))
    offered = _sentences(call)
    begin = [each for each in offered.values() if said and _folded(each).startswith(said)]
    hold = [each for each in offered.values() if said and f" {said}" in f" {_folded(each)}"]
    likely = [offered[name] for name in _likely(call, text) if name in offered]
    rest = list(offered.values()) if not (begin or hold or likely) else []
    found = list(dict.fromkeys([*begin, *hold, *likely, *rest]))[:MOST_SUGGESTIONS]
    return {"text": text, "suggestions": found}


def _likely(call: Call, text: str) -> list[str]:
    found = heard(call, text)
    return [found.intent, *(name for name, _confidence in found.alternatives)]


def _folded(text: str) -> str:
    return " ".join(words.split(text))


def _offered(call: Call) -> tuple[Intent, ...]:
    return (*intents.SHOPPERS, *intents.STAFF) if works_for_shop(call.caller) else intents.SHOPPERS


def _sentences(call: Call) -> dict[str, str]:
    """An example of each intent that is open to the caller, in their language."""
    said = {
        "search_products": _("Do you have red mugs under 20 euros?"),
        "product_details": _("Tell me more about the iPhone 15"),
        "check_availability": _("Is the iPhone 15 in stock?"),
        "add_to_basket": _("Add two red mugs to my basket"),
        "show_basket": _("What is in my basket?"),
        "place_order": _("I want to pay"),
        "track_order": _("Where is my order?"),
        "cancel_order": _("Cancel my order"),
        "return_order": _("I want to send something back"),
        "ask_question": _("How long does delivery take?"),
        "help": _("What can you do?"),
        "create_product": _("Create a new product"),
        "update_product": _("Change the description of a product"),
        "change_price": _("Change the price of a product"),
        "change_stock": _("Add 20 pieces to the stock"),
        "list_products": _("List all products"),
        "delete_product": _("Delete a product"),
        "import_products": _("Import products from a file"),
        "list_orders": _("Which orders are late?"),
        "show_statistics": _("How much did we sell today?"),
    }
    names = {each.name for each in _offered(call)}
    return {name: sentence for name, sentence in said.items() if name in names}
