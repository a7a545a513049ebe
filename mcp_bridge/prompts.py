"""Ready beginnings of a conversation, for people to choose: an order, a question, a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import mcp_types as types
import orjson
from django.utils.translation import gettext as _

from mcp_bridge.registry import refusal, works_for_shop
from museo.access.callers import Caller
from museo.access.problems import Invalid, field_error
from orders import stats

LONGEST_ARGUMENT = 500
DAY = timedelta(hours=24)
Write = Callable[[Caller, Mapping[str, str], datetime], str]


@dataclass(frozen=True)
class Prompt:
    """`write` makes of what was given what the person would say."""

    scope: str
    is_for_staff: bool
    write: Write
    definition: types.Prompt

    def is_open_to(self, caller: Caller) -> bool:
        return not self.is_closed_to(caller) and (not self.scope or self.scope in caller.scopes)

    def is_closed_to(self, caller: Caller) -> bool:
        return self.is_for_staff and not works_for_shop(caller)


def _prompt(
    write: Write,
    title: str,
    description: str,
    *arguments: types.PromptArgument,
    scope: str = "",
    is_for_staff: bool = False,
) -> Prompt:
    name = write.__name__
    definition = types.Prompt(
        name=name, title=title, description=description, arguments=list(arguments)
    )
    return Prompt(scope, is_for_staff, write, definition)


def order_something(caller: Caller, given: Mapping[str, str], now: datetime) -> str:
    wish = given.get("wish", "")
    said = _("I would like to order: “%(wish)s”.") % {"wish": wish} if wish else ""
    return "\n".join(
        filter(
            None,
            [
                said or _("I would like to order something. Ask me what."),
                _(
                    "Find it with search_products and show me what fits, with prices. Put what I "
                    "choose into the basket, ask me for address and e-mail, show me the summary of "
                    "place_order, and buy only after I have said yes. Then tell me of every step."
                ),
            ],
        )
    )


def where_is_my_order(caller: Caller, given: Mapping[str, str], now: datetime) -> str:
    if number := given.get("order_id", ""):
        said = _("Where is my order %(number)s?") % {"number": number}
        return f"{said}\n" + _("Look with track_order, and tell me when it moves on, unasked.")
    said = _("Where are my orders?")
    return f"{said}\n" + _("Read museo://me/orders, and tell me when one moves on, unasked.")


def daily_report(caller: Caller, given: Mapping[str, str], now: datetime) -> str:
    figures = orjson.dumps(stats.overview(caller, window=DAY, now=now)).decode()
    return "\n".join(
        [
            _(
                "Write a short report of the last 24 hours in the shop: orders, what is late or "
                "held, how long the steps took, and what needs somebody now. Look at single orders "
                "with list_orders where the figures are unusual."
            ),
            _("The figures:"),
            figures,
        ]
    )


ALL: dict[str, Prompt] = {
    each.definition.name: each
    for each in (
        _prompt(
            order_something,
            "Order something",
            "Find something, put it into the basket and buy it, with your yes.",
            types.PromptArgument(name="wish", description="What you would like."),
            scope="checkout:write",
        ),
        _prompt(
            where_is_my_order,
            "Where is my order?",
            "How an order stands, and every further step unasked.",
            types.PromptArgument(name="order_id", description="Its number, ORD-…."),
        ),
        _prompt(
            daily_report,
            "Daily report",
            "How the shop did in the last 24 hours, for staff.",
            scope="orders:write",
            is_for_staff=True,
        ),
    )
}


def get(caller: Caller, name: str, given: Mapping[str, str], *, now: datetime) -> str:
    """What the person would say; raise Invalid, NotAllowed, and what the services raise."""
    prompt = ALL.get(name)
    if prompt is None:
        raise Invalid(
            _("There is no such prompt. The prompts are: %(names)s.") % {"names": ", ".join(ALL)}
        )
    if not prompt.is_open_to(caller):
        raise refusal(prompt.scope, is_for_staff=prompt.is_closed_to(caller))
    known = [argument.name for argument in prompt.definition.arguments or ()]
    for argument, value in given.items():
        if argument not in known:
            raise _invalid(
                _("There is no such argument. The arguments are: %(names)s.")
                % {"names": ", ".join(known) or _("none")}
            )
        if len(value) > LONGEST_ARGUMENT:
            raise _invalid(_("Write at most %(most)s characters.") % {"most": LONGEST_ARGUMENT})
    return prompt.write(caller, given, now)


def _invalid(detail: str) -> Invalid:
    return Invalid(detail, errors=[field_error("", "invalid", detail)])
