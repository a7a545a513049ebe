"""The pages as people see them who read otherwise: from the right, in long words, in large letters,
in their own colours, on paper.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.clients.orders import Desk
from tests.whole.pictures import furnish
from tests.whole.test_every_shape import ACCOUNT, STAFF, looker
from tests.whole.test_every_shape import own as own
from tests.whole.test_face import PAGES, PICTURES, Looker

pytestmark = [pytest.mark.browser, pytest.mark.long]

LARGE = "document.documentElement.style.fontSize = '200%'"
BOARD = {"board": "/admin/board", "table": "/admin/board?view=table"}


@pytest.fixture(scope="module")
def every(own: Desk) -> dict[str, str]:
    """Where all pages are, by name, in a shop in which something is going on."""
    order = furnish(own)
    orders = {"order": f"/orders/{order.number}", "desk": f"/admin/board/{order.number}"}
    receipt = {"receipt": f"/orders/{order.number}/receipt"}
    return {**PAGES, **ACCOUNT, **STAFF, **BOARD, **orders, **receipt}


@pytest.fixture
def look(chrome: Browser, own: Desk) -> Iterator[Any]:
    opened: list[Looker] = []

    def look(name: str, width: int, language: str = "en", **options: Any) -> Looker:
        looks = looker(chrome, own, width, "light", **options)
        looks.shape = f"{name}-{width}"
        looks.page.context.add_cookies(
            [{"name": "django_language", "value": language, "url": own.shop.address}]
        )
        opened.append(looks)
        return looks

    yield look
    for looks in opened:
        looks.page.context.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["ar", "de"])
def test_no_word_is_cut_off_in_another_language(
    look: Any, every: dict[str, str], language: str, width: int
) -> None:
    looks = look(language, width, language)
    for name, path in every.items():
        looks.open(name, path)

    assert looks.wrong == {}


def test_letters_twice_as_large_need_no_scrolling_to_the_side(
    look: Any, every: dict[str, str]
) -> None:
    looks = look("large", 1280)
    looks.page.add_init_script(
        f"addEventListener('DOMContentLoaded', () => {{ {LARGE} }})",
    )
    for name, path in every.items():
        looks.open(name, path)

    assert looks.wrong == {}


def test_colours_of_ones_own_are_kept(look: Any, every: dict[str, str]) -> None:
    looks = look("forced", 390, forced_colors="active")
    for name, path in every.items():
        looks.open(name, path)

    assert looks.wrong == {}


def test_on_paper_there_is_what_one_reads_and_nothing_to_press(
    look: Any, every: dict[str, str]
) -> None:
    looks = look("paper", 1280)
    page: Page = looks.page
    for name in ("order", "receipt", "product"):
        looks.shopper.go(every[name])
        page.emulate_media(media="print")
        page.screenshot(path=PICTURES / f"{name}-paper.png", full_page=True)

        assert page.locator("h1").first.is_visible()
        pressed = page.locator(".top nav, .nav, footer, main button").filter(visible=True)
        assert pressed.all_inner_texts() == []
