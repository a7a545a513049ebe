"""Staff work on products and stock over REST."""

from typing import Any

import pytest
from django.test import Client

from catalog.models import Category, Master, StockItem, Variant
from museo.access.models import User
from orders.delivery import DeliveryOption

pytestmark = [pytest.mark.django_db, pytest.mark.both_in_long]
MASTERS = "/api/v1/admin/products/masters"
STOCK = "/api/v1/admin/stock"
JSON = "application/json"


@pytest.fixture(autouse=True)
def room() -> Category:
    node: Category = Category.objects.add_root(instance=Category(slug="clay", name="Clay"))
    return node


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("staff@museo.example"))
    return client


def bowl(sku: str = "BOWL", **changes: Any) -> dict[str, Any]:
    price = {"price": {"amount": 8405, "currency": "EUR"}}
    return {
        "category": "clay",
        "status": "active",
        "translations": {"en": {"name": "Blue bowl"}},
        "variants": [{"sku": sku, "prices": [price], "on_hand": 7}],
        **changes,
    }


def make(staff: Client, sku: str = "BOWL", **changes: Any) -> dict[str, Any]:
    response = staff.post(MASTERS, bowl(sku, **changes), JSON)
    assert response.status_code == 201, response.content
    body: dict[str, Any] = response.json()
    return body


def test_staff_who_hold_a_product_are_sent_its_stock(staff: Client) -> None:
    address = f"{MASTERS}/{make(staff)['id']}"
    tag = staff.get(address)["ETag"]

    staff.put(STOCK, {"items": [{"sku": "BOWL", "on_hand": 3}]}, JSON)
    read = staff.get(address, headers={"if-none-match": tag})

    assert (read.status_code, read["ETag"]) == (200, tag)
    assert read.json()["variants"][0]["stock"]["on_hand"] == 3


def test_a_product_is_made_read_changed_and_shown_to_shoppers(staff: Client) -> None:
    made = make(staff)
    address = f"{MASTERS}/{made['id']}"

    read = staff.get(address)
    changed = staff.patch(address, {"brand": "Kiln"}, JSON, headers={"if-match": read["ETag"]})

    assert read.json() == made
    assert read["ETag"] == '"1"'
    assert (changed.status_code, changed["ETag"]) == (200, '"2"')
    assert changed.json()["brand"] == "Kiln"
    shown = staff.get(f"/api/v1/catalog/products/{made['id']}").json()
    assert (shown["brand"], shown["variants"][0]["available"]) == ("Kiln", 7)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_writing_takes_the_revision_that_was_read(staff: Client, method: str) -> None:
    made = make(staff)
    address, write = f"{MASTERS}/{made['id']}", getattr(staff, method)
    body = bowl("OTHER")

    without = write(address, body, JSON)
    stale = write(address, body, JSON, headers={"if-match": '"9"'})
    nonsense = write(address, body, JSON, headers={"if-match": '"abc"'})

    assert (without.status_code, without.json()["code"]) == (428, "if_match_required")
    assert (stale.status_code, stale.json()["code"]) == (412, "edited_meanwhile")
    assert nonsense.status_code == 412
    assert without["Content-Type"] == "application/problem+json"
    assert (Master.objects.get().revision, Variant.objects.get().sku) == (1, "BOWL")


@pytest.mark.parametrize("tags", ['"1"', '"7", "1"', '"1","7"', '"other", "1"', 'W/"7", "1"', "*"])
def test_a_product_is_written_if_one_of_the_tags_is_its_own(staff: Client, tags: str) -> None:
    address = f"{MASTERS}/{make(staff)['id']}"

    changed = staff.patch(address, {"brand": "Kiln"}, JSON, headers={"if-match": tags})
    deleted = staff.delete(address, headers={"if-match": tags.replace("1", "2")})
    restored = staff.post(f"{address}/restore", headers={"if-match": tags.replace("1", "3")})

    answers = (changed, deleted, restored)
    assert [(each.status_code, each["ETag"]) for each in answers] == [
        (200, '"2"'),
        (200, '"3"'),
        (200, '"4"'),
    ]


@pytest.mark.parametrize("tags", ['W/"1"', '"3", "4"', '"01"', "1", '"1', '"other"'])
def test_a_product_is_not_written_if_no_tag_is_quite_its_own(staff: Client, tags: str) -> None:
    address = f"{MASTERS}/{make(staff)['id']}"

    refused = staff.patch(address, {"brand": "Kiln"}, JSON, headers={"if-match": tags})

    assert (refused.status_code, refused.json()["code"]) == (412, "edited_meanwhile")
    assert Master.objects.get().brand == ""


def test_any_product_is_none_where_there_is_none(staff: Client) -> None:
    refused = staff.patch(f"{MASTERS}/prd_none", {}, JSON, headers={"if-match": "*"})

    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_product")


@pytest.mark.parametrize("body", ["", "{}"])
def test_a_replacement_that_says_nothing_empties_no_product(staff: Client, body: str) -> None:
    made = make(staff)
    address = f"{MASTERS}/{made['id']}"

    refused = staff.generic("PUT", address, body, JSON, headers={"if-match": '"1"'})

    assert refused.status_code == 400
    assert refused.json()["detail"] == "Name at least one field of the product."
    assert staff.get(address).json() == made


@pytest.mark.parametrize("deleted", ["perhaps", "2"])
def test_a_yes_that_is_none_is_refused(staff: Client, deleted: str) -> None:
    refused = staff.get(MASTERS, {"deleted": deleted})

    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "/deleted"


def test_a_replacement_says_all(staff: Client) -> None:
    made = make(staff, brand="Kiln")
    headers = {"if-match": '"1"'}

    response = staff.put(f"{MASTERS}/{made['id']}", bowl("OTHER"), JSON, headers=headers)

    assert response.status_code == 200, response.content
    assert response.json()["brand"] == ""
    assert [row["sku"] for row in response.json()["variants"]] == ["OTHER"]


def test_deleting_hides_and_restoring_shows_again(staff: Client) -> None:
    made = make(staff)
    address = f"{MASTERS}/{made['id']}"
    public = f"/api/v1/catalog/products/{made['id']}"

    deleted = staff.delete(address, headers={"if-match": '"1"'})
    assert (deleted.status_code, deleted["ETag"]) == (200, '"2"')
    assert staff.get(public).status_code == 404
    assert staff.get(MASTERS).json()["results"] == []
    assert len(staff.get(f"{MASTERS}?deleted=true").json()["results"]) == 1
    again = staff.delete(address, headers={"if-match": '"1"'})
    assert (again.status_code, again["ETag"]) == (200, '"2"')

    restored = staff.post(f"{address}/restore", headers={"if-match": '"2"'})
    assert (restored.status_code, restored.json()["deleted_at"]) == (200, None)
    assert staff.get(public).status_code == 200


@pytest.mark.parametrize("language", ["en", "de"])
def test_programs_hear_that_nobody_can_buy_what_no_way_of_delivery_takes(
    staff: Client, language: str
) -> None:
    made = make(staff)
    address = f"{MASTERS}/{made['id']}"
    assert made["warnings"] == []
    DeliveryOption.objects.update(kinds=["digital", "food"])
    headers = {"if-match": "*", "accept-language": language}

    changed = staff.patch(address, {"brand": "Kiln"}, JSON, headers=headers)
    deleted = staff.delete(address, headers=headers)
    restored = staff.post(f"{address}/restore", headers=headers)
    draft = staff.patch(address, {"status": "draft"}, JSON, headers=headers)

    told = {
        "en": "No way of delivery takes what is of this kind: Physical. Nobody can buy it.",
        "de": "Keine Lieferart nimmt",
    }[language]
    for answer in (changed, restored):
        (said,) = answer.json()["warnings"]
        assert said.startswith(told)
    assert [each.json()["warnings"] for each in (deleted, draft)] == [[], []]


def test_the_list_goes_on_by_cursor(staff: Client) -> None:
    for sku in ("A", "B", "C"):
        make(staff, sku)

    page = staff.get(f"{MASTERS}?limit=2").json()
    rest = staff.get(page["next"]).json()

    skus = [row["variants"][0]["sku"] for row in page["results"] + rest["results"]]
    assert (skus, rest["next"]) == (["C", "B", "A"], None)


@pytest.mark.parametrize("query", ["status=%00", "sku=%00", "status=ACTIVE%00"])
def test_what_cannot_be_printed_names_nothing_in_the_list(staff: Client, query: str) -> None:
    make(staff, "A")

    answer = staff.get(f"{MASTERS}?{query}")

    assert (answer.status_code, answer.json()["results"]) == (200, [])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"variants": [{"sku": "A", "prices": [{"price": {"amount": 84.5, "currency": "EUR"}}]}]},
         "/variants/0/prices/0/price/amount"),
        ({"variants": [{"sku": "A", "prices": [{"price": {"amount": -1, "currency": "EUR"}}]}]},
         "/variants/0/prices/0/price/amount"),
        ({"variants": [{"sku": "A", "prices": [{"price": {"amount": 2**63, "currency": "EUR"}}]}]},
         "/variants/0/prices/0/price/amount"),
        ({"variants": [{"sku": "A", "prices": [{"price": {"amount": 1, "currency": "MOON"}}]}]},
         "/variants/0/prices/0/price/currency"),
        ({"translations": {"en": {"name": "😀" * 500}}}, "/translations/en/name"),
        ({"translations": {"en": {"name": "\u202e\u200f"}}}, "/translations/en/name"),
        ({"translations": {"en": {"name": "a\x00"}}}, "/translations/en/name"),
        ({"attributes": {"a": {"b": 1}}}, "/attributes/a"),
        ({"attributes": [1]}, "/attributes"),
        ({"kind": "animal"}, "/kind"),
    ],
)  # fmt: skip
def test_bad_input_is_a_problem_beside_its_field(
    staff: Client, body: dict[str, Any], pointer: str
) -> None:
    response = staff.post(MASTERS, {**bowl(), **body}, JSON)

    assert response.status_code == 400, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert pointer in {error["pointer"] for error in response.json()["errors"]}
    assert not Master.objects.exists()


def test_a_sku_that_another_product_has_is_refused_in_any_case(staff: Client) -> None:
    make(staff)

    response = staff.post(MASTERS, bowl("bowl"), JSON)

    assert response.json()["errors"][0]["code"] == "taken"
    assert "blue-bowl has this SKU" in response.json()["errors"][0]["detail"]


def test_html_in_a_name_is_text_everywhere(staff: Client) -> None:
    name = "<script>alert(1)</script>&\u202e😀"
    made = make(staff, translations={"en": {"name": name}})
    master = Master.objects.get()

    assert staff.get(f"/api/v1/catalog/products/{made['id']}").json()["name"] == name
    pages = [
        f"/p/{made['slug']}",
        "/",
        "/admin/catalog/master/",
        f"/admin/catalog/master/{master.pk}/change/",
        f"/admin/catalog/master/{master.pk}/history/",
        "/admin/catalog/variant/",
    ]
    for page in pages:
        shown = staff.get(page)
        assert shown.status_code == 200, page
        assert "<script>alert(1)" not in shown.content.decode(), page
        assert "&lt;script&gt;alert(1)" in shown.content.decode(), page


def test_strangers_learn_nothing(client: Client) -> None:
    for address in (MASTERS, f"{MASTERS}/prd_x", STOCK):
        assert client.get(address).status_code == 401
    client.force_login(User.objects.create_user("maya@example.org"))
    for address in (MASTERS, f"{MASTERS}/prd_x", STOCK):
        assert client.get(address).status_code == 403
    assert client.post(MASTERS, bowl(), JSON).status_code == 403
    assert client.put(STOCK, {"items": []}, JSON).status_code == 403


def test_an_unknown_product_is_404(staff: Client) -> None:
    for key in ("prd_none", "%00", "x" * 300):
        assert staff.get(f"{MASTERS}/{key}").status_code == 404
        gone = staff.patch(f"{MASTERS}/{key}", {}, JSON, headers={"if-match": "*"})
        assert gone.status_code == 404


def test_stock_is_counted_in_bulk_and_once_for_each_key(staff: Client) -> None:
    make(staff, "A")
    make(staff, "B")
    body = {"items": [{"sku": "A", "on_hand": 3}, {"sku": "B", "delta": -2}]}

    first, again = (
        staff.put(STOCK, body, JSON, headers={"idempotency-key": "k1"}) for _time in range(2)
    )

    assert first.status_code == 200, first.content
    assert first.json() == again.json()
    assert again["Idempotent-Replayed"] == "true"
    assert [row["on_hand"] for row in first.json()["results"]] == [3, 5]
    assert [row["on_hand"] for row in staff.get(STOCK).json()["results"]] == [3, 5]


def test_a_count_that_cannot_be_is_a_problem(staff: Client) -> None:
    make(staff, "A")
    StockItem.objects.update(reserved=5)

    promised = staff.put(STOCK, {"items": [{"sku": "A", "on_hand": 2}]}, JSON)
    unknown = staff.put(STOCK, {"items": [{"sku": "NONE", "on_hand": 2}]}, JSON)
    nothing = staff.put(STOCK, {"items": []}, JSON)

    assert (promised.status_code, promised.json()["code"]) == (409, "still_promised")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_sku")
    assert (nothing.status_code, nothing.json()["code"]) == (400, "bad_count")
    assert StockItem.objects.get().on_hand == 7
