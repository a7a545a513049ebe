"""What lists and pages show of products: rows of the database in CONTRACT's shapes.

One statement reads all that a page shows: each product with its texts in the nearest language, its
offers and its pictures. A query, or a model instance, per text, variant and option would cost more
than the database does.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.core.files.storage import default_storage
from django.db.models import (
    Case,
    CharField,
    DateTimeField,
    F,
    OuterRef,
    QuerySet,
    Subquery,
    When,
)

from catalog import modifiers, prices, shop, stock, voices
from catalog.compiled import Compiled, OneOf, Rows, Slot
from catalog.languages import in_language
from catalog.models import Category, Master, Media, Price, Variant
from museo.access.tokens import as_name

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


def slots(*, locale: str, now: datetime) -> dict[str, Any]:
    """What the statements of `rows` and `rows_of_one` want to know."""
    return {
        "now": now,
        "currency": shop.currency(),
        "locale": locale,
        "family": locale.partition("-")[0],
        "shops": shop.current().default_language,
    }


def rows(masters: Any, *order: str) -> QuerySet[Master, Row]:
    """What `cards` takes, with what the masters are ordered by; to be compiled."""
    first = first_picture("pk")
    shown = {**first, **texts_of("pk", "name", "subtitle"), "offers": Rows(_offers())}
    return masters.annotate(**shown).values(*dict.fromkeys((*FIELDS, *shown, *order)))  # type: ignore[no-any-return]


def first_picture(master: str) -> dict[str, Subquery]:
    """What `picture` reads, to be added to rows of which this is the master."""
    pictures = Media.objects.filter(master=OuterRef(master)).order_by("position")
    return {f"picture_{name}": Subquery(pictures.values(name)[:1]) for name in ("file", "url")}


def cards(masters: Iterable[Row]) -> list[dict[str, Any]]:
    """A card for each of the `rows` that can be bought, in their order."""
    return [
        _card(master, offers, picture(master))
        for master in masters
        if (offers := _offered(master["offers"]))
    ]


def rows_of_one(masters: Any) -> QuerySet[Master, Row]:
    """What `whole` takes; to be compiled."""
    shown = {
        **texts_of("pk", *TEXTS_OF_ONE),
        "offers": Rows(_offers()),
        "pictures": Rows(
            _of_master(Media).order_by("position").values("file", "url", "alt", "alts")
        ),
        "choices": Rows(_choices(LINKS.filter(variant__master=OuterRef("pk")))),
        "menu": modifiers.of(OuterRef("pk")),
        "first_reviews": Rows(voices.first_reviews(OuterRef("pk"))),
        "first_questions": Rows(voices.first_questions(OuterRef("pk"))),
    }
    return masters.annotate(**shown).values(*FIELDS, *FIELDS_OF_ONE, *shown)  # type: ignore[no-any-return]


def whole(master: Row, *, locale: str) -> dict[str, Any] | None:
    """All about one of `rows_of_one`; None if nothing of it can be bought."""
    offers = _offered(master["offers"])
    if not offers:
        return None
    pictures = [_picture(row, locale) for row in master["pictures"]]
    of_variants = _by_variant(master["choices"], locale)
    choices = [of_variants.get(offer.row["pk"], []) for offer in offers]
    return {
        **_card(master, offers, pictures[0]["url"] if pictures else ""),
        "description": master["description"] or "",
        "kind": master["kind"],
        "brand": master["brand"],
        "attributes": in_language(master["attributes"], master["facts"], locale),
        "variants": [_variant(*each) for each in zip(offers, choices, strict=True)],
        "options": _options(choices),
        "modifiers": modifiers.shown(
            master["menu"], currency=offers[0].row["currency"], locale=locale
        ),
        "media": pictures,
        "rating": rating(master["rating_sum"], master["rating_count"]),
        "reviews": voices.shown(master["first_reviews"]),
        "questions": voices.shown(master["first_questions"]),
        "revision": master["revision"],
    }


def rooms_of(skus: Collection[str]) -> dict[str, str]:
    """The room that each hangs in, by SKU; of those that are still known."""
    variants = Variant.objects.filter(sku__in=skus)
    return dict(variants.values_list("sku", "master__primary_category__room"))


def slug_of(sku: str) -> str:
    """That of the product that a SKU is of; empty where nothing has it."""
    found = Variant.objects.filter(sku=as_name(sku)).values_list("master__slug", flat=True)
    return found.first() or ""


def names_of_categories(*, locale: str) -> dict[int, str]:
    rows = _texts(Category).values("master_id", "language_code", "name")
    texts = nearest(rows, "name", locale=locale)
    return {pk: text["name"] for pk, text in texts.items() if text}


def rating(stars: int, count: int) -> dict[str, Any]:
    """The mean of the published reviews, to one decimal; None where there are none."""
    return {"average": round(stars / count, 1) if count else None, "count": count}


# reading


class _Offer(NamedTuple):
    """A variant that can be bought; `available` is None where units are not counted."""

    row: Row
    available: int | None

    @property
    def in_stock(self) -> bool:
        return self.available != 0


def _offers() -> QuerySet[Price, Row]:
    """The prices that hold of the outer master's variants, by their positions."""
    free = stock.free().filter(variant=OuterRef("variant"))
    moment = Slot("now", DateTimeField())
    return (
        prices.holding(moment)
        .filter(
            variant__master=OuterRef("pk"),
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
            public_id=F("variant__public_id"),
            sku=F("variant__sku"),
            track_stock=F("variant__track_stock"),
            max_per_order=F("variant__max_per_order"),
            free=Subquery(free.values("free")),
        )
    )


def _offered(rows: Iterable[Row]) -> list[_Offer]:
    # of several prices of a variant the one that began last
    of_variants = {row["pk"]: row for row in rows}
    return [
        _Offer(row, max(row["free"] or 0, 0) if row["track_stock"] else None)
        for row in of_variants.values()
    ]


def texts_of(master: str, *fields: str) -> dict[str, Subquery]:
    """Each text of a master in the nearest language that has it; NULL without any."""
    nearness = Case(
        *(
            When(language_code=Slot(name, CharField()), then=place)
            for place, name in enumerate(("locale", "family", "shops"))
        ),
        default=3,
    )
    texts = Master._parler_meta.root_model._base_manager.filter(master=OuterRef(master))
    texts = texts.order_by(nearness, "language_code")
    return {name: Subquery(texts.exclude(**{name: ""}).values(name)[:1]) for name in fields}


def _of_master(model: Any) -> Any:
    return model._base_manager.filter(master=OuterRef("pk"))


def nearest(rows: Iterable[Row], *fields: str, locale: str) -> dict[int, dict[str, str]]:
    """By master, each text in the nearest language that has it."""
    shown: dict[int, dict[str, str]] = defaultdict(dict)
    chain = (locale, locale.partition("-")[0], shop.current().default_language)
    for row in sorted(rows, key=lambda row: _distance(row["language_code"], chain), reverse=True):
        shown[row["master_id"]].update({name: row[name] for name in fields if row[name]})
    return dict(shown)


def _texts(model: Any) -> QuerySet[Any, Any]:
    return model._parler_meta.root_model.objects.all()  # type: ignore[no-any-return]


def _distance(language: str, chain: Sequence[str]) -> tuple[int, str]:
    """How far a text's language is from the reader's: that one, its family, the shop's, any."""
    return (chain.index(language) if language in chain else len(chain), language)


def _picture(row: Row, locale: str) -> dict[str, str]:
    return {
        "url": _url(row["file"], row["url"]),
        "alt": in_language(row["alt"], row["alts"], locale),
    }


def choices_of(variant_ids: Collection[int], *, locale: str) -> dict[int, list[Row]]:
    """The option values of each variant, in the order of the options."""
    return _by_variant(CHOICES.rows(variants=variant_ids), locale)


def _by_variant(rows: Iterable[Row], locale: str) -> dict[int, list[Row]]:
    choices: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        said = {
            "option_name": in_language(row["option_name"], row["option_names"], locale),
            "label": in_language(row["label"], row["labels"], locale),
        }
        choices[row["variant_id"]].append({**row, **said})
    return choices


def _choices(links: QuerySet[Any]) -> QuerySet[Any, Row]:
    option = "optionvalue__option__"
    return links.order_by(f"{option}position", f"{option}pk").values(
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


CHOICES = Compiled(lambda: _choices(LINKS.filter(OneOf("variant", "variants"))))


# shaping


def picture(master: Row) -> str:
    """The first one's URL; empty without one."""
    return _url(master["picture_file"], master["picture_url"])


def _url(file: str | None, elsewhere: str | None) -> str:
    return elsewhere or (_url_here(file) if file else "")


@lru_cache(maxsize=4096)
def _url_here(file: str) -> str:
    return default_storage.url(file)


def _card(master: Row, offers: Sequence[_Offer], image: str) -> dict[str, Any]:
    first = _first(master, offers)
    return {
        "id": master["public_id"],
        "slug": master["slug"],
        "name": master["name"] or master["slug"],
        "subtitle": master["subtitle"] or "",
        "price": _money(first.row["amount"], first.row["currency"]),
        "list_price": _list_price(first.row),
        "in_stock": first.in_stock,
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
    if default.in_stock:
        return default
    return next((offer for offer in offers if offer.in_stock), default)


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
