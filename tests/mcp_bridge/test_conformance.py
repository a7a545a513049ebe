"""What the official conformance suite calls is there when the settings ask for it, and only then.

The suite itself is run by tests/interop.
"""

import pytest
from pytest_django import Settings

from tests.mcp_bridge.raw import META, modern, raw

pytestmark = pytest.mark.usefixtures("committed")
FIXTURES = "-conformance"


def called(tool: str) -> dict[str, object]:
    params = {"name": tool, "arguments": {}, "_meta": META}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


async def test_a_shop_has_no_fixtures(address: str) -> None:
    async with raw(address + FIXTURES) as http:
        answer = await http.post(called("test_simple_text"), **modern("tools/call"))

    assert answer.status_code == 404


@pytest.fixture
def _wanted(settings: Settings) -> None:
    settings.MUSEO_MCP_CONFORMANCE = True


@pytest.fixture
async def fixtures(_wanted: None, address: str) -> str:
    """Their address; the server asks the settings when it starts."""
    return address + FIXTURES


async def test_fixtures_are_served_by_the_same_transport(fixtures: str) -> None:
    async with raw(fixtures) as http:
        simple = await http.post(
            called("test_simple_text"), **modern("tools/call", "test_simple_text")
        )
        missing = await http.post(
            called("test_missing_capability"), **modern("tools/call", "test_missing_capability")
        )
        elsewhere = await http.post(
            called("test_simple_text"), **modern("tools/call"), origin="https://evil.example"
        )

    assert simple.json()["result"]["content"][0]["text"].startswith("This is a simple text")
    assert (missing.status_code, missing.json()["error"]["code"]) == (400, -32021)
    assert missing.json()["error"]["data"] == {"requiredCapabilities": {"sampling": {}}}
    assert elsewhere.status_code == 403
