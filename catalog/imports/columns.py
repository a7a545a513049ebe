"""What a column can mean, and what its name says that it means.

A field is written as in a header: `sku`, `name:de`, `price:EUR`, `option:Colour`,
`attribute:Material`. Names of columns are known in the shop's languages.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalog import shop
from catalog.imports.problems import CannotImport
from catalog.places import tender

LABELS: dict[str, str | Promise] = {
    "sku": _("SKU"),
    "product": _("product"),
    "name": _("name"),
    "subtitle": _("subtitle"),
    "description": _("description"),
    "category": _("category"),
    "brand": _("brand"),
    "kind": _("kind"),
    "status": _("status"),
    "tags": _("tags"),
    "attributes": _("attributes"),
    "options": _("options"),
    "price": _("price"),
    "list_price": _("price before"),
    "currency": _("currency"),
    "stock": _("in stock"),
    "gtin": _("GTIN"),
    "active": _("on sale"),
    "track_stock": _("stock is counted"),
    "max_per_order": _("most per order"),
    "pictures": _("pictures"),
}
BY_LANGUAGE = ("name", "subtitle", "description")
BY_CURRENCY = ("price", "list_price")
BY_NAME = ("option", "attribute")
# other words for them, in the languages of shops; small, and only letters and digits
WORDS = {
    "sku": "artikelnummer artikelnr artnr référence réf referencia variantsku رمز",
    "product": "slug handle produkt productid produit producto المنتج",
    "name": "title titel bezeichnung artikelname produktname nom titre nombre título الاسم",
    "subtitle": "untertitel soustitre subtítulo",
    "description": "beschreibung text body bodyhtml descripción الوصف",
    "category": "kategorie warengruppe catégorie rubrique categoría type الفئة",
    "brand": "marke hersteller vendor manufacturer marque fabricant marca العلامة",
    "kind": "art genre",
    "status": "zustand statut estado الحالة",
    "tags": "schlagwörter étiquettes motsclés etiquetas",
    "attributes": "merkmale eigenschaften attributs caractéristiques atributos",
    "options": "optionen variante opciones",
    "price": "preis verkaufspreis vk prix precio variantprice السعر",
    "list_price": "compareatprice listenpreis uvp streichpreis altpreis pricebefore prixbarré"
    " ancienprix precioanterior",
    "currency": "währung devise monnaie moneda العملة",
    "stock": "instock onhand quantity inventory bestand lagerbestand menge quantité enstock"
    " existencias cantidad المخزون",
    "gtin": "ean barcode upc codebarres",
    "active": "onsale aktiv imverkauf actif envente activo",
    "track_stock": "stockiscounted bestandzählen",
    "max_per_order": "mostperorder höchstmenge quantitémax",
    "pictures": "images image picture imagesrc bilder bild photos fotos imágenes صور",
}
_FIELD_BY_WORD = {
    re.sub(r"[\W_]", "", word): field
    for field in LABELS
    for word in (field, *WORDS.get(field, "").split())
}
# as in: name:de, name (de), name_de, Preis EUR
_WITH_MORE = re.compile(r"(?P<word>.+?)\s*[:(\[_ .-]\s*(?P<more>[\w-]+)\s*[)\]]?")
_NAMED = re.compile(r"(?P<field>option|attribute):(?P<name>.{1,60})", re.DOTALL)


def guess(header: Sequence[str]) -> list[str]:
    """The field of each column; empty where the name says nothing, or says it again."""
    taken: set[str] = set()
    fields = []
    for name in header:
        field = _guessed(name)
        fields.append("" if field in taken else field)
        taken.add(field)
    return fields


def _guessed(name: str) -> str:
    named = _NAMED.fullmatch(name)
    if named:
        return name
    found = _FIELD_BY_WORD.get(_plain(name))
    if found:
        return found
    parts = _WITH_MORE.fullmatch(name)
    found = parts and _FIELD_BY_WORD.get(_plain(parts["word"]))
    if not parts or not found:
        return ""
    return _with(found, parts["more"])


def _with(field: str, more: str) -> str:
    if field in BY_LANGUAGE and more.lower() in languages():
        return f"{field}:{more.lower()}"
    if field in BY_CURRENCY and more.upper() in tender():
        return f"{field}:{more.upper()}"
    return ""


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())


def languages() -> list[str]:
    return [code for code, _name in settings.LANGUAGES]


def choices(column: str) -> Iterator[tuple[str, str]]:
    """What the column of this name may be mapped to: field and label."""
    for field, label in LABELS.items():
        yield field, str(label)
        if field in BY_LANGUAGE:
            for language in languages():
                yield f"{field}:{language}", f"{label} ({language})"
    name = (_NAMED.fullmatch(column) or {"name": column.strip()})["name"][:60]
    if name:
        yield f"option:{name}", _("option %(name)s") % {"name": name}
        yield f"attribute:{name}", _("attribute %(name)s") % {"name": name}


def canonical(field: str) -> str:
    """`name` is the name in the shop's language."""
    return f"{field}:{shop.current().default_language}" if field in BY_LANGUAGE else field


def require_usable(mapping: Sequence[str], header: Collection[str]) -> None:
    """Raise CannotImport for a mapping that is none of this header's."""
    if len(mapping) != len(header):
        raise _invalid(_("it must name a field for each of the columns, or nothing."))
    used = [field for field in mapping if field]
    twice = next((field for field in used if used.count(field) > 1), None)
    if twice:
        raise _invalid(_("%(field)s is there twice.") % {"field": twice})
    unknown = next((field for field in used if not _is_field(field)), None)
    if unknown:
        raise _invalid(_("%(field)s is no field.") % {"field": unknown[:80]})
    same = next((field for field in used if field != _meaning(field, used) in used), None)
    if same:
        facts = {"one": same, "other": _meaning(same, used)}
        raise _invalid(_("%(one)s and %(other)s mean the same. Leave one of them out.") % facts)
    if "sku" not in used:
        raise _invalid(_("one column must be the SKU."))


def _meaning(field: str, used: Collection[str]) -> str:
    """What it means in full: prices are in the shop's currency where no column names another."""
    if field in BY_CURRENCY and "currency" not in used:
        return f"{field}:{shop.currency()}"
    return canonical(field)


def _is_field(field: str) -> bool:
    name, colon, more = field.partition(":")
    if not colon:
        return name in LABELS
    if name in BY_NAME:
        return bool(_NAMED.fullmatch(field)) and "\x00" not in field and bool(more.strip())
    return _with(name, more) == field if name in (*BY_LANGUAGE, *BY_CURRENCY) else False


def _invalid(what: str | Promise) -> CannotImport:
    return CannotImport("mapping_invalid", what=str(what))
