"""What the assistant answers: words, and what a page draws beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from mcp_bridge import texts
from mcp_bridge.assistant.client_types import ClientType
from museo.directions import isolated

MOST_LISTED = 5


@dataclass(frozen=True)
class Reply:
    """`text` as a chat has it, with emoji and `**bold**`; `listed` repeats in words what `data`

    shows, for who has no cards. `quoted` names fields of what is shown that others have written.
    """

    text: str
    kind: str = "text"
    shown: Any = None
    listed: str = ""
    suggestions: Sequence[str] = ()
    quoted: Sequence[str] = ()
    outcome: str = "done"
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def field(self) -> str:
        """Of `data`, where it is shown."""
        return {"orders": "table", "sheets": "table"}.get(self.kind, self.kind)

    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = {"kind": self.kind, "suggestions": list(self.suggestions)}
        if self.shown is not None:
            found[self.field] = self.shown
        return found

    def words(self, client: ClientType) -> str:
        parts = [self.text] if client.has_cards else [self.text, self.listed]
        return client.dressed("\n".join(part for part in parts if part))


def products(found: Mapping[str, Any], *, is_near: bool = False) -> Reply:
    """What the search has found; `found` as `search_products` says it, for less if `is_near`."""
    results = found["results"]
    if not results:
        return Reply(
            _("I found nothing for that. Say it in other words, or ask for a kind of thing."),
            suggestions=[_("What can you do?")],
        )
    first = results[0]
    if len(results) == 1:
        said = _("There is one: %(name)s, %(price)s.") % _named(first)
    else:
        said = _("I found %(count)s. The first is %(name)s, %(price)s.") % {
            "count": f"{len(results)}+" if found.get("next") else len(results),
            **_named(first),
        }
    if is_near:
        said = _("Nothing is quite that; this is near it. %(found)s") % {"found": said}
    return Reply(
        said,
        "products",
        {"results": results},
        listed="\n".join(f"- {_line(each)}" for each in results[:MOST_LISTED]),
        suggestions=[_("Add it to my basket"), _("Tell me more about it")],
        quoted=["results"],
    )


def product(found: Mapping[str, Any], *, asks_for_stock: bool) -> Reply:
    """One product; `found` as `get_product_info` says it."""
    stock = _("In stock.") if found["in_stock"] else _("Sold out at the moment.")
    said = stock if asks_for_stock else (found.get("subtitle") or "")
    return Reply(
        " ".join(filter(None, ["**{name}**, {price}.".format(**_named(found)), said])),
        "product",
        dict(found),
        listed=str(found.get("description", ""))[:600] if not asks_for_stock else "",
        suggestions=[_("Add it to my basket")] if found["in_stock"] else [],
        quoted=["name", "subtitle", "description", "attributes", "questions"],
    )


def basket(shown: Mapping[str, Any], *, said: str = "") -> Reply:
    """The basket; without its token, which the conversation keeps."""
    lines = shown["lines"]
    card = {name: value for name, value in shown.items() if name not in ("token", "basket_token")}
    if not lines:
        return Reply(
            _("Your basket is empty."),
            "basket",
            card,
            suggestions=[_("Do you have red mugs under 20 euros?")],
        )
    total = next((each for each in shown["totals"] if each["type"] == "total"), shown["totals"][-1])
    worth = _("In your basket is %(count)s, for %(total)s.") % {
        "count": sum(line["quantity"] for line in lines),
        "total": texts.money(total),
    }
    return Reply(
        " ".join(filter(None, [said, worth])),
        "basket",
        card,
        listed="\n".join(
            f"- {line['quantity']} x {line['name']}: {texts.money(line['total'])}" for line in lines
        ),
        suggestions=[_("I want to pay")],
        quoted=["lines", "messages"],
    )


def choices(question: str, names: Sequence[tuple[str, str]]) -> Reply:
    """One of several is asked for: what each is called, and what to say for it."""
    return Reply(
        question,
        "choices",
        [{"label": label, "message": message} for label, message in names],
        listed="\n".join(f"- {label}" for label, _message in names),
        outcome="done",
    )


def table(kind: str, said: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Reply:
    return Reply(
        said,
        kind,
        {"columns": list(columns), "rows": [list(row) for row in rows]},
        listed="\n".join("- " + ", ".join(str(each) for each in row) for row in rows[:MOST_LISTED]),
        quoted=["rows"],
    )


def _named(product: Mapping[str, Any]) -> dict[str, str]:
    return {"name": isolated(product["name"]), "price": texts.money(product["price"])}


def _line(product: Mapping[str, Any]) -> str:
    stock = "" if product["in_stock"] else f" ({_('Sold out at the moment.').rstrip('.')})"
    return "{name}, {price}".format(**_named(product)) + stock
