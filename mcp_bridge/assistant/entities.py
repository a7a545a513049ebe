"""What a message is about: the product as it was written, how many, at which price, from when.

Prices, limits and colours are read as the search reads them (`catalog.search.reading`): there is
one rule for what "red mugs under €20" means. Amounts are in minor units of the shop's currency.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog.search import lexicon, reading
from mcp_bridge.assistant import vocabulary
from mcp_bridge.assistant.message import PERCENT, Message, Phrase
from mcp_bridge.assistant.vocabulary import Meanings

# what a number stands beside that is no price
MOST_PIECES = 99_999
LONGEST_PRODUCT_WORDS = 8
SHORTEST_ORDER_NUMBER = 4
HAS_CENTS = re.compile(r"\d+[.,\u066b]\d{1,2}")
QUOTED = re.compile(r"[\"“”„«»]\s*([^\"“”„«»]{2,80}?)\s*[\"“”„«»]")
# what parts one thing from the next
APART = frozenset(",;:!?،؛؟")
# ideas beside which a number alone is a price, and those beside which it is how many
OF_PRICES = {"price", "cost", "should_cost", "sale", "lower", "raise"}
OF_STOCK = {"stock", "restock", "received"}
BEFORE_PRICE = OF_PRICES | {"to"}
# beside which "two of them" is how many, and what is a day and a number is no day
OF_BASKETS = {"buy", "add", "into_basket"}


@dataclass
class Entities:
    """`amount` is a price without limits; what is it for, the intent tells (`of_intent`).

    `taken` has what each token of the message was taken for, empty for none of these things.
    """

    found: dict[str, Any] = field(default_factory=dict)
    taken: Sequence[str] = ()
    amount: int | None = None
    is_change: bool = False
    is_share: bool = False

    def of_intent(self, intent: str) -> dict[str, Any]:
        """By their names, as far as the intent has a use for them."""
        entities = dict(self.found)
        if self.amount is not None and intent in ("change_price", "create_product"):
            entities["money" if self.is_change and intent == "change_price" else "price"] = (
                self.amount
            )
            entities.pop("price_min", None)
            entities.pop("price_max", None)
        elif self.amount is not None and "price_max" not in entities:
            entities["money"] = self.amount
        return entities

    @property
    def marks(self) -> set[str]:
        """For patterns: each in braces."""
        names = {*self.found, *(["price"] if self.amount is not None else [])}
        if self.amount is not None:
            names -= {"price_min", "price_max"}
        return {f"{{{name}}}" for name in names}


def read(message: Message, *, currency: str) -> Entities:
    """All that a message says of these things; nothing is looked up."""
    return _Reader(message, currency).read()


class _Reader:
    def __init__(self, message: Message, currency: str) -> None:
        self.message = message
        self.tokens = message.tokens
        self.currency = currency
        self.meanings = message.meanings
        self.phrase_at: list[Phrase | None] = [None] * len(self.tokens)
        for phrase in message.phrases:
            self.phrase_at[phrase.start : phrase.stop] = [phrase] * (phrase.stop - phrase.start)
        self.said = self._with_digits()
        self.entities = Entities()
        # what a token was taken for; what is left may be the product
        self.taken: list[str] = ["" for _token in self.tokens]

    def read(self) -> Entities:
        self._special()
        self._prices_and_colour()
        self._dates()
        self._numbers()
        self._product()
        self.entities.taken = self.taken
        return self.entities

    # each rule marks the tokens that it takes

    def _special(self) -> None:
        for at, token in enumerate(self.tokens):
            if token.kind in ("order_number", "email"):
                self.entities.found.setdefault(token.kind, self.message.words(at, at + 1))
            if token.kind:
                self.taken[at] = token.kind

    def _prices_and_colour(self) -> None:
        understood, parts = reading.parts(
            self.said, language=self.message.language, currency=self.currency
        )
        for part in parts:
            if part.kind == "price" and self._begins_with_name(part):
                self._price_behind_name(part)
            elif part.kind == "price" and not self._is_share(part.stop - 1):
                self._take(part.start, part.stop, "price")
                if part.amount is not None:
                    self.entities.amount = part.amount
                    self._note_change(part.start)
            if part.kind in ("colour", "quantity"):
                self._take(part.start, part.stop, part.kind if part.kind == "colour" else "")
        if understood.colour:
            self.entities.found["colour"] = understood.colour
        if "price" in self.taken:
            limits = {"price_min": understood.price_min, "price_max": understood.price_max}
            self.entities.found |= {name: its for name, its in limits.items() if its is not None}
        self._currency()

    def _begins_with_name(self, part: reading.Part) -> bool:
        """ "iPhone 15 to 749 euros" is no span of prices where a price is changed."""
        is_changed = bool(self.meanings & {"price", "should_cost", "lower", "raise"})
        has_name = part.start > 0 and self._is_content(part.start - 1)
        numbers = self._numbers_in(part)
        return is_changed and has_name and numbers[:1] == [part.start] and len(numbers) == 2

    def _price_behind_name(self, part: reading.Part) -> None:
        _name, last = self._numbers_in(part)
        self._take(part.start + 1, part.stop, "price")
        self.entities.amount = reading.minor(self.said[last], self.currency)
        self._note_change(last)

    def _numbers_in(self, part: reading.Part) -> list[int]:
        return [
            at for at in range(part.start, part.stop) if reading.NUMBER.fullmatch(self.said[at])
        ]

    def _currency(self) -> None:
        known = lexicon.of(self.message.language)
        for at, said in enumerate(self.said):
            code = CURRENCIES.get(said) or known.longest("currency", self.said, at)[1]
            if code and self.taken[at] == "price":
                self.entities.found["currency"] = code
                return

    def _dates(self) -> None:
        """The first is from when, one after "until" is until when."""
        for at, token in enumerate(self.tokens):
            phrase = self.phrase_at[at]
            is_day = phrase is not None and self._is_day(phrase.meanings)
            if token.kind == "date":
                start, stop = at, at + 1
            elif phrase is not None and is_day and phrase.start == at:
                start, stop = phrase.start, phrase.stop
            else:
                continue
            self._take(start, stop, "date")
            name = "date_to" if "until" in self._before(start) else "date_from"
            self.entities.found.setdefault(name, self.message.words(start, stop))

    def _is_day(self, meanings: Meanings) -> bool:
        """Monday is called "two" in Arabic."""
        may_be = any(each.startswith("day:") for each in meanings)
        is_number = may_be and bool(_digits(meanings))
        return may_be and not (is_number and self.meanings & OF_BASKETS)

    def _numbers(self) -> None:
        """How many, or a price that no currency stands beside; "iPhone 15" is a name."""
        names = []
        for at, said in enumerate(self.said):
            if self.taken[at] or not reading.NUMBER.fullmatch(said):
                continue
            if self._is_share(at):
                self.taken[at] = "percent"
                self.entities.is_share = True
            elif self._is_order_number(at):
                self.entities.found.setdefault("order_number", self.message.words(at, at + 1))
                self.taken[at] = "order_number"
            elif lexicon.of(self.message.language).longest("units", self.said, at + 1)[0]:
                continue
            elif self._is_price(at):
                self._price(at)
            elif at and self._is_content(at - 1) and not self._is_counted(at):
                names.append(at)
            else:
                self._quantity(at)
        if names and "quantity" not in self.entities.found and self.meanings & OF_STOCK:
            self._quantity(names[-1])

    def _price(self, at: int) -> None:
        self.entities.amount = reading.minor(self.said[at], self.currency)
        self.taken[at] = "price"
        self._note_change(at)

    def _note_change(self, at: int) -> None:
        """ "Raise it by 5 euros" names no price."""
        is_moved = bool(self.meanings & {"raise", "lower"})
        self.entities.is_change = is_moved and "to" not in self._before(at)

    def _quantity(self, at: int) -> None:
        count = reading.whole(self.said[at])
        if count is not None:
            self.taken[at] = "quantity"
            self.entities.found.setdefault("quantity", min(count, MOST_PIECES))

    def _is_share(self, at: int) -> bool:
        """20 %, or 20 percent."""
        behind = self.message.text[self.tokens[at].stop :].lstrip()[:1]
        following = self.phrase_at[at + 1] if at + 1 < len(self.tokens) else None
        is_said = following is not None and "percent" in following.meanings
        return is_said or (behind != "" and behind in PERCENT)

    def _is_order_number(self, at: int) -> bool:
        token = self.tokens[at]
        has_mark = self.message.text[: token.start].rstrip().endswith("#")
        is_order = bool(self._before(at) & {"order", "my_order", "number", "parcel", "status"})
        return token.text.isdecimal() and (
            has_mark or (is_order and len(token.text) >= SHORTEST_ORDER_NUMBER)
        )

    def _is_price(self, at: int) -> bool:
        if self.meanings & OF_STOCK and not HAS_CENTS.fullmatch(self.said[at]):
            return False
        is_beside = bool(self._before(at) & BEFORE_PRICE) and bool(self.meanings & OF_PRICES)
        return bool(HAS_CENTS.fullmatch(self.said[at])) or is_beside

    def _is_counted(self, at: int) -> bool:
        return lexicon.of(self.message.language).longest("pieces", self.said, at + 1)[0] > 0

    def _product(self) -> None:
        if quoted := QUOTED.search(self.message.text):
            self.entities.found["product"] = quoted[1]
            return
        runs = list(self._runs())
        named = [run for run in runs if "called" in self._before(run[0])]
        if best := max(named or runs, key=lambda run: sum(map(self._weight, run)), default=[]):
            shown = best[:LONGEST_PRODUCT_WORDS]
            self.entities.found["product"] = self.message.words(shown[0], shown[-1] + 1)

    def _runs(self) -> Iterator[Sequence[int]]:
        """Words that may be a product's, with small words and colours in between."""
        run: list[int] = []
        joints: list[int] = []
        for at in range(len(self.tokens)):
            if run and self._is_apart(at):
                yield run
                run, joints = [], []
            if self._is_content(at):
                run += [*joints, at] if run else [at]
                joints = []
            elif run and self._is_joint(at) and len(joints) < 2:
                joints.append(at)
            else:
                if run:
                    yield run
                run, joints = [], []
        if run:
            yield run

    def _is_content(self, at: int) -> bool:
        return self.taken[at] in ("", "sku") and self._meanings(at) <= {"number"}

    def _weight(self, at: int) -> int:
        """A letter alone is what is left of "I'd", as a rule."""
        return int(self._is_content(at)) * min(len(self.said[at]), 2)

    def _is_joint(self, at: int) -> bool:
        small = lexicon.of(self.message.language).phrases["stop"]
        return self.taken[at] == "colour" or (self.said[at],) in small

    def _is_apart(self, at: int) -> bool:
        """By a comma or the like from the word before it."""
        between = self.message.text[self.tokens[at - 1].stop : self.tokens[at].start]
        return not APART.isdisjoint(between)

    def _meanings(self, at: int) -> Meanings:
        phrase = self.phrase_at[at]
        return frozenset() if phrase is None else phrase.meanings

    def _before(self, at: int) -> set[str]:
        """What the two phrases just before say."""
        said: set[str] = set()
        for place in range(at - 1, max(at - 3, -1), -1):
            said |= set(self._meanings(place))
        return said

    def _take(self, start: int, stop: int, kind: str) -> None:
        for at in range(start, stop):
            self.taken[at] = self.taken[at] or kind

    def _with_digits(self) -> list[str]:
        """The words, numbers in digits: "two" is "2"; of a longer phrase the rest is left empty.

        But "two of them", which says that somebody buys, says how many as well.
        """
        said = ["" if token.kind else token.text for token in self.tokens]
        for phrase in self.message.phrases:
            if digits := _digits(phrase.meanings):
                rest = [""] * (phrase.stop - phrase.start - 1)
                said[phrase.start : phrase.stop] = [digits, *rest]
            elif phrase.meanings & OF_BASKETS:
                known = vocabulary.of(self.message.language)
                for at in range(phrase.start, phrase.stop):
                    alone = known.match([known.forms(said[at])], 0, is_start=False)
                    said[at] = (alone and _digits(alone.meanings)) or said[at]
        return said


def _digits(meanings: Meanings) -> str:
    """The number that a phrase means; empty if it means none."""
    numbers = (each for each in meanings if each.startswith("number:"))
    return next(numbers, "").removeprefix("number:")


CURRENCIES: Mapping[str, str] = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR"}
