"""Answers to what shoppers ask, out of what the shop has written: texts, facts, answered questions.

Nothing is made up. A passage answers when it holds most of the words that were asked for; if none
does, that is said. All passages are words of others: whoever shows them quotes them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalog import products
from catalog.money import Money
from catalog.search import lexicon, words

LONGEST = 500
# words of a question that are looked for
MOST_WORDS = 8
# products whose texts are read, where none is named
MOST_PRODUCTS = 3
MOST_SOURCES = 3
# this part of the words in a passage is an answer
ENOUGH = 0.6
SENTENCE = re.compile(r"(?<=[.!?؟。])\s+|\n+")
# words of questions that say nothing
IDLE = ("asking", "stop", "fillers", "wanting", "weak")
# the better source of two that say as much
KINDS = ("question", "attribute", "option", "stock", "price", "description")


@dataclass(frozen=True)
class Passage:
    """`heard` is what is compared with the question, `text` what is said."""

    kind: str
    text: str
    heard: str
    product: Mapping[str, Any]


def answer(question: str, *, product: str = "", locale: str, now: datetime) -> dict[str, Any]:
    """`{"answer", "confident", "sources"}`; of one product, or of those that the question is about.

    Raises UnknownProduct.
    """
    asked = _content(question, locale)
    about = (
        [products.detail(product, locale=locale, now=now)]
        if product
        else _meant(asked, locale=locale, now=now)
    )
    rated = sorted(
        ((_share(asked, passage, locale), passage) for each in about for passage in _said(each)),
        key=lambda pair: (-pair[0], KINDS.index(pair[1].kind)),
    )
    found = [(share, passage) for share, passage in rated if share > 0][:MOST_SOURCES]
    is_confident = bool(found) and found[0][0] >= ENOUGH
    return {
        "answer": found[0][1].text if is_confident else _unsure(),
        "confident": is_confident,
        "sources": [_source(passage) for _share_of, passage in found],
    }


def _unsure() -> str:
    return _(
        "I am not sure: the shop's texts do not say. Ask on the product's page; staff answer there."
    )


def _source(passage: Passage) -> dict[str, str]:
    slug = passage.product["slug"]
    return {
        "type": passage.kind,
        "product": slug,
        "name": passage.product["name"],
        "text": passage.text,
        "url": f"{settings.MUSEO_PUBLIC_URL}/p/{slug}",
    }


# what is asked


def _content(text: str, locale: str) -> set[str]:
    """The stems of the words that say something."""
    known = lexicon.of(locale.partition("-")[0])
    labels = set(words.split(f"{_price_said()} {_stock_said(is_there=True)}"))
    said, found, place = words.split(text[:LONGEST]), set(), 0
    while place < len(said):
        word = said[place]
        idle = max(known.longest(kind, said, place)[0] for kind in IDLE)
        if not idle or (word in labels and (word,) not in known.phrases["stop"]):
            found.add(known.stem(word))
        place += max(1, idle)
    return found


def _stems(text: str, locale: str) -> set[str]:
    known = lexicon.of(locale.partition("-")[0])
    return {known.stem(word) for word in words.split(text)}


def _meant(asked: Collection[str], *, locale: str, now: datetime) -> Sequence[Mapping[str, Any]]:
    """The products that most of the words find."""
    hits: Counter[str] = Counter()
    for word in sorted(asked, key=len, reverse=True)[:MOST_WORDS]:
        page = products.listing(locale=locale, now=now, query=word, is_plain=True, limit=10)
        hits.update(card["slug"] for card in page.results)
    best = [slug for slug, _count in hits.most_common(MOST_PRODUCTS)]
    return [products.detail(slug, locale=locale, now=now) for slug in best]


# what is said


def _said(product: Mapping[str, Any]) -> Iterator[Passage]:
    for each in product["questions"]:
        heard = f"{each['question']} {each['answer']}"
        yield Passage("question", each["answer"], heard, product)
    for name, value in product["attributes"].items():
        text = f"{name}: {value}"
        yield Passage("attribute", text, text, product)
    for option in product["options"]:
        text = f"{option['name']}: {', '.join(value['label'] for value in option['values'])}"
        yield Passage("option", text, text, product)
    yield from _offers(product)
    for sentence in SENTENCE.split(f"{product['subtitle']}\n{product['description']}"):
        if sentence.strip():
            yield Passage("description", sentence.strip(), sentence, product)


def _offers(product: Mapping[str, Any]) -> Iterator[Passage]:
    price = Money(product["price"]["amount"], product["price"]["currency"])
    costs = _price_said() % {"price": price.shown(get_language() or settings.LANGUAGE_CODE)}
    yield Passage("price", costs, costs, product)
    stock = _stock_said(is_there=product["in_stock"])
    yield Passage("stock", stock, stock, product)


def _price_said() -> str:
    return _("Price: %(price)s")


def _stock_said(*, is_there: bool) -> str:
    return _("In stock: yes") if is_there else _("In stock: no")


def _share(asked: set[str], passage: Passage, locale: str) -> float:
    """Which part of what is asked stands in the passage; the product's name was asked by that."""
    wanted = asked - _stems(str(passage.product["name"]), locale)
    if not wanted:
        return 0.0
    return len(wanted & _stems(passage.heard, locale)) / len(wanted)
