"""What lists and pages show of products: rows of the database in CONTRACT's shapes.

It reads plain rows in a few queries for a whole page; a model instance per text, variant and
option would cost more than the database does.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import F

from catalog import prices, stock, voices
from catalog.models import Category, Master, Media, Price, Variant

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


def cards(masters: Sequence[Row], *, locale: str, now: datetime) -> list[dict[str, Any]]:
    """A card for each row of FIELDS that can be bought, in their order."""
    ids = [master["pk"] for master in masters]
    offers = _offers(ids, now=now)
    texts = _texts(Master, ids, "name", "subtitle", locale=locale)
    pictures = _pictures(ids, locale=locale)
    return [
        _card(
            master,
            texts.get(master["pk"], {}),
            offers[master["pk"]],
            pictures[master["pk"]],
        )
        for master in masters
        if master["pk"] in offers
    ]


def whole(master: Row, *, locale: str, now: datetime) -> dict[str, Any] | None:
    """All about one product, of FIELDS and FIELDS_OF_ONE; None if nothing of it can be bought."""
    pk = master["pk"]
    offers = _offers([pk], now=now).get(pk)
    if not offers:
        return None
    text = _texts(Master, [pk], "name", "subtitle", "description", locale=locale).get(pk, {})
    pictures = _pictures([pk], locale=locale)[pk]
    choices = _choices([offer.row["pk"] for offer in offers], locale=locale)
    return {
        **_card(master, text, offers, pictures),
        "description": text.get("description", ""),
        "kind": master["kind"],
        "brand": master["brand"],
        "attributes": in_language(master["attributes"], master["facts"], locale),
        "variants": [_variant(offer, choices[offer.row["pk"]]) for offer in offers],
        "options": _options(choices.values()),
        "media": pictures,
        "rating": rating(master["rating_sum"], master["rating_count"]),
        "reviews": voices.reviews(pk)[0],
        "questions": voices.questions(pk)[0],
        "revision": master["revision"],
    }


def names_of_categories(*, locale: str) -> dict[int, str]:
    texts = _texts(Category, None, "name", locale=locale)
    return {pk: text["name"] for pk, text in texts.items() if text}


def rating(stars: int, count: int) -> dict[str, Any]:
    """The mean of the published reviews, to one decimal; None where there are none."""
    return {"average": round(stars / count, 1) if count else None, "count": count}


# reading


@dataclass(frozen=True)
class _Offer:
    """A variant that can be bought; `available` is None where units are not counted."""

    row: Row
    price: Price
    available: int | None

    @property
    def in_stock(self) -> bool:
        return self.available != 0


def _offers(master_ids: Collection[int], *, now: datetime) -> dict[int, list[_Offer]]:
    """By master, in the order of their positions; masters without any are left out."""
    rows = list(
        Variant.objects.filter(master_id__in=master_ids, is_active=True)
        .order_by("position", "pk")
        .values("pk", "master_id", "public_id", "sku", "track_stock", "max_per_order")
    )
    ids = [row["pk"] for row in rows]
    priced = prices.current(ids, currency=settings.SHOP_CURRENCY, now=now)
    free = stock.available(ids)
    offers = defaultdict(list)
    for row in rows:
        if row["pk"] in priced:
            left = max(free.get(row["pk"], 0), 0) if row["track_stock"] else None
            offers[row["master_id"]].append(_Offer(row, priced[row["pk"]], left))
    return dict(offers)


def _texts(
    model: Any, ids: Collection[int] | None, *fields: str, locale: str
) -> dict[int, dict[str, str]]:
    """By id, each text in the nearest language that has it; all of a model without ids."""
    rows = model._parler_meta.root_model.objects.values("master_id", "language_code", *fields)
    if ids is not None:
        rows = rows.filter(master_id__in=ids)
    shown: dict[int, dict[str, str]] = defaultdict(dict)
    for row in sorted(rows, key=lambda row: _distance(row["language_code"], locale), reverse=True):
        shown[row["master_id"]].update({name: row[name] for name in fields if row[name]})
    return dict(shown)


def _distance(language: str, locale: str) -> tuple[int, str]:
    """How far a text's language is from the reader's: that one, its family, the shop's, any."""
    chain = (locale, locale.partition("-")[0], settings.LANGUAGE_CODE)
    return (chain.index(language) if language in chain else len(chain), language)


def _pictures(master_ids: Collection[int], *, locale: str) -> dict[int, list[dict[str, str]]]:
    pictures = defaultdict(list)
    rows = Media.objects.filter(master_id__in=master_ids).order_by("position")
    for row in rows.values("master_id", "file", "url", "alt", "alts"):
        url = row["url"] or default_storage.url(row["file"])
        alt = in_language(row["alt"], row["alts"], locale)
        pictures[row["master_id"]].append({"url": url, "alt": alt})
    return pictures


def _choices(variant_ids: Collection[int], *, locale: str) -> dict[int, list[Row]]:
    """The option values of each variant, in the order of the options."""
    choices: dict[int, list[Row]] = defaultdict(list)
    links = Variant.option_values.through.objects.filter(variant_id__in=variant_ids)
    option = "optionvalue__option__"
    for row in links.order_by(f"{option}position", f"{option}pk").values(
        "variant_id",
        option_code=F(f"{option}code"),
        option_name=F(f"{option}name"),
        option_names=F(f"{option}names"),
        code=F("optionvalue__code"),
        label=F("optionvalue__label"),
        labels=F("optionvalue__labels"),
        position=F("optionvalue__position"),
    ):
        said = {
            "option_name": in_language(row["option_name"], row["option_names"], locale),
            "label": in_language(row["label"], row["labels"], locale),
        }
        choices[row["variant_id"]].append({**row, **said})
    return choices


def in_language(text: Any, others: Mapping[str, Any], locale: str) -> Any:
    """The text as it is in a language, or in that language's family, or else as it is."""
    return others.get(locale) or others.get(locale.partition("-")[0]) or text


# shaping


def _card(
    master: Row, text: Row, offers: Sequence[_Offer], pictures: Sequence[Row]
) -> dict[str, Any]:
    first = _first(master, offers)
    return {
        "id": master["public_id"],
        "slug": master["slug"],
        "name": text.get("name", master["slug"]),
        "subtitle": text.get("subtitle", ""),
        "price": _money(first.price.amount, first.price.currency),
        "list_price": _list_price(first.price),
        "in_stock": any(offer.in_stock for offer in offers),
        "available": first.available,
        "image": pictures[0]["url"] if pictures else "",
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
        "price": _money(offer.price.amount, offer.price.currency),
        "list_price": _list_price(offer.price),
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


def _list_price(price: Price) -> dict[str, Any] | None:
    return _money(price.list_amount, price.currency) if price.list_amount else None
