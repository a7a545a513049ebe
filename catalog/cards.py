"""What lists and pages show of products: rows of the database in CONTRACT's shapes.

It reads plain rows in a few queries for a whole page; a model instance per text, variant and
option would cost more than the database does.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.files.storage import default_storage
from django.db.models import CharField, DateTimeField, Exists, F, OuterRef, QuerySet, Subquery

from catalog import prices, shop, stock, voices
from catalog.compiled import Compiled, OneOf, Slot
from catalog.models import Category, Master, Media, Price, ProductOption, Question, Variant

Row = Mapping[str, Any]

FIELDS = (
    "pk",
    "public_id",
    "slug",
    "default_variant_id",
    "primary_category__slug",
    "primary_category__room",
)
FIELDS_OF_ONE = (
    "kind",
    "brand",
    "attributes",
    "facts",
    "revision",
    "rating_sum",
    "rating_count",
)
# of variants to their option values
LINKS = Variant.option_values.through.objects
TEXTS_OF_ONE = ("name", "subtitle", "description")


def rows(masters: Any, *order: str) -> QuerySet[Master, Row]:
    """What `cards` takes: FIELDS, the first picture, and what the masters are ordered by."""
    first = first_picture("pk")
    return masters.annotate(**first).values(*dict.fromkeys((*FIELDS, *first, *order)))  # type: ignore[no-any-return]


def first_picture(master: str) -> dict[str, Subquery]:
    """What `picture` reads, to be added to rows of which this is the master."""
    pictures = Media.objects.filter(master=OuterRef(master)).order_by("position")
    return {f"picture_{name}": Subquery(pictures.values(name)[:1]) for name in ("file", "url")}


def cards(masters: Sequence[Row], *, locale: str, now: datetime) -> list[dict[str, Any]]:
    """A card for each of the `rows` that can be bought, in their order."""
    ids = [master["pk"] for master in masters]
    offers = _offers(ids, now=now)
    texts = nearest(TEXTS.rows(masters=ids), "name", "subtitle", locale=locale)
    return [
        _card(
            master,
            texts.get(master["pk"], {}),
            offers[master["pk"]],
            picture(master),
        )
        for master in masters
        if master["pk"] in offers
    ]


def rows_of_one(masters: Any) -> QuerySet[Master, Row]:
    """What `whole` takes: FIELDS and FIELDS_OF_ONE, once for each language that has texts."""
    asked = Question.objects.filter(master=OuterRef("pk"), state=Question.State.PUBLISHED)
    texts = {name: F(f"translations__{name}") for name in ("language_code", *TEXTS_OF_ONE)}
    return masters.values(  # type: ignore[no-any-return]
        *FIELDS,
        *FIELDS_OF_ONE,
        **texts,
        master_id=F("pk"),
        has_questions=Exists(asked),
        has_options=Exists(ProductOption.objects.filter(master=OuterRef("pk"))),
    )


def whole(rows: Sequence[Row], *, locale: str, now: datetime) -> dict[str, Any] | None:
    """All about the first of `rows_of_one`; None if nothing of it can be bought."""
    master, pk = rows[0], rows[0]["pk"]
    offers = _offers([pk], now=now).get(pk)
    if not offers:
        return None
    text = nearest(rows, *TEXTS_OF_ONE, locale=locale).get(pk, {})
    pictures = _pictures([pk], locale=locale)[pk]
    several = [offer.row["pk"] for offer in offers] if master["has_options"] else []
    choices = choices_of(several, locale=locale)
    return {
        **_card(master, text, offers, pictures[0]["url"] if pictures else ""),
        "description": text.get("description", ""),
        "kind": master["kind"],
        "brand": master["brand"],
        "attributes": in_language(master["attributes"], master["facts"], locale),
        "variants": [_variant(offer, choices[offer.row["pk"]]) for offer in offers],
        "options": _options(choices.values()),
        "media": pictures,
        "rating": rating(master["rating_sum"], master["rating_count"]),
        "reviews": voices.reviews(pk)[0] if master["rating_count"] else [],
        "questions": voices.questions(pk)[0] if master["has_questions"] else [],
        "revision": master["revision"],
    }


def names_of_categories(*, locale: str) -> dict[int, str]:
    rows = _texts(Category).values("master_id", "language_code", "name")
    texts = nearest(rows, "name", locale=locale)
    return {pk: text["name"] for pk, text in texts.items() if text}


def rating(stars: int, count: int) -> dict[str, Any]:
    """The mean of the published reviews, to one decimal; None where there are none."""
    return {"average": round(stars / count, 1) if count else None, "count": count}


# reading


@dataclass(frozen=True)
class _Offer:
    """A variant that can be bought; `available` is None where units are not counted."""

    row: Row
    available: int | None

    @property
    def in_stock(self) -> bool:
        return self.available != 0


def _offers(master_ids: Collection[int], *, now: datetime) -> dict[int, list[_Offer]]:
    """By master, in the order of their positions; masters without any are left out."""
    rows = OFFERS.rows(masters=master_ids, currency=shop.currency(), now=now)
    # of several prices of a variant the one that began last
    of_variants = {row["pk"]: row for row in rows}
    offers = defaultdict(list)
    for row in of_variants.values():
        left = max(row["free"] or 0, 0) if row["track_stock"] else None
        offers[row["master_id"]].append(_Offer(row, left))
    return dict(offers)


def _of_masters() -> QuerySet[Price, Row]:
    free = stock.free().filter(variant=OuterRef("variant"))
    moment = Slot("now", DateTimeField())
    return (
        prices.holding(moment)
        .filter(
            OneOf("variant__master", "masters"),
            variant__is_active=True,
            currency=Slot("currency", CharField()),
            sales_channel=prices.WEB,
        )
        .order_by("variant__position", "variant", "valid_from")
        .values(
            "amount",
            "list_amount",
            "currency",
            pk=F("variant"),
            master_id=F("variant__master"),
            public_id=F("variant__public_id"),
            sku=F("variant__sku"),
            track_stock=F("variant__track_stock"),
            max_per_order=F("variant__max_per_order"),
            free=Subquery(free.values("free")),
        )
    )


OFFERS = Compiled(_of_masters)


def nearest(rows: Iterable[Row], *fields: str, locale: str) -> dict[int, dict[str, str]]:
    """By master, each text in the nearest language that has it."""
    shown: dict[int, dict[str, str]] = defaultdict(dict)
    for row in sorted(rows, key=lambda row: _distance(row["language_code"], locale), reverse=True):
        shown[row["master_id"]].update({name: row[name] for name in fields if row[name]})
    return dict(shown)


def _texts(model: Any) -> QuerySet[Any, Any]:
    return model._parler_meta.root_model.objects.all()  # type: ignore[no-any-return]


TEXTS = Compiled(
    lambda: (
        _texts(Master)
        .filter(OneOf("master", "masters"))
        .values("master_id", "language_code", "name", "subtitle")
    )
)
PICTURES = Compiled(
    lambda: (
        Media.objects.filter(OneOf("master", "masters"))
        .order_by("position")
        .values("master_id", "file", "url", "alt", "alts")
    )
)


def _distance(language: str, locale: str) -> tuple[int, str]:
    """How far a text's language is from the reader's: that one, its family, the shop's, any."""
    chain = (locale, locale.partition("-")[0], shop.current().default_language)
    return (chain.index(language) if language in chain else len(chain), language)


def _pictures(master_ids: Collection[int], *, locale: str) -> dict[int, list[dict[str, str]]]:
    pictures = defaultdict(list)
    for row in PICTURES.rows(masters=master_ids):
        url = row["url"] or default_storage.url(row["file"])
        alt = in_language(row["alt"], row["alts"], locale)
        pictures[row["master_id"]].append({"url": url, "alt": alt})
    return pictures


def choices_of(variant_ids: Collection[int], *, locale: str) -> dict[int, list[Row]]:
    """The option values of each variant, in the order of the options."""
    choices: dict[int, list[Row]] = defaultdict(list)
    for row in CHOICES.rows(variants=variant_ids):
        said = {
            "option_name": in_language(row["option_name"], row["option_names"], locale),
            "label": in_language(row["label"], row["labels"], locale),
        }
        choices[row["variant_id"]].append({**row, **said})
    return choices


def _of_variants() -> QuerySet[Any, Row]:
    option = "optionvalue__option__"
    return (
        LINKS.filter(OneOf("variant", "variants"))
        .order_by(f"{option}position", f"{option}pk")
        .values(
            "variant_id",
            option_id=F(f"{option}pk"),
            option_code=F(f"{option}code"),
            option_name=F(f"{option}name"),
            option_names=F(f"{option}names"),
            code=F("optionvalue__code"),
            label=F("optionvalue__label"),
            labels=F("optionvalue__labels"),
            position=F("optionvalue__position"),
        )
    )


CHOICES = Compiled(_of_variants)


def in_language(text: Any, others: Mapping[str, Any], locale: str) -> Any:
    """The text as it is in a language, or in that language's family, or else as it is."""
    return others.get(locale) or others.get(locale.partition("-")[0]) or text


# shaping


def picture(master: Row) -> str:
    """The first one's URL; empty without one."""
    file: str = master["picture_file"]
    return master["picture_url"] or (default_storage.url(file) if file else "")


def _card(master: Row, text: Row, offers: Sequence[_Offer], image: str) -> dict[str, Any]:
    first = _first(master, offers)
    return {
        "id": master["public_id"],
        "slug": master["slug"],
        "name": text.get("name", master["slug"]),
        "subtitle": text.get("subtitle", ""),
        "price": _money(first.row["amount"], first.row["currency"]),
        "list_price": _list_price(first.row),
        "in_stock": any(offer.in_stock for offer in offers),
        "available": first.available,
        "image": image,
        "category": master["primary_category__slug"],
        "room": master["primary_category__room"],
        "default_sku": first.row["sku"],
    }


def _first(master: Row, offers: Sequence[_Offer]) -> _Offer:
    """The default variant, or the first that is left when it is sold out."""
    wanted = (offer for offer in offers if offer.row["pk"] == master["default_variant_id"])
    default = next(wanted, offers[0])
    left = (offer for offer in offers if offer.in_stock)
    return default if default.in_stock else next(left, default)


def _variant(offer: _Offer, choices: Iterable[Row]) -> dict[str, Any]:
    return {
        "id": offer.row["public_id"],
        "sku": offer.row["sku"],
        "options": {choice["option_code"]: choice["label"] for choice in choices},
        "price": _money(offer.row["amount"], offer.row["currency"]),
        "list_price": _list_price(offer.row),
        "available": offer.available,
        "in_stock": offer.in_stock,
        "max_per_order": offer.row["max_per_order"],
    }


def _options(choices: Iterable[Iterable[Row]]) -> list[dict[str, Any]]:
    """What the variants differ in, with the values that occur."""
    names: dict[str, str] = {}
    values: dict[str, dict[str, Row]] = defaultdict(dict)
    for choice in (choice for of_one in choices for choice in of_one):
        names[choice["option_code"]] = choice["option_name"]
        values[choice["option_code"]][choice["code"]] = choice
    return [
        {
            "code": code,
            "name": name,
            "values": [
                {"code": value["code"], "label": value["label"]}
                for value in sorted(values[code].values(), key=lambda value: value["position"])
            ],
        }
        for code, name in names.items()
    ]


def _money(amount: int, currency: str) -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


def _list_price(row: Row) -> dict[str, Any] | None:
    return _money(row["list_amount"], row["currency"]) if row["list_amount"] else None
