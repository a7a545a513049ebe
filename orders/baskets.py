"""Baskets: one open basket for each user, and one for each token a guest holds.

Every change first raises the basket's revision, which locks its row: so the lines of a basket are
changed by one caller at a time. Nobody waits until a basket is on the disk: in a power cut what was
put into it in the last second may be lost, while an order never is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Sum
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalog import modifiers as menu
from catalog import names, shop, stock
from catalog.models import Variant
from catalog.money import Money
from museo import sql
from museo.access.callers import Caller
from museo.access.problems import Invalid, NotFound, errors_under, field_error
from museo.access.tokens import digest, new_token
from museo.directions import isolated
from notifications import log
from notifications.envelope import timestamp
from orders import contents, coupons, holds, offers, opening, pricing, tracking
from orders.contents import Contents, ForSale
from orders.coupons import Buyer
from orders.models import MAX_QUANTITY, Basket, BasketLine, Checkout, Coupon, OrderLine

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
    basket = Basket.objects.open().of(caller).select_related("coupon").first()
    return OpenBasket(basket, _token_of(caller)) if basket else None


def require(caller: Caller) -> OpenBasket:
    """The same; raise UnknownBasket for a token that opens nothing."""
    opened = find(caller)
    if opened is None:
        raise UnknownBasket(
            _("This basket token opens no basket. Leave it out to begin a new one.")
        )
    return opened


def add(
    caller: Caller, *, sku: str, quantity: int, now: datetime, modifiers: Sequence[str] = ()
) -> OpenBasket:
    """Put `quantity` more of a SKU into the caller's basket, made if there is none.

    `modifiers` are the codes of what is chosen with each unit; raises BadModifiers.
    """
    _check_quantity(quantity)
    sold = _for_sale(sku, now)
    wish = _wish(sold, modifiers)
    if caller.user_id or caller.basket_token:
        with sql.asynchronous():
            return _added(caller, sold, wish, quantity, now)
    # a guest's first basket, and what is in it, are one statement
    with sql.alone(), sql.together(asynchronously=True):
        return _added(caller, sold, wish, quantity, now)


@dataclass(frozen=True)
class Wish:
    """A variant with what is chosen with it, sorted, and the price of one unit."""

    variant: Variant
    codes: list[str]
    price: int

    @property
    def hash(self) -> str:
        return menu.hash_of(self.codes)


def _added(caller: Caller, sold: ForSale, wish: Wish, quantity: int, now: datetime) -> OpenBasket:
    opened = _open(caller, now)
    # nobody else writes its lines
    wanted = _put_in(opened.basket, wish, quantity)
    _check_available(sold.variant, wanted, opened.basket, free=sold.free)
    return opened


def _wish(sold: ForSale, codes: Sequence[str]) -> Wish:
    more = menu.require(sold.menu, codes)
    return Wish(sold.variant, sorted(codes), sold.price + more)


def _put_in(basket: Basket, wish: Wish, quantity: int) -> int:
    """So many more into a locked basket; return how many of the variant it has now."""
    of_variant = (basket, wish.variant.pk)
    chosen = (orjson.dumps(wish.codes).decode(), wish.hash)
    params = [*of_variant, *chosen, quantity, wish.price, MAX_QUANTITY, *of_variant, wish.hash]
    if basket.pk is None:
        # they are written together, and there is nothing else in it
        sql.write(PUT_IN, params)
        return quantity
    rows = sql.rows(PUT_IN, sql.ids(params))
    if not rows:
        raise _out_of_range()
    return int(rows[0][0])


# others: the same with other modifiers
PUT_IN = """
INSERT INTO orders_basketline AS line
    (basket_id, variant_id, modifiers, modifiers_hash, quantity, unit_price_seen)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (basket_id, variant_id, modifiers_hash) DO UPDATE
SET quantity = line.quantity + EXCLUDED.quantity, unit_price_seen = EXCLUDED.unit_price_seen
WHERE line.quantity + EXCLUDED.quantity <= %s
RETURNING quantity + COALESCE((
    SELECT SUM(others.quantity) FROM orders_basketline AS others
    WHERE others.basket_id = %s AND others.variant_id = %s AND others.modifiers_hash <> %s
), 0)
"""


def set_quantity(caller: Caller, *, line_id: int, quantity: int, now: datetime) -> OpenBasket:
    """Make it exactly `quantity` units of a line."""
    _check_quantity(quantity)
    with sql.asynchronous():
        opened = _locked(caller)
        line = _line(opened, line_id)
        others = _count(opened.basket, line.variant) - line.quantity
        _check_available(line.variant, quantity + others, opened.basket)
        opened.basket.lines.filter(pk=line.pk).update(quantity=quantity)
    return opened


def remove(caller: Caller, *, line_id: int, now: datetime) -> OpenBasket:
    with sql.asynchronous():
        opened = _locked(caller)
        _line(opened, line_id).delete()
    return opened


def clear(caller: Caller) -> None:
    """Take everything out; an absent basket is empty already."""
    with sql.asynchronous():
        if find(caller):
            _locked(caller).basket.lines.all().delete()


def replace(caller: Caller, *, items: Sequence[Mapping[str, Any]], now: datetime) -> OpenBasket:
    """Make the basket hold exactly these `{"sku", "quantity", "modifiers"}`."""
    with sql.asynchronous():
        opened = _open(caller, now)
        opened.basket.lines.all().delete()
        for place, item in enumerate(items):
            with errors_under(f"/items/{place}"):
                add(caller.with_basket(opened.token), **item, now=now)
    return opened


def merge(caller: Caller, *, now: datetime) -> tuple[OpenBasket | None, list[dict[str, str]]]:
    """Put a guest's basket into that of the user who has signed in; again is harmless.

    Quantities add up as far as there is stock and an order may have; messages say where not. What
    the guest is paying for becomes the user's, and leaves their basket once it is paid.
    """
    guests = Basket.objects.open().filter(user=None, token_hash=digest(caller.basket_token))
    if not caller.user_id or not guests.exists():
        return find(caller), []
    with log.change():
        opened = _open(caller, now)
        guest = guests.first()
        # both are locked now, the user's first: a guest's basket is merged by nobody else
        if guest is None or not lock(guest.pk):
            return opened, []
        # what the guest had begun to buy would stand in the user's way
        holds.give_up_waiting(guest.pk, now=now)
        holds.hand_over(guest.pk, to=opened.basket, now=now)
        lines = guest.lines.select_related("variant").order_by("pk")
        capped = [
            message
            for line in lines
            for message in _put(
                opened.basket,
                Wish(line.variant, line.modifiers, line.unit_price_seen),
                line.quantity,
            )
        ]
        guests.filter(pk=guest.pk).update(status=Basket.Status.MERGED)
        if guest.coupon_id and not opened.basket.coupon_id:
            _keep_coupon(opened.basket, guest.coupon)
    return opened, _each_once(capped)


def apply_coupon(caller: Caller, code: str, *, now: datetime) -> OpenBasket:
    """Put a coupon into the basket, in place of another; raise CouponRefused."""
    coupon = coupons.find(code)
    with sql.asynchronous():
        opened = _locked(caller)
        inside = contents.of(opened.basket.pk, locale=caller.locale, now=now)
        buyer = Buyer(caller.user_id, basket_id=opened.basket.pk)
        refused = coupons.refusal(coupon, inside.lines, buyer=buyer, now=now)
        if refused:
            raise refused
        _keep_coupon(opened.basket, coupon)
    return opened


def remove_coupon(caller: Caller) -> None:
    """Take the coupon out; without one, or without a basket, that is done already."""
    with sql.asynchronous():
        if find(caller):
            _keep_coupon(_locked(caller).basket, None)


def _keep_coupon(basket: Basket, coupon: Coupon | None) -> None:
    Basket.objects.filter(pk=basket.pk).update(coupon=coupon)
    basket.coupon = coupon


def expire(*, now: datetime) -> int:
    """Close baskets that nobody touched for LIFETIME; return how many there were.

    One that is being bought waits for its checkout's end.
    """
    old = Basket.objects.open().filter(expires_at__lte=now)
    bought = Checkout.objects.live().filter(basket_id=OuterRef("pk"))
    ids = list(old.exclude(Exists(bought)).order_by("pk").values_list("pk", flat=True)[:1000])
    # each by itself: no two rows are locked at once
    return sum(old.filter(pk=pk).update(status=Basket.Status.ABANDONED) for pk in ids)


def reorder(
    caller: Caller, number: str, *, now: datetime
) -> tuple[OpenBasket, list[dict[str, str]]]:
    """Put what an order had into the caller's basket; messages say what there is no more of."""
    order = tracking.find_to_act(caller, number)
    with sql.asynchronous():
        opened = _open(caller, now)
        lines = order.lines.order_by("position")
        told = [message for line in lines for message in _again(line, opened.basket, now)]
    return opened, _each_once(told)


def _each_once(messages: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Lines of the same variant end with the same words."""
    return list({message["detail"]: message for message in messages}.values())


def _again(line: OrderLine, basket: Basket, now: datetime) -> list[dict[str, str]]:
    try:
        wish = _wish(_for_sale(line.sku, now), [each["code"] for each in line.modifiers])
    except (UnknownVariant, menu.BadModifiers):
        detail = _("%(name)s is not for sale any more.") % {"name": isolated(line.whole_name)}
        return [{"type": "warning", "code": "not_for_sale", "sku": line.sku, "detail": detail}]
    return _put(basket, wish, line.quantity)


def _put(basket: Basket, wish: Wish, quantity: int) -> list[dict[str, str]]:
    """Add units of a variant to a locked basket, as far as it goes; say if it did not."""
    variant = wish.variant
    has = _count(basket, variant)
    # what was in it stays, even if the stock has shrunk
    possible = max(has, min(has + quantity, _most(variant, has + quantity, basket)))
    same = basket.lines.filter(variant=variant, modifiers_hash=wish.hash)
    more = possible - has
    if not same.update(quantity=F("quantity") + more, unit_price_seen=wish.price) and more:
        BasketLine.objects.create(
            basket=basket,
            variant=variant,
            modifiers=wish.codes,
            modifiers_hash=wish.hash,
            quantity=more,
            unit_price_seen=wish.price,
        )
    if possible == has + quantity:
        return []
    limit = variant.max_per_order
    if limit is not None and possible >= limit:
        detail = offers.TooMany(variant.sku, limit).detail
    else:
        detail = _("Your basket has %(count)s of %(name)s: there are no more.") % {
            "name": isolated(names.of(variant.sku)),
            "count": possible,
        }
    return [{"type": "warning", "code": "quantity_capped", "sku": variant.sku, "detail": detail}]


def _count(basket: Basket, variant: Variant) -> int:
    """How many of a variant are in it, whatever is chosen with them."""
    lines = basket.lines.filter(variant=variant)
    return lines.aggregate(units=Sum("quantity"))["units"] or 0


def kinds(caller: Caller) -> set[str]:
    """The kinds of products in the caller's basket."""
    lines = BasketLine.objects.filter(basket__in=Basket.objects.open().of(caller))
    return set(lines.values_list("variant__master__kind", flat=True))


def hold(caller: Caller) -> OpenBasket | None:
    """The caller's open basket, its row held until the transaction ends."""
    return _raised(caller)


def lock(basket_id: int) -> bool:
    """Raise the revision and hold the row until the transaction ends; False if it has closed."""
    raised = "UPDATE orders_basket SET revision = revision + 1 WHERE status = 'open' AND id = %s"
    return bool(sql.changed(raised, [basket_id]))


def take_out(basket_id: int, bought: Iterable[Mapping[str, Any]]) -> None:
    """Remove what an order has bought; what was added meanwhile stays."""
    for line in bought:
        lines = BasketLine.objects.filter(
            basket_id=basket_id,
            variant_id=line["variant_id"],
            modifiers_hash=hash_of_bought(line),
        )
        is_out, _by_kind = lines.filter(quantity__lte=line["quantity"]).delete()
        if not is_out:
            lines.filter(quantity__gt=line["quantity"]).update(
                quantity=F("quantity") - line["quantity"]
            )


def hash_of_bought(line: Mapping[str, Any]) -> str:
    """The hash of a checkout's line; one of before knew no modifiers."""
    return menu.hash_of([each["code"] for each in line.get("modifiers", ())])


def take_out_all(basket_id: int) -> None:
    """The same where all that is in a locked basket was bought."""
    sql.write("DELETE FROM orders_basketline WHERE basket_id = %s", [basket_id])


def show(
    opened: OpenBasket | None,
    *,
    locale: str,
    now: datetime,
    messages: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """The basket as REST's `GET /basket` has it; an empty one for None."""
    if opened is None:
        return _shape(None, "", pricing.quote([], currency=shop.currency(), rates={}), [])
    basket = opened.basket
    inside = contents.of(basket.pk, locale=locale, now=now)
    quote, refused = offers.glance(basket, inside, user_id=basket.user_id, now=now)
    told = [
        *messages,
        *opening.messages(inside.kinds, now=now),
        *_messages(basket, inside),
        *([{**offers.message(refused), "type": "warning"}] if refused else []),
    ]
    return _shape(basket, opened.token, quote, told)


def _shape(
    basket: Basket | None,
    token: str,
    quote: pricing.Quote,
    messages: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    currency = basket.currency if basket else shop.currency()
    coupon = basket.coupon if basket else None
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
                "modifiers": pricing.chosen(line.as_dict()["modifiers"], currency),
                "quantity": line.quantity,
                "unit_price": pricing.money(line.unit_price, currency),
                "total": pricing.money(line.total, currency),
                "discount": pricing.money(line.discount, currency),
            }
            for line in quote.lines
        ],
        "totals": quote.totals,
        "coupon": {"code": coupon.code} if coupon else None,
        "expires_at": timestamp(basket.expires_at) if basket else None,
        "messages": list(messages),
    }


def _messages(basket: Basket, inside: Contents) -> list[dict[str, Any]]:
    """What the shopper should know about the lines before paying."""
    short = inside.short
    if short and inside.is_bought:
        # what a checkout of this basket holds is its own
        short = stock.shortages(inside.wanted, holders=holds.holders([basket.pk]))
    # the first line of a variant says it for all of them
    firsts = {line.variant_id: line.id for line in reversed(inside.lines)}
    left = {firsts[variant_id]: units for variant_id, units in short.items()}
    limits = [offers.message(problem) for problem in offers.too_many(inside)]
    return limits + [
        message
        for line in inside.lines
        for message in [_not_for_sale(line) or _stock_changed(line, left) or _price_changed(line)]
        if message
    ]


def _not_for_sale(line: pricing.Line) -> dict[str, Any] | None:
    return None if line.is_for_sale else offers.message(pricing.not_for_sale(line))


def _stock_changed(line: pricing.Line, left: Mapping[int, int]) -> dict[str, Any] | None:
    if line.id not in left:
        return None
    available = left[line.id]
    sold_out = stock.OutOfStock(line.sku, available, name=line.name)
    code = "stock_changed" if available > 0 else sold_out.code
    return {**offers.message(sold_out), "code": code, "available": available}


def _price_changed(line: pricing.Line) -> dict[str, Any] | None:
    if line.unit_price == line.unit_price_seen:
        return None
    was = Money(line.unit_price_seen, shop.currency())
    detail = _("The price of %(name)s has changed. It was %(price)s.") % {
        "name": isolated(line.whole_name),
        "price": was.shown(get_language() or settings.LANGUAGE_CODE),
    }
    return {
        "type": "info",
        "code": "price_changed",
        "sku": line.sku,
        "detail": detail,
        "was": was.as_dict(),
    }


def _token_of(caller: Caller) -> str:
    return "" if caller.user_id else caller.basket_token


def _open(caller: Caller, now: datetime) -> OpenBasket:
    """The caller's basket, locked; a new one if there is none."""
    opened = _touched(caller, now)
    if opened:
        return opened
    if not caller.user_id:
        token = new_token()
        return OpenBasket(_begun(caller, now, token_hash=digest(token)), token)
    try:
        with transaction.atomic():
            return OpenBasket(_begun(caller, now, user_id=caller.user_id))
    except IntegrityError:
        # the same user's other request was first
        return _locked(caller)


def _begun(caller: Caller, now: datetime, **owner: Any) -> Basket:
    basket = sql.new(
        Basket,
        **owner,
        currency=shop.currency(),
        sales_channel=caller.sales_channel,
        created_at=now,
        expires_at=now + LIFETIME,
    )
    sql.insert(basket)
    return basket


def _touched(caller: Caller, now: datetime) -> OpenBasket | None:
    """The caller's open basket, locked, and good for another LIFETIME."""
    if not (caller.user_id or caller.basket_token):
        return None
    return _raised(caller, expires_at=now + LIFETIME, currency=shop.currency())


def _raised(caller: Caller, **fields: Any) -> OpenBasket | None:
    """The caller's open basket with another revision, and its row held."""
    sets = "".join(f", {name} = %s" for name in fields)
    mine = "user_id = %s" if caller.user_id else "user_id IS NULL AND token_hash = %s"
    found = sql.returned(
        Basket,
        # only placeholders are put in
        f"UPDATE orders_basket SET revision = revision + 1{sets}"  # noqa: S608
        f" WHERE status = 'open' AND {mine} RETURNING *",
        [*fields.values(), caller.user_id or digest(caller.basket_token)],
    )
    return OpenBasket(found[0], _token_of(caller)) if found else None


def _locked(caller: Caller) -> OpenBasket:
    return hold(caller) or require(caller)


def _for_sale(sku: str, now: datetime) -> ForSale:
    """What is sold under a SKU; raise UnknownVariant."""
    found = contents.for_sale(sku, currency=shop.currency(), now=now)
    if found is None:
        raise UnknownVariant(_("There is no product with this SKU. Search for it by name."))
    return found


def _line(opened: OpenBasket, line_id: int) -> BasketLine:
    line = opened.basket.lines.select_related("variant").filter(pk=line_id).first()
    if line is None:
        raise UnknownLine(_("This line is not in your basket. Read the basket again."))
    return line


def _check_quantity(quantity: int) -> None:
    if not 1 <= quantity <= MAX_QUANTITY:
        raise _out_of_range()


def _out_of_range() -> QuantityOutOfRange:
    detail = _("Choose a quantity from 1 to %(max)s.") % {"max": MAX_QUANTITY}
    return QuantityOutOfRange(detail, errors=[field_error("/quantity", "out_of_range", detail)])


def _most(variant: Variant, wanted: int, basket: Basket) -> int:
    """How many of a variant a basket may have, of the `wanted`; what it holds itself is its own."""
    allowed = MAX_QUANTITY if variant.max_per_order is None else variant.max_per_order
    most = min(wanted, MAX_QUANTITY, allowed)
    short = stock.shortages({variant.pk: most})
    if short:
        short = stock.shortages({variant.pk: most}, holders=holds.holders([basket.pk]))
    return max(0, short.get(variant.pk, most))


def _check_available(
    variant: Variant, quantity: int, basket: Basket, *, free: int | None = 0
) -> None:
    """Raise what stands in the way; so many as are `free` need not be looked for, any for None."""
    _check_quantity(quantity)
    if variant.max_per_order is not None and quantity > variant.max_per_order:
        detail = offers.TooMany(variant.sku, variant.max_per_order).detail
        raise QuantityOutOfRange(detail, errors=[field_error("/quantity", "out_of_range", detail)])
    if free is None or quantity <= free:
        return
    if quantity > (left := _most(variant, quantity, basket)):
        raise stock.OutOfStock(variant.sku, left)
