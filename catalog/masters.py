"""What staff write of products: the one place that makes, changes, deletes and restores them.

Fields are those of `catalog.drafts`. Every write raises the product's `revision`; whoever names
the one they saw is told if somebody was faster. Each keeps the search index, leaves a trail and
tells `staff.catalog`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import IntegrityError
from django.db.models import F
from django.utils.text import slugify
from django.utils.translation import gettext as _

from catalog import drafts, events, prices, purchases, shop, staff, stock
from catalog.drafts import BadProduct, Fields
from catalog.models import (
    Category,
    Master,
    Modifier,
    ModifierGroup,
    OptionValue,
    ProductOption,
    Variant,
)
from catalog.search import index as search_index
from museo.access import trail
from museo.access.callers import Caller
from museo.access.problems import NotFound, Problem, field_error
from museo.access.tokens import as_name
from museo.directions import isolated
from notifications import log

OWN = (
    "kind",
    "slug",
    "status",
    "tax_class",
    "brand",
    "tags",
    "attributes",
    "facts",
    "published_at",
)
OF_VARIANT = ("sku", "gtin", "is_active", "track_stock", "max_per_order", "prep_seconds")
# what a replacement sets where it says nothing
PLAIN: Mapping[str, Any] = {
    "kind": Master.Kind.PHYSICAL,
    "status": Master.Status.DRAFT,
    "tax_class": "",
    "brand": "",
    "tags": [],
    "attributes": {},
    "facts": {},
    "options": [],
    "modifier_groups": [],
    "variants": [],
    "translations": {},
}
PLAIN_VARIANT: Mapping[str, Any] = {
    "gtin": "",
    "is_active": True,
    "track_stock": True,
    "max_per_order": None,
    "prep_seconds": None,
    "options": {},
}
PLAIN_TEXTS: Mapping[str, str] = {"subtitle": "", "description": ""}


class UnknownMaster(NotFound):
    code = "unknown_product"


class EditedMeanwhile(Problem):
    """Somebody else has written since; `revision` is the one there is now."""

    status = 412
    code = "edited_meanwhile"


class TakenMeanwhile(Problem):
    """Somebody was faster by a moment with the same SKU or address."""

    status = 409
    code = "taken"


class StillUsed(Problem):
    """Something that cannot go: it was ordered, or a variant has it."""

    status = 409
    code = "still_used"


def create(caller: Caller, fields: Fields, *, now: datetime) -> Master:
    """Make a product with its variants; raise BadProduct and make nothing."""
    require(caller, "add")
    with _one_write():
        drafts.require_good(fields, None)
        master = Master()
        master.slug = fields.get("slug") or _free_slug(fields, master)
        master.primary_category = Category.objects.get(slug=fields["category"])
        _set_own(master, fields, now)
        master.save()
        changed = [*fields.keys() & {*OWN, "category"}, *_write_parts(master, fields, now=now)]
        _note(caller, master, "created", changed, now)
    return master


def update(
    caller: Caller,
    key: str,
    fields: Fields,
    *,
    revision: int | None,
    now: datetime,
    also: Iterable[str] = (),
) -> Master:
    """Change what `fields` name and nothing else; variants are found by id, or else by SKU.

    `revision` is the one the caller saw, None for whatever there is; `also` names what the caller
    has written of the product in the same change. Raises EditedMeanwhile.
    """
    require(caller, "change")
    with _one_write():
        master = _raise_revision(key, revision, now)
        drafts.require_good(fields, master)
        changed = [*also, *_write(master, fields, now=now)]
        _note(caller, master, "changed", changed, now)
    return master


def replace(
    caller: Caller, key: str, fields: Fields, *, revision: int | None, now: datetime
) -> Master:
    """Make the product what `fields` say, and take away what they do not name.

    Prices are added and cut short, stock is counted elsewhere. Raises EditedMeanwhile, and
    StillUsed where a variant that was ordered would go.
    """
    require(caller, "change")
    whole = _whole(fields)
    with _one_write():
        master = _raise_revision(key, revision, now)
        if not fields:
            raise drafts.BadProduct(_("Name at least one field of the product."))
        drafts.require_good(whole, master)
        changed = [
            *_take_away_variants(master, whole["variants"]),
            *_write(master, whole, now=now),
            *_take_away_choices(master, whole["options"]),
            *_take_away_modifiers(master, whole["modifier_groups"]),
            *_take_away_texts(master, whole["translations"]),
        ]
        _note(caller, master, "changed", changed, now)
    return master


def delete(caller: Caller, key: str, *, revision: int | None, now: datetime) -> Master:
    """Take a product out of the shop; its row stays for the orders that name it.

    One that is deleted already stays so, whatever the revision.
    """
    require(caller, "delete")
    with _one_write():
        master = find(key)
        if master.deleted_at is None:
            master = _raise_revision(key, revision, now)
            Master.objects.filter(pk=master.pk).update(deleted_at=now)
            master.deleted_at = now
            _note(caller, master, "deleted", ["deleted_at"], now)
    return master


def restore(caller: Caller, key: str, *, revision: int | None, now: datetime) -> Master:
    """Bring a deleted product back; raise TakenMeanwhile if another one has its address now."""
    require(caller, "change")
    with _one_write():
        master = find(key)
        if master.deleted_at is not None:
            if drafts.is_address_taken(master.slug, master):
                raise TakenMeanwhile(taken_said() % {"slug": master.slug})
            master = _raise_revision(key, revision, now, is_deleted=True)
            Master.objects.filter(pk=master.pk).update(deleted_at=None)
            master.deleted_at = None
            _note(caller, master, "restored", ["deleted_at"], now)
    return master


def taken_said() -> str:
    return _("%(slug)s: another product has this address now.")


def find(key: str) -> Master:
    """By public id, deleted or not; raise UnknownMaster."""
    master = Master.objects.filter(public_id=as_name(key)).first()
    if master is None:
        raise UnknownMaster(_("There is no such product. Look at the list of products."))
    return master  # type: ignore[no-any-return]


def hold(ids: Collection[int]) -> None:
    """Lock several products that one change is to write, in the order in which everybody does."""
    rows = Master.objects.filter(pk__in=ids).select_for_update(no_key=True)
    list(rows.order_by("pk").values_list("pk"))


def require(caller: Caller, verb: str) -> None:
    """Raise NotSignedIn or NotAllowed unless the caller may view, add, change or delete."""
    staff.require(caller, f"catalog.{verb}_master")


# one write


@contextmanager
def _one_write() -> Iterator[None]:
    """A change of the log; what a constraint refuses is somebody who was faster by a moment."""
    try:
        with log.change():
            yield
    except IntegrityError as error:
        raise TakenMeanwhile(
            _("Somebody else has just saved something that excludes this. Look again.")
        ) from error


def _raise_revision(
    key: str, seen: int | None, now: datetime, *, is_deleted: bool = False
) -> Master:
    """Lock the row by its revision; raise EditedMeanwhile if it is not the one that was seen."""
    rows = Master.objects.filter(public_id=as_name(key), deleted_at__isnull=not is_deleted)
    if seen is not None:
        rows = rows.filter(revision=seen)
    if not rows.update(revision=F("revision") + 1, updated_at=now):
        master = find(key)
        if master.deleted_at is not None and not is_deleted:
            raise UnknownMaster(_("This product was deleted. Restore it first."))
        raise EditedMeanwhile(
            _("Somebody else has saved this product meanwhile. Read it again and compare."),
            revision=master.revision,
        )
    return find(key)


def _note(
    caller: Caller, master: Master, happened: str, changed: Iterable[str], now: datetime
) -> None:
    fields = sorted(set(changed))
    search_index.refresh([master.pk], now=now)
    trail.leave(caller, f"product.{happened}", master.public_id, fields=fields, at=now)
    events.tell_master(master, happened, fields=fields, at=now)


def _whole(fields: Fields) -> dict[str, Any]:
    """The same with the plain value of everything that it does not say."""
    whole = {**PLAIN, **fields}
    whole["variants"] = [
        {**PLAIN_VARIANT, "position": place, **row} for place, row in enumerate(whole["variants"])
    ]
    whole["translations"] = {
        language: {**PLAIN_TEXTS, **texts} for language, texts in whole["translations"].items()
    }
    return whole


def _write(master: Master, fields: Fields, *, now: datetime) -> list[str]:
    before = {name: getattr(master, name) for name in OWN}
    _set_own(master, fields, now)
    changed = [name for name in OWN if getattr(master, name) != before[name]]
    if "category" in fields and fields["category"] != master.primary_category.slug:
        master.primary_category = Category.objects.get(slug=fields["category"])
        changed.append("category")
    Master.objects.filter(pk=master.pk).update(
        primary_category=master.primary_category, **{name: getattr(master, name) for name in OWN}
    )
    return [*changed, *_write_parts(master, fields, now=now)]


def _set_own(master: Master, fields: Fields, now: datetime) -> None:
    for name in OWN:
        if name in fields and (name != "slug" or fields["slug"]):
            setattr(master, name, fields[name])
    if master.status == Master.Status.ACTIVE and master.published_at is None:
        master.published_at = now


def _write_parts(master: Master, fields: Fields, *, now: datetime) -> list[str]:
    changed = _write_texts(master, fields.get("translations") or {})
    changed += _write_options(master, fields.get("options", ()))
    changed += _write_modifiers(master, fields.get("modifier_groups", ()))
    changed += _write_variants(master, fields.get("variants", ()), now=now)
    if "default_sku" in fields:
        changed += _choose(master, fields["default_sku"])
    return changed


def _free_slug(fields: Fields, master: Master) -> str:
    """An address made of the name; of the id where it has no letters of the alphabet."""
    name = fields["translations"][shop.current().default_language]["name"]
    slug = slugify(name)[:100].strip("-") or master.public_id.replace("_", "-")
    return f"{slug}-{master.public_id[-4:]}" if drafts.is_address_taken(slug, None) else slug


def _write_texts(master: Master, translations: Fields) -> list[str]:
    rows = Master._parler_meta.root_model.objects
    known = {row.language_code: row for row in rows.filter(master=master)}
    changed = []
    for language, texts in translations.items():
        row = known.get(language) or rows.model(master=master, language_code=language)
        new = [name for name, text in texts.items() if getattr(row, name) != text]
        for name in new:
            setattr(row, name, texts[name])
        if new:
            row.save()
        changed += [f"{name}.{language}" for name in new]
    # what parler has read before is of before
    master._translations_cache.clear()
    return changed


def _write_options(master: Master, options: Iterable[Fields]) -> list[str]:
    known = {option.code: option for option in master.options.prefetch_related("values")}
    changed = []
    for position, row in enumerate(options):
        option = known.get(row["code"]) or ProductOption(
            master=master, code=row["code"], name=row["code"]
        )
        places = {"position": position, **_given(row, "name", "names")}
        has_moved = _set(option, places)
        values = {value.code: value for value in option.values.all()} if option.pk else {}
        for place, of_value in enumerate(row.get("values", ())):
            value = values.get(of_value["code"]) or OptionValue(
                option=option, code=of_value["code"], label=of_value["code"]
            )
            has_moved |= _set(value, {"position": place, **_given(of_value, "label", "labels")})
        if has_moved:
            changed.append(f"options.{row['code']}")
    return changed


def _write_modifiers(master: Master, groups: Iterable[Fields]) -> list[str]:
    known = {group.code: group for group in master.modifier_groups.all()}
    modifiers = {modifier.code: modifier for modifier in master.modifiers.all()}
    changed = []
    for position, row in enumerate(groups):
        code = row["code"]
        group = known.get(code) or ModifierGroup(master=master, code=code, name=code)
        limits = _given(row, "name", "names", "minimum", "maximum")
        has_moved = _set(group, {"position": position, **limits})
        for place, each in enumerate(row.get("modifiers", ())):
            modifier = modifiers.get(each["code"]) or Modifier(
                master=master, code=each["code"], name=each["code"]
            )
            own = _given(each, "name", "names", "is_active")
            price = {"price": each["price"]["amount"]} if "price" in each else {}
            has_moved |= _set(modifier, {"group_id": group.pk, "position": place, **own, **price})
        if has_moved:
            changed.append(f"modifiers.{code}")
    return changed


def _given(row: Fields, *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names if name in row}


def _set(thing: Any, values: Fields) -> bool:
    """Give a row these values and save it; False if it had them."""
    new = [name for name, value in values.items() if getattr(thing, name) != value]
    for name in new:
        setattr(thing, name, values[name])
    if new or thing.pk is None:
        thing.save()
        return True
    return False


# variants


def _write_variants(master: Master, rows: Iterable[Fields], *, now: datetime) -> list[str]:
    removed = _remove_named(master, [row for row in rows if row.get("remove")])
    by_id = {variant.public_id: variant for variant in master.variants.order_by("pk")}
    by_sku = {variant.sku: variant for variant in by_id.values()}
    choices = _choices(master)
    changed, wanted = [*removed], {}
    skus: dict[int, str] = {}
    arrived: dict[int, int] = {}
    offers: list[tuple[int, prices.Offer]] = []
    first_place = len(by_id)
    for index, row in enumerate(rows):
        if row.get("remove"):
            continue
        variant = by_id.get(row.get("id", "")) or by_sku.get(row.get("sku", ""))
        is_new = variant is None
        if variant is None:
            variant = Variant(master=master, sku=row["sku"], position=first_place + index)
            # its true key is written once all have given up theirs
            variant.option_key = variant.public_id
        elif "on_hand" in row:
            raise _counted_elsewhere(index)
        if _set(variant, _given(row, *OF_VARIANT, "position")):
            changed.append(f"variants.{variant.sku}")
        if "options" in row:
            wanted[index] = (variant, _values_of(row["options"], choices, index))
        elif is_new:
            wanted[index] = (variant, [])
        if is_new:
            arrived[variant.pk] = row.get("on_hand") or 0
        skus[variant.pk] = variant.sku
        offers += [(variant.pk, drafts.offer_of(price)) for price in row.get("prices", ())]
    stock.receive_all(arrived, at=now)
    repriced = prices.set_prices(offers, now=now)
    changed += [f"variants.{skus[pk]}.prices" for pk in repriced]
    if not master.variants.exists():
        said = _("A product has at least one variant.")
        raise BadProduct(said, errors=[field_error("/variants", "required", said)])
    return [*changed, *_choose_options(master, wanted)]


def _remove_named(master: Master, rows: Iterable[Fields]) -> list[str]:
    named = {row.get("id") or row.get("sku") for row in rows}
    gone = [v for v in master.variants.all() if {v.public_id, v.sku} & named] if named else []
    remove_variants(gone)
    return [f"variants.{variant.sku}" for variant in gone]


def _counted_elsewhere(index: int) -> BadProduct:
    said = _("Stock of a variant that is there is counted by PUT /admin/stock.")
    return BadProduct(
        said, errors=[field_error(f"/variants/{index}/on_hand", "counted_elsewhere", said)]
    )


def _choices(master: Master) -> dict[tuple[str, str], OptionValue]:
    values = OptionValue.objects.filter(option__master=master).select_related("option")
    return {(value.option.code, value.code): value for value in values}


def _values_of(
    options: Mapping[str, str], choices: Mapping[tuple[str, str], OptionValue], index: int
) -> list[OptionValue]:
    unknown = [pair for pair in options.items() if pair not in choices]
    if unknown:
        said = _("This product has no such option or value: %(name)s.") % {
            "name": "=".join(unknown[0])[:80]
        }
        raise BadProduct(
            said, errors=[field_error(f"/variants/{index}/options", "unknown_option", said)]
        )
    return [choices[pair] for pair in options.items()]


def _choose_options(
    master: Master, wanted: Mapping[int, tuple[Variant, list[OptionValue]]]
) -> list[str]:
    """Give variants their option values; they may exchange them, but no two may be alike."""
    keys = {index: _key(values) for index, (_variant, values) in wanted.items()}
    moved = {
        index: (variant, values)
        for index, (variant, values) in wanted.items()
        if variant.option_key != keys[index]
    }
    for variant, _values in moved.values():
        Variant.objects.filter(pk=variant.pk).update(option_key=variant.public_id)
    ids = [variant.pk for variant, _values in moved.values()]
    held = set(master.variants.exclude(pk__in=ids).values_list("option_key", flat=True))
    for index, (variant, values) in moved.items():
        if keys[index] in held:
            said = _("Another variant has the same options.")
            at = f"/variants/{index}/options"
            raise BadProduct(said, errors=[field_error(at, "twice", said)])
        held.add(keys[index])
        variant.option_values.set(values)
        Variant.objects.filter(pk=variant.pk).update(option_key=keys[index])
    return [f"variants.{variant.sku}.options" for variant, _values in moved.values()]


def _key(values: Iterable[OptionValue]) -> str:
    return "-".join(str(pk) for pk in sorted(value.pk for value in values))


def _choose(master: Master, sku: str) -> list[str]:
    chosen = master.variants.filter(sku=as_name(sku)).first() if sku else None
    if sku and chosen is None:
        said = _("This product has no variant with this SKU.")
        raise BadProduct(said, errors=[field_error("/default_sku", "unknown_sku", said)])
    if chosen == master.default_variant:
        return []
    Master.objects.filter(pk=master.pk).update(default_variant=chosen)
    master.default_variant = chosen
    return ["default_sku"]


# taking away


def _take_away_variants(master: Master, rows: Iterable[Fields]) -> list[str]:
    """What a replacement does not name goes."""
    named = {row.get("id") for row in rows} | {row.get("sku") for row in rows}
    gone = [v for v in master.variants.all() if not {v.public_id, v.sku} & named]
    remove_variants(gone)
    return [f"variants.{variant.sku}" for variant in gone]


def _take_away_choices(master: Master, options: Iterable[Fields]) -> list[str]:
    kept = {(row["code"], value["code"]) for row in options for value in row.get("values", ())}
    values = [value for pair, value in _choices(master).items() if pair not in kept]
    remove_unused(values)
    gone = list(master.options.exclude(code__in=[row["code"] for row in options]))
    remove_unused(gone)
    codes = {value.option.code for value in values} | {option.code for option in gone}
    return [f"options.{code}" for code in codes]


def _take_away_modifiers(master: Master, groups: Sequence[Fields]) -> list[str]:
    """What baskets still have of them is not for sale any more; orders keep what they had."""
    kept = [row["code"] for group in groups for row in group.get("modifiers", ())]
    gone = master.modifiers.exclude(code__in=kept)
    empty = master.modifier_groups.exclude(code__in=[group["code"] for group in groups])
    codes = {*gone.values_list("group__code", flat=True), *empty.values_list("code", flat=True)}
    gone.delete()
    empty.delete()
    return [f"modifiers.{code}" for code in codes]


def _take_away_texts(master: Master, translations: Fields) -> list[str]:
    rows = Master._parler_meta.root_model.objects.filter(master=master)
    gone = rows.exclude(language_code__in=translations)
    languages = list(gone.values_list("language_code", flat=True))
    gone.delete()
    return [f"name.{language}" for language in languages]


def remove_variants(variants: Iterable[Variant]) -> None:
    """Remove variants that nobody has ordered; raise StillUsed for one that somebody has."""
    gone = list(variants)
    if kept := first_ordered(gone):
        raise StillUsed(ordered_said(kept), sku=kept.sku)
    for variant in gone:
        variant.delete()


def first_ordered(variants: Sequence[Variant]) -> Variant | None:
    """The first that an order names, or a checkout held or holds; all are asked about at once."""
    ordered = purchases.ordered([variant.pk for variant in variants]) if variants else ()
    return next((variant for variant in variants if variant.pk in ordered), None)


def ordered_said(variant: Variant) -> str:
    said = _("%(sku)s was ordered and cannot be removed. Make it inactive instead.")
    return said % {"sku": isolated(variant.sku)}


def remove_unused(rows: Iterable[ProductOption | OptionValue]) -> None:
    """Remove options or values; raise StillUsed for one that a variant has."""
    for row in rows:
        if row.is_used():
            raise StillUsed(used_said() % {"name": isolated(row)})
        row.delete()


def used_said() -> str:
    return _("%(name)s: variants have it. Choose another one for them first.")
