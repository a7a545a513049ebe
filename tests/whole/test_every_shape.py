"""The long form of looking: every page of staff and of an account, in each width and colour.

The pages of shoppers are looked at in `test_face.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from bench.pages.visits import VISITS, Visit, prepare, visit
from tests.clients.orders import Desk, desk
from tests.shops import open_shop
from tests.whole import pictures
from tests.whole.browser import Shopper
from tests.whole.pictures import BOARD, HOME, MOST_DIFFERING, SHAPES, WORK, furnish, still
from tests.whole.test_board import LIVE
from tests.whole.test_face import Looker

pytestmark = [pytest.mark.browser, pytest.mark.long]

ACCOUNT = {
    "account": "/account",
    "password": "/account/password",
    "preferences": "/account/notifications",
    "apps": "/account/apps",
    "inbox": "/notifications",
    "ask": "/ask",
}
STAFF = {
    "health": "/admin/health",
    "import": "/admin/catalog/import/add/",
    "assistant": "/admin/assistant",
}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A shop in which nothing has happened yet; what the others do here, no other module sees."""
    with open_shop(tmp_path_factory.mktemp("own"), speed=1) as opened, desk(opened) as at:
        yield at


def looker(chrome: Browser, at: Desk, width: int, scheme: str, **options: Any) -> Looker:
    """Signed in as the owner."""
    context = chrome.new_context(
        locale="en-GB",
        viewport={"width": width, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
        **options,
    )
    context.set_default_timeout(60_000)
    cookies = at.staff.cookies.items()
    context.add_cookies(
        [{"name": name, "value": value, "url": at.shop.address} for name, value in cookies]
    )
    shopper = Shopper(context.new_page(), at.shop.address)
    shopper.watch()
    return Looker(shopper, f"{width}-{scheme}")


@pytest.mark.parametrize(("width", "scheme"), SHAPES)
def test_pages_that_have_nothing_to_show_are_fit_for_everybody(
    chrome: Browser, own: Desk, width: int, scheme: str
) -> None:
    looks = looker(chrome, own, width, scheme)
    for name, path in {"board": "/admin/board", "table": "/admin/board?view=table"}.items():
        looks.open(f"{name}-empty", path)
    for name, path in {**ACCOUNT, **STAFF}.items():
        looks.open(name, path)
    looks.page.context.close()

    assert looks.wrong == {}


@pytest.mark.parametrize(("width", "scheme"), SHAPES)
def test_pages_of_staff_in_every_state_are_fit_for_everybody(
    chrome: Browser, own: Desk, width: int, scheme: str
) -> None:
    """Normal, late, on hold, refused, ended, signed out of the network."""
    order = furnish(own)
    late, held, cancelled = own.buy(), own.buy(), own.buy()
    eta = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    for order_of, act, body in (
        (late, "eta", {"eta": eta}),
        (held, "hold", {"held": True}),
    ):
        answer = own.staff.post(f"/admin/orders/{order_of.number}/{act}", json=body)
        assert answer.status_code == 200, answer.text
    assert own.staff.post(f"/orders/{cancelled.number}/cancel", json={}).status_code == 200
    looks = looker(chrome, own, width, scheme)
    page = looks.page
    looks.open("table", "/admin/board?view=table")
    for name, each in {"late": late, "held": held, "ended": cancelled, "moving": order}.items():
        looks.open(f"desk-{name}", f"/admin/board/{each.number}")
        looks.open(f"order-{name}", f"/orders/{each.number}")
    looks.shopper.go(f"/admin/board/{late.number}")
    page.get_by_text("Say a new time").first.click()
    page.get_by_label("Minutes later").fill("-3")
    page.get_by_role("button", name="Say a new time").click()
    expect(page.get_by_label("Minutes later")).to_have_value("-3")
    looks.look("desk-refused")
    looks.shopper.go("/account/password")
    page.locator("main form .btn").last.click()
    looks.look("password-refused")
    looks.shopper.go("/admin/board")
    page.wait_for_selector(LIVE)
    looks.look("board")
    page.context.set_offline(offline=True)
    expect(page.locator("[data-conn]")).to_contain_text("You are offline")
    looks.look("board-offline")
    page.context.close()

    assert looks.wrong == {}


@pytest.mark.parametrize("shot", [HOME, WORK, BOARD], ids=lambda shot: shot.name)
def test_a_page_that_nobody_changed_looks_the_same(
    chrome: Browser, own: Desk, shot: pictures.Shot, capsys: pytest.CaptureFixture[str]
) -> None:
    """What moves by itself is left out; the twin is another colour, which is seen."""
    order = own.buy()

    def take(width: int, scheme: str) -> bytes:
        looks = looker(chrome, own, width, scheme, reduced_motion="reduce")
        pictures.show(looks.page, own, order, shot)
        looks.page.mouse.move(5, 5)
        try:
            return still(looks.page)
        finally:
            looks.page.context.close()

    taken = {shape: (take(*shape), take(*shape)) for shape in SHAPES}

    shares = {shape: pictures.differing(chrome, *both) for shape, both in taken.items()}
    with capsys.disabled():
        for (width, scheme), share in shares.items():
            sys.stdout.write(f"\n{shot.name}-{width}-{scheme}: {share:.4%} differs")
    assert max(shares.values()) <= MOST_DIFFERING
    light, dark = taken[1280, "light"][0], taken[1280, "dark"][0]
    assert pictures.differing(chrome, light, dark) > MOST_DIFFERING


@pytest.mark.parametrize("page_of", VISITS, ids=lambda visit: visit.name)
def test_a_page_is_light_and_what_a_slow_phone_sees_of_it_is_told(
    chrome: Browser, own: Desk, page_of: Visit, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bytes are the same everywhere; times are figures, which `bench.pages` takes with care."""
    found = visit(page_of, prepare(own, chrome, orders=4), chrome)

    packed = {sort: round(size / 1024, 1) for sort, size in found.bytes.items()}
    with capsys.disabled():
        sys.stdout.write(
            f"\n{page_of.name}: LCP {found.lcp:.0f} ms, CLS {found.cls:.3f}, "
            f"INP {found.inp:.0f} ms, KB {packed}"
        )
    most = {"html": 20, "css": 12, "js": page_of.largest_js_kb}
    assert {sort: packed[sort] for sort in most if packed[sort] > most[sort]} == {}
