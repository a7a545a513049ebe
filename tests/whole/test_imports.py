"""An import in a real browser: its page learns how it ended, however soon that was."""

import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, Route, expect

from tests.shops import Shop

pytestmark = pytest.mark.browser

FILE: FilePayload = {
    "name": "one.csv",
    "mimeType": "text/csv",
    "buffer": b"sku,name,category,price,stock\nONE-BOWL,Bowl,clay,8.40,2\n",
}


WRONG: FilePayload = {
    "name": "wrong.csv",
    "mimeType": "text/csv",
    "buffer": b"sku,name,category,price,stock\nWRONG-BOWL,Bowl,nowhere,free,many\n",
}
# tables that go on beyond the edge
BEYOND = """[...document.querySelectorAll("main .scroll")]
    .filter(each => each.scrollWidth > each.clientWidth).map(each => each.innerText)"""


def test_a_page_learns_of_a_check_that_ended_before_it_listened(
    context: BrowserContext, shop: Shop
) -> None:
    page, held = _deaf(context, shop)

    with page.expect_request("**/api/v1/events?*"):
        page.get_by_role("button", name="See what would change").click()
    expect(page.get_by_role("heading", name="Being checked")).to_be_visible()
    imports = f"{shop.address}/api/v1/admin/imports"
    while '"checked"' not in page.request.get(imports).text():
        page.wait_for_load_state()
    for route in held:
        route.continue_()

    expect(page.get_by_role("heading", name="Checked", exact=True)).to_be_visible()
    expect(page.get_by_role("row", name="2 ONE-BOWL")).to_contain_text("€8.40")


def test_a_page_that_hears_nothing_asks_for_itself(context: BrowserContext, shop: Shop) -> None:
    page, _held = _deaf(context, shop)
    page.clock.install()
    with page.expect_request("**/api/v1/events?*"):
        page.get_by_role("button", name="See what would change").click()
    imports = f"{shop.address}/api/v1/admin/imports"
    while '"state":"checking"' in page.request.get(imports).text():
        page.wait_for_load_state()

    page.clock.fast_forward(10_000)

    expect(page.get_by_role("heading", name="Checked", exact=True)).to_be_visible()


def test_all_of_an_import_is_seen_on_a_phone(chrome: Browser, shop: Shop) -> None:
    page = chrome.new_page(viewport={"width": 390, "height": 844}, locale="en-GB")
    page.set_default_timeout(60_000)
    _upload(page, shop, WRONG)
    expect(page.get_by_label("category")).to_have_value("category")
    assert page.evaluate(BEYOND) == []
    page.get_by_role("button", name="See what would change").click()

    expect(page.get_by_text("There is no such category.")).to_be_visible()
    assert page.evaluate(BEYOND) == []
    page.goto(f"{shop.address}/admin/catalog/import/")
    for kind in ("CSV", "XLSX", "JSON lines"):
        expect(page.get_by_role("link", name=f"Export as {kind}")).to_be_in_viewport(ratio=1)
    page.context.close()


def _deaf(context: BrowserContext, shop: Shop) -> tuple[Page, list[Route]]:
    """The page of an upload, and its streams, which wait to be let through."""
    page, held = context.new_page(), list[Route]()
    _upload(page, shop, FILE)
    page.route("**/api/v1/events?*", lambda route: held.append(route))
    return page, held


def _upload(page: Page, shop: Shop, file: FilePayload) -> None:
    _sign_in(page, shop)
    page.set_input_files("input[type=file]", files=[file])
    page.get_by_role("button", name="Upload").click()


def _sign_in(page: Page, shop: Shop) -> None:
    email, password = (shop.home / "staff-login").read_text().split()
    page.goto(f"{shop.address}/admin/login/?next=/admin/catalog/import/add/")
    page.fill("input[name=username]", email)
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/import/add/")
