"""Whether answers are right: a speed is only told of right answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bench.shop.faces import Basket, Card, Face, Wrong
from bench.shop.load import Answer
from bench.shop.products import Product


def check_list(face: Face, answer: Answer, sold: Sequence[Product]) -> None:
    """The newest 20, in order."""
    wanted = [_card(product, says_price=face.says_prices) for product in sold[:20]]
    _same(list(face.cards(answer)), wanted)


def check_detail(face: Face, answer: Answer, product: Product) -> None:
    _same(face.card(answer), _card(product, says_price=face.says_prices))


def check_alike(answers: Iterable[Answer]) -> None:
    """All say yes, and what was asked again is as long as before."""
    sizes: dict[int, int] = {}
    for answer in answers:
        if answer.status != 200:
            raise Wrong(f"status {answer.status}")
        _same(answer.size, sizes.setdefault(answer.index, answer.size))


def opened(
    face: Face, answers: Iterable[Answer], products: Sequence[Product], *, before: Sequence[Basket]
) -> list[tuple[Basket, int]]:
    """Baskets with one product more each, and what each must cost."""
    made = []
    for answer in answers:
        earlier = before[answer.index] if before else None
        basket = face.basket(answer, earlier)
        cost = products[answer.index].amount + (earlier.total if earlier else 0)
        _same((basket.units, basket.total), (1 + (earlier.units if earlier else 0), cost))
        made.append((basket, cost))
    return made


def check_paid(face: Face, answers: Iterable[Answer], baskets: Sequence[Basket]) -> None:
    for answer in answers:
        _same(face.paid(answer), baskets[answer.index].total + face.delivery)


def orders(answers: Iterable[Answer]) -> int:
    """How many were accepted; raise Wrong for an answer that is neither yes nor sold out."""
    statuses = [answer.status for answer in answers]
    odd = set(statuses) - {200, 201, 406, 409}
    if odd:
        raise Wrong(f"status {min(odd)}")
    return sum(status in (200, 201) for status in statuses)


def oversold(*, accepted: int, stock: int, left: int) -> Mapping[str, int]:
    """More orders than there was; fewer are wrong, too, and so is a count that does not fit."""
    if accepted < stock:
        raise Wrong(f"{accepted} sold of {stock}")
    if accepted == stock and left:
        raise Wrong(f"{stock} sold of {stock}, and {left} left")
    return {"oversold": accepted - stock}


def _card(product: Product, *, says_price: bool) -> Card:
    return Card(product.name, product.amount if says_price else None)


def _same(told: object, wanted: object) -> None:
    if told != wanted:
        raise Wrong(f"{str(told)[:150]} instead of {str(wanted)[:150]}")
