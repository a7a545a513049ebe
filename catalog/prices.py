"""What a variant costs: in a currency, on a sales channel, from a moment until another.

At any moment one price holds for a variant, a currency and a sales channel. Whoever sets a price
cuts those of the same period short, so the newest word holds and older ones stay as history.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from babel.core import get_global
from django.db.models import CharField, DateTimeField, F, Q, QuerySet
from django.utils.translation import gettext as _

from catalog import shop
from catalog.compiled import Compiled, OneOf, Slot
from catalog.models import ALWAYS, Master, Price, Variant
from museo.access.problems import Invalid, field_error
from notifications import bulk

# as many as fit the database's integers, with room for a basket's sum
DEAREST = 999_999_999_999
LATEST = datetime.max.replace(tzinfo=UTC)
WEB = "web"
SALES_CHANNELS = (WEB, "mobile", "whatsapp", "instagram", "mcp")


class BadPrice(Invalid):
    """Nothing was set; `errors` say why."""

    code = "bad_price"


@dataclass(frozen=True)
class Offer:
    """A price to be set, in minor units; without a beginning it begins now."""

    amount: int
    currency: str
    # what it cost before, to be shown struck through
    list_amount: int | None = None
    sales_channel: str = WEB
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    def faults(self) -> list[dict[str, str]]:
        """What is wrong with it, by field; empty if it can be set."""
        return [
            field_error(pointer, code, said)
            for pointer, code, said, is_wrong in (
                ("/price/amount", "out_of_range", _range(), not 0 <= self.amount <= DEAREST),
                ("/price/currency", "unknown_currency", _no_currency(), not self._is_money()),
                ("/list_price/amount", "out_of_range", _range(), not self._is_list_amount_sane()),
                ("/list_price/amount", "below_price", _list_below(), self._is_list_below()),
                ("/sales_channel", "invalid_choice", _channels(), not self._is_on_a_channel()),
                ("/valid_to", "ends_before_start", _ends_early(), self._ends_before_start()),
            )
            if is_wrong
        ]

    def _is_money(self) -> bool:
        return self.currency in currencies()

    def _is_list_amount_sane(self) -> bool:
        return self.list_amount is None or 0 <= self.list_amount <= DEAREST

    def _is_list_below(self) -> bool:
        return self.list_amount is not None and self.list_amount < self.amount

    def _is_on_a_channel(self) -> bool:
        return self.sales_channel in SALES_CHANNELS

    def _ends_before_start(self) -> bool:
        begins = self.valid_from or ALWAYS
        return self.valid_to is not None and self.valid_to <= begins


@cache
def currencies() -> frozenset[str]:
    """The currencies that are legal tender somewhere today (ISO 4217)."""
    of_all = get_global("territory_currencies").values()
    return frozenset(
        code for rows in of_all for code, _start, end, is_tender in rows if is_tender and not end
    )


class Amounts(NamedTuple):
    """A price, and the one before it where there was one; minor units."""

    amount: int
    list_amount: int | None = None


def current(variant_ids: Collection[int], *, currency: str, now: datetime) -> dict[int, Price]:
    """The price of each variant that has one; of several the one that began last."""
    rows = CURRENT.rows(variants=variant_ids, currency=currency, now=now)
    return {row["variant_id"]: Price(**row) for row in rows}


def for_sale(sku: str, *, currency: str, now: datetime) -> tuple[Variant, int] | None:
    """The variant of a SKU that can be bought, and its price; None if there is none."""
    rows = FOR_SALE.rows(sku=sku, currency=currency, now=now)
    if not rows:
        return None
    # of several prices the one that began last
    last = rows[-1]
    return Variant(**{name: last[f"sold_{name}"] for name in _OF_VARIANT}), last["price"]


def holding(now: datetime | Slot) -> QuerySet[Price]:
    """The prices that hold at this moment."""
    return Price.objects.filter(Q(valid_to=None) | Q(valid_to__gt=now), valid_from__lte=now)


def _slotted() -> QuerySet[Price]:
    """The same with slots, for a currency; the one that began last is the last."""
    currency = Slot("currency", CharField())
    here = holding(Slot("now", DateTimeField())).filter(currency=currency, sales_channel=WEB)
    return here.order_by("valid_from")


_OF_VARIANT = [field.attname for field in Variant._meta.concrete_fields]
CURRENT = Compiled(
    lambda: (
        _slotted()
        .filter(OneOf("variant", "variants"))
        .values(*(field.attname for field in Price._meta.concrete_fields))
    )
)
FOR_SALE = Compiled(
    lambda: (
        _slotted()
        .filter(
            variant__sku=Slot("sku", CharField()),
            variant__is_active=True,
            variant__master__in=Master.objects.on_sale(),
        )
        .values(
            price=F("amount"),
            **{f"sold_{name}": F(f"variant__{name}") for name in _OF_VARIANT},
        )
    )
)


def set_price(variant: Variant, offer: Offer, *, now: datetime) -> bool:
    """Let the offer hold for its period; False if that is how it was. Raise BadPrice.

    Inside the caller's transaction. The first price of a variant holds from ever, any other one
    without a beginning from now until whatever it replaces would have ended.
    """
    if faults := offer.faults():
        raise BadPrice(_("This price cannot be set. See errors."), errors=faults)
    _hold(variant)
    rows = Price.objects.filter(
        variant=variant, currency=offer.currency, sales_channel=offer.sales_channel
    )
    offer = _with_a_beginning(offer, list(rows), now)
    begins = offer.valid_from or ALWAYS
    if offer.valid_to and offer.valid_to <= begins:
        late = field_error("/valid_to", "ends_before_start", _ends_early())
        raise BadPrice(late["detail"], errors=[late])
    if rows.filter(
        amount=offer.amount,
        list_amount=offer.list_amount,
        valid_from=begins,
        valid_to=offer.valid_to,
    ).exists():
        return False
    for row in rows.filter(_overlapping(begins, offer.valid_to)):
        _make_room(row, begins, offer.valid_to)
    Price.objects.create(
        variant=variant,
        currency=offer.currency,
        sales_channel=offer.sales_channel,
        amount=offer.amount,
        list_amount=offer.list_amount,
        valid_from=begins,
        valid_to=offer.valid_to,
    )
    return True


def _hold(variant: Variant) -> None:
    """Whoever sets another price of the variant waits; orders that name it do not."""
    Variant.objects.select_for_update(no_key=True).get(pk=variant.pk)


def _with_a_beginning(offer: Offer, rows: list[Price], now: datetime) -> Offer:
    if offer.valid_from is not None:
        return offer
    if not rows:
        return replace(offer, valid_from=ALWAYS)
    here = [row for row in rows if row.valid_from <= now and (row.valid_to or LATEST) > now]
    replaced = max(here, key=lambda row: row.valid_from, default=None)
    if replaced is None:
        later = [row.valid_from for row in rows if row.valid_from > now]
        return replace(offer, valid_from=now, valid_to=offer.valid_to or min(later, default=None))
    is_same = (replaced.amount, replaced.list_amount) == (offer.amount, offer.list_amount)
    ends = offer.valid_to or replaced.valid_to
    return replace(offer, valid_from=replaced.valid_from if is_same else now, valid_to=ends)


def _overlapping(begins: datetime, ends: datetime | None) -> Q:
    reaches = Q(valid_to=None) | Q(valid_to__gt=begins)
    return reaches & Q(valid_from__lt=ends) if ends else reaches


def _make_room(row: Price, begins: datetime, ends: datetime | None) -> None:
    """Leave of the row what lies before and after the period."""
    goes_on = ends is not None and (row.valid_to is None or row.valid_to > ends)
    rest = Price(
        variant_id=row.variant_id,
        currency=row.currency,
        sales_channel=row.sales_channel,
        amount=row.amount,
        list_amount=row.list_amount,
        valid_from=ends or begins,
        valid_to=row.valid_to,
    )
    if row.valid_from < begins:
        Price.objects.filter(pk=row.pk).update(valid_to=begins)
    else:
        row.delete()
    if goes_on:
        rest.save(force_insert=True)


def _range() -> str:
    return _("An amount is a whole number of minor units between 0 and %(most)s.") % {
        "most": DEAREST
    }


def _no_currency() -> str:
    return _("This is no currency. Write its code of three letters, such as %(example)s.") % {
        "example": shop.currency()
    }


def _list_below() -> str:
    return _("The price before cannot be lower than the price.")


def _channels() -> str:
    return _("Choose one of: %(choices)s.") % {"choices": ", ".join(SALES_CHANNELS)}


def _ends_early() -> str:
    return _("A price ends after its beginning.")


def set_prices(wanted: Mapping[int, Amounts | None], *, currency: str, now: datetime) -> None:
    """`set_price` for many variants by id; None takes the price that is valid now away."""
    valid = current(wanted, currency=currency, now=now)
    bulk.update(
        Price,
        ["amount", "list_amount"],
        [(valid[pk].pk, *amounts) for pk, amounts in wanted.items() if amounts and pk in valid],
    )
    gone = [valid[pk].pk for pk, amounts in wanted.items() if not amounts and pk in valid]
    if gone:
        Price.objects.filter(pk__in=gone).delete()
    missing = {pk: amounts for pk, amounts in wanted.items() if amounts and pk not in valid}
    had = set(
        Price.objects.filter(variant_id__in=missing).values_list("variant_id", flat=True)
        if missing
        else ()
    )
    bulk.insert(
        Price,
        ("variant_id", "currency", "sales_channel", "amount", "list_amount", "valid_from"),
        [
            (pk, currency, "web", *amounts, now if pk in had else ALWAYS)
            for pk, amounts in missing.items()
        ],
    )
