"""What is left, what is promised, what is gone: the only place that moves stock.

Every function runs inside the caller's `log.change()`. Stock is taken by one conditional UPDATE per
stock row, in the order of their ids, with the constraints of `StockItem` behind it. What was sold
out and can be had again is told as `stock.back`.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.utils.translation import gettext, ngettext

from catalog import events
from catalog.compiled import Compiled, OneOf
from catalog.models import StockItem, StockMovement, StockReservation, Variant
from museo.access.problems import NotFound, Problem
from notifications import bulk

MOST_ON_HAND = 10**9


class OutOfStock(Problem):
    """Nothing was taken; `available` says how many are left of the `sku`."""

    status = 409
    code = "sold_out"

    def __init__(self, sku: str, available: int) -> None:
        super().__init__(_what_is_left(sku, available), sku=sku, available=available)


class UnknownSku(NotFound):
    """Nothing was counted: the shop sells none of `skus`."""

    code = "unknown_sku"

    def __init__(self, skus: list[str]) -> None:
        said = gettext("Nothing is sold under %(skus)s.") % {"skus": ", ".join(skus[:10])}
        super().__init__(said, skus=skus)


class TooMany(Problem):
    """More than a shelf is made for."""

    status = 409
    code = "too_many"

    def __init__(self, sku: str) -> None:
        super().__init__(
            gettext("%(sku)s: no shelf holds more than %(most)s.")
            % {"sku": sku, "most": MOST_ON_HAND},
            sku=sku,
        )


class StillPromised(Problem):
    """Those units cannot leave the shelf: checkouts hold them, or they are not there."""

    status = 409
    code = "still_promised"

    def __init__(self, sku: str, *, promised: int, on_hand: int) -> None:
        super().__init__(
            gettext(
                "%(sku)s: %(on_hand)s are there, %(promised)s of them are promised to checkouts."
                " Take fewer away."
            )
            % {"sku": sku, "on_hand": on_hand, "promised": promised},
            sku=sku,
            promised=promised,
        )


def _what_is_left(sku: str, available: int) -> str:
    if available < 1:
        return gettext("%(sku)s is sold out.") % {"sku": sku}
    return ngettext(
        "Only %(count)s of %(sku)s is left. Choose a smaller quantity.",
        "Only %(count)s of %(sku)s are left. Choose a smaller quantity.",
        available,
    ) % {"sku": sku, "count": available}


def available(variant_ids: Collection[int]) -> dict[int, int]:
    """How many of each variant can still be promised; variants without stock rows are left out."""
    rows = free().filter(variant_id__in=variant_ids)
    return {row["variant_id"]: row["free"] for row in rows}


def free() -> Any:
    """How many can still be promised, of each variant that has stock rows."""
    units = F("on_hand") + F("backorder_limit") - F("reserved")
    return StockItem.objects.values("variant_id").annotate(free=Sum(units))


LEFT = Compiled(
    lambda: Variant.objects.filter(OneOf("pk", "variants"), track_stock=True).values(
        "pk", left=Subquery(free().filter(variant=OuterRef("pk")).values("free"))
    )
)


def shortages(wanted: Mapping[int, int], *, holders: Collection[str] = ()) -> dict[int, int]:
    """Of which variants fewer than `wanted` can be promised, by id, and how many.

    What is promised to these `holders` counts as free: it is theirs who ask.
    """
    left = {row["pk"]: row["left"] or 0 for row in LEFT.rows(variants=wanted)}
    short = {variant: count for variant, count in left.items() if count < wanted[variant]}
    if not short or not holders:
        return short
    own = StockReservation.objects.filter(
        holder__in=holders,
        state=StockReservation.State.HELD,
        stock_item__variant_id__in=short,
    ).values_list("stock_item__variant_id")
    for variant, units in own.annotate(units=Sum("quantity")):
        short[variant] += units
    return {variant: count for variant, count in short.items() if count < wanted[variant]}


def reserve(
    *,
    holder: str,
    wanted: Mapping[int, int],
    expires_at: datetime,
    instead_of: Collection[str] = (),
) -> None:
    """Promise `wanted` units by variant id to `holder`; raise OutOfStock and change nothing.

    What was promised to `instead_of`, such as earlier tries of the same customer, is taken over or
    given back in the same go: nobody comes in between, and each stock row is moved once.
    """
    items = {item.pk: item for item in _items_for(wanted)}
    before = _taken_over(instead_of)
    StockReservation.objects.bulk_create(
        StockReservation(
            stock_item=item,
            holder=holder,
            quantity=wanted[item.variant_id],
            expires_at=expires_at,
        )
        for item in items.values()
    )
    for pk in _in_order({*items, *before}):
        more = (wanted[items[pk].variant_id] if pk in items else 0) - before[pk]
        if more > 0:
            _promise(items[pk], more, own=before[pk])
        elif more < 0:
            StockItem.objects.filter(pk=pk).update(reserved=F("reserved") + more)


def _in_order(pks: Collection[int]) -> list[int]:
    """The order in which everybody locks stock rows, so that nobody waits in a circle."""
    return sorted(pks)


def _taken_over(holders: Collection[str]) -> Counter[int]:
    """End the holders' reservations without giving the units back; return them by stock row."""
    units: Counter[int] = Counter()
    for reservation in _end(holders, StockReservation.State.RELEASED) if holders else []:
        units[reservation.stock_item_id] += reservation.quantity
    return units


def _items_for(wanted: Mapping[int, int]) -> list[StockItem]:
    """The stock row of each tracked variant, in the order they are locked."""
    rows = SHELVES.rows(variants=wanted)
    for row in rows:
        if row["item"] is None:
            raise OutOfStock(row["sku"], 0)
    return [
        StockItem(pk=row["item"], variant=Variant(pk=row["pk"], sku=row["sku"])) for row in rows
    ]


def _shelves() -> QuerySet[Variant, Any]:
    main = StockItem.objects.filter(variant=OuterRef("pk"), location="main")
    tracked = Variant.objects.filter(OneOf("pk", "variants"), track_stock=True)
    return tracked.values("pk", "sku", item=Subquery(main.values("pk"))).order_by("item")


SHELVES = Compiled(_shelves)


def _promise(item: StockItem, quantity: int, *, own: int) -> None:
    """Promise `quantity` more of a stock row, of which the asker has `own` units already."""
    taken = StockItem.objects.filter(
        pk=item.pk, on_hand__gte=F("reserved") - F("backorder_limit") + quantity
    ).update(reserved=F("reserved") + quantity)
    if not taken:
        left = available([item.variant_id])[item.variant_id]
        raise OutOfStock(item.variant.sku, left + own)


def commit(*, holder: str, reference: str, at: datetime) -> None:
    """What `holder` was promised leaves the shelf, sold under `reference`."""
    for reservation in _end([holder], StockReservation.State.COMMITTED):
        StockItem.objects.filter(pk=reservation.stock_item_id).update(
            on_hand=F("on_hand") - reservation.quantity,
            reserved=F("reserved") - reservation.quantity,
        )
        StockMovement.objects.create(
            stock_item_id=reservation.stock_item_id,
            delta=-reservation.quantity,
            kind=StockMovement.Kind.SALE,
            reference=reference,
            at=at,
        )


def release(*, holder: str, at: datetime) -> None:
    """What `holder` was promised can be promised to others again."""
    for reservation in _end([holder], StockReservation.State.RELEASED):
        StockItem.objects.filter(pk=reservation.stock_item_id).update(
            reserved=F("reserved") - reservation.quantity
        )
        _tell_if_back(reservation.stock_item_id, freed=reservation.quantity, at=at)


def _end(holders: Collection[str], state: StockReservation.State) -> list[StockReservation]:
    """Close the holders' reservations; only those that were still held, by stock row."""
    held = StockReservation.objects.filter(holder__in=holders, state=StockReservation.State.HELD)
    return [
        reservation
        for reservation in held.order_by("stock_item_id")
        if held.filter(pk=reservation.pk).update(state=state)
    ]


def put_back(units: Mapping[int, int], *, reference: str, at: datetime) -> None:
    """Units of variants, by id, stand on the shelf again from which `reference` took them."""
    sold = StockMovement.objects.filter(reference=reference, kind=StockMovement.Kind.SALE)
    items = StockItem.objects.filter(variant_id__in=units, pk__in=sold.values("stock_item_id"))
    for item in items.order_by("pk"):
        _move(item, units[item.variant_id], StockMovement.Kind.RETURN, reference, at)


def receive(variant: Variant, units: int, *, reference: str = "", at: datetime) -> StockItem:
    """The first units of a variant arrive on its shelf, which is made."""
    item = StockItem.objects.create(variant=variant, on_hand=units)
    if units:
        StockMovement.objects.create(
            stock_item=item,
            delta=units,
            kind=StockMovement.Kind.RECEIVE,
            reference=reference,
            at=at,
        )
    return item


@dataclass(frozen=True)
class Count:
    """What staff say of a shelf: how many lie there now, or by how many more or fewer."""

    sku: str
    on_hand: int | None = None
    delta: int | None = None


def take_stock(counts: Iterable[Count], *, by: str, at: datetime) -> list[StockItem]:
    """Write what was counted, all or nothing; return the shelves in the order of `counts`.

    The rows are locked in the order of their ids before a count becomes a difference, so what is
    sold meanwhile is sold before or after it. Raises UnknownSku and StillPromised.
    """
    wanted = {count.sku: count for count in counts}
    variants = Variant.objects.filter(sku__in=wanted)
    if missing := sorted(set(wanted) - set(variants.values_list("sku", flat=True))):
        raise UnknownSku(missing)
    _make_shelves(variants)
    shelves = StockItem.objects.filter(variant__in=variants, location="main")
    items = list(
        shelves.select_for_update(of=("self",), no_key=True)
        .select_related("variant")
        .order_by("pk")
    )
    for item in items:
        count = wanted[item.variant.sku]
        delta = count.delta if count.on_hand is None else count.on_hand - item.on_hand
        if delta:
            _move(item, delta, StockMovement.Kind.ADJUST, by, at)
    by_sku = {item.variant.sku: item for item in shelves.select_related("variant")}
    return [by_sku[sku] for sku in wanted]


def _make_shelves(variants: QuerySet[Variant]) -> None:
    """A shelf for each variant that has none; who makes the same one is waited for."""
    without = variants.exclude(stock_items__location="main").order_by("pk")
    StockItem.objects.bulk_create(
        [StockItem(variant=variant) for variant in without], ignore_conflicts=True
    )


# one row


def _move(
    item: StockItem, delta: int, kind: StockMovement.Kind, reference: str, at: datetime
) -> None:
    """Raise or lower what lies on a shelf, and say why; raise StillPromised if too few are left."""
    enough = StockItem.objects.filter(
        pk=item.pk,
        reserved__lte=F("on_hand") + F("backorder_limit") + delta,
        on_hand__lte=MOST_ON_HAND - delta,
    )
    if not enough.update(on_hand=F("on_hand") + delta):
        _refuse_to_move(item, delta)
    StockMovement.objects.create(
        stock_item=item, delta=delta, kind=kind, reference=reference, at=at
    )
    if delta > 0:
        _tell_if_back(item.pk, freed=delta, at=at)


def _refuse_to_move(item: StockItem, delta: int) -> None:
    item.refresh_from_db()
    if delta > 0:
        raise TooMany(item.variant.sku)
    raise StillPromised(item.variant.sku, promised=item.reserved, on_hand=item.on_hand)


def _tell_if_back(item_id: int, *, freed: int, at: datetime) -> None:
    """The row is locked by what was just done to it: before, `freed` fewer could be had."""
    free = F("on_hand") + F("backorder_limit") - F("reserved")
    item = StockItem.objects.annotate(free=free).select_related("variant").get(pk=item_id)
    if item.free - freed <= 0 < item.free:
        events.tell_back(item.variant, at=at)


@dataclass(frozen=True)
class Shelf:
    """The stock row of a variant, as it stands."""

    pk: int
    on_hand: int
    reserved: int
    backorder_limit: int

    def can_hold(self, units: int) -> bool:
        """Whether what is promised to checkouts would still be there."""
        return self.reserved <= units + self.backorder_limit

    def has_free(self, units: int) -> bool:
        """Whether any of so many could be promised."""
        return self.reserved < units + self.backorder_limit


def shelves(variant_ids: Collection[int], *, locked: bool) -> dict[int, Shelf]:
    """The stock row of each variant that has one; `locked` in the order of ids."""
    rows = StockItem.objects.filter(variant_id__in=variant_ids, location="main").order_by("pk")
    if locked:
        rows = rows.select_for_update(no_key=True)
    return {
        variant_id: Shelf(pk, *numbers)
        for variant_id, pk, *numbers in rows.values_list(
            "variant_id", "pk", "on_hand", "reserved", "backorder_limit"
        )
    }


def count(units: Mapping[int, int], *, by: str, at: datetime) -> None:
    """So many of each variant, by id, lie on the shelf; raise StillPromised and change nothing."""
    found = shelves(units, locked=True)
    _refuse_too_few(units, found)
    missing = [variant_id for variant_id in units if variant_id not in found]
    new = dict(zip(missing, bulk.take_ids(StockItem, len(missing)), strict=True))
    bulk.insert(
        StockItem,
        ("id", "variant_id", "location", "on_hand", "reserved", "backorder_limit"),
        [(pk, variant_id, "main", units[variant_id], 0, 0) for variant_id, pk in new.items()],
    )
    moved = [
        (shelf.pk, units[variant_id], units[variant_id] - shelf.on_hand)
        for variant_id, shelf in found.items()
        if units[variant_id] != shelf.on_hand
    ]
    bulk.update(StockItem, ["on_hand"], [(pk, on_hand) for pk, on_hand, _delta in moved])
    arrived = [(pk, units[variant_id]) for variant_id, pk in new.items() if units[variant_id]]
    bulk.insert(
        StockMovement,
        ("stock_item_id", "delta", "kind", "reference", "at"),
        [
            (pk, delta, StockMovement.Kind.ADJUST, by, at)
            for pk, delta in [*arrived, *((pk, delta) for pk, _on_hand, delta in moved)]
        ],
    )
    back = [
        variant_id
        for variant_id, shelf in found.items()
        if not shelf.has_free(shelf.on_hand) and shelf.has_free(units[variant_id])
    ]
    for variant in Variant.objects.filter(pk__in=back).order_by("pk") if back else []:
        events.tell_back(variant, at=at)


def _refuse_too_few(units: Mapping[int, int], found: Mapping[int, Shelf]) -> None:
    for variant_id, shelf in found.items():
        if not shelf.can_hold(units[variant_id]):
            sku = Variant.objects.values_list("sku", flat=True).get(pk=variant_id)
            raise StillPromised(sku, promised=shelf.reserved, on_hand=shelf.on_hand)
