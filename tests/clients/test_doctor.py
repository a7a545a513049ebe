"""`manage.py mcp_doctor` at an open shop, and where something is wrong."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from mcp_bridge import listing
from tests.clients.orders import Desk
from tests.shops import ROOT, free_port


def examine(address: str, **given: Any) -> tuple[bool, str]:
    said = StringIO()
    try:
        call_command("mcp_doctor", address, stdout=said, **given)
    except CommandError:
        return False, said.getvalue()
    return True, said.getvalue()


def test_a_shop_in_order_is_well_in_both_eras(calm: Desk) -> None:
    is_well, said = examine(f"{calm.shop.address}/mcp")

    assert is_well, said
    assert said.count("✓ It says who it is: museo-mcp-orchestrator") == 2
    assert "✓ What happens is told unasked: listened, and heard" in said
    assert "✓ What happens is told unasked: subscribed, and heard" in said
    assert said.endswith("All is well.\n")


@pytest.mark.parametrize(
    ("path", "given", "sentence"),
    [
        ("/mcp", {"token": "mso_nonsense"}, "HTTP 401. The token is not valid"),
        ("/mcp/none", {}, "HTTP 404. There is no MCP at this address"),
        ("/mcp/storefront", {}, "A tool is called: no."),
    ],
)
def test_what_is_wrong_is_said(calm: Desk, path: str, given: dict[str, str], sentence: str) -> None:
    is_well, said = examine(f"{calm.shop.address}{path}", **given)

    assert not is_well
    assert sentence in said


def test_a_shop_that_is_closed_is_not_there() -> None:
    is_well, said = examine(f"http://127.0.0.1:{free_port()}/mcp")

    assert not is_well
    assert "Nothing answers there (ConnectError). Is the shop open" in said


def test_an_address_is_one() -> None:
    is_well, said = examine("shop/mcp")

    assert not is_well
    assert "This is no address" in said


def test_the_template_of_the_registrys_entry_is_none_yet(calm: Desk) -> None:
    address = f"{calm.shop.address}/mcp"

    is_well, said = examine(address, listing=ROOT / "server.json")

    assert not is_well
    assert said.partition("MCP Registry:\n")[2].splitlines() == [
        "  ✗ Its name is still the template's: write the reverse of a domain of yours there.",
        f"  ✗ None of its addresses is {address}: write it as the url, without variables.",
    ]


def entry(tmp_path: Path, **changes: Any) -> Path:
    template = json.loads((ROOT / "server.json").read_text())
    ours = {
        "name": "org.myshop/museo",
        "remotes": [{"type": "streamable-http", "url": "https://myshop.org/mcp"}],
    }
    file = tmp_path / "server.json"
    file.write_text(json.dumps({**template, **ours, **changes}))
    return file


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        ({}, []),
        ({"name": "museo"}, ["Its name is not the reverse of a domain"]),
        ({"name": "com.examples/museo"}, []),
        ({"description": "x" * 101}, ["Its description has 1 to 100 characters."]),
        ({"version": "0.0.1"}, ["Its version is not this server's"]),
        ({"remotes": 1}, ["None of its addresses is https://myshop.org/mcp"]),
    ],
)
def test_what_the_registry_would_refuse_is_said(
    tmp_path: Path, changes: dict[str, Any], sentences: list[str]
) -> None:
    found = listing.troubles(entry(tmp_path, **changes), "https://myshop.org/mcp")

    assert len(found) == len(sentences)
    assert all(said.startswith(sentence) for said, sentence in zip(found, sentences, strict=True))


@pytest.mark.parametrize("text", [None, "{", "[]", "\N{SNOWMAN}"])
def test_a_file_that_is_no_entry_is_said(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "server.json"
    if text is not None:
        file.write_text(text)

    assert len(listing.troubles(file, "https://myshop.org/mcp")) == 1
