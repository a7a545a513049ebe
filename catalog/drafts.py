"""What staff want a product to be, looked through before anything is written.

The fields are those of the REST body of a product, with Python's types; pages, imports and agents
hand over the same:

    {"kind", "slug", "status", "tax_class", "brand", "category", "tags", "attributes",
     "facts": {"de": {…}}, "published_at", "default_sku",
     "translations": {"en": {"name", "subtitle", "description"}},
     "options": [{"code", "name", "names", "values": [{"code", "label", "labels"}]}],
     "modifier_groups": [{"code", "name", "names", "minimum", "maximum",
                          "modifiers": [{"code", "name", "names", "price", "is_active"}]}],
     "variants": [{"id", "sku", "gtin", "is_active", "track_stock", "max_per_order",
                   "prep_seconds", "options": {"colour": "red"}, "on_hand",
                   "remove",
                   "prices": [{"price", "list_price", "sales_channel", "valid_from", "valid_to"}]}]}

A field that is not there stays as it is; a variant with `remove` goes.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog import prices, shop, stock
from catalog.models import Category, Master, ModifierGroup, Variant
from museo.access.problems import Invalid, field_error
from museo.directions import isolated

Fields = Mapping[str, Any]
Fault = dict[str, str]
Faults = Iterator[Fault]

TEXTS = {"name": 160, "subtitle": 200, "description": 20_000}
MOST = {
    "tags": 50,
    "attributes": 50,
    "options": 5,
    "values": 200,
    "groups": 10,
    "modifiers": 50,
    "variants": 200,
    "prices": 50,
}
NO_SKU = gettext_lazy(
    "A SKU has 1 to 64 visible characters, without / ? # \\ and without spaces around it."
)


class BadProduct(Invalid):
    """Nothing was written; `errors` say why, each beside its field."""

    code = "bad_product"


def require_good(fields: Fields, master: Master | None) -> None:
    """Raise BadProduct with all that is wrong; `master` is None for one that is to be made."""
    faults = [
        *own_faults(fields, master),
        *_option_faults(fields.get("options", ())),
        *_modifier_faults(fields.get("modifier_groups", ()), master),
    ]
    if faults := [*faults, *variant_faults(fields, master)]:
        raise BadProduct(_("This product cannot be saved. See errors."), errors=faults)


def offer_of(price: Fields) -> prices.Offer:
    before = price.get("list_price")
    return prices.Offer(
        amount=price["price"]["amount"],
        currency=price["price"]["currency"],
        list_amount=before["amount"] if before else None,
        sales_channel=price.get("sales_channel", prices.WEB),
        valid_from=price.get("valid_from"),
        valid_to=price.get("valid_to"),
    )


def text_fault(pointer: str, text: str, *, longest: int, is_line: bool = True) -> Fault | None:
    """Why a text cannot be kept: too long, nothing to see, or with characters that are none."""
    if len(text) > longest:
        said = _("Write at most %(most)s characters.") % {"most": longest}
        return field_error(pointer, "max_length", said)
    allowed = "" if is_line else "\n\r\t"
    if any(unicodedata.category(c) in {"Cc", "Cs"} and c not in allowed for c in text):
        said = _("This text has characters that cannot be shown. Take them out.")
        return field_error(pointer, "invalid", said)
    return None


def is_seen(text: str) -> bool:
    """Whether there is anything to see: marks of direction and joiners alone are no name."""
    return any(unicodedata.category(character)[0] not in "CZ" for character in text)


# the product's own fields


def own_faults(fields: Fields, master: Master | None) -> Faults:
    """What is wrong with the product's own fields and texts."""
    yield from _choice_faults(fields)
    yield from _slug_faults(fields, master)
    yield from _category_faults(fields, master)
    yield from _label_faults(fields)
    yield from _translation_faults(fields.get("translations"), master)


def _choice_faults(fields: Fields) -> Faults:
    for name, choices in (
        ("kind", Master.Kind.values),
        ("status", Master.Status.values),
        ("tax_class", ["", *Master.TaxClass.values]),
    ):
        if name in fields and fields[name] not in choices:
            said = _("Choose one of: %(choices)s.") % {"choices": ", ".join(choices)}
            yield field_error(f"/{name}", "invalid_choice", said)


def _slug_faults(fields: Fields, master: Master | None) -> Faults:
    slug = fields.get("slug")
    if slug is None:
        return
    if not _is_slug(slug, longest=120):
        yield field_error("/slug", "invalid", _code_said())
    elif is_address_taken(slug, master):
        said = _("Another product has this address. Choose another one.")
        yield field_error("/slug", "taken", said)


def is_address_taken(slug: str, master: Master | None) -> bool:
    """Only living products have an address."""
    others = Master.objects.filter(slug=slug, deleted_at=None)
    return bool(others.exclude(pk=master.pk if master else None).exists())


def _category_faults(fields: Fields, master: Master | None) -> Faults:
    if "category" not in fields:
        if master is None:
            yield field_error("/category", "required", _required())
    elif not (_is_slug(fields["category"], longest=50) and _is_category(fields["category"])):
        said = _("There is no such category. Look at the list of categories.")
        yield field_error("/category", "unknown_category", said)


def _is_category(slug: str) -> bool:
    return bool(Category.objects.filter(slug=slug).exists())


def _label_faults(fields: Fields) -> Faults:
    for name in ("tags", "attributes"):
        yield from _too_many(f"/{name}", name, fields.get(name, ()))
    texts = [("/brand", fields.get("brand", ""), 80)]
    texts += [(f"/tags/{i}", tag, 40) for i, tag in enumerate(fields.get("tags", ()))]
    by_place = {"/attributes": fields.get("attributes", {})}
    for language, facts in fields.get("facts", {}).items():
        by_place[_under("/facts", language)] = facts
        yield from _too_many(_under("/facts", language), "attributes", facts)
        if language not in dict(settings.LANGUAGES):
            yield field_error(_under("/facts", language), "unknown_language", languages_said())
    for place, facts in by_place.items():
        for name, value in facts.items():
            texts += [(_under(place, name), name, 60), (_under(place, name), str(value), 500)]
    for pointer, text, longest in texts:
        if fault := text_fault(pointer, text, longest=longest):
            yield fault


def _translation_faults(translations: Fields | None, master: Master | None) -> Faults:
    if translations is None:
        if master is None:
            yield field_error("/translations", "required", _required())
        return
    named = set(_named_languages(master))
    if shop.current().default_language not in {*translations, *named}:
        said = _("Write the name in the shop's language, %(language)s.") % {
            "language": shop.current().default_language
        }
        yield field_error("/translations", "required", said)
    for language, texts in translations.items():
        at = _under("/translations", language)
        if language not in dict(settings.LANGUAGES):
            yield field_error(at, "unknown_language", languages_said())
            continue
        if "name" in texts or language not in named:
            yield from name_faults(f"{at}/name", texts.get("name", ""))
        for name, longest in TEXTS.items():
            fault = text_fault(
                f"{at}/{name}",
                texts.get(name, ""),
                longest=longest,
                is_line=name != "description",
            )
            if fault:
                yield fault


def name_faults(pointer: str, name: str) -> Faults:
    if not is_seen(name):
        yield field_error(pointer, "required", _("Write a name that can be seen."))


def _named_languages(master: Master | None) -> list[str]:
    return list(master.get_available_languages()) if master else []


# options


def _option_faults(options: Sequence[Fields]) -> Faults:
    yield from _too_many("/options", "options", options)
    yield from _twin_faults("/options", [option["code"] for option in options])
    for index, option in enumerate(options):
        at = f"/options/{index}"
        yield from _named_faults(at, option, "name")
        values = option.get("values", ())
        yield from _too_many(f"{at}/values", "values", values)
        yield from _twin_faults(f"{at}/values", [value["code"] for value in values])
        for place, value in enumerate(values):
            yield from _named_faults(f"{at}/values/{place}", value, "label")


def _named_faults(at: str, row: Fields, name: str) -> Faults:
    if not _is_slug(row["code"], longest=40):
        yield field_error(f"{at}/code", "invalid", _code_said())
    if name in row:
        yield from name_faults(f"{at}/{name}", row[name])
    faults = [text_fault(f"{at}/{name}", row.get(name, ""), longest=60)]
    for language, text in row.get(f"{name}s", {}).items():
        faults.append(translated_fault(f"{at}/{name}s", language, text))
    yield from (fault for fault in faults if fault)


def translated_fault(at: str, language: str, text: Any) -> Fault | None:
    """Why a short text cannot be kept under a language."""
    if language not in dict(settings.LANGUAGES):
        return field_error(_under(at, language), "unknown_language", languages_said())
    return text_fault(_under(at, language), str(text), longest=200)


def _twin_faults(at: str, codes: Sequence[str]) -> Faults:
    twice = {code for code, count in Counter(codes).items() if count > 1}
    for index, code in enumerate(codes):
        if code in twice:
            yield field_error(f"{at}/{index}/code", "twice", _("This code is there twice."))


# modifiers


def _modifier_faults(groups: Sequence[Fields], master: Master | None) -> Faults:
    at = "/modifier_groups"
    yield from _too_many(at, "groups", groups)
    yield from _twin_faults(at, [group["code"] for group in groups])
    known = {group.code: group for group in master.modifier_groups.all()} if master else {}
    codes = Counter(row["code"] for group in groups for row in group.get("modifiers", ()))
    for index, group in enumerate(groups):
        yield from _named_faults(f"{at}/{index}", group, "name")
        yield from _limit_faults(f"{at}/{index}", group, known.get(group["code"]))
        rows = group.get("modifiers", ())
        yield from _too_many(f"{at}/{index}/modifiers", "modifiers", rows)
        for place, row in enumerate(rows):
            under = f"{at}/{index}/modifiers/{place}"
            yield from _named_faults(under, row, "name")
            yield from _surcharge_faults(f"{under}/price", row.get("price"))
            if codes[row["code"]] > 1:
                yield field_error(f"{under}/code", "twice", _("This code is there twice."))


def _limit_faults(at: str, group: Fields, known: ModifierGroup | None) -> Faults:
    least = group.get("minimum", known.minimum if known else 0)
    most = group.get("maximum", known.maximum if known else 1)
    if not (0 <= least <= most and 1 <= most <= MOST["modifiers"]):
        said = _("Let people choose from 1 to %(most)s, and no fewer than they must.")
        said %= {"most": MOST["modifiers"]}
        yield field_error(f"{at}/maximum", "out_of_range", said)


def _surcharge_faults(at: str, price: Fields | None) -> Faults:
    if price is None:
        return
    if price["currency"] != shop.currency():
        said = _("The shop's currency is %(currency)s.") % {"currency": shop.currency()}
        yield field_error(f"{at}/currency", "invalid", said)
    if not 0 <= price["amount"] <= prices.DEAREST:
        said = _("Write a whole number between %(least)s and %(most)s.")
        said %= {"least": 0, "most": prices.DEAREST}
        yield field_error(f"{at}/amount", "out_of_range", said)


# variants


def variant_faults(fields: Fields, master: Master | None) -> Faults:
    """What is wrong with the variants and their prices."""
    rows: Sequence[Fields] = fields.get("variants", ())
    if not rows and (master is None or "variants" in fields):
        yield field_error("/variants", "required", _("A product has at least one variant."))
    yield from _too_many("/variants", "variants", rows)
    yield from _sku_faults(rows, master)
    for index, row in enumerate(rows):
        at = f"/variants/{index}"
        yield from _number_faults(at, row)
        gtin = row.get("gtin", "")
        if gtin and not (gtin.isascii() and gtin.isdigit() and len(gtin) in {8, 12, 13, 14}):
            said = _("A GTIN has 8, 12, 13 or 14 digits.")
            yield field_error(f"{at}/gtin", "invalid", said)
        yield from _too_many(f"{at}/prices", "prices", row.get("prices", ()))
        for place, price in enumerate(row.get("prices", ())):
            yield from price_faults(f"{at}/prices/{place}", price)


def price_faults(at: str, price: Fields) -> Faults:
    """What is wrong with one price, which stands at a pointer."""
    before = price.get("list_price")
    if before and before["currency"] != price["price"]["currency"]:
        said = _("Both prices are in one currency.")
        yield field_error(f"{at}/list_price/currency", "invalid", said)
    for fault in offer_of(price).faults():
        yield {**fault, "pointer": at + fault["pointer"]}


def _number_faults(at: str, row: Fields) -> Faults:
    limits = {
        "max_per_order": (1, 10**6),
        "prep_seconds": (0, 10**6),
        "on_hand": (0, stock.MOST_ON_HAND),
    }
    for name, (least, most) in limits.items():
        number = row.get(name)
        if number is not None and not least <= number <= most:
            said = _("Write a whole number between %(least)s and %(most)s.")
            said %= {"least": least, "most": most}
            yield field_error(f"{at}/{name}", "out_of_range", said)


def _sku_faults(rows: Sequence[Fields], master: Master | None) -> Faults:
    own = {variant.public_id: variant for variant in master.variants.all()} if master else {}
    skus = {i: row["sku"] for i, row in enumerate(rows) if "sku" in row}
    staying = [row["sku"] for row in rows if "sku" in row and not row.get("remove")]
    folded = Counter(sku.casefold() for sku in staying)
    taken = _taken(skus.values(), master)
    for index, row in enumerate(rows):
        at, sku = f"/variants/{index}/sku", skus.get(index)
        if row.get("id") and row["id"] not in own:
            said = _("This product has no such variant.")
            yield field_error(f"/variants/{index}/id", "unknown_variant", said)
        elif sku is None and not row.get("id"):
            yield field_error(at, "required", _required())
        elif row.get("remove"):
            continue
        elif sku is not None and not is_sku(sku):
            yield field_error(at, "invalid", str(NO_SKU))
        elif sku is not None and folded[sku.casefold()] > 1:
            yield field_error(at, "twice", _("Another variant here has this SKU."))
        elif sku is not None and sku.casefold() in taken:
            said = _("%(product)s has this SKU.") % {"product": isolated(taken[sku.casefold()])}
            yield field_error(at, "taken", said)


def is_sku(text: str) -> bool:
    """Up to 64 characters that can be seen, fit for an address."""
    return (
        0 < len(text) <= 64
        and text.isprintable()
        and text == text.strip()
        and is_seen(text)
        and not set(text) & set("/?#\\")
    )


def _taken(skus: Any, master: Master | None) -> dict[str, str]:
    """The SKUs of other products, folded, and which product it is."""
    wanted = {sku.casefold() for sku in skus if is_sku(sku)}
    written = {form for sku in skus if is_sku(sku) for form in (sku, sku.upper(), sku.lower())}
    rows = Variant.objects.filter(sku__in=written)
    rows = rows.exclude(master=master) if master else rows
    found = rows.values_list("sku", "master__slug")
    return {sku.casefold(): slug for sku, slug in found if sku.casefold() in wanted}


# words


def _too_many(pointer: str, name: str, rows: Any) -> Faults:
    if len(rows) > MOST[name]:
        said = _("At most %(most)s are allowed here.") % {"most": MOST[name]}
        yield field_error(pointer, "too_many", said)


def _is_slug(text: str, *, longest: int) -> bool:
    try:
        validate_slug(text)
    except ValidationError:
        return False
    return len(text) <= longest


def _under(pointer: str, name: str) -> str:
    """The place of a member, as a JSON pointer (RFC 6901)."""
    return f"{pointer}/{name[:80].replace('~', '~0').replace('/', '~1')}"


def _required() -> str:
    return _("Fill this in.")


def _code_said() -> str:
    return _("Write letters of the alphabet, digits, hyphens and underscores only.")


def languages_said() -> str:
    return _("The shop speaks: %(languages)s.") % {
        "languages": ", ".join(code for code, _name in settings.LANGUAGES)
    }
