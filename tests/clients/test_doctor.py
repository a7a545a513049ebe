"""`manage.py mcp_doctor` at an open shop, and where something is wrong."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.clients.orders import Desk
from tests.shops import free_port


def examine(address: str, **given: str) -> tuple[bool, str]:
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
