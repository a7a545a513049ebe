"""Lists without words: in their order, page by page, off an index."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from catalog import cursors, products, shopkeeping
from catalog.models import Category, Master, Price, SearchEntry, SearchName, Variant
from catalog.search import index
from catalog.search.browsing import Browse
from catalog.search.candidates import Filters

pytestmark = [pytest.mark.django_db, pytest.mark.both]
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WORDS = ("Vase", "amphora", "Écharpe", "zebra", "Öl", "vase", "Bowl_2", "Bowl 10", "مزهرية")
PLACES = ("clay", "lamps", "shades")


@pytest.fixture
def shelves() -> dict[str, Category]:
    """Clay, and lamps with shades below."""
    clay, lamps = (Category.objects.add_root(instance=Category(slug=slug)) for slug in PLACES[:2])
    shades = Category.objects.add_child(lamps, instance=Category(slug="shades"))
    return {"clay": clay, "lamps": lamps, "shades": shades}


@pytest.fixture
def wares(shelves: dict[str, Category]) -> list[Master]:
    """Many that cost the same, are called the same and are rated alike; some of them not yet."""
    made: list[Master] = Master.objects.bulk_create(
        Master(
            slug=f"ware-{n}",
            public_id=f"prd_ware{n}",
            status=Master.Status.ACTIVE,
            brand="Halla" if n % 3 else "",
            kind=Master.Kind.FOOD if n % 4 == 0 else Master.Kind.PHYSICAL,
            primary_category=shelves[PLACES[n % 3]],
            published_at=None if n % 11 == 0 else NOON + timedelta(hours=(n % 17) - 14),
            rating_sum=(n % 4) * (1 + n % 3),
            rating_count=n % 4,
        )
        for n in range(70)
    )
    Master._parler_meta.root_model._base_manager.bulk_create(
        Master._parler_meta.root_model(master=ware, language_code=language, name=name)
        for n, ware in enumerate(made)
        for language, name in _names(n).items()
    )
    variants = Variant.objects.bulk_create(
        Variant(master=ware, sku=ware.slug.upper(), public_id=f"var_{ware.slug}") for ware in made
    )
    Price.objects.bulk_create(
        Price(
            variant=variant,
            amount=(n % 5) * 100,
            # what begins later is not sold yet
            valid_from=NOON + timedelta(hours=1) if n % 13 == 0 else NOON - timedelta(days=1),
        )
        for n, variant in enumerate(variants)
    )
    index.rebuild(now=NOON)
    return list(Master.objects.select_related("primary_category").order_by("pk"))


def _names(n: int) -> dict[str, str]:
    named = {"en": WORDS[n % len(WORDS)], "de": WORDS[n * 2 % len(WORDS)], "ar": WORDS[-1]}
    languages = (("en",), ("en", "de"), ("ar",), ())[n % 4]
    return {language: named[language] for language in languages}


FOLDED = dict(
    zip(
        WORDS,
        ("vase", "amphora", "echarpe", "zebra", "ol", "vase", "bowl_2", "bowl 10", "مزهرية"),
        strict=True,
    )
)


def _called(n: int, language: str) -> str:
    names = _names(n)
    found = names.get(language) or names.get("en") or names.get("ar")
    return FOLDED[found] if found else f"ware-{n}"


def _stars(ware: Master) -> tuple[int, int]:
    count = ware.rating_count
    return (ware.rating_sum * 1000 // count if count else 0), count


# the order as it is said, of a product and its number
KEYS: dict[str, Callable[[int, Master], Any]] = {
    "newest": lambda n, ware: (-(ware.published_at or NOON).timestamp(), -ware.pk),
    "price": lambda n, ware: (n % 5, ware.pk),
    "-price": lambda n, ware: (-(n % 5), -ware.pk),
    "rating": lambda n, ware: (*(-each for each in _stars(ware)), -ware.pk),
    "name": lambda n, ware: (_called(n, "de"), ware.pk),
}
ASKED: dict[str, tuple[dict[str, Any], Callable[[int, Master], bool]]] = {
    "all": ({}, lambda n, ware: True),
    "a category": ({"category": "clay"}, lambda n, ware: n % 3 == 0),
    "one with others below": ({"category": "lamps"}, lambda n, ware: n % 3 > 0),
    "prices": ({"price_min": 100, "price_max": 300}, lambda n, ware: 1 <= n % 5 <= 3),
    "a brand": ({"brand": "Halla"}, lambda n, ware: n % 3 > 0),
    "a kind of a category": (
        {"kind": "food", "category": "lamps"},
        lambda n, ware: n % 4 == 0 and n % 3 > 0,
    ),
}


def _sold(wares: list[Master], sort: str) -> Iterator[tuple[int, Master]]:
    for n, ware in enumerate(wares):
        is_out = ware.published_at is None if sort == "newest" else False
        is_later = ware.published_at is not None and ware.published_at > NOON
        if n % 13 and not is_out and not is_later:
            yield n, ware


def _pages(limit: int = 100, **asked: Any) -> Iterator[list[str]]:
    cursor = ""
    while True:
        page = products.listing(locale="de", now=NOON, limit=limit, cursor=cursor, **asked)
        yield [row["slug"] for row in page.results]
        cursor = page.next_cursor
        if not cursor:
            return


@pytest.mark.parametrize("sort", KEYS)
def test_pages_lose_and_repeat_nothing(
    wares: list[Master], sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for most in (50, 1):
        monkeypatch.setattr("catalog.search.browsing.MOST_SHELVES", most)
        for said, (asked, is_wanted) in ASKED.items():
            wanted = [each for each in _sold(wares, sort) if is_wanted(*each)]
            in_order = [ware.slug for _n, ware in sorted(wanted, key=lambda e: KEYS[sort](*e))]

            pages = list(_pages(limit=7, sort=sort, **asked))

            assert [slug for page in pages for slug in page] == in_order, said
            assert all(len(page) == 7 for page in pages[:-1]), said


@pytest.mark.parametrize("sort", KEYS)
@pytest.mark.parametrize("slug", ["", "clay"])
def test_no_page_is_sorted_nor_all_of_a_table_read(
    wares: list[Master], shelves: dict[str, Category], sort: str, slug: str
) -> None:
    place = {
        name.removeprefix("-"): {"called": "m", "published_at": NOON.isoformat()}.get(
            name.removeprefix("-"), 1
        )
        for name in products.SORTS[sort]
    }
    for after in ({}, place):
        on = [shelves[slug]] if slug else []
        browse = Browse(Filters(), on, products.SORTS[sort], after, "de", NOON)

        plan = _plan(*browse.statement(20))

        wrong = [each for each in plan if "Sort" in each or "Seq Scan" in each or "TEMP" in each]
        whole = [each for each in plan if each.startswith("SCAN") and "USING" not in each]
        assert plan, sort
        assert not wrong + whole, plan


def test_the_newest_go_on_from_their_place_in_the_index(wares: list[Master]) -> None:
    place = {"published_at": NOON, "pk": 1}
    newest = Master.objects.on_sale().order_by(*products.SORTS["newest"])
    rows = newest.filter(cursors.beyond(place, products.SORTS["newest"])).values("pk")

    plan = " ".join(_plan(*rows.query.sql_with_params()))

    bound = "published_at <= " if connection.vendor == "postgresql" else "published_at<?"
    assert bound in plan.partition("Filter")[0], plan


def _plan(statement: str, parameters: Any) -> list[str]:
    """As it is where there are many: PostgreSQL reads few rows whole, however they are indexed."""
    is_postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        if is_postgresql:
            for way in ("seqscan", "bitmapscan", "sort"):
                cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(
            f"EXPLAIN {statement}" if is_postgresql else f"EXPLAIN QUERY PLAN {statement}",
            parameters,
        )
        return [str(row[0] if is_postgresql else row[3]) for row in cursor.fetchall()]


def test_a_price_that_begins_sorts_from_the_next_beat_on_and_is_shown_right(
    wares: list[Master],
) -> None:
    later = NOON + timedelta(hours=1)
    begins = Master.objects.get(slug="ware-26")
    before = [row["slug"] for row in _at(later)]

    index.refresh_prices(now=later)

    assert "ware-26" not in before
    slugs = [row["slug"] for row in _at(later)]
    assert begins.slug in slugs
    assert [row["price"]["amount"] for row in _at(later)] == sorted(
        row["price"]["amount"] for row in _at(later)
    )


def _at(moment: datetime) -> list[dict[str, Any]]:
    return products.listing(locale="en", now=moment, sort="price", limit=100).results


def test_names_follow_the_shops_language(wares: list[Master]) -> None:
    shopkeeping.begin({"currency": "EUR", "default_language": "de", "name": "Halla"}, now=NOON)

    ours = SearchName.objects.get(master=wares[1], language="fr")

    assert ours.name == FOLDED[_names(1)["de"]]


def test_an_upgrade_names_what_is_in_the_index(wares: list[Master]) -> None:
    before = list(SearchName.objects.order_by("master", "language").values())
    SearchName.objects.all().delete()

    index.catch_up(now=NOON)

    assert list(SearchName.objects.order_by("master", "language").values()) == before
    assert SearchEntry.objects.count() == len(wares)


def test_what_leaves_the_index_is_not_called_anything(wares: list[Master]) -> None:
    Master.objects.filter(pk=wares[1].pk).update(status=Master.Status.ARCHIVED)

    index.refresh([wares[1].pk], now=NOON)

    assert not SearchName.objects.filter(master=wares[1]).exists()
