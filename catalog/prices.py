"""What a variant costs: in a currency, on a sales channel, from a moment until another.

At any moment one price holds for a variant, a currency and a sales channel. Whoever sets a price
cuts those of the same period short, so the newest word holds and older ones stay as history.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.models import CharField, DateTimeField, Q, QuerySet
from django.utils.translation import gettext as _

from catalog import places, shop
from catalog.compiled import Compiled, OneOf, Slot
from catalog.models import ALWAYS, Price, Variant
from museo import bulk
from museo.access.problems import Invalid, field_error

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
            field_error(pointer, code, said())
            for pointer, code, said, is_wrong in (
                ("/price/amount", "out_of_range", _range, not 0 <= self.amount <= DEAREST),
                ("/price/currency", "unknown_currency", _no_currency, not self._is_money()),
                ("/list_price/amount", "out_of_range", _range, not self._is_list_amount_sane()),
                ("/list_price/amount", "below_price", _list_below, self._is_list_below()),
                ("/sales_channel", "invalid_choice", _channels, not self._is_on_a_channel()),
                ("/valid_to", "ends_before_start", _ends_early, self._ends_before_start()),
            )
            if is_wrong
        ]

    def _is_money(self) -> bool:
        return self.currency in places.tender()

    def _is_list_amount_sane(self) -> bool:
        return self.list_amount is None or 0 <= self.list_amount <= DEAREST

    def _is_list_below(self) -> bool:
        return self.list_amount is not None and self.list_amount < self.amount

    def _is_on_a_channel(self) -> bool:
        return self.sales_channel in SALES_CHANNELS

    def _ends_before_start(self) -> bool:
        begins = self.valid_from or ALWAYS
        return self.valid_to is not None and self.valid_to <= begins


class Amounts(NamedTuple):
    """A price, and the one before it where there was one; minor units."""

    amount: int
    list_amount: int | None = None


def current(variant_ids: Collection[int], *, currency: str, now: datetime) -> dict[int, Price]:
    """The price of each variant that has one; of several the one that began last."""
    rows = CURRENT.rows(variants=variant_ids, currency=currency, now=now)
    return {row["variant_id"]: Price(**row) for row in rows}


def amounts(
    variant_ids: Collection[int], *, currencies: Collection[str], now: datetime
) -> Iterator[tuple[int, str, Amounts]]:
    """What many variants cost now in each currency; of several prices the last holds."""
    rows = holding(now).filter(
        variant_id__among=variant_ids, currency__in=currencies, sales_channel=WEB
    )
    names = ("variant_id", "currency", "amount", "list_amount")
    for pk, currency, *values in rows.order_by("valid_from").values_list(*names):
        yield pk, currency, Amounts(*values)


def holding(now: datetime | Slot) -> QuerySet[Price]:
    """The prices that hold at this moment."""
    return Price.objects.filter(Q(valid_to=None) | Q(valid_to__gt=now), valid_from__lte=now)


def _slotted() -> QuerySet[Price]:
    """The same with slots, for a currency; the one that began last is the last."""
    currency = Slot("currency", CharField())
    here = holding(Slot("now", DateTimeField())).filter(currency=currency, sales_channel=WEB)
    return here.order_by("valid_from")


CURRENT = Compiled(
    lambda: (
        _slotted()
        .filter(OneOf("variant", "variants"))
        .values(*(field.attname for field in Price._meta.concrete_fields))
    )
)


@dataclass(frozen=True, slots=True)
class Span:
    """A price for its period; `pk` is None before it is written."""

    amount: int
    list_amount: int | None
    valid_from: datetime
    valid_to: datetime | None
    pk: int | None = field(default=None, compare=False)


class Key(NamedTuple):
    """What only one price holds for at any moment."""

    variant_id: int
    currency: str
    sales_channel: str


def set_prices(offers: Iterable[tuple[int, Offer]], *, now: datetime) -> set[int]:
    """Let each offer of a variant, by id, hold for its period; return the variants it changed.

    Inside the caller's transaction. The first price of a variant holds from ever, any other one
    without a beginning from now until whatever it replaces would have ended; what holds no longer
    is cut short and stays as history. Raises BadPrice, and then nothing is set.
    """
    wanted: dict[Key, list[Offer]] = defaultdict(list)
    for variant_id, offer in offers:
        _require_sound(offer)
        wanted[Key(variant_id, offer.currency, offer.sales_channel)].append(offer)
    if not wanted:
        return set()
    _hold({key.variant_id for key in wanted})
    before = _timelines(wanted)
    after = {key: _with_offers(before[key], wanted[key], now) for key in wanted}
    moved = [key for key in wanted if after[key] is not before[key]]
    _write([(key, before[key], after[key]) for key in moved])
    return {key.variant_id for key in moved}


def begin_prices(offers: Iterable[tuple[int, Offer]]) -> None:
    """Let each offer be the first price of a variant that is just made: it holds from ever.

    Inside the caller's transaction. Raises BadPrice, and then nothing is set.
    """
    rows = []
    for variant_id, offer in offers:
        _require_sound(offer)
        rows.append(
            (
                *(variant_id, offer.currency, offer.sales_channel),
                *(offer.amount, offer.list_amount, offer.valid_from or ALWAYS, offer.valid_to),
            )
        )
    _insert(rows)


def _require_sound(offer: Offer) -> None:
    if faults := offer.faults():
        raise BadPrice(_("This price cannot be set. See errors."), errors=faults)


def end_prices(variant_ids: Collection[int], *, currency: str, now: datetime) -> None:
    """What each of these costs now it costs no longer; it stays as history."""
    _hold(variant_ids)
    before = _timelines([Key(pk, currency, WEB) for pk in variant_ids])
    _write(
        [
            (key, spans, [cut for span in spans for cut in _ended(span, now)])
            for key, spans in before.items()
        ]
    )


def _ended(span: Span, now: datetime) -> list[Span]:
    if span.valid_from > now or (span.valid_to and span.valid_to <= now):
        return [span]
    return [replace(span, valid_to=now)] if span.valid_from < now else []


def _hold(variant_ids: Collection[int]) -> None:
    """Whoever sets another price of them waits; orders that name them do not."""
    rows = Variant.objects.filter(pk__among=variant_ids).select_for_update(no_key=True)
    list(rows.order_by("pk").values_list("pk"))


def _timelines(keys: Collection[Key]) -> dict[Key, list[Span]]:
    """The prices there are of each, in one query."""
    ids, currencies, channels = (set(each) for each in zip(*keys, strict=True))
    rows = Price.objects.filter(
        variant_id__among=ids, currency__in=currencies, sales_channel__in=channels
    )
    found: dict[Key, list[Span]] = {key: [] for key in keys}
    names = ("amount", "list_amount", "valid_from", "valid_to", "pk")
    for variant_id, currency, channel, *values in rows.values_list(*Key._fields, *names):
        key = Key(variant_id, currency, channel)
        if key in found:
            found[key].append(Span(*values))
    return found


def _with_offers(spans: list[Span], offers: Iterable[Offer], now: datetime) -> list[Span]:
    """What holds when, with one offer after the other; the same list if nothing changes."""
    for offer in offers:
        spans = _with_offer(spans, offer, now)
    return spans


def _with_offer(spans: list[Span], offer: Offer, now: datetime) -> list[Span]:
    offer = _with_a_beginning(offer, spans, now)
    begins = offer.valid_from or ALWAYS
    if offer.valid_to and offer.valid_to <= begins:
        late = field_error("/valid_to", "ends_before_start", _ends_early())
        raise BadPrice(late["detail"], errors=[late])
    new = Span(offer.amount, offer.list_amount, begins, offer.valid_to)
    if new in spans:
        return spans
    return [*(rest for span in spans for rest in _beside(span, begins, offer.valid_to)), new]


def _with_a_beginning(offer: Offer, spans: list[Span], now: datetime) -> Offer:
    if offer.valid_from is not None:
        return offer
    if not spans:
        return replace(offer, valid_from=ALWAYS)
    here = [span for span in spans if span.valid_from <= now and (span.valid_to or LATEST) > now]
    replaced = max(here, key=lambda span: span.valid_from, default=None)
    if replaced is None:
        later = [span.valid_from for span in spans if span.valid_from > now]
        return replace(offer, valid_from=now, valid_to=offer.valid_to or min(later, default=None))
    is_same = (replaced.amount, replaced.list_amount) == (offer.amount, offer.list_amount)
    ends = offer.valid_to or replaced.valid_to
    return replace(offer, valid_from=replaced.valid_from if is_same else now, valid_to=ends)


def _beside(span: Span, begins: datetime, ends: datetime | None) -> Iterator[Span]:
    """What of it lies before and after the period."""
    if (span.valid_to and span.valid_to <= begins) or (ends and span.valid_from >= ends):
        yield span
        return
    if span.valid_from < begins:
        yield replace(span, valid_to=begins)
    if ends and (span.valid_to or LATEST) > ends:
        yield replace(span, valid_from=ends, pk=None)


def _write(changes: Collection[tuple[Key, list[Span], list[Span]]]) -> None:
    """Write what differs: what was there before, and what is there after."""
    gone, cut, new = [], [], []
    for key, before, after in changes:
        kept = {span.pk: span for span in after if span.pk}
        gone += [span.pk for span in before if span.pk and span.pk not in kept]
        cut += [(pk, span.valid_to) for pk, span in kept.items() if span not in before]
        new += [
            (*key, span.amount, span.list_amount, span.valid_from, span.valid_to)
            for span in after
            if span.pk is None
        ]
    if gone:
        Price.objects.filter(pk__among=gone).delete()
    bulk.update(Price, ["valid_to"], cut)
    _insert(new)


def _insert(rows: Iterable[Sequence[Any]]) -> None:
    names = ("amount", "list_amount", "valid_from", "valid_to")
    bulk.insert(Price, (*Key._fields, *names), rows)


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
