"""Cards are listed, read by two names, and named by the tools whose answers they show."""

import json
import re

import pytest
from django.conf import settings
from mcp.shared.exceptions import MCPError
from mcp_types import TextResourceContents

from mcp_bridge import cards
from mcp_bridge.toolsets import ALL
from orders.lifecycle import STATUSES
from tests.mcp_bridge.conftest import Connect, buy, call, said
from tests.mcp_bridge.raw import META, modern, raw

MIME_TYPE = "text/html;profile=mcp-app"
# so many bytes of a card are a card
MOST = 32 * 1024


def texts_of(document: str) -> dict[str, dict[str, object]]:
    """What a card can say, by language."""
    found = re.search(r'<script type="application/json" id="texts">(.*?)</script>', document, re.S)
    assert found
    languages: dict[str, dict[str, object]] = json.loads(found[1])["languages"]
    return languages


async def test_a_card_is_one_document_that_loads_nothing(
    committed: None, connect: Connect, era: str
) -> None:
    async with connect(era) as client:
        listed = {str(each.uri): each for each in (await client.list_resources()).resources}
        for uri in (cards.ORDER, cards.PRODUCTS):
            (content,) = (await client.read_resource(uri)).contents
            assert isinstance(content, TextResourceContents)
            assert (listed[uri].mime_type, content.mime_type) == (MIME_TYPE, MIME_TYPE)
            assert content.meta == listed[uri].meta
            assert len(content.text.encode()) < MOST
            assert not re.search(r"{{|<link|<script src|<style src|@import|url\(", content.text)


async def test_an_order_has_one_card_by_two_names(
    committed: None, connect: Connect, era: str
) -> None:
    async with connect(era) as client:
        one = await client.read_resource(cards.ORDER)
        other = await client.read_resource("ui://widget/food-ordering.html")
        with pytest.raises(MCPError):
            await client.read_resource("ui://widget/another.html")

    assert said(one.contents) == said(other.contents)
    assert str(other.contents[0].uri) == "ui://widget/food-ordering.html"


def test_a_frame_may_load_pictures_of_the_shop_and_nothing_else() -> None:
    order, products = (cards.find(uri) for uri in (cards.ORDER, cards.PRODUCTS))
    assert order
    assert products
    shop = settings.MUSEO_PUBLIC_URL
    assert order.meta["ui"]["csp"] == {"connectDomains": [], "resourceDomains": []}
    assert products.meta["ui"]["csp"] == {"connectDomains": [], "resourceDomains": [shop]}
    assert products.meta["openai/widgetCSP"]["resource_domains"] == [shop]


@pytest.mark.parametrize("uri", [cards.ORDER, cards.PRODUCTS])
def test_a_card_speaks_every_language_of_the_shop(uri: str) -> None:
    card = cards.find(uri)
    assert card
    spoken = texts_of(card.read(uri).text)

    assert set(spoken) == {code for code, _name in settings.LANGUAGES}
    assert {code for code, texts in spoken.items() if texts["dir"] == "rtl"} == {"ar"}
    assert len({frozenset(texts) for texts in spoken.values()}) == 1
    for code, texts in spoken.items():
        same = [key for key, text in texts.items() if text == spoken["en"][key]]
        assert code == "en" or set(same) <= {"dir", "minutes", "total"}


def test_a_card_knows_every_status_of_an_order() -> None:
    card = cards.find(cards.ORDER)
    assert card
    for texts in texts_of(card.read(cards.ORDER).text).values():
        assert {*texts["statuses"]} == {*STATUSES}  # type: ignore[misc]


def test_tools_name_their_card_by_all_the_keys_that_clients_know() -> None:
    shown = {name: tool.definition.meta for name, tool in ALL.items() if tool.definition.meta}
    by_card = {name: meta["ui"]["resourceUri"] for name, meta in shown.items() if "ui" in meta}

    of_orders = ("place_order", "track_order", "cancel_order", "subscribe_order_updates")
    assert by_card == {
        **dict.fromkeys(of_orders, cards.ORDER),
        **dict.fromkeys(("search_products", "get_product_info"), cards.PRODUCTS),
    }
    for name, uri in by_card.items():
        meta = shown[name]
        assert meta["ui/resourceUri"] == uri
        assert cards.find(meta["openai/outputTemplate"]) is cards.find(uri)
        assert meta["openai/widgetAccessible"]
    first = shown["subscribe_order_updates"]
    assert first["openai/outputTemplate"] == "ui://widget/food-ordering.html"
    assert first["openai/realtime"]


async def test_who_has_no_cards_reads_the_same_text(
    phone: None, connect: Connect, era: str
) -> None:
    async with connect(era) as client:
        order = await buy(client)
        mine = {"order_id": order["number"], "ticket": order["ticket"]}
        tracked = await client.call_tool("track_order", mine)
        data = await call(client, "track_order", **mine)

    assert said(tracked.content).startswith("✅ Order placed successfully!")
    assert data["status"] == "placed"


async def test_the_extension_is_announced(committed: None, address: str) -> None:
    async with raw(address) as shop:
        found = await shop.ask("server/discover", {"_meta": META}, **modern("server/discover"))

    extension = found["capabilities"]["extensions"]["io.modelcontextprotocol/ui"]
    assert extension == {"mimeTypes": [MIME_TYPE]}
