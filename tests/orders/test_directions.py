"""Names that read the other way than the page keep their own order: a bracket stays at its end."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from catalog import events, stock
from catalog.models import Category, Master
from museo.directions import isolated
from notifications.envelope import render_texts
from orders.models import Return
from orders.tracking import Placed
from tests.orders.conftest import SellLamp

pytestmark = pytest.mark.django_db

NAME, ROOM = "Lamp (brass)", "Light (warm)"
LAMP_IN_ARABIC = "\u0645\u0635\u0628\u0627\u062d (\u0646\u062d\u0627\u0633)"
# what shows no text of its own to people
UNSEEN = {"title", "option", "script"}
VOID = {
    "area",
    "br",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "path",
    "circle",
    "use",
    "rect",
    "source",
}


class Reader(HTMLParser):
    """`found` says of each text with one of the words whether it has a direction of its own."""

    def __init__(self, *words: str) -> None:
        super().__init__()
        self.words = words
        self.open: list[tuple[str, bool]] = []
        self.found: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append((tag, tag == "bdi" or ("dir", "auto") in attrs))

    def handle_endtag(self, tag: str) -> None:
        while self.open and tag in {name for name, _is_apart in self.open}:
            if self.open.pop()[0] == tag:
                return

    def handle_data(self, text: str) -> None:
        if any(word in text for word in self.words) and not self._is_unseen():
            self.found.append((text.strip(), any(is_apart for _tag, is_apart in self.open)))

    def _is_unseen(self) -> bool:
        return any(tag in UNSEEN for tag, _is_apart in self.open)


@pytest.fixture
def pages(client: Client, sell: SellLamp, buy: Callable[..., Placed]) -> dict[str, Any]:
    lamp = sell(on_hand=9)
    Master.objects.get().translations.update(name=NAME)
    Category.objects.get().translations.update(name=ROOM)
    placed = buy(now=timezone.now())
    client.cookies["django_language"] = "ar"
    client.post("/basket/add", {"sku": lamp.sku, "quantity": "1"})
    client.get(f"/t/{placed.ticket}")
    order = f"/orders/{placed.order.number}"
    paths = ("/", "/?category=light", "/p/lamp", "/basket", "/checkout", order, f"{order}/receipt")
    return {path: client.get(path) for path in paths}


def test_no_name_of_other_letters_is_torn_apart_in_arabic(pages: dict[str, Any]) -> None:
    for path, page in pages.items():
        assert page.status_code == 200, path
        reader = Reader(NAME, ROOM)
        reader.feed(page.content.decode())

        assert reader.found, path
        assert [text for text, is_apart in reader.found if not is_apart] == [], path


# where there is only text


@pytest.mark.parametrize(
    ("language", "name", "shown"),
    [
        ("en", NAME, NAME),
        ("de", "Gl\u00fchbirne (rot)", "Gl\u00fchbirne (rot)"),
        ("ar", NAME, f"\u2068{NAME}\u2069"),
        ("ar", LAMP_IN_ARABIC, LAMP_IN_ARABIC),
        ("en", LAMP_IN_ARABIC, f"\u2068{LAMP_IN_ARABIC}\u2069"),
        # what turns the direction turns nothing beside it
        ("ar", "\u202e12", "12"),
        ("en", "Lamp \u202egnp.exe", "Lamp gnp.exe"),
        ("ar", "Lamp\u2069", "\u2068Lamp\u2069"),
    ],
)
def test_a_name_keeps_its_order_in_a_sentence(language: str, name: str, shown: str) -> None:
    with override(language):
        assert isolated(name) == shown


def test_a_name_is_apart_in_what_messages_and_letters_say(
    client: Client, sell: SellLamp, buy: Callable[..., Placed]
) -> None:
    lamp = sell("24-LAMP", on_hand=9)
    Master.objects.get().translations.update(name=NAME)
    order = buy("24-LAMP", now=timezone.now()).order
    asked = Return.objects.create(order=order, requested_at=timezone.now())
    asked.lines.create(position=1, quantity=1)
    back = {"message": [events.MESSAGE, {"product": {"": NAME}}]}
    client.cookies["django_language"] = "ar"
    client.post("/basket/add", {"sku": lamp.sku, "quantity": "2"})
    labels = client.get("/basket").content.decode()
    Master.objects.update(status=Master.Status.DRAFT)

    with override("ar"):
        said = [
            asked.in_words(order.lines.all()),
            render_texts(back, "ar")["message"],
            client.get("/basket").content.decode(),
            labels,
            stock.OutOfStock(lamp.sku, 1).detail,
        ]

    assert [f"\u2068{NAME}\u2069" in text for text in said] == [True] * 5
