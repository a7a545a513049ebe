"""Lists, details and search of what is on sale."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from catalog import products
from catalog.models import Category, Master, Price, StockItem, Variant

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

Sell = Callable[..., Master]


@pytest.fixture
def sell() -> Sell:
    """Puts a product on sale: name, price, on_hand, category slug; newer than those before."""
    ages = iter(range(10_000))

    def sell(
        name: str, *, price: int = 1000, on_hand: int = 5, category: str = "things", **fields: Any
    ) -> Master:
        slug = name.lower().replace(" ", "-")
        at = NOON - timedelta(days=30) + timedelta(minutes=next(ages))
        master: Master = Master.objects.create(
            name=name,
            slug=slug,
            status=Master.Status.ACTIVE,
            published_at=at,
            primary_category=room(category),
            **fields,
        )
        variant = Variant.objects.create(master=master, sku=slug.upper())
        Price.objects.create(variant=variant, amount=price)
        StockItem.objects.create(variant=variant, on_hand=on_hand)
        return master

    return sell


def room(slug: str) -> Category:
    found: Category | None = Category.objects.filter(slug=slug).first()
    return found or Category.objects.add_root(instance=Category(slug=slug, name=slug.title()))


def names(**asked: Any) -> list[str]:
    page = products.listing(locale="en", now=NOON, **asked)
    return [row["name"] for row in page.results]


def test_a_row_has_what_a_card_shows(sell: Sell) -> None:
    master = sell("Amphora vase", price=8400, on_hand=3, subtitle="Stoneware")

    row = products.listing(locale="en", now=NOON).results[0]

    assert row == {
        "id": master.public_id,
        "slug": "amphora-vase",
        "name": "Amphora vase",
        "subtitle": "Stoneware",
        "price": {"amount": 8400, "currency": "EUR"},
        "list_price": None,
        "in_stock": True,
        "available": 3,
        "image": "",
        "category": "things",
        "room": "clay",
        "default_sku": "AMPHORA-VASE",
    }


def test_drafts_and_what_was_deleted_or_has_no_price_are_not_listed(sell: Sell) -> None:
    sell("Kept")
    Master.objects.filter(pk=sell("Draft").pk).update(status=Master.Status.DRAFT)
    Master.objects.filter(pk=sell("Deleted").pk).update(deleted_at=NOON)
    Price.objects.filter(variant__master=sell("Priceless")).delete()

    assert names() == ["Kept"]


@pytest.mark.parametrize("sort", ["", "newest", "price", "-price"])
def test_pages_go_on_where_they_ended(sell: Sell, sort: str) -> None:
    for number in range(7):
        sell(f"Thing {number}", price=1000 + number % 3)
    whole = names(sort=sort)

    seen, cursor = [], ""
    while True:
        page = products.listing(locale="en", now=NOON, sort=sort, limit=3, cursor=cursor)
        seen += [row["name"] for row in page.results]
        cursor = page.next_cursor
        if not cursor:
            break

    assert seen == whole
    assert len(seen) == 7


def test_lists_are_narrowed(sell: Sell) -> None:
    sell("Cheap", price=500)
    sell("Dear", price=5000, category="light")
    sell("Gone", price=2000, on_hand=0)

    assert names(category="light") == ["Dear"]
    assert names(price_min=1000) == ["Gone", "Dear"]
    assert names(price_max=2000) == ["Gone", "Cheap"]
    assert names(in_stock=True) == ["Dear", "Cheap"]


def test_a_category_holds_what_is_below_it(sell: Sell) -> None:
    parent = room("electronics")
    Category.objects.add_child(parent, instance=Category(slug="phones", name="Phones"))
    sell("Phone", category="phones")

    assert names(category="electronics") == ["Phone"]


def test_the_name_that_begins_with_the_words_comes_first(sell: Sell) -> None:
    sell("iPhone 15")
    sell("Case for iPhone 15")
    sell("Charger", description="For the iPhone 15 and others")
    sell("iPhone 14")

    assert names(query="iphone 15") == ["iPhone 15", "Case for iPhone 15", "Charger"]
    assert names(query="100%") == []
    assert names(query="iphone\x00 15 \x00") == ["iPhone 15", "Case for iPhone 15", "Charger"]


def test_a_language_without_a_text_falls_back(sell: Sell) -> None:
    master = sell("Vase")
    master.set_current_language("de")
    master.name = "Die Vase"
    master.save()

    assert products.detail("vase", locale="de", now=NOON)["name"] == "Die Vase"
    assert products.detail("vase", locale="fr", now=NOON)["name"] == "Vase"


def test_a_product_is_found_by_id_slug_and_sku(sell: Sell) -> None:
    master = sell("Vase")

    for key in (master.public_id, "vase", "VASE"):
        assert products.detail(key, locale="en", now=NOON)["slug"] == "vase"
    with pytest.raises(products.UnknownProduct):
        products.detail("nothing", locale="en", now=NOON)


def test_a_list_costs_the_same_queries_for_two_and_for_twenty(
    sell: Sell, django_assert_num_queries: Any
) -> None:
    for number in range(20):
        sell(f"Thing {number}")
    with django_assert_num_queries(8) as two:
        names(limit=2)
    with django_assert_num_queries(len(two.captured_queries)):
        names(limit=20)


@pytest.mark.parametrize(
    "query",
    [
        "limit=many",
        "price_min=-1",
        "price_max=1e9",
        "sort=best",
        "cursor=text",
        "cursor=%00",
        "price_min=99999999999999999999",
    ],
)
def test_bad_values_are_refused_and_pointed_at(client: Client, query: str) -> None:
    response = client.get(f"/api/v1/catalog/products?{query}")

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["errors"][0]["pointer"] == f"/{query.partition('=')[0]}"


def test_unknown_products_and_categories_are_404(client: Client) -> None:
    for path in ("catalog/products/nothing", "catalog/products?category=nowhere"):
        response = client.get(f"/api/v1/{path}")
        assert response.status_code == 404
        assert response.json()["code"] in {"unknown_product", "unknown_category"}


def test_an_unchanged_product_is_304(client: Client, sell: Sell) -> None:
    sell("Vase")
    first = client.get("/api/v1/catalog/products/vase")

    again = client.get("/api/v1/catalog/products/vase", headers={"If-None-Match": first["ETag"]})
    Price.objects.update(amount=1)
    changed = client.get("/api/v1/catalog/products/vase", headers={"If-None-Match": first["ETag"]})

    assert (again.status_code, changed.status_code) == (304, 200)


def test_next_leads_through_the_list(client: Client, sell: Sell) -> None:
    for number in range(3):
        sell(f"Thing {number}")

    first = client.get("/api/v1/catalog/products?limit=2&q=thing").json()
    second = client.get(first["next"]).json()

    assert [row["name"] for row in [*first["results"], *second["results"]]] == [
        "Thing 2",
        "Thing 1",
        "Thing 0",
    ]
    assert second["next"] is None


def test_the_tree_of_categories(client: Client) -> None:
    Category.objects.add_child(room("electronics"), instance=Category(slug="phones", name="Phones"))

    tree = client.get("/api/v1/catalog/categories").json()["results"]

    assert [(row["slug"], row["children"][0]["slug"]) for row in tree] == [
        ("electronics", "phones")
    ]
