"""What each row of a file would do: create, change, nothing, or why it is refused.

A row is looked at as a whole before any of it counts: a refused row changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from django.utils.text import slugify

from catalog import drafts, purchases, shop
from catalog.imports import cells
from catalog.imports.book import (
    NEW_MASTER,
    NEW_VARIANT,
    PLAIN_OF_MASTER,
    TEXTS,
    Book,
    Categories,
    Product,
    Sold,
    open_book,
)
from catalog.imports.columns import canonical
from catalog.imports.models import ImportRow
from catalog.imports.problems import NOT_CARRIED, RowRefused
from catalog.models import Master
from catalog.prices import Amounts

Outcome = ImportRow.Outcome
Reason = Mapping[str, Any]
Reasons = Iterable[Reason]
CREATED = "created"


@dataclass(frozen=True)
class Column:
    """A column that is imported: its place, its field, and how its cells are read."""

    index: int
    field: str
    read: Callable[[str], Any]
    # the field's parts: `price` and `EUR`
    name: str
    more: str

    @cached_property
    def is_plain(self) -> bool:
        """Whether its cells are read alone, without other columns and the shop."""
        return self.name not in ("price", "list_price", "category")


class Row(NamedTuple):
    """A row of the file, as it is kept."""

    pk: int
    number: int
    sku: str
    product: str
    twin: int | None
    cells: list[str]


class Plan(NamedTuple):
    """What becomes of a row."""

    row: Row
    outcome: str
    changes: Mapping[str, Sequence[Any]]
    # why it is refused, else what staff should know of it
    reasons: Sequence[Reason] = ()


class Refused(Exception):
    """The row's reasons, by field; and its other values, if it can be looked at any further."""

    def __init__(self, *reasons: Reason, values: Mapping[str, Any] | None = None) -> None:
        super().__init__(reasons)
        self.reasons = reasons
        self.values = values or {}


# columns


def columns(mapping: Sequence[str], header: Sequence[str]) -> list[Column]:
    """The columns that mean something, in the order in which they are read."""
    found = [
        Column(index, field, _reader(field), *field.partition(":")[::2])
        for index, field in enumerate(map(canonical, mapping))
        if field
    ]
    return sorted(found, key=lambda column: ORDER.get(column.name, 1))


# prices are read by the currency; one option is set after all of them
ORDER = {"currency": 0, "option": 2, "attribute": 2}


def key_columns(mapping: Sequence[str]) -> tuple[int, int | None]:
    """Where the SKU is, and the product if it is there."""
    return mapping.index("sku"), mapping.index("product") if "product" in mapping else None


def product_key(product: str, sku: str) -> str:
    """What rows of one product have in common, whatever they are worth."""
    if not product:
        return slugify(sku)[:120] or sku[:120]
    try:
        return cells.product(product)
    except RowRefused:
        return product[:120]


def _reader(field: str) -> Callable[[str], Any]:
    name, _colon, _more = field.partition(":")
    if name in TEXTS:
        return cells.text(drafts.TEXTS[name])
    return READERS[name]


def _raw(cell: str) -> str:
    return cell


READERS: Mapping[str, Callable[[str], Any]] = {
    "sku": cells.sku,
    "product": lambda cell: cells.product(cell.strip()),
    "category": cells.text(1000),
    "brand": cells.text(80),
    "kind": cells.kind,
    "status": cells.status,
    "tags": cells.tags,
    "attributes": cells.attributes,
    "options": cells.options,
    # these wait for their currency
    "price": _raw,
    "list_price": _raw,
    "currency": cells.currency,
    "stock": cells.units,
    "gtin": cells.gtin,
    "active": cells.flag,
    "track_stock": cells.flag,
    "max_per_order": cells.limit,
    "pictures": cells.pictures,
    "option": cells.option_label,
    "attribute": cells.text(1000),
}


# planning


class Planner:
    """Plans rows against a book; knows the file's columns and the shop's categories."""

    def __init__(self, columns: Sequence[Column], width: int) -> None:
        self.columns = columns
        self.width = width
        self.categories = Categories()
        self.currency = shop.currency()
        self.not_carried = purchases.not_carried()

    def read(self, row: Row) -> dict[str, Any]:
        """The row's values by field; what is blank stays as it is. Raises Refused."""
        values: dict[str, Any] = {}
        reasons = []
        given = row.cells
        for column in self.columns:
            cell = given[column.index]
            if cell and not cell.isspace():
                try:
                    if column.is_plain:
                        values[column.field] = column.read(cell)
                    else:
                        self._take(values, column, cell)
                except RowRefused as refused:
                    reasons.append({"field": column.field, **refused.reason})
        if len(given) > self.width:
            reasons.append({"field": "", "code": "more_cells"})
        if row.twin is not None:
            reasons.append({"field": "sku", "code": "sku_twice", "row": row.twin})
        if "sku" not in values and not any(reason["field"] == "sku" for reason in reasons):
            reasons.append({"field": "sku", "code": "sku_missing"})
        if _is_nameless(values) and not any(reason["field"] == "product" for reason in reasons):
            reasons.append({"field": "product", "code": "required"})
        if reasons:
            raise Refused(*reasons, values=values if _names_a_product(values, reasons) else None)
        return values

    def reads_as(self, other: Planner) -> bool:
        """Whether the other one would find the same in each row."""
        return self._known() == other._known()

    def _known(self) -> tuple[Any, ...]:
        fields = [column.field for column in self.columns]
        return fields, self.currency, self.categories.known, self.not_carried

    def _take(self, values: dict[str, Any], column: Column, cell: str) -> None:
        value = column.read(cell)
        if column.name == "category":
            values[column.field] = self._category(value)
            return
        currency = column.more or values.get("currency") or self.currency
        is_none = column.name == "list_price" and value.strip() == cells.NOTHING
        field = f"{column.name}:{currency}"
        price = None if is_none else cells.price(value, currency)
        # `price` in euro beside `price:EUR`
        if values.setdefault(field, price) != price:
            raise RowRefused("price_differs", currency=currency)

    def _category(self, cell: str) -> int:
        found = self.categories.find(cell.strip())
        if len(found) != 1:
            raise RowRefused("category_ambiguous" if found else "category_unknown")
        return next(iter(found))


def _is_nameless(values: Mapping[str, Any]) -> bool:
    """Only a new product needs a name, but nobody should guess what a name of signs is."""
    return "sku" in values and "product" not in values and not slugify(values["sku"])


def _names_a_product(values: Mapping[str, Any], reasons: Reasons) -> bool:
    """Whether it is known what the row is about; a twin is about nothing."""
    unknown = {reason["field"] for reason in reasons}
    return "sku" in values and unknown.isdisjoint(("sku", "product"))


def _slug(values: Mapping[str, Any]) -> str:
    return str(values.get("product") or slugify(values["sku"]))


@dataclass(frozen=True)
class Read:
    """Rows with their values, or why they are refused as they are; and what these are about."""

    rows: Sequence[tuple[Row, dict[str, Any] | Refused]]
    skus: Collection[str]
    slugs: Collection[str]
    currencies: Sequence[str]
    # the kinds of products that nobody could buy
    not_carried: Collection[str]


def read(rows: Iterable[Row], planner: Planner) -> Read:
    found = [(row, _values_or_refusal(row, planner)) for row in rows]
    known = [each.values if isinstance(each, Refused) else each for _row, each in found]
    about = [values for values in known if values]
    shapes = {shape_of(tuple(values)) for values in about}
    return Read(
        found,
        {values["sku"] for values in about},
        {_slug(values) for values in about},
        sorted({currency for shape in shapes for currency in shape.currencies}),
        planner.not_carried,
    )


def _values_or_refusal(row: Row, planner: Planner) -> dict[str, Any] | Refused:
    try:
        return planner.read(row)
    except Refused as refused:
        # what it was raised from holds on to much
        return refused.with_traceback(None)


def book_of(read: Read, *, is_locked: bool, now: datetime) -> Book:
    """The book of all that these rows are about."""
    return open_book(
        read.skus, read.slugs, currencies=read.currencies, is_locked=is_locked, now=now
    )


def plan(read: Read, book: Book, *, now: datetime) -> list[Plan]:
    """What becomes of the rows, in their order, by the book, which then has to be written."""
    return [
        Plan(row, Outcome.REFUSED, {}, [*values.reasons, *_further_reasons(values, book)])
        if isinstance(values, Refused)
        else _planned(row, values, book, read.not_carried, now)
        for row, values in read.rows
    ]


def _further_reasons(refused: Refused, book: Book) -> Reasons:
    """What else is wrong with a row that has cells which cannot be read."""
    if not refused.values:
        return []
    try:
        sold, product = _find(refused.values, book)
    except Refused as further:
        return further.reasons
    unknown = {reason["field"].partition(":")[0] for reason in refused.reasons}
    unknown.update(*(HANGS_ON.get(name, ()) for name in unknown))
    found = _reasons(refused.values, shape_of(tuple(refused.values)), sold, product)
    return [reason for reason in found if reason["field"].partition(":")[0] not in unknown]


# what can be said of a field only where another one is known
HANGS_ON: Mapping[str, Sequence[str]] = {
    "currency": ("price", "list_price"),
    "price": ("list_price",),
    "option": ("options",),
}


def _planned(
    row: Row, values: dict[str, Any], book: Book, not_carried: Collection[str], now: datetime
) -> Plan:
    shape = shape_of(tuple(values))
    try:
        sold, product = _find(values, book)
        proposed = _proposed(values, shape, sold, product)
    except Refused as refused:
        return Plan(row, Outcome.REFUSED, {}, refused.reasons)
    changes: dict[str, Sequence[Any]] = {}
    if sold.is_new:
        changes[CREATED] = [None, "variant" if product.slug in book.products else "product"]
        _enter(book, product, sold)
    for field, old, value in proposed:
        changes[field] = [old, value]
        assign(sold, product, field, value)
    for field in shape.of_product:
        product.said[field] = (values[field], row.number)
    _publish(product, now)
    warnings = _warnings(changes, product, not_carried) if not_carried else ()
    if sold.is_new:
        return Plan(row, Outcome.CREATE, changes, warnings)
    return Plan(row, Outcome.CHANGE if changes else Outcome.UNCHANGED, changes, warnings)


def _warnings(
    changes: Mapping[str, Any], product: Product, not_carried: Collection[str]
) -> Sequence[Reason]:
    """What staff should know of a row that is not refused: it sells what nobody can buy."""
    kind, status = product.fields["kind"], product.fields["status"]
    if kind not in not_carried or status != Master.Status.ACTIVE:
        return ()
    if changes.keys().isdisjoint((CREATED, "kind", "status")):
        return ()
    return ({"field": "kind", "code": NOT_CARRIED, "kind": kind},)


def _find(values: Mapping[str, Any], book: Book) -> tuple[Sold, Product]:
    """The variant and its product; a new one is in no book yet."""
    sku, named = values["sku"], values.get("product")
    known = book.variants.get(sku)
    if known is not None:
        product = known.product
        if product.is_deleted:
            raise Refused({"field": "sku", "code": "sku_deleted"})
        if named and named != product.slug:
            raise Refused({"field": "sku", "code": "sku_of_another", "product": product.slug})
        return known, product
    slug = _slug(values)
    if not named and slug in book.products:
        raise Refused({"field": "product", "code": "product_taken", "product": slug})
    product = book.products.get(slug) or Product(None, slug, fields=dict(NEW_MASTER))
    position = max((each.position for each in product.variants.values()), default=-1) + 1
    return Sold(None, sku, product, position, dict(NEW_VARIANT)), product


def _enter(book: Book, product: Product, sold: Sold) -> None:
    if product.slug not in book.products:
        book.products[product.slug] = product
        book.all.append(product)
    product.variants[sold.sku] = book.variants[sold.sku] = sold


def _publish(product: Product, now: datetime) -> None:
    if product.fields["status"] == Master.Status.ACTIVE and product.published_at is None:
        product.published_at = now
        product.touched.add("published")


# what a row may do


@dataclass(frozen=True)
class Shape:
    """What is known of a row by which of its fields are filled; most rows of a file are alike."""

    # those with a value of their own, and what tells the one that there is
    fields: tuple[tuple[str, Callable[[Sold, Product], Any]], ...]
    of_product: tuple[str, ...]
    options: tuple[str, ...]
    # in which there is a price or one before it
    currencies: tuple[str, ...]
    has_price: bool
    # languages in which there is a name, and in which any text
    named: frozenset[str]
    told: frozenset[str]


@lru_cache(maxsize=1000)
def shape_of(fields: tuple[str, ...]) -> Shape:
    names = {field: field.partition(":")[0] for field in fields}
    more = {field: field.partition(":")[2] for field in fields}
    priced = [field for field in fields if names[field] in ("price", "list_price")]
    return Shape(
        fields=tuple((field, reader_of(field)) for field in fields if field not in NO_VALUES),
        of_product=tuple(filter(is_of_product, fields)),
        options=tuple(field for field in fields if names[field] == "option"),
        currencies=tuple(sorted({more[field] for field in priced})),
        has_price=any(names[field] == "price" for field in fields),
        named=frozenset(more[field] for field in fields if names[field] == "name"),
        told=frozenset(more[field] for field in fields if names[field] in TEXTS),
    )


NO_VALUES = ("sku", "product", "currency")
Values = Mapping[str, Any]


def _proposed(
    values: Values, shape: Shape, sold: Sold, product: Product
) -> list[tuple[str, Any, Any]]:
    """Fields, what is there and what differs from it; raise Refused with every reason."""
    reasons = _reasons(values, shape, sold, product)
    if reasons:
        raise Refused(*reasons)
    proposed = [
        (field, old, values[field])
        for field, read in shape.fields
        if (old := read(sold, product)) != values[field]
    ]
    if sold.is_new and "stock" not in values:
        proposed.append(("stock", None, 0))
    return proposed


def _reasons(values: Values, shape: Shape, sold: Sold, product: Product) -> Sequence[Reason]:
    return [
        reason
        for check in (_contradictions, _missing, _refused_prices, _refused_options, _refused_stock)
        for reason in check(values, shape, sold, product)
    ]


def _contradictions(values: Values, shape: Shape, sold: Sold, product: Product) -> Reasons:
    for field, (said, number) in product.said.items():
        if field in values and values[field] != said:
            yield {"field": field, "code": "differs_from_row", "row": number}


def _missing(values: Values, shape: Shape, sold: Sold, product: Product) -> Reasons:
    if sold.is_new and not shape.has_price:
        yield {"field": "price", "code": "required"}
    if product.category is None and "category" not in values:
        yield {"field": "category", "code": "required"}
    known = {language for language, text in product.texts.items() if text["name"]}
    if not known and not shape.named:
        yield {"field": "name", "code": "required"}
    for language in sorted(shape.told - shape.named - known):
        if known or shape.named:
            yield {"field": f"name:{language}", "code": "required"}


def _refused_prices(values: Values, shape: Shape, sold: Sold, product: Product) -> Reasons:
    for currency in shape.currencies:
        amounts = _amounts(values, sold, currency)
        if amounts is None:
            if values[f"list_price:{currency}"] is not None:
                yield {"field": f"list_price:{currency}", "code": "price_missing"}
        elif amounts.list_amount is not None and amounts.list_amount < amounts.amount:
            yield {"field": f"list_price:{currency}", "code": "list_price_low"}


def _amounts(values: Mapping[str, Any], sold: Sold, currency: str) -> Amounts | None:
    """The price as the row would leave it; None: there is none."""
    had = sold.prices.get(currency)
    amount = values.get(f"price:{currency}", had.amount if had else None)
    if amount is None:
        return None
    return Amounts(amount, values.get(f"list_price:{currency}", had.list_amount if had else None))


def _refused_options(values: Values, shape: Shape, sold: Sold, product: Product) -> Reasons:
    given = {field[7:]: values[field] for field in shape.options}
    if not (sold.is_new or given or "options" in values):
        return
    wanted = {**values.get("options", sold.options), **given}
    if sold.is_new and len(product.variants) >= drafts.MOST["variants"]:
        yield {"field": "product", "code": "variants_many", "most": drafts.MOST["variants"]}
    if len(product.choices.keys() | wanted.keys()) > drafts.MOST["options"]:
        yield {"field": "options", "code": "options_many", "most": drafts.MOST["options"]}
    for other in product.variants.values():
        if other is not sold and other.options == wanted:
            yield {"field": "options", "code": "options_twin", "sku": other.sku}
            return


def _refused_stock(values: Values, shape: Shape, sold: Sold, product: Product) -> Reasons:
    wanted = values.get("stock")
    if wanted is None or wanted == sold.on_hand:
        return
    if wanted < 0:
        yield {"field": "stock", "code": "number_range", "least": 0, "most": cells.LARGEST_COUNT}
    elif sold.shelf and not sold.shelf.can_hold(wanted):
        yield {"field": "stock", "code": "still_promised", "promised": sold.shelf.reserved}


# values by field


OF_VARIANT = {"gtin": "gtin", "active": "is_active"} | {
    name: name for name in ("track_stock", "max_per_order")
}


def is_of_product(field: str) -> bool:
    name = field.partition(":")[0]
    return name in TEXTS or name in PLAIN_OF_MASTER or name in OF_PRODUCT


OF_PRODUCT = ("category", "pictures", "attribute")


def value_of(sold: Sold, product: Product, field: str) -> Any:
    """What the field holds now."""
    return reader_of(field)(sold, product)


@lru_cache(maxsize=1000)
def reader_of(field: str) -> Callable[[Sold, Product], Any]:
    """Tells what the field of a variant and its product holds."""
    name, _colon, more = field.partition(":")
    if name in TEXTS:
        return lambda _sold, product: product.texts.get(more, {}).get(name)
    if name in PLAIN_OF_MASTER:
        return lambda _sold, product: product.fields[name]
    if name in OF_VARIANT:
        own = OF_VARIANT[name]
        return lambda sold, _product: sold.fields[own]
    if name == "price":
        return lambda sold, _product: (had := sold.prices.get(more)) and had.amount
    if name == "list_price":
        return lambda sold, _product: (had := sold.prices.get(more)) and had.list_amount
    return lambda sold, product: VALUES[name](sold, product, more)


VALUES: Mapping[str, Callable[[Sold, Product, str], Any]] = {
    "category": lambda sold, product, _name: product.category,
    "pictures": lambda sold, product, _name: product.pictures,
    "attribute": lambda sold, product, name: product.fields["attributes"].get(name),
    "options": lambda sold, product, _name: sold.options,
    "option": lambda sold, product, name: sold.options.get(name),
    "stock": lambda sold, product, _name: sold.on_hand,
}


def assign(sold: Sold, product: Product, field: str, value: Any) -> None:
    """Let the field hold the value, and note that it has to be written."""
    writer_of(field)(sold, product, value)


@lru_cache(maxsize=1000)
def writer_of(field: str) -> Callable[[Sold, Product, Any], None]:
    """Lets the field of a variant and its product hold a value."""
    name, _colon, more = field.partition(":")
    if name in TEXTS:
        return lambda _sold, product, value: _assign_text(product, name, more, value)
    if name in PLAIN_OF_MASTER:
        return lambda _sold, product, value: _assign_plain(product, name, value)
    if name in OF_VARIANT:
        return lambda sold, _product, value: _assign_own(sold, name, value)
    if name in ("price", "list_price"):
        return lambda sold, _product, value: _assign_price(sold, name, more, value)
    return lambda sold, product, value: ASSIGN[name](sold, product, more, value)


def _assign_plain(product: Product, name: str, value: Any) -> None:
    product.fields[name] = value
    product.touched.add(name)


def _assign_own(sold: Sold, name: str, value: Any) -> None:
    sold.fields[OF_VARIANT[name]] = value
    sold.touched.add(name)


def _assign_text(product: Product, name: str, language: str, value: str | None) -> None:
    text = product.texts.setdefault(language, dict.fromkeys(TEXTS, ""))
    text[name] = value or ""
    product.retold.add(language)


def _assign_price(sold: Sold, name: str, currency: str, value: int | None) -> None:
    had = sold.prices.get(currency)
    sold.repriced.add(currency)
    if name == "price" and value is None:
        sold.prices.pop(currency, None)
    elif name == "price" and value is not None:
        sold.prices[currency] = Amounts(value, had.list_amount if had else None)
    elif had:
        sold.prices[currency] = Amounts(had.amount, value)


def _assign_category(sold: Sold, product: Product, _name: str, value: int) -> None:
    product.category = value
    product.touched.add("category")


def _assign_pictures(sold: Sold, product: Product, _name: str, value: list[str]) -> None:
    product.pictures = value
    product.touched.add("pictures")


def _assign_attribute(sold: Sold, product: Product, name: str, value: str | None) -> None:
    product.fields["attributes"] = _with(product.fields["attributes"], name, value)
    product.touched.add("attributes")


def _assign_options(sold: Sold, product: Product, _name: str, value: dict[str, str]) -> None:
    sold.options = value
    sold.touched.add("options")
    for name, label in value.items():
        product.choice(name).value(label)


def _assign_option(sold: Sold, product: Product, name: str, value: str | None) -> None:
    _assign_options(sold, product, "", _with(sold.options, name, value))


def _with(values: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    """The values with another one; None takes it away."""
    kept = {key: each for key, each in values.items() if key != name}
    return kept if value is None else {**values, name: value}


def _assign_stock(sold: Sold, product: Product, _name: str, value: int | None) -> None:
    sold.on_hand = value or 0
    sold.touched.add("stock")


ASSIGN: Mapping[str, Callable[[Sold, Product, str, Any], None]] = {
    "category": _assign_category,
    "pictures": _assign_pictures,
    "attribute": _assign_attribute,
    "options": _assign_options,
    "option": _assign_option,
    "stock": _assign_stock,
}
