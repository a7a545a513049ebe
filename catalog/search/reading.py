"""What a shopper wants, read from the words: "red mugs under €20", "haben Sie ein iPhone 15?".

A reading holds the words that are left to look for and what the others said: limits of the price,
a colour, whether it must be in stock, the order, how many. What it is not sure of stays a word: a
number is a price only beside a currency or behind "under" and its like, and how many only behind
"I need" or before "x". The phrases are data (`lexicon/`); nothing here knows a language.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

from catalog import money, shop
from catalog.search import lexicon, words

# what anybody types who looks for something; the rest is not read
LONGEST_QUERY = 200
MOST_WORDS = 8
# minor units; the database counts further
DEAREST = 10**15
# of a price: "around 20" is 16 to 24
AROUND = Decimal("0.2")
MOST_PIECES = 999

SIGNS = "€$£¥₹"
# what stands between digits: Arabic has signs of its own, the Swiss an apostrophe
POINTS = "[.,\u066b\u066c\u2019']"
DIGITS = rf"\d+(?:{POINTS}\d+)*"
NUMBER = re.compile(DIGITS)
ARABIC = "\u0621-\u064a"
# a dash is one only before an amount; Arabic writes "and" onto a number: "و20"
TOKEN = re.compile(
    rf"{DIGITS}(?![^\W_{ARABIC}])|[{ARABIC}]+(?=\d)|[^\W_]+|[{SIGNS}]"
    rf"|[-\u2013\u2014](?=\s*[\d{SIGNS}])|[<>]"
)
WITH_CURRENCY = re.compile(r"(\d+)([^\W\d_]+)")
SKU = re.compile(r"[^\W_]+([-_][^\W_]+)+")


@dataclass(frozen=True)
class Reading:
    """Prices are in minor units of the shop's currency."""

    words: tuple[str, ...]
    language: str
    price_min: int | None = None
    price_max: int | None = None
    colour: str = ""
    in_stock: bool = False
    sort: str = ""
    quantity: int | None = None
    # a category whose name is among the words
    category: str = ""
    # words as typed and as they were probably meant
    corrected: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_limits(self) -> bool:
        """Whether it says more than its words do."""
        return bool(
            self.price_min is not None
            or self.price_max is not None
            or self.colour
            or self.in_stock
            or self.sort
        )


def plain(query: str, *, language: str) -> Reading:
    """The words as they stand, whatever they may mean."""
    return Reading(tuple(words.split(query[:LONGEST_QUERY])[:MOST_WORDS]), language)


def read(query: str, *, language: str) -> Reading:
    """As its language reads it, or the shop's where that leaves fewer words to look for."""
    here = shop.current()
    return _reading(query[:LONGEST_QUERY], (language, here.default_language), here.currency)


@lru_cache(1024)
def _reading(query: str, languages: tuple[str, ...], currency: str) -> Reading:
    if SKU.fullmatch(words.fold(query.strip())):
        return plain(query, language=languages[0])
    readings = [_read(query, each, currency) for each in dict.fromkeys(languages)]
    return min(readings, key=lambda reading: len(reading.words))


@dataclass(frozen=True)
class Part:
    """What the tokens from `start` until `stop` were taken for.

    `amount` is that of a price without limits, as in "20 euros" or "around 20".
    """

    kind: str
    start: int
    stop: int
    amount: int | None = None


def parts(tokens: Sequence[str], *, language: str, currency: str) -> tuple[Reading, list[Part]]:
    """What folded tokens of any sentence say, with the place of each thing in it."""
    reader = _Reader(tokens, lexicon.of(language), currency)
    return reader.read(), reader.parts


def spans(folded: str, *, language: str) -> Iterator[tuple[int, int]]:
    """Where the tokens of a folded text are."""
    known = lexicon.of(language).phrases["currency"]
    for token in TOKEN.finditer(folded):
        joined = WITH_CURRENCY.fullmatch(token[0])
        if joined and (joined[2],) in known:
            middle = token.start() + joined.end(1)
            yield token.start(), middle
            yield middle, token.end()
        else:
            yield token.span()


def _read(query: str, language: str, currency: str) -> Reading:
    reader = _Reader(_tokens(query, language), lexicon.of(language), currency)
    reading = reader.read()
    if reading.words or reading.has_limits:
        return reading
    return plain(query, language=language)


def _tokens(query: str, language: str) -> tuple[str, ...]:
    folded = words.fold(query)
    return tuple(folded[start:stop] for start, stop in spans(folded, language=language))


class _Reader:
    """Goes over the tokens once; at each the first rule that fits takes what it can."""

    def __init__(self, tokens: Sequence[str], known: lexicon.Lexicon, currency: str) -> None:
        self.tokens = tokens
        self.known = known
        self.currency = currency
        self.parts: list[Part] = []
        self.amount: int | None = None
        self.words: list[str] = []
        self.weak_words: list[str] = []
        self.limits: dict[str, int | None] = {}
        self.colour = ""
        self.in_stock = False
        self.sort = ""
        self.quantity: int | None = None

    def read(self) -> Reading:
        rules = {
            "price": self._price,
            "quantity": self._quantity,
            "wish": self._wish,
            "colour": self._colour,
            "filler": self._filler,
            "word": self._word,
        }
        at = 0
        while at < len(self.tokens):
            for kind, rule in rules.items():
                self.amount = None
                if taken := rule(at):
                    self.parts.append(Part(kind, at, at + taken, self.amount))
                    break
            at += taken
        return Reading(
            words=tuple((self.words or self._words_after_all())[:MOST_WORDS]),
            language=self.known.language,
            price_min=self.limits.get("price_min"),
            price_max=self.limits.get("price_max"),
            colour=self.colour,
            in_stock=self.in_stock,
            sort=self.sort,
            quantity=self.quantity,
        )

    def _words_after_all(self) -> list[str]:
        """A query of small words only looks for these: "the who"."""
        says_more = self.limits or self.colour or self.in_stock or self.sort
        return [] if says_more else self.weak_words

    # each rule returns how many tokens it has taken

    def _price(self, at: int) -> int:
        return self._between(at) or self._limited(at) or self._bare_amount(at)

    def _between(self, at: int) -> int:
        """ "between 10 and 20", "10-20 €"."""
        intro = self._longest("between", at)
        low, first, has_currency = self._amount(at + intro)
        if not first:
            return 0
        link = self._longest("and", at + intro + first) or self._is(at + intro + first, DASHES)
        high, second, has_currency_too = self._amount(at + intro + first + link)
        has_currency = has_currency or has_currency_too
        taken = intro + first + link + second
        if not (link and second) or not (has_currency or (intro and not self._unit(at + taken))):
            return 0
        self.limits |= {"price_min": min(low, high), "price_max": max(low, high)}
        return taken

    def _limited(self, at: int) -> int:
        """ "under 20", "at least 20 euros", "20 euros or less"."""
        for kind, sign in (("under", "<"), ("over", ">"), ("around", "")):
            intro = self._longest(kind, at) or self._is(at, sign)
            amount, taken, has_currency = self._amount(at + intro, group=GROUP)
            is_sure = has_currency or not self._longest("weak", at)
            if intro and taken and is_sure and not self._unit(at + intro + taken):
                self._limit(kind, amount)
                return intro + taken
        amount, taken, has_currency = self._amount(at, group=SURE_GROUP)
        for kind in ("or_less", "or_more"):
            behind = self._longest(kind, at + taken)
            if taken and has_currency and behind:
                self._limit("under" if kind == "or_less" else "over", amount)
                return taken + behind
        return 0

    def _bare_amount(self, at: int) -> int:
        """ "20 euros" alone is around 20 euros."""
        amount, taken, has_currency = self._amount(at, group=SURE_GROUP)
        if not has_currency:
            return 0
        self._limit("around", amount)
        return taken

    def _limit(self, kind: str, amount: int) -> None:
        if kind == "around":
            self.amount = amount
        around = int(amount * AROUND) if kind == "around" else 0
        if kind != "over":
            self.limits["price_max"] = amount + around
        if kind != "under":
            self.limits["price_min"] = amount - around

    def _amount(self, at: int, *, group: re.Pattern[str] | None = None) -> tuple[int, int, bool]:
        """Minor units, how many tokens they took, whether a currency stood there."""
        before = self._currency(at)
        digits = self._token(at + before)
        if not NUMBER.fullmatch(digits):
            return 0, 0, False
        taken = before + 1
        while group and len(digits) <= 9 and group.fullmatch(self._token(at + taken)):
            digits, taken = digits + self._token(at + taken), taken + 1
        after = self._currency(at + taken)
        return minor(digits, self.currency), taken + after, bool(before or after)

    def _currency(self, at: int) -> int:
        return self._is(at, SIGNS) or self._longest("currency", at)

    def _quantity(self, at: int) -> int:
        """ "I need 3", "2 x": how many, not what."""
        intro = self._longest("wanting", at)
        count = self._token(at + intro)
        pieces = self._longest("pieces", at + intro + 1)
        if intro and not count.isdigit():
            return intro
        is_count = count.isdigit() and len(count) <= 3 and (intro or (pieces and not self.words))
        if not is_count or self._unit(at + intro + 1):
            return intro
        self.quantity = min(int(count), MOST_PIECES) or None
        return intro + 1 + pieces

    def _wish(self, at: int) -> int:
        if stocked := self._longest("in_stock", at):
            self.in_stock = True
            return stocked
        for kind, sort in (("cheapest", "price"), ("dearest", "-price"), ("newest", "newest")):
            if taken := self._longest(kind, at):
                self.sort = sort
                return taken
        return 0

    def _colour(self, at: int) -> int:
        """The first colour; a second one is a word as others are."""
        if self.colour:
            return 0
        taken, self.colour = self.known.longest("colours", self.tokens, at)
        return taken

    def _filler(self, at: int) -> int:
        taken = self._longest("fillers", at) or self._longest("stop", at)
        self.weak_words += self.tokens[at : at + taken]
        return taken

    def _word(self, at: int) -> int:
        self.words += words.split(self.tokens[at])
        return 1

    def _unit(self, at: int) -> int:
        return self._longest("units", at)

    def _longest(self, kind: str, at: int) -> int:
        return self.known.longest(kind, self.tokens, at)[0]

    def _token(self, at: int) -> str:
        return self.tokens[at] if at < len(self.tokens) else ""

    def _is(self, at: int, signs: str) -> int:
        token = self._token(at)
        return int(len(token) == 1 and token in signs)


DASHES = "-\u2013\u2014"
# "1 000,50": three digits that go on; in "Pixel 8 500 €" they do not
GROUP = re.compile(r"\d{3}([.,]\d{1,2})?")
SURE_GROUP = re.compile(r"000|\d{3}[.,]\d{1,2}")


def whole(digits: str) -> int | None:
    """ "1,150" and "1.150" are 1150; None for what has a part of one, as "1.5" has."""
    *groups, last = re.split(POINTS, digits)
    if groups and len(last) <= 2:
        return None
    return int("".join([*groups, last])[:20])


def minor(digits: str, currency: str) -> int:
    """ "1.299,50" and "1,299.5" are both 129950; "1.299" is 129900."""
    *groups, last = re.split(POINTS, digits)
    has_cents = bool(groups) and len(last) <= 2
    whole = "".join(groups) if has_cents else "".join([*groups, last])
    amount = Decimal(f"{whole[:20]}.{last if has_cents else 0}")
    return min(int(amount.scaleb(money.digits(currency))), DEAREST)
