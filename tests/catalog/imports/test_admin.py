"""Staff import products in the admin, with and without JavaScript."""

import codecs
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from catalog.imports import services, working
from catalog.imports.models import Import
from catalog.models import Category, Master, Variant
from museo.access.callers import Caller
from museo.access.models import User
from orders.models import DeliveryOption
from tests.catalog.imports.conftest import clock, csv_of

pytestmark = pytest.mark.usefixtures("committed")

LIST = "/admin/catalog/import/"
ROWS = csv_of("A,a,<b>Lamp</b>,clay,84.00,5", "B,b,Bad,clay,-1,5")


@pytest.fixture
def signed_in(client: Client, staff: Caller) -> Client:
    client.force_login(User.objects.get())
    return client


def upload(client: Client, content: bytes) -> Any:
    file = SimpleUploadedFile("products.csv", content, content_type="text/csv")
    return client.post(f"{LIST}add/", {"file": file})


def check(client: Client, address: str) -> str:
    """The page of the upload once it is checked under what was guessed."""
    mapping = Import.objects.latest("pk").mapping
    client.post(address, {"check": "", **dict(columns(mapping))})
    working.work_on_next(clock)
    return page(client, address)


def sent_by(shown: str, button: str) -> dict[str, str]:
    """What a browser sends: the button, and what is chosen in the form that it belongs to."""
    form = re.search(rf'<button[^>]*name="{button}" form="([^"]+)"', shown)
    assert form
    begin = shown.index(f'id="{form[1]}"')
    chosen = re.findall(
        r'<select name="([^"]+)".*?<option value="([^"]*)" selected>',
        shown[begin : shown.index("</form>", begin)],
        re.DOTALL,
    )
    return {button: "", **dict(chosen)}


def columns(mapping: Iterable[str]) -> Iterator[tuple[str, str]]:
    return ((f"column-{index}", field) for index, field in enumerate(mapping))


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_from_the_upload_to_the_undo(signed_in: Client, clay: Category) -> None:
    assert "multipart/form-data" in page(signed_in, f"{LIST}add/")
    answer = upload(signed_in, ROWS)
    assert answer.status_code == 302
    address = answer["Location"]

    mapping = page(signed_in, address)
    assert 'name="column-4"' in mapping
    assert '<option value="price" selected>' in mapping
    chosen = dict(columns(["sku", "product", "name", "category", "price", "stock"]))
    assert signed_in.post(address, {"check": "", **chosen}).status_code == 302

    busy = page(signed_in, address)
    # without JavaScript the page loads itself anew
    assert '<noscript><meta http-equiv="refresh"' in busy
    assert 'name="cancel"' in busy
    working.work_on_next(clock)

    checked = page(signed_in, address)
    assert "&lt;b&gt;Lamp&lt;/b&gt;" in checked
    assert "<b>Lamp" not in checked
    assert "A price is 0 or more." in checked
    assert 'name="run"' in checked
    assert not Master.objects.exists()
    assert "€84.00" not in page(signed_in, f"{address}?outcome=refused")

    signed_in.post(address, sent_by(checked, "run"))
    working.work_on_next(clock)
    assert Variant.objects.get().sku == "A"
    assert 'name="undo"' in page(signed_in, address)
    refused = signed_in.get(address.replace("/change/", "/refused/"))
    rows = b"".join(refused)
    assert rows.count(b"\r\n") == 2
    # spreadsheet programs take it for UTF-8 by its mark
    assert rows.startswith(codecs.BOM_UTF8)

    Variant.objects.update(gtin="123")
    Master.objects.get().variants.get().prices.update(amount=1)
    signed_in.post(address, {"undo": ""})
    working.work_on_next(clock)
    assert Master.objects.exists()
    assert "not taken back" in page(signed_in, address)
    kept = signed_in.get(address.replace("/change/", "/kept/"))
    assert b"It was changed since" in b"".join(kept)


def test_what_is_chosen_after_the_check_is_checked_and_not_imported(
    signed_in: Client, clay: Category
) -> None:
    """The page shows the difference of one mapping and the choice of another one."""
    address = upload(signed_in, ROWS)["Location"]
    sent = sent_by(check(signed_in, address), "run")

    answer = signed_in.post(address, {**sent, "column-2": "name:de"}, follow=True)
    working.work_on_next(clock)

    assert "See first what would change." in answer.content.decode()
    assert Import.objects.get().state == "checked"
    assert not Master.objects.exists()

    signed_in.post(address, sent_by(page(signed_in, address), "run"))
    working.work_on_next(clock)

    assert Import.objects.get().state == "done"
    assert Master.objects.get().translations.get().language_code == "de"


def test_what_another_one_has_checked_since_is_not_imported(
    signed_in: Client, clay: Category
) -> None:
    address = upload(signed_in, ROWS)["Location"]
    sent = sent_by(check(signed_in, address), "run")
    other = [*Import.objects.get().mapping[:-1], ""]
    signed_in.post(address, {"check": "", **dict(columns(other))})
    working.work_on_next(clock)

    signed_in.post(address, sent)
    working.work_on_next(clock)

    # what was shown is checked once more
    found = Import.objects.get()
    assert (found.state, found.mapping[-1]) == ("checked", "stock")
    assert not Master.objects.exists()


def test_a_choice_that_cannot_be_used_does_not_import_what_was_checked(
    signed_in: Client, clay: Category
) -> None:
    address = upload(signed_in, ROWS)["Location"]
    sent = sent_by(check(signed_in, address), "run")

    answer = signed_in.post(address, {**sent, "column-0": ""})

    assert answer.status_code == 422
    assert "one column must be the SKU" in answer.content.decode()
    assert Import.objects.get().state == "checked"


def test_a_file_that_is_none_is_said_at_the_field(signed_in: Client) -> None:
    answer = upload(signed_in, b"\x00\x01\x02")

    assert answer.status_code == 422
    assert "null characters" in answer.content.decode()
    assert not Import.objects.exists()


def test_a_mapping_that_cannot_be_used_is_said_and_stays_chosen(
    signed_in: Client, clay: Category
) -> None:
    address = upload(signed_in, ROWS)["Location"]

    answer = signed_in.post(address, {"check": "", "column-0": "", "column-4": "list_price"})

    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "one column must be the SKU" in shown
    assert '<option value="list_price" selected>' in shown
    assert Import.objects.get().state == "uploaded"


def test_blank_cells_are_no_examples(signed_in: Client, clay: Category) -> None:
    address = upload(signed_in, csv_of("A,,Lamp,,84.00,", "B,,,,12.00,", "C,,Bowl,,,"))["Location"]

    shown = page(signed_in, address)

    assert re.findall(r'<td class="muted" dir="auto">([^<]*)</td>', shown) == [
        "A · B · C",
        "",
        "Lamp · Bowl",
        "",
        "84.00 · 12.00",
        "",
    ]


def test_columns_are_named_as_staff_name_their_fields(signed_in: Client, clay: Category) -> None:
    content = csv_of("A,Lamp,clay,84.00", header="sku,name:de,category,price:EUR")

    shown = page(signed_in, upload(signed_in, content)["Location"])

    assert '<option value="price:EUR" selected>price (EUR)</option>' in shown
    # nothing is counted yet
    assert "Unchanged" not in shown


def test_what_the_shop_has_already_is_said_to_change_nothing(
    signed_in: Client, staff: Caller, clay: Category
) -> None:
    header = "sku,name,category,price,tags,option:Size"
    content = csv_of('A,Lamp,clay,84.00,"brass, old",L', header=header)
    first = check(signed_in, upload(signed_in, content)["Location"])

    assert "Nothing would change" not in first
    assert '<ins dir="auto">brass, old</ins>' in first
    services.run(staff, Import.objects.get().public_id, now=clock())
    working.work_on_next(clock)
    again = check(signed_in, upload(signed_in, content)["Location"])

    assert "Nothing would change: the shop has all of this already." in again
    assert 'name="run"' not in again


def test_the_difference_comes_before_what_the_columns_mean(
    signed_in: Client, clay: Category
) -> None:
    shown = check(signed_in, upload(signed_in, ROWS)["Location"])

    assert 'href="#mapping"' in shown
    assert shown.index('id="rows"') < shown.index('id="mapping"')


def test_staff_are_told_of_what_nobody_could_buy(signed_in: Client, clay: Category) -> None:
    DeliveryOption.objects.update(kinds=["food"])

    shown = check(signed_in, upload(signed_in, ROWS)["Location"])

    assert "what is of this kind: Physical. Nobody can buy it." in shown
    assert '<p class="warn">kind: No way of delivery takes' in shown
    assert '<p class="errtxt">price: A price is 0 or more.</p>' in shown


def test_a_check_that_failed_did_not_come_to_the_import(signed_in: Client, clay: Category) -> None:
    rows = [f"A-{number},a,Lamp,clay,1.00,5" for number in range(9)]

    shown = check(signed_in, upload(signed_in, csv_of(*rows, 'B,"never closed'))["Location"])

    assert "Look for a quotation mark that is not closed." in shown
    assert re.findall(r'aria-current="step">.*?</span>([^<]*)</li>', shown) == [
        "See what would change"
    ]
    assert f'href="{LIST}add/"' in shown


def test_an_import_that_nobody_works_on_says_so(signed_in: Client, clay: Category) -> None:
    address = upload(signed_in, ROWS)["Location"]
    signed_in.post(address, {"check": "", **dict(columns(Import.objects.get().mapping))})
    said = "Nobody has begun with it yet"

    assert said not in page(signed_in, address)
    Import.objects.update(lease_until=timezone.now() - timedelta(seconds=6))
    assert said in page(signed_in, address)
    working.work_on_next(clock)
    assert said not in page(signed_in, address)


def test_a_refusal_is_a_message(signed_in: Client, clay: Category) -> None:
    address = upload(signed_in, ROWS)["Location"]

    answer = signed_in.post(address, {"undo": ""}, follow=True)

    assert "this is not possible now" in answer.content.decode()
    assert Import.objects.get().state == "uploaded"


@pytest.mark.parametrize("name", ["0", "x", "9" * 30, "9" * 5000])
def test_an_import_that_there_is_not_is_not_found(signed_in: Client, name: str) -> None:
    assert signed_in.get(f"/admin/catalog/import/{name}/change/").status_code == 404


def test_the_list_leads_to_the_wizard_and_to_the_exports(signed_in: Client, clay: Category) -> None:
    upload(signed_in, ROWS)

    shown = page(signed_in, LIST)

    assert "products.csv" in shown
    assert f"{LIST}add/" in shown
    for kind in ("csv", "xlsx", "jsonl"):
        assert f'href="{LIST}export/?type={kind}"' in shown
        assert signed_in.get(f"{LIST}export/?type={kind}").status_code == 200


def test_every_state_is_said_in_the_readers_language(signed_in: Client, clay: Category) -> None:
    upload(signed_in, ROWS)
    signed_in.cookies["django_language"] = "de"

    with override("de"):
        said = {state: str(label) for state, label in Import.State.choices}
    assert said["checked"] == "geprüft"

    for state in Import.State:
        Import.objects.update(state=state)
        assert re.search(rf">\s*{said[state]}\s*</span>", page(signed_in, LIST)), state


def test_chosen_products_are_exported(signed_in: Client, clay: Category) -> None:
    upload(signed_in, ROWS)
    services.begin(
        Import.objects.get(),
        by="",
        mapping=Import.objects.get().mapping,
        dry_run=False,
        now=clock(),
    )
    working.work_on_next(clock)

    answer = signed_in.post(
        "/admin/catalog/master/",
        {"action": "export_selected", "_selected_action": [Master.objects.get().pk]},
    )

    assert b"<b>Lamp</b>" in b"".join(answer)


@pytest.mark.parametrize("is_staff", [True, False])
def test_who_may_not_change_products_is_kept_out(
    client: Client, signed_in: Client, clay: Category, is_staff: bool
) -> None:
    address = upload(signed_in, ROWS)["Location"]
    client.force_login(User.objects.create_user("other@museo.example", is_staff=is_staff))

    for path in (LIST, f"{LIST}add/", address, address.replace("change", "refused")):
        assert client.get(path).status_code in (302, 403, 404)
    assert client.post(address, {"run": ""}).status_code in (302, 403, 404)
    assert Import.objects.get().state == "uploaded"
