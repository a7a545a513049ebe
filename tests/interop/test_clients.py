"""Clients that others have written buy, and are told of every step, in the way that each knows."""

from pathlib import Path
from typing import Any

import pytest

from tests.interop import packages
from tests.interop.programs import said
from tests.shops import Shop

pytestmark = [pytest.mark.long, pytest.mark.interop]
CLIENTS = Path(__file__).with_name("clients")
STEPS = ["confirmed", "preparing", "out_for_delivery", "delivered"]


def bought(client: str, shop: Shop, folder: Path, *more: str) -> Any:
    return said(
        [*packages.script(CLIENTS / f"{client}.mjs"), f"{shop.address}/mcp", *more], folder=folder
    )


def steps(told: list[str]) -> list[str]:
    """Without what the client has read before it was told anything."""
    return [status for status in told if status != "placed"]


def test_the_typescript_client_is_told_in_its_session(shop: Shop, tmp_path: Path) -> None:
    found = bought("typescript_1", shop, tmp_path)

    assert steps(found["told"]) == STEPS


def test_the_second_typescript_client_listens(shop: Shop, tmp_path: Path) -> None:
    found = bought("typescript_2", shop, tmp_path)

    assert found["version"] == "2026-07-28"
    assert steps(found["told"]) == STEPS


def test_a_client_on_a_pipe_is_told_through_mcp_remote(shop: Shop, tmp_path: Path) -> None:
    _node, proxy = packages.node("mcp-remote", "dist/proxy.js")

    found = bought("typescript_1", shop, tmp_path, proxy)

    assert steps(found["told"]) == STEPS


def test_fastmcp_waits_with_a_tool_that_tells_of_progress(shop: Shop, tmp_path: Path) -> None:
    program = CLIENTS / "fastmcp_client.py"

    found = said([packages.python(), program, f"{shop.address}/mcp"], folder=tmp_path)

    assert found["status"] == "delivered"
    assert len(set(found["told"])) >= len(STEPS)


def test_the_ai_sdk_is_called_back(shop: Shop, tmp_path: Path, callback_port: int) -> None:
    """MCP Events: signed, and checked by the client; it may have subscribed after the first."""
    found = bought("ai_sdk_events", shop, tmp_path, str(callback_port))

    assert found["told"] == STEPS[-len(found["told"]) :]
    assert len(found["told"]) >= len(STEPS) - 1
