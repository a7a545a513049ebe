"""Imports and exports over REST."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from catalog.imports import files, limits, working
from catalog.imports.models import Import
from catalog.models import Category, Master, Variant
from museo.access.callers import Caller, caller_for_user
from museo.access.models import User
from notifications import topics
from tests.catalog.imports.conftest import HEADER, clock, csv_of

pytestmark = pytest.mark.usefixtures("committed")

IMPORTS = "/api/v1/admin/imports"
ROWS = csv_of("A,a,Lamp,clay,84.00,5", "B,b,Bad,clay,-1,5")


@pytest.fixture
def signed_in(client: Client, staff: Caller) -> Client:
    client.force_login(User.objects.get())
    return client


def post(client: Client, content: bytes, **fields: Any) -> Any:
    file = SimpleUploadedFile("products.csv", content, content_type="text/csv")
    return client.post(IMPORTS, {"file": file, **fields})


def test_a_file_is_checked_then_imported_then_undone(signed_in: Client, clay: Category) -> None:
    begun = post(signed_in, ROWS, dry_run="true")
    assert begun.status_code == 202
    body = begun.json()
    assert body["state"] == "checking"
    address = f"{IMPORTS}/{body['id']}"
    assert begun["Location"].endswith(address)

    working.work_on_next(clock)
    checked = signed_in.get(address).json()
    assert {name: checked[name] for name in ("state", "created", "refused", "progress")} == {
        "state": "checked",
        "created": 1,
        "refused": 1,
        "progress": 100,
    }
    rows = signed_in.get(f"{address}/rows").json()["results"]
    assert [row["outcome"] for row in rows] == ["create", "refused"]
    assert {"field": "price:EUR", "old": None, "new": {"amount": 8400, "currency": "EUR"}} in rows[
        0
    ]["changes"]
    assert {"field": "category", "old": None, "new": "clay"} in rows[0]["changes"]
    assert rows[1]["reasons"] == [
        {
            "field": "price",
            "code": "price_negative",
            "detail": "price: A price is 0 or more.",
        }
    ]
    assert not Master.objects.exists()

    assert signed_in.post(f"{address}/run").status_code == 202
    working.work_on_next(clock)
    assert signed_in.get(address).json()["state"] == "done"
    assert Variant.objects.get().sku == "A"

    assert signed_in.post(f"{address}/undo").status_code == 202
    working.work_on_next(clock)
    assert signed_in.get(address).json()["state"] == "undone"
    assert not Master.objects.exists()


def test_refused_rows_are_a_download_that_can_be_corrected(
    signed_in: Client, clay: Category
) -> None:
    found = post(signed_in, ROWS.replace(b"Bad", b"=Bad")).json()
    working.work_on_next(clock)

    answer = signed_in.get(f"{IMPORTS}/{found['id']}/refused")

    content = b"".join(answer).decode("utf-8-sig")
    assert content.splitlines() == [
        f"{HEADER},row,why",
        "B,b,'=Bad,clay,'-1,5,3,price: A price is 0 or more.",
    ]
    assert "attachment" in answer["Content-Disposition"]
    post(signed_in, content.replace("'-1", "1").encode())
    working.work_on_next(clock)
    assert str(Variant.objects.get(sku="B").master) == "=Bad"


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_refused_rows_keep_the_delimiter_of_their_file(
    signed_in: Client, clay: Category, delimiter: str
) -> None:
    line = delimiter.join
    content = "\n".join(
        [line(["sku", "name", "category", "price"]), line(["B", "b, c", "x", "1,5"])]
    )
    found = post(signed_in, content.encode()).json()
    working.work_on_next(clock)

    answer = signed_in.get(f"{IMPORTS}/{found['id']}/refused")

    header, refused = b"".join(answer).decode("utf-8-sig").splitlines()
    assert header == line(["sku", "name", "category", "price", "row", "why"])
    assert refused.startswith(line(["B", "b, c", "x", "1,5", "2", ""]))


def test_a_mapping_names_what_the_header_does_not(signed_in: Client, clay: Category) -> None:
    content = csv_of("A,Lamp,clay,9.99,3", header="No,What,Where,Cost,Pieces")
    mapping = (
        '{"No": "sku", "What": "name", "Where": "category", "Cost": "price", "Pieces": "stock"}'
    )

    assert post(signed_in, content).json()["code"] == "mapping_invalid"
    found = post(signed_in, content, mapping=mapping)
    working.work_on_next(clock)

    assert found.status_code == 202
    assert Import.objects.get().state == "done"
    assert Variant.objects.get().stock_items.get().on_hand == 3


def test_another_mapping_can_be_tried(signed_in: Client, clay: Category) -> None:
    found = post(signed_in, csv_of("A,Lamp,clay,9,7", header="sku,x,category,price,y"), dry_run="1")
    working.work_on_next(clock)
    address = f"{IMPORTS}/{found.json()['id']}"
    assert signed_in.get(address).json()["refused"] == 1

    answer = signed_in.post(
        f"{address}/check", {"mapping": {"x": "name"}}, content_type="application/json"
    )
    working.work_on_next(clock)

    assert answer.status_code == 202
    assert signed_in.get(address).json()["created"] == 1


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({}, 400, "invalid"),
        ({"file": "text"}, 400, "invalid"),
        ({"file": SimpleUploadedFile("a.csv", b"")}, 400, "invalid"),
        ({"file": SimpleUploadedFile("a.csv", b"\x00\x01")}, 422, "not_a_text"),
        ({"file": SimpleUploadedFile("a.csv", ROWS), "mapping": "[1]"}, 400, "invalid"),
        ({"file": SimpleUploadedFile("a.csv", ROWS), "mapping": '{"z": "sku"}'}, 422, None),
        ({"file": SimpleUploadedFile("a.csv", ROWS), "dry_run": "maybe"}, 400, "invalid"),
    ],
)
def test_a_bad_upload_is_a_clear_problem_and_leaves_nothing(
    signed_in: Client, fields: dict[str, Any], status: int, code: str | None
) -> None:
    for value in fields.values():
        if isinstance(value, SimpleUploadedFile):
            value.seek(0)
    answer = signed_in.post(IMPORTS, fields)

    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == (code or "mapping_invalid")
    assert not Import.objects.exists()


def test_a_body_that_is_no_form_is_a_clear_problem(signed_in: Client) -> None:
    for kind in ("application/json", "multipart/form-data", "text/csv"):
        answer = signed_in.generic("POST", IMPORTS, b"{}", content_type=kind)
        assert answer.status_code in (400, 415)
        assert answer["Content-Type"] == "application/problem+json"


def test_a_file_above_the_limit_is_413(signed_in: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST_FILE", 100)

    answer = post(signed_in, b"sku\n" + b"A" * 200)

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert limits.LARGEST_FILE == 32 * 1024 * 1024


@pytest.mark.parametrize("user", [None, {}, {"is_staff": True}])
def test_who_may_not_change_products_imports_nothing_and_sees_none(
    client: Client, signed_in: Client, clay: Category, user: dict[str, Any] | None
) -> None:
    found = post(signed_in, ROWS).json()
    client.logout()
    if user is not None:
        client.force_login(User.objects.create_user("other@museo.example", **user))

    assert post(client, ROWS).status_code == 403
    assert client.get(IMPORTS).status_code == 403
    for path in ("", "/rows", "/refused"):
        assert client.get(f"{IMPORTS}/{found['id']}{path}").status_code == 404
    for act in ("check", "run", "cancel", "undo"):
        assert client.post(f"{IMPORTS}/{found['id']}/{act}").status_code == 404
    assert client.get("/api/v1/admin/exports").status_code == 403
    assert Import.objects.count() == 1


def test_the_topic_of_an_import_is_for_staff_who_may_change_products(
    signed_in: Client, staff: Caller, clay: Category
) -> None:
    found = post(signed_in, ROWS).json()
    helper = User.objects.create_user("helper@museo.example", is_staff=True)
    name = found["topic"]

    assert topics.readable(staff, {name, "import.nothing"}) == {name}
    assert topics.readable(caller_for_user(helper, locale="en"), {name}) == set()
    helper.user_permissions.add(Permission.objects.get(codename="change_master"))
    assert topics.readable(caller_for_user(helper, locale="en"), {name}) == {name}
    assert topics.snapshots({name}, "en")[name]["state"] == "running"


def test_imports_are_listed_by_pages(signed_in: Client, clay: Category) -> None:
    ids = [post(signed_in, ROWS).json()["id"] for _number in range(3)]

    first = signed_in.get(f"{IMPORTS}?limit=2").json()
    second = signed_in.get(first["next"]).json()

    assert [each["id"] for each in first["results"] + second["results"]] == ids[::-1]
    assert second["next"] is None
    for foreign in (f"{IMPORTS}?cursor=imp_none", f"{IMPORTS}/{ids[0]}/rows?cursor=imp_none"):
        assert signed_in.get(foreign).json()["code"] == "bad_cursor"


def test_products_are_exported(signed_in: Client, clay: Category) -> None:
    post(signed_in, ROWS)
    working.work_on_next(clock)

    answer = signed_in.get("/api/v1/admin/exports?type=jsonl")

    assert b'"price:EUR":"84.00"' in b"".join(answer)
    assert signed_in.get("/api/v1/admin/exports?type=pdf").status_code == 400
