"""Pictures of an open shop, and how much of them has changed: `scripts/pictures`.

Those of the README go to `docs/pictures/`. The others go to `var/pictures/shop/` and are compared
with `var/pictures/approved/`, which `--approve` fills; what moves by itself, such as clocks, is
left out of both.
"""

from __future__ import annotations

import argparse
import base64
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
from playwright.sync_api import Browser, Page

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "museo.settings")
django.setup()

from tests.clients.orders import Bought, Desk, desk  # noqa: E402  the settings come first
from tests.services import find_chromium  # noqa: E402
from tests.shops import ROOT, open_shop  # noqa: E402
from tests.whole.browser import Shopper, browser  # noqa: E402

README = ROOT / "docs" / "pictures"
TAKEN = ROOT / "var" / "pictures" / "shop"
APPROVED = ROOT / "var" / "pictures" / "approved"
SHAPES = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
STEPS = ("confirmed", "preparing", "out_for_delivery", "delivered")
NAMES = ("Maya Okafor", "Sara Haddad", "Kaisa Mäki", "Rui Silva", "Dana Novak", "Emil Brandt")
LIVE = "[data-conn][data-s=live]"
# of a page that nobody has changed
MOST_DIFFERING = 0.001
# what is another one each time is left out, and tabs stand at the end of the page; a sheet that a
# script makes is none that the policy refuses
STILL = """
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`
        time, .eta, .conn, .num, .livepill, .charts, .kpis, .oc .pair, .oc .bar,
        .plan :is(.me, .walked) { visibility: hidden }
        body { position: relative }
        @media (max-width: 620px) { .top .nav.nav { position: absolute } }`);
    document.adoptedStyleSheets.push(sheet);
"""
# in one go: what is asked for again and again is an `eval`, which the policy refuses
ALL_LOADED = """
    Promise.all([...document.images].map((each) => {
        each.loading = "eager";
        return each.decode().catch(() => undefined);
    }))
"""
# the share of pixels that differ by more than eyes see
COMPARE = """
    async (pictures) => {
        const [one, other] = await Promise.all(pictures.map(async (data) => {
            const image = new Image();
            image.src = `data:image/png;base64,${data}`;
            await image.decode();
            const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
            canvas.drawImage(image, 0, 0);
            return canvas.getImageData(0, 0, image.width, image.height);
        }));
        if (one.width !== other.width || one.height !== other.height) return 1;
        let differing = 0;
        for (let at = 0; at < one.data.length; at += 4) {
            const by = (part) => Math.abs(one.data[at + part] - other.data[at + part]);
            if (Math.max(...[0, 1, 2].map(by)) > 8) differing += 1;
        }
        return differing / (one.data.length / 4);
    }
"""


@dataclass(frozen=True)
class Shot:
    name: str
    path: str
    is_staff: bool = False
    needs_basket: bool = False


@dataclass(frozen=True)
class Portrait:
    """One of the README."""

    of: Shot
    width: int
    height: int
    scheme: str = "light"


HOME, WORK = Shot("home", "/"), Shot("product", "/p/iphone-15")
CHECKOUT = Shot("checkout", "/checkout", needs_basket=True)
TRACKING = Shot("tracking", "/t/{order.ticket}")
BOARD = Shot("board", "/admin/board", is_staff=True)
SHOTS = (HOME, WORK, CHECKOUT, TRACKING, BOARD, Shot("ask", "/ask"))
PORTRAITS = {
    "shop": Portrait(HOME, 1280, 860),
    "tracking": Portrait(TRACKING, 1200, 1000),
    "board": Portrait(BOARD, 1280, 800),
    "phone": Portrait(TRACKING, 390, 844, "dark"),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/pictures", description=__doc__)
    parser.add_argument("--readme", action="store_true", help="take those of the README, too")
    parser.add_argument("--approve", action="store_true", help="what is taken now is right")
    options = parser.parse_args()
    program = find_chromium()
    if not program:
        sys.exit("museo: pictures need Chromium: apt-get install chromium")
    with (
        tempfile.TemporaryDirectory() as folder,
        open_shop(Path(folder) / "home", speed=1, within=300) as shop,
        desk(shop) as at,
        browser(str(program)) as opened,
    ):
        order = furnish(at, "AMPHORA-VASE")
        if options.readme:
            for name, portrait in PORTRAITS.items():
                with _page(at, opened, portrait) as page:
                    show(page, at, order, portrait.of)
                    page.screenshot(path=README / f"{name}.png")
        for name, picture in every(at, opened, order):
            TAKEN.mkdir(parents=True, exist_ok=True)
            (TAKEN / name).write_bytes(picture)
        shares = compared(opened)
    for name, share in shares.items():
        sys.stdout.write(f"{name}: {share:.3%}\n")
    if options.approve:
        shutil.copytree(TAKEN, APPROVED, dirs_exist_ok=True)
    return 0 if all(share <= MOST_DIFFERING for share in shares.values()) else 1


def furnish(at: Desk, sku: str = "POSTCARD-SET") -> Bought:
    """Orders in every column of the board; the one that is followed is on its way."""
    skus = ("POSTCARD-SET", "ALMOND-CAKE", "CARDAMOM-BUN")
    for number in range(11):
        bought = at.buy(skus[number % len(skus)], name=NAMES[number % len(NAMES)])
        at.advance(bought, *STEPS[: number % 5])
    order = at.buy(sku)
    at.advance(order, *STEPS[:3])
    return order


def every(at: Desk, opened: Browser, order: Bought) -> Iterator[tuple[str, bytes]]:
    """Each page in each shape, whole, and still."""
    for shot in SHOTS:
        for width, scheme in SHAPES:
            with _page(at, opened, Portrait(shot, width, 844, scheme)) as page:
                show(page, at, order, shot)
                yield f"{shot.name}-{width}-{scheme}.png", still(page)


def show(page: Page, at: Desk, order: Bought, shot: Shot) -> None:
    shopper = Shopper(page, at.shop.address)
    if shot.needs_basket:
        shopper.fill_basket("amphora-vase")
    shopper.go(shot.path.format(order=order))
    if shot in (TRACKING, BOARD):
        page.wait_for_selector(LIVE)
    # what is further down is loaded when it comes into sight
    page.evaluate(ALL_LOADED)


def still(page: Page) -> bytes:
    page.evaluate(STILL)
    return page.screenshot(full_page=True, animations="disabled")


def compared(opened: Browser) -> dict[str, float]:
    """How much of each picture that was approved differs now."""
    with_both = [path for path in sorted(TAKEN.glob("*.png")) if (APPROVED / path.name).exists()]
    return {
        path.name: differing(opened, path.read_bytes(), (APPROVED / path.name).read_bytes())
        for path in with_both
    }


def differing(opened: Browser, *pictures: bytes) -> float:
    page = opened.new_page()
    try:
        shown = [base64.b64encode(picture).decode() for picture in pictures]
        return float(page.evaluate(COMPARE, shown))
    finally:
        page.close()


@contextmanager
def _page(at: Desk, opened: Browser, portrait: Portrait) -> Iterator[Page]:
    """A browser window of its own, as staff where that is needed."""
    options: dict[str, Any] = {
        "locale": "en-GB",
        "viewport": {"width": portrait.width, "height": portrait.height},
        "color_scheme": portrait.scheme,
        "reduced_motion": "reduce",
    }
    context = opened.new_context(**options)
    if portrait.of.is_staff:
        cookies = at.staff.cookies.items()
        context.add_cookies(
            [{"name": name, "value": value, "url": at.shop.address} for name, value in cookies]
        )
    yield context.new_page()
    context.close()


if __name__ == "__main__":
    sys.exit(main())
