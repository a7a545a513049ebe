"""Baskets: one open basket for each user, and one for each token a guest holds.

Every change first raises the basket's revision, which locks its row: so the lines of a basket are
changed by one caller at a time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from catalog import prices, stock
from catalog.models import Master, Variant
from museo.access.callers import Caller
from museo.access.problems import Invalid, NotFound, field_error
from museo.access.tokens import digest, new_token
from orders import pricing, tracking
from orders.models import MAX_QUANTITY, Basket, BasketLine, OrderLine

LIFETIME = timedelta(days=30)


class UnknownVariant(NotFound):
    code = "unknown_product"


class UnknownLine(NotFound):
    code = "unknown_line"


class UnknownBasket(NotFound):
    code = "unknown_basket"


class QuantityOutOfRange(Invalid):
    code = "quantity_out_of_range"


@dataclass(frozen=True)
class OpenBasket:
    """A basket and the token that opens it; a user's has none."""

    basket: Basket
    token: str = field(default="", repr=False)


def find(caller: Caller) -> OpenBasket | None:
    """The caller's open basket, if there is one."""
    basket = Basket.objects.open().of(caller).first()
    return OpenBasket(basket, _token_of(caller)) if basket else None


def require(caller: Caller) -> OpenBasket:
    """The same; raise UnknownBasket for a token that opens nothing."""
    opened = find(caller)
    if opened is None:
        raise UnknownBasket(
            _("This basket token opens no basket. Leave it out to begin a new one.")
        )
    return opened


def add(caller: Caller, *, sku: str, quantity: int, now: datetime) -> OpenBasket:
    """Put `quantity` more of a SKU into the caller's basket, made if there is none."""
    _check_quantity(quantity)
    variant, price = _for_sale(sku, now)
    with transaction.atomic():
        opened = _open(caller, now)
        line = opened.basket.lines.filter(variant=variant).first()
        _check_available(variant, quantity + (line.quantity if line else 0))
        BasketLine.objects.update_or_create(
            basket=opened.basket,
            variant=variant,
            defaults={
                "quantity": quantity + (line.quantity if line else 0),
                "unit_price_seen": price,
            },
        )
    return opened


def set_quantity(caller: Caller, *, line_id: int, quantity: int, now: datetime) -> OpenBasket:
    """Make it exactly `quantity` units of a line."""
    _check_quantity(quantity)
    with transaction.atomic():
        opened = _locked(caller)
        line = _line(opened, line_id)
        _check_available(line.variant, quantity)
        opened.basket.lines.filter(pk=line.pk).update(quantity=quantity)
    return opened


def remove(caller: Caller, *, line_id: int, now: datetime) -> OpenBasket:
    with transaction.atomic():
        opened = _locked(caller)
        _line(opened, line_id).delete()
    return opened


def clear(caller: Caller) -> None:
    """Take everything out; an absent basket is empty already."""
    with transaction.atomic():
        if find(caller):
            _locked(caller).basket.lines.all().delete()


def replace(caller: Caller, *, items: Sequence[Mapping[str, Any]], now: datetime) -> OpenBasket:
    """Make the basket hold exactly these `{"sku", "quantity"}`."""
    with transaction.atomic():
        opened = _open(caller, now)
        opened.basket.lines.all().delete()
        for item in items:
            add(
                caller.with_basket(opened.token),
                sku=item["sku"],
                quantity=item["quantity"],
                now=now,
            )
    return opened


def merge(caller: Caller, *, now: datetime) -> tuple[OpenBasket | None, list[dict[str, str]]]:
    """Put a guest's basket into that of the user who has signed in; again is harmless.

    Quantities add up as far as there is stock and an order may have; messages say where not.
    """
    guests = Basket.objects.open().filter(user=None, token_hash=digest(caller.basket_token))
    if not caller.user_id or not guests.exists():
        return find(caller), []
    with transaction.atomic():
        opened = _open(caller, now)
        guest = guests.first()
        # both are locked now, the user's first: a guest's basket is merged by nobody else
        if guest is None or not lock(guest.pk):
            return opened, []
        lines = guest.lines.select_related("variant").order_by("pk")
        capped = [
            message
            for line in lines
            for message in _put(opened.basket, line.variant, line.quantity, line.unit_price_seen)
        ]
        guests.filter(pk=guest.pk).update(status=Basket.Status.MERGED)
    return opened, capped


def reorder(
    caller: Caller, number: str, *, now: datetime
) -> tuple[OpenBasket, list[dict[str, str]]]:
    """Put what an order had into the caller's basket; messages say what there is no more of."""
    order = tracking.find(caller, number)
    with transaction.atomic():
        opened = _open(caller, now)
        lines = order.lines.order_by("position")
        told = [message for line in lines for message in _again(line, opened.basket, now)]
    return opened, told


def _again(line: OrderLine, basket: Basket, now: datetime) -> list[dict[str, str]]:
    try:
        variant, price = _for_sale(line.sku, now)
    except UnknownVariant:
        detail = _("%(name)s is not for sale any more.") % {"name": line.name}
        return [{"type": "warning", "code": "not_for_sale", "sku": line.sku, "detail": detail}]
    return _put(basket, variant, line.quantity, price)


def _put(basket: Basket, variant: Variant, quantity: int, price: int) -> list[dict[str, str]]:
    """Add units of a variant to a locked basket, as far as it goes; say if it did not."""
    there = basket.lines.filter(variant=variant).first()
    has = there.quantity if there else 0
    # what was in it stays, even if the stock has shrunk
    possible = max(has, min(has + quantity, _most(variant)))
    if possible:
        BasketLine.objects.update_or_create(
            basket=basket,
            variant=variant,
            defaults={"quantity": possible, "unit_price_seen": price},
        )
    if possible == has + quantity:
        return []
    detail = _("Your basket has %(count)s of %(sku)s: there are no more.") % {
        "sku": variant.sku,
        "count": possible,
    }
    return [{"type": "warning", "code": "quantity_capped", "sku": variant.sku, "detail": detail}]


def hold(caller: Caller) -> OpenBasket | None:
    """The caller's open basket, its row held until the transaction ends."""
    opened = find(caller)
    return opened if opened and lock(opened.basket.pk) else None


def lock(basket_id: int) -> bool:
    """Raise the revision and hold the row until the transaction ends; False if it has closed."""
    return bool(Basket.objects.open().filter(pk=basket_id).update(revision=F("revision") + 1))


def take_out(basket_id: int, bought: Iterable[Mapping[str, Any]]) -> None:
    """Remove what an order has bought; what was added meanwhile stays."""
    for line in bought:
        lines = BasketLine.objects.filter(basket_id=basket_id, variant_id=line["variant_id"])
        lines.filter(quantity__lte=line["quantity"]).delete()
        lines.filter(quantity__gt=line["quantity"]).update(
            quantity=F("quantity") - line["quantity"]
        )


def show(
    opened: OpenBasket | None,
    *,
    locale: str,
    now: datetime,
    messages: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """The basket as CONTRACT's `GET /basket` has it; an empty one for None."""
    if opened is None:
        return _shape(None, "", [])
    lines = opened.basket.lines.order_by("pk")
    shown = _shape(opened.basket, opened.token, pricing.price_lines(lines, locale=locale, now=now))
    return {**shown, "messages": [*messages, *shown["messages"]]}


def _shape(basket: Basket | None, token: str, lines: list[pricing.Line]) -> dict[str, Any]:
    currency = basket.currency if basket else settings.SHOP_CURRENCY
    return {
        "id": basket.public_id if basket else None,
        "token": token,
        "currency": currency,
        "lines": [
            {
                "id": line.id,
                "sku": line.sku,
                "slug": line.slug,
                "name": line.name,
                "image": line.image,
                "quantity": line.quantity,
                "unit_price": pricing.money(line.unit_price, currency),
                "total": pricing.money(line.total, currency),
            }
            for line in lines
        ],
        "totals": pricing.totals(lines),
        "messages": [message for line in lines for message in _messages(line)],
    }


def _messages(line: pricing.Line) -> list[dict[str, str]]:
    """What the shopper should know about a line before paying."""
    if not line.is_for_sale:
        return [_message("error", "not_for_sale", line, pricing.not_for_sale(line))]
    if line.unit_price != line.unit_price_seen:
        detail = _("The price of %(name)s has changed.") % {"name": line.name}
        return [_message("info", "price_changed", line, detail)]
    return []


def _message(type: str, code: str, line: pricing.Line, detail: str) -> dict[str, str]:
    return {"type": type, "code": code, "sku": line.sku, "detail": detail}


def _token_of(caller: Caller) -> str:
    return "" if caller.user_id else caller.basket_token


def _open(caller: Caller, now: datetime) -> OpenBasket:
    """The caller's basket, locked; a new one if there is none."""
    opened = find(caller)
    if opened and lock(opened.basket.pk):
        return opened
    token = "" if caller.user_id else new_token()
    try:
        with transaction.atomic():
            basket = Basket.objects.create(
                user_id=caller.user_id,
                token_hash=digest(token) if token else None,
                currency=settings.SHOP_CURRENCY,
                sales_channel=caller.sales_channel,
                created_at=now,
                expires_at=now + LIFETIME,
            )
    except IntegrityError:
        # the same user's other request was first
        return _locked(caller)
    return OpenBasket(basket, token)


def _locked(caller: Caller) -> OpenBasket:
    opened = require(caller)
    lock(opened.basket.pk)
    return opened


def _for_sale(sku: str, now: datetime) -> tuple[Variant, int]:
    """The variant of a SKU and its price in minor units; raise UnknownVariant."""
    variant = Variant.objects.filter(
        sku=sku, is_active=True, master__in=Master.objects.on_sale()
    ).first()
    found = variant and prices.current([variant.pk], currency=settings.SHOP_CURRENCY, now=now)
    if not variant or not found:
        raise UnknownVariant(_("There is no product with this SKU. Search for it by name."))
    return variant, found[variant.pk].amount


def _line(opened: OpenBasket, line_id: int) -> BasketLine:
    line = opened.basket.lines.select_related("variant").filter(pk=line_id).first()
    if line is None:
        raise UnknownLine(_("This line is not in your basket. Read the basket again."))
    return line


def _check_quantity(quantity: int) -> None:
    if not 1 <= quantity <= MAX_QUANTITY:
        detail = _("Choose a quantity from 1 to %(max)s.") % {"max": MAX_QUANTITY}
        raise QuantityOutOfRange(detail, errors=[field_error("/quantity", "out_of_range", detail)])


def _most(variant: Variant) -> int:
    """How many of a variant a basket may have."""
    most = [MAX_QUANTITY]
    if variant.max_per_order is not None:
        most.append(variant.max_per_order)
    if variant.track_stock:
        most.append(max(0, stock.available([variant.pk]).get(variant.pk, 0)))
    return min(most)


def _check_available(variant: Variant, quantity: int) -> None:
    _check_quantity(quantity)
    if variant.max_per_order is not None and quantity > variant.max_per_order:
        detail = _("An order may have %(max)s of %(sku)s.") % {
            "max": variant.max_per_order,
            "sku": variant.sku,
        }
        raise QuantityOutOfRange(detail, errors=[field_error("/quantity", "out_of_range", detail)])
    if quantity > (left := _most(variant)):
        raise stock.OutOfStock(variant.sku, left)
