"""What is left, what is promised, what is gone: the only place that moves stock.

Every function runs inside the caller's `log.change()`. Stock is taken by one conditional UPDATE per
stock row, in the order of their ids, with the constraints of `StockItem` behind it. What was sold
out and can be had again is told as `stock.back`.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.utils.translation import gettext, ngettext

from catalog import events, names
from catalog.compiled import Compiled, OneOf
from catalog.models import StockItem, StockMovement, StockReservation, Variant
from museo import bulk, sql
from museo.access.problems import NotFound, Problem
from museo.directions import isolated

MOST_ON_HAND = 10**9
MAIN = "main"


class OutOfStock(Problem):
    """Nothing was taken; `available` says how many are left of the `sku`.

    Its name is looked up where none is given.
    """

    status = 409
    code = "sold_out"

    def __init__(self, sku: str, available: int, *, name: str = "") -> None:
        said = _what_is_left(name or names.of(sku), available)
        super().__init__(said, sku=sku, available=available)


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
                "%(sku)s: %(on_hand)s in stock, %(promised)s of them promised to checkouts."
                " Take fewer away."
            )
            % {"sku": isolated(sku), "on_hand": on_hand, "promised": promised},
            sku=sku,
            promised=promised,
        )


def _what_is_left(name: str, available: int) -> str:
    if available < 1:
        return gettext("%(name)s is sold out.") % {"name": isolated(name)}
    return ngettext(
        "Only %(count)s of %(name)s is left. Choose a smaller quantity.",
        "Only %(count)s of %(name)s are left. Choose a smaller quantity.",
        available,
    ) % {"name": isolated(name), "count": available}


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


def knows(variant_ids: Iterable[int]) -> bool:
    """Whether the shop has all of them still, counted or not."""
    asked = set(variant_ids)
    return Variant.objects.filter(pk__in=asked).count() == len(asked)


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
    for item_id, quantity in _end(holders, StockReservation.State.RELEASED) if holders else []:
        units[item_id] += quantity
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
    main = StockItem.objects.filter(variant=OuterRef("pk"), location=MAIN)
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
    ended = _end([holder], StockReservation.State.COMMITTED)
    sql.changed_each(
        "UPDATE catalog_stockitem SET on_hand = on_hand - %s, reserved = reserved - %s"
        " WHERE id = %s",
        [(quantity, quantity, pk) for pk, quantity in ended],
    )
    note_sale(ended, reference=reference, at=at)


def sell(units: Mapping[int, int]) -> None:
    """Units of stock rows, by id, leave the shelf at once; raise OutOfStock.

    As `reserve` and `commit` in one go, but for `note_sale`. The rows are held until the
    transaction ends: sell last.
    """
    order = _in_order(units)
    for item_id, is_taken in zip(order, _take([(pk, units[pk]) for pk in order]), strict=True):
        if not is_taken:
            item = StockItem.objects.select_related("variant").get(pk=item_id)
            raise OutOfStock(item.variant.sku, available([item.variant_id])[item.variant_id])


def _take(units: Sequence[tuple[int, int]]) -> list[int]:
    """Take units away that nobody was promised; 1 for each row that had them, else 0."""
    return sql.changed_each(
        "UPDATE catalog_stockitem SET on_hand = on_hand - %s"
        " WHERE id = %s AND on_hand - reserved + backorder_limit >= %s",
        [(quantity, pk, quantity) for pk, quantity in units],
    )


def note_sale(units: Iterable[tuple[int, int]], *, reference: str, at: datetime) -> None:
    """Keep under which `reference` units of stock rows, by id, have left the shelf."""
    bulk.insert(
        StockMovement,
        ("stock_item_id", "delta", "kind", "reference", "at"),
        [(pk, -quantity, str(StockMovement.Kind.SALE), reference, at) for pk, quantity in units],
    )


def release(*, holder: str, at: datetime) -> None:
    """What `holder` was promised can be promised to others again."""
    for item_id, quantity in _end([holder], StockReservation.State.RELEASED):
        StockItem.objects.filter(pk=item_id).update(reserved=F("reserved") - quantity)
        _tell_if_back(item_id, freed=quantity, at=at)


def _end(holders: Collection[str], state: StockReservation.State) -> list[tuple[int, int]]:
    """Close the holders' reservations; of those that were still held, stock row and units."""
    marks = ", ".join(["%s"] * len(holders))
    ended = sql.rows(
        # only placeholders are put in
        f"UPDATE catalog_stockreservation SET state = %s"  # noqa: S608
        f" WHERE holder IN ({marks}) AND state = 'held' RETURNING stock_item_id, quantity",
        [str(state), *holders],
    )
    return sorted(ended)


def put_back(units: Mapping[int, int], *, reference: str, at: datetime) -> None:
    """Units of variants, by id, stand on the shelf again from which `reference` took them."""
    sold = StockMovement.objects.filter(reference=reference, kind=StockMovement.Kind.SALE)
    found = _locked(
        StockItem.objects.filter(variant_id__in=units, pk__in=sold.values("stock_item_id"))
    )
    deltas = [(shelf, units[shelf.variant_id]) for shelf in found]
    _move(deltas, StockMovement.Kind.RETURN, reference, at)


def receive(variant: Variant, units: int, *, reference: str = "", at: datetime) -> None:
    """The first units of a variant arrive on its shelf, which is made."""
    receive_all({variant.pk: units}, reference=reference, at=at)


def receive_all(units: Mapping[int, int], *, reference: str = "", at: datetime) -> None:
    """The first units of many variants, by id."""
    made = dict(zip(units, bulk.take_ids(StockItem, len(units)), strict=True))
    bulk.insert(
        StockItem,
        ("id", "variant_id", "on_hand"),
        [(made[variant_id], variant_id, count) for variant_id, count in units.items()],
        alike={"location": MAIN, "reserved": 0, "backorder_limit": 0},
    )
    arrived = [(made[variant_id], count) for variant_id, count in units.items() if count]
    _note(arrived, StockMovement.Kind.RECEIVE, reference, at)


@dataclass(frozen=True, slots=True)
class Count:
    """What staff say of a shelf: how many lie there now, or by how many more or fewer."""

    sku: str
    on_hand: int | None = None
    delta: int | None = None

    def delta_to(self, shelf: "Shelf") -> int:
        return self.delta or 0 if self.on_hand is None else self.on_hand - shelf.on_hand


def take_stock(counts: Iterable[Count], *, by: str, at: datetime) -> list[StockItem]:
    """`count` by SKU; return the shelves in the order of `counts`. Raises UnknownSku, too."""
    wanted = {count.sku: count for count in counts}
    ids = dict(Variant.objects.filter(sku__among=wanted).values_list("sku", "pk"))
    if missing := sorted(set(wanted) - set(ids)):
        raise UnknownSku(missing)
    count({ids[sku]: said for sku, said in wanted.items()}, by=by, at=at)
    shelves = StockItem.objects.filter(variant_id__among=ids.values(), location=MAIN)
    by_sku = {item.variant.sku: item for item in shelves.select_related("variant")}
    return [by_sku[sku] for sku in wanted]


def count(counts: Mapping[int, Count], *, by: str, at: datetime) -> None:
    """Write what was counted of variants, by id, all or nothing.

    The rows are locked in the order of their ids before a count becomes a difference, so what is
    sold meanwhile is sold before or after it. Raises StillPromised and TooMany.
    """
    if not counts:
        return
    _make_shelves(counts)
    found = shelves(counts, locked=True)
    deltas = [(shelf, counts[pk].delta_to(shelf)) for pk, shelf in found.items()]
    _move([each for each in deltas if each[1]], StockMovement.Kind.ADJUST, by, at)


def _make_shelves(variant_ids: Collection[int]) -> None:
    """A shelf for each variant that has none; who makes the same one is waited for."""
    without = Variant.objects.filter(pk__among=variant_ids).exclude(stock_items__location=MAIN)
    StockItem.objects.bulk_create(
        [StockItem(variant=variant) for variant in without.order_by("pk")], ignore_conflicts=True
    )


@dataclass(frozen=True, slots=True)
class Shelf:
    """The stock row of a variant, as it stands."""

    pk: int
    variant_id: int
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
    rows = StockItem.objects.filter(variant_id__among=variant_ids, location=MAIN)
    return {shelf.variant_id: shelf for shelf in (_locked(rows) if locked else _read(rows))}


def _locked(rows: QuerySet[StockItem]) -> list[Shelf]:
    return _read(rows.select_for_update(no_key=True).order_by("pk"))


def _read(rows: QuerySet[StockItem]) -> list[Shelf]:
    names = ("pk", "variant_id", "on_hand", "reserved", "backorder_limit")
    return [Shelf(*values) for values in rows.values_list(*names)]


def _move(
    deltas: Collection[tuple[Shelf, int]], kind: StockMovement.Kind, reference: str, at: datetime
) -> None:
    """Raise or lower what lies on shelves that are locked, and say why.

    Raises StillPromised where too few would be left, and TooMany.
    """
    for shelf, delta in deltas:
        if delta > 0 and shelf.on_hand + delta > MOST_ON_HAND:
            raise TooMany(_sku(shelf))
        if delta < 0 and not shelf.can_hold(shelf.on_hand + delta):
            raise StillPromised(_sku(shelf), promised=shelf.reserved, on_hand=shelf.on_hand)
    moved = [(shelf.pk, shelf.on_hand + delta) for shelf, delta in deltas]
    bulk.update(StockItem, ["on_hand"], moved)
    _note([(shelf.pk, delta) for shelf, delta in deltas], kind, reference, at)
    back = [
        shelf.variant_id
        for shelf, delta in deltas
        if not shelf.has_free(shelf.on_hand) and shelf.has_free(shelf.on_hand + delta)
    ]
    if back:
        named = Variant.objects.prefetch_related("master__translations")
        for variant in named.filter(pk__among=back).order_by("pk"):
            events.tell_back(variant, at=at)


def _sku(shelf: Shelf) -> str:
    return Variant.objects.values_list("sku", flat=True).get(pk=shelf.variant_id)


def _note(
    deltas: Iterable[tuple[int, int]], kind: StockMovement.Kind, reference: str, at: datetime
) -> None:
    """Keep why stock rows, by id, have moved."""
    bulk.insert(
        StockMovement,
        ("stock_item_id", "delta"),
        deltas,
        alike={"kind": str(kind), "reference": reference, "at": at},
    )


def _tell_if_back(item_id: int, *, freed: int, at: datetime) -> None:
    """The row is locked by what was just done to it: before, `freed` fewer could be had."""
    free = F("on_hand") + F("backorder_limit") - F("reserved")
    item = StockItem.objects.annotate(free=free).select_related("variant").get(pk=item_id)
    if item.free - freed <= 0 < item.free:
        events.tell_back(item.variant, at=at)
