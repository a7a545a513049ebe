"""The MCP Inspector's command line, in both eras: what it lists, and what it says of it."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.interop import packages
from tests.interop.programs import run, said
from tests.shops import ROOT, Shop

pytestmark = [pytest.mark.long, pytest.mark.interop]
Inspect = Callable[..., Any]
# it gives up after 15 s, which a busy machine needs to load the shop
PATIENT = ("--connect-timeout", "120000")


@pytest.fixture
def inspector(shop: Shop) -> list[str]:
    program = packages.node("@modelcontextprotocol/inspector", "clients/launcher/build/index.js")
    return [*program, "--cli", f"{shop.address}/mcp", "--transport", "http", *PATIENT]


@pytest.fixture(params=["legacy", "modern"])
def inspect(request: pytest.FixtureRequest, inspector: list[str], tmp_path: Path) -> Inspect:
    """What a method answers, asked in an era."""

    def inspect(method: str, *options: str) -> Any:
        era = ["--protocol-era", request.param, "--quiet", "--method", method]
        return said([*inspector, *era, *options], folder=tmp_path)

    return inspect


def test_it_lists_what_a_guest_may_use(inspect: Inspect) -> None:
    tools = inspect("tools/list")["tools"]
    resources = inspect("resources/list")["resources"]
    templates = inspect("resources/templates/list")["resourceTemplates"]
    prompts = inspect("prompts/list")["prompts"]

    assert {"search_products", "place_order", "track_order"} <= {tool["name"] for tool in tools}
    assert "museo://me/orders" in {resource["uri"] for resource in resources}
    assert "museo://orders/{number}" in {
        template["uriTemplate"].partition("{?")[0] for template in templates
    }
    assert "order_something" in {prompt["name"] for prompt in prompts}


def test_it_finds_no_error_in_any_schema(inspector: list[str], tmp_path: Path) -> None:
    """It looks for what not every model can read."""
    done = run([*inspector, "--method", "tools/list", "--strict"], folder=tmp_path)

    assert done.returncode == 0, done.stderr


def test_it_finds_the_cards(inspector: list[str], tmp_path: Path) -> None:
    asked = ("--quiet", "--advertise-apps", "--app-info", "--method", "tools/list")

    done = run([*inspector, *asked], folder=tmp_path)

    assert done.returncode == 0, done.stderr
    assert {"ui://widget/order.html", "ui://widget/products.html"} <= set(
        re.findall(r"ui://widget/[a-z.-]+", done.stdout)
    )


def test_it_starts_the_shop_on_a_pipe(shop: Shop, inspector: list[str]) -> None:
    """The address is replaced by a command."""
    program = inspector[: inspector.index("--cli") + 1]
    server = [sys.executable, "manage.py", "mcp_stdio"]
    home = ("-e", f"MUSEO_HOME={shop.home}")

    asked = ("-q", *PATIENT, *home, "--method", "tools/list")
    listed = said([*program, *asked, "--", *server], folder=ROOT)

    assert "place_order" in {tool["name"] for tool in listed["tools"]}
