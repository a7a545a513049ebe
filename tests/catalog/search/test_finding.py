"""Searching: what is found, in which order, what else there is, and how it was understood."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.test import Client

from catalog import products
from catalog.models import (
    Category,
    Master,
    OptionValue,
    Price,
    ProductOption,
    StockItem,
    Variant,
)
from catalog.search import completing, index
from catalog.search.candidates import CAP, ENOUGH
from catalog.search.models import SearchEntry, SearchWord

pytestmark = [pytest.mark.django_db, pytest.mark.both]
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Sell:
    """Puts products on sale, each newer than those before; texts are by language."""

    def __init__(self) -> None:
        self._ages = count()

    def __call__(self, name: str, **more: Any) -> Master:
        master = self._make(name, **more)
        index.refresh([master.pk], now=NOON)
        return master

    def many(self, names: Iterable[str]) -> None:
        """They come into the index together, which takes a fraction of one by one."""
        index.refresh([self._make(name).pk for name in names], now=NOON)

    def _make(
        self,
        name: str,
        *,
        price: int = 1000,
        on_hand: int = 5,
        category: str = "things",
        colour: str = "",
        texts: dict[str, str] | None = None,
        **fields: Any,
    ) -> Master:
        slug = name.lower().replace(" ", "-").replace("'", "")
        master: Master = Master.objects.create(
            name=name,
            slug=slug,
            status=Master.Status.ACTIVE,
            published_at=NOON - timedelta(days=30) + timedelta(minutes=next(self._ages)),
            primary_category=room(category),
            **fields,
        )
        for language, text in (texts or {}).items():
            Master._parler_meta.root_model.objects.create(
                master=master, language_code=language, name=text
            )
        variant = Variant.objects.create(master=master, sku=slug.upper())
        if colour:
            option = ProductOption.objects.create(master=master, code="colour", name="Colour")
            value = OptionValue.objects.create(option=option, code=colour.lower(), label=colour)
            variant.option_values.add(value)
        Price.objects.create(variant=variant, amount=price)
        StockItem.objects.create(variant=variant, on_hand=on_hand)
        return master


@pytest.fixture
def sell() -> Sell:
    return Sell()


def room(slug: str) -> Category:
    found: Category | None = Category.objects.filter(slug=slug).first()
    return found or Category.objects.add_root(instance=Category(slug=slug, name=slug.title()))


def search(query: str, *, locale: str = "en", **asked: Any) -> products.Page:
    return products.listing(locale=locale, now=NOON, query=query, **asked)


def slugs(query: str, **asked: Any) -> list[str]:
    return [row["slug"] for row in search(query, **asked).results]


def test_what_is_said_narrows_what_is_found(sell: Sell) -> None:
    sell("Mug one", price=1500, colour="Red")
    sell("Mug two", price=2500, colour="Red")
    sell("Mug three", price=1500, colour="Blue")
    sell("Red mug four", price=1900, on_hand=0)

    assert slugs("red mugs under €20") == ["red-mug-four", "mug-one"]
    assert slugs("red mugs under €20 in stock") == ["mug-one"]
    assert slugs("cheapest red mug") == ["mug-one", "red-mug-four", "mug-two"]
    assert slugs("mug between 20 and 30 euros") == ["mug-two"]
    assert slugs("mugs under €20", price_min=1600) == ["red-mug-four"]
    assert slugs("red mugs", is_plain=True) == ["red-mug-four", "mug-two", "mug-one"]
    assert slugs("under €16") == ["mug-three", "mug-one"]


@pytest.mark.parametrize(
    ("locale", "query"),
    [
        ("en", "red mugs under €20"),
        ("de", "rote Tassen unter 20 Euro"),
        ("fr", "tasses rouges à moins de 20 €"),
        ("es", "tazas rojas por menos de 20 €"),
        ("ar", "أكواب حمراء أقل من 20 يورو"),
    ],
)
def test_every_language_finds_by_its_own_words(
    sell: Sell, settings: Any, locale: str, query: str
) -> None:
    settings.LANGUAGES = [(code, code) for code in ("en", "de", "fr", "es", "ar")]
    texts = {"de": "Tasse", "fr": "Tasse", "es": "Taza", "ar": "أكواب"}
    sell("Mug", price=1500, colour="Red", texts=texts)
    sell("Mug XL", price=2500, colour="Red", texts=texts)
    sell("Bowl", price=1500, colour="Red")

    assert slugs(query, locale=locale) == ["mug"]


def test_arabic_is_found_without_its_vowels_and_in_any_form(sell: Sell, settings: Any) -> None:
    settings.LANGUAGES = [("en", "en"), ("ar", "ar")]
    sell("Vase", texts={"ar": "المزهرية الأولى"})

    for query in ("مزهرية", "مِزْهَرِيَّة", "مزهريه", "المزهرية الاولي"):
        assert slugs(query, locale="ar") == slugs(f"\u200f{query}\u200e", locale="ar") == ["vase"]


def test_the_best_place_of_the_words_comes_first(sell: Sell) -> None:
    sell("Lamp", description="Fits the aurora")
    sell("Small aurora")
    sell("Aurora poster")
    sell("Aurora")
    sell("Print", brand="Aurora")

    assert slugs("aurora") == ["aurora", "aurora-poster", "small-aurora", "print", "lamp"]


def test_a_whole_word_comes_before_a_beginning(sell: Sell) -> None:
    sell("Case for iPhone 15")
    sell("iPhone 154")
    sell("iPhone 150")

    assert slugs("iphone 15") == ["case-for-iphone-15", "iphone-150", "iphone-154"]


def test_a_word_that_nothing_has_is_corrected_and_told(sell: Sell) -> None:
    sell("iPhone 15")
    sell("Vase")

    page = search("iphnoe 15")

    assert [row["slug"] for row in page.results] == ["iphone-15"]
    assert page.interpretation["corrected"] == {"iphnoe": "iphone"}
    assert page.interpretation["words"] == ["iphone", "15"]
    assert slugs("vaes") == slugs("vasse") == ["vase"]
    assert slugs("iphnoe 15", is_plain=True) == []
    assert search("vase xylophone").suggestions == ["vase"]


def test_another_correction_stands_where_the_word_stood(sell: Sell) -> None:
    sell("Red vase")
    sell("Red vast")

    page = search("vaso in red with handle")

    assert page.interpretation["corrected"] == {"vaso": "vase"}
    assert page.suggestions == ["vast handle", "vase"]


def test_a_word_is_found_in_a_longer_one_and_from_its_beginning(sell: Sell) -> None:
    sell("Vase", texts={"de": "Amphorenvase"})
    sell("Headphones")

    assert slugs("vase", locale="de") == slugs("phorenva", locale="de") == ["vase"]
    assert slugs("headph") == slugs("phone") == ["headphones"]


def test_a_category_is_known_by_its_name(sell: Sell) -> None:
    sell("Model 15", category="phones")
    sell("Stand for phones")

    page = search("phone")

    assert page.interpretation["category"] == "phones"
    assert sorted(row["slug"] for row in page.results) == ["model-15", "stand-for-phones"]
    assert search("model phones").interpretation["category"] == "phones"
    assert search("model").interpretation["category"] is None


def test_facets_count_what_was_found(sell: Sell) -> None:
    sell("Mug one", price=1000, brand="Halla", category="clay")
    sell("Mug two", price=2000, brand="Halla", category="clay", on_hand=0)
    sell("Mug three", price=9000, brand="Aalto", kind="food")
    sell("Bowl")

    facets = search("mug").facets

    assert facets["category"] == [
        {"value": "clay", "label": "Clay", "count": 2},
        {"value": "things", "label": "Things", "count": 1},
    ]
    assert facets["brand"] == [{"value": "Halla", "count": 2}, {"value": "Aalto", "count": 1}]
    assert facets["kind"] == [{"value": "physical", "count": 2}, {"value": "food", "count": 1}]
    assert facets["in_stock"] == 2
    for each in facets["price"]:
        found = slugs("mug", price_min=each["min"], price_max=each["max"])
        assert len(found) == each["count"]
    assert sum(each["count"] for each in facets["price"]) == 3
    assert slugs("mug", brand="halla") == ["mug-two", "mug-one"]
    assert slugs("mug", kind="food") == ["mug-three"]
    assert slugs("mug", category="clay", in_stock=True) == ["mug-one"]


def test_a_product_is_in_stock_while_any_of_its_variants_is(sell: Sell) -> None:
    mug, bowl = sell("Mug", on_hand=0), sell("Mug bowl", on_hand=0)
    second = Variant.objects.create(master=mug, sku="SECOND", option_key="second")
    StockItem.objects.create(variant=second, on_hand=1)
    Variant.objects.create(master=bowl, sku="MADE", option_key="second", track_stock=False)
    sell("Mug lid", on_hand=0)
    index.refresh([mug.pk, bowl.pk], now=NOON)

    for _ in range(2):
        assert search("mug").facets["in_stock"] == 2
        assert slugs("mug in stock") == ["mug", "mug-bowl"]
        # as before it was prepared after an upgrade
        SearchEntry.objects.update(one_variant=None)


def test_where_enough_is_named_so_texts_are_not_looked_into(sell: Sell) -> None:
    sell.many(f"Mug {number}" for number in range(ENOUGH - 1))
    sell("Tray", description="carries a mug")
    assert "tray" in every("mug")

    sell("Mug of many")

    assert len(every("mug")) == ENOUGH
    assert "tray" not in every("mug")
    assert every("mug carries") == ["tray"]
    assert "tray" in every("mug", sort="newest")


def test_who_is_called_just_so_comes_first_however_many_have_the_word(sell: Sell) -> None:
    sell.many(f"Small mug {number}" for number in range(CAP))
    sell("Mug of many")
    sell("Mug")

    found = every("mug")

    assert found[:2] == ["mug", "mug-of-many"]
    assert len(set(found)) == len(found) == CAP


def test_of_very_many_alike_the_newest_are_found(sell: Sell) -> None:
    sell.many(f"Small mug {number}" for number in range(CAP + 10))

    found = every("mug")

    assert found == [f"small-mug-{number}" for number in reversed(range(10, CAP + 10))]


def every(query: str, **asked: Any) -> list[str]:
    """From the first page to the last."""
    first = search(query, limit=100, **asked)
    rest = (
        search(query, limit=100, cursor=first.next_cursor, **asked) if first.next_cursor else None
    )
    return [row["slug"] for page in (first, rest) if page for row in page.results]


@pytest.mark.parametrize("query", ["lamp", "lamp under 20 €", "cheapest lamp"])
def test_a_beginning_goes_on_with_digits(sell: Sell, query: str) -> None:
    sell("Lamp15 table", price=1000)
    sell("Lamplight")

    assert sorted(slugs(query)) == ["lamp15-table", "lamplight"]


@pytest.mark.parametrize("sort", ["", "newest", "price", "-price"])
def test_pages_of_a_search_go_on_where_they_ended(sell: Sell, sort: str) -> None:
    for number in range(7):
        sell(f"Thing {number}", price=1000 + number % 3)
    sell("Else", description="thing")
    whole = slugs("thing", sort=sort)

    seen, cursor = [], ""
    while True:
        page = search("thing", sort=sort, limit=3, cursor=cursor)
        seen += [row["slug"] for row in page.results]
        cursor = page.next_cursor
        if not cursor:
            break

    assert seen == whole
    assert len(seen) == 8


def test_a_planned_price_counts_from_its_moment_on(sell: Sell) -> None:
    master = sell("Mug", price=3000)
    variant = master.variants.get()
    Price.objects.create(variant=variant, amount=1500, valid_from=NOON + timedelta(hours=1))
    index.refresh([master.pk], now=NOON)

    later = NOON + timedelta(hours=2)
    assert index.refresh_prices(now=NOON) == 0
    assert slugs("mug under 20 €") == []
    assert index.refresh_prices(now=later) == 1
    found = products.listing(locale="en", now=later, query="mug under 20 €").results

    assert [row["slug"] for row in found] == ["mug"]
    assert index.refresh_prices(now=later) == 0


HOSTILE = [
    "'",
    '"',
    "*",
    "NEAR(",
    'NEAR("a" "b", 5)',
    "mug'; DROP TABLE catalog_master; --",
    "words:mug",
    "mug AND OR NOT",
    "\\ & | ! <-> ( )",
    "%_%",
    "\x00mug\x00",
    "mug " * 2000,
    "x" * 10_000,
    ", ".join("word" + str(number) for number in range(2000)),
    "?!.,;:-\u2013\u2014",
    "\u200f\u202e\u2066mug\u2069",
    "🫖🫖 mug 🫖",
    "👩‍👩‍👧‍👦",
    "\ud800mug\udfff",
    "€ € € 20 20 20",
    "under under under 20 20",
    "between 10 and between",
    "9" * 500,
    "mug " + "9" * 190,
    "١٢٣٤٥٦٧٨٩٠" * 30,
    "#colour=red",
    "@en=mug",
    "ﷺ ﷽",
    "İıſß",
    "a\u0301" * 300,
    "\U0001e900\U00010400",
]


@pytest.mark.parametrize("query", HOSTILE)
@pytest.mark.parametrize("locale", ["en", "de"])
def test_nothing_that_is_typed_breaks_the_search(
    sell: Sell, query: str, locale: str, django_assert_max_num_queries: Any
) -> None:
    sell("Mug")

    with django_assert_max_num_queries(MOST_QUERIES):
        search(query, locale=locale)
    search(query, locale=locale, is_plain=True, sort="price", brand=query, kind=query)
    completing.suggest(query, locale=locale, now=NOON)


# categories, words, two corrections, the words again, names, texts, and a page of cards
MOST_QUERIES = 12


def test_a_search_costs_the_same_queries_for_two_and_for_twenty(
    sell: Sell, django_assert_num_queries: Any
) -> None:
    for number in range(20):
        sell(f"Mug {number}", colour="Red")

    with django_assert_num_queries(4):
        search("red mug", limit=2)
    with django_assert_num_queries(4):
        assert len(search("red mug", limit=20).results) == 20
    # where prices are limited, texts are looked into by themselves
    with django_assert_num_queries(5):
        assert len(search("red mug under €20", limit=20).results) == 20


def test_only_what_is_on_sale_now_is_found(sell: Sell) -> None:
    for name in ("Mug draft", "Mug deleted", "Mug tomorrow", "Mug priceless", "Mug kept"):
        sell(name)
    Master.objects.filter(slug="mug-draft").update(status=Master.Status.DRAFT)
    Master.objects.filter(slug="mug-deleted").update(deleted_at=NOON)
    Master.objects.filter(slug="mug-tomorrow").update(published_at=NOON + timedelta(days=1))
    Price.objects.filter(variant__master__slug="mug-priceless").delete()
    # none of these was told to the index
    assert slugs("mug") == ["mug-kept"]

    index.refresh(list(Master.objects.values_list("pk", flat=True)), now=NOON)

    assert slugs("mug") == ["mug-kept"]
    assert SearchEntry.objects.count() == 3


def test_a_rebuilt_index_is_the_same_and_forgets_words(sell: Sell) -> None:
    sell("Mug")
    sell("Xylophone")
    before = list(SearchEntry.objects.filter(master__slug="mug").values())
    Master.objects.filter(slug="xylophone").update(deleted_at=NOON)

    assert index.rebuild(now=NOON) == 1

    assert list(SearchEntry.objects.values()) == before
    assert not SearchWord.objects.filter(word="xylophone").exists()
    assert SearchWord.objects.filter(word="mug").exists()


def test_suggestions_complete_what_is_typed(sell: Sell) -> None:
    sell("Phone stand", category="phones")
    sell("Vase")

    suggested = completing.suggest("pho", locale="en", now=NOON)

    assert suggested == [
        {"kind": "product", "text": "Phone stand", "slug": "phone-stand"},
        {"kind": "category", "text": "Phones", "slug": "phones"},
        {"kind": "words", "text": "phone", "slug": ""},
        {"kind": "words", "text": "phones", "slug": ""},
    ]
    assert completing.suggest(" ,. ", locale="en", now=NOON) == []


def test_rest_answers_what_the_page_shows(client: Client, sell: Sell) -> None:
    sell("Mug", price=1500, colour="Red")

    answer = client.get("/api/v1/search", {"q": "rote mugs unter 20 €"}, headers=GERMAN).json()
    suggested = client.get("/api/v1/search/suggest", {"q": "mu"}).json()

    assert set(answer) == {"results", "interpretation", "suggestions", "facets", "next"}
    assert answer["interpretation"] == {
        "query": "rote mugs unter 20 €",
        "locale": "de",
        "words": ["mugs"],
        "category": None,
        "price_min": None,
        "price_max": 2000,
        "currency": "EUR",
        "colour": "red",
        "in_stock": False,
        "sort": None,
        "quantity": None,
        "corrected": {},
        "text": "„mugs“, rot, bis 20,00\xa0€",
    }
    assert [row["slug"] for row in answer["results"]] == ["mug"]
    assert suggested["suggestions"][0]["slug"] == "mug"


GERMAN = {"Accept-Language": "de"}


def test_the_page_says_how_it_understood_and_leads_back(client: Client, sell: Sell) -> None:
    sell("Mug one", price=1500, colour="Red", brand="Halla")
    sell("Mug two", price=9500, colour="Red", brand="Aalto")

    page = client.get("/", {"q": "red mugs under €20"}).content.decode()
    plain = client.get("/", {"q": "red mugs", "plain": "1"}).content.decode()
    narrowed = client.get("/", {"q": "red mugs", "brand": "Aalto"}).content.decode()

    assert "Understood as: “mugs”, red, up to €20.00." in page
    assert "?q=red+mugs+under+%E2%82%AC20&amp;plain=1" in page
    assert "Understood as" not in plain
    assert 'href="?q=red+mugs&amp;plain=1&amp;brand=Aalto"' in plain
    assert "/p/mug-two" in narrowed
    assert "/p/mug-one" not in narrowed
    assert 'href="?q=red+mugs" aria-current="true"><bdi>Aalto' in narrowed
