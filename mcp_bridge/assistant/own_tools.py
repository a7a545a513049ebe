"""Tools of the assistant alone: what staff do in the admin and by REST, and MCP has no tool for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from catalog import counts, stock
from mcp_bridge.calls import Call
from mcp_bridge.products import plain
from mcp_bridge.registry import CHANGES, READS, Tool, tool
from orders import stats


@tool(
    title="Change the stock",
    scope="products:write",
    result=dict[str, Any],
    annotations=CHANGES,
    is_for_staff=True,
)
def change_stock(
    call: Call,
    sku: Annotated[str, Field(max_length=64)],
    delta: Annotated[int | None, Field(ge=-stock.MOST_ON_HAND, le=stock.MOST_ON_HAND)] = None,
    on_hand: Annotated[int | None, Field(ge=0, le=stock.MOST_ON_HAND)] = None,
) -> dict[str, Any]:
    """Say how many there are of a SKU, or how many more."""
    counted = {"sku": sku, "delta": delta, "on_hand": on_hand}
    wanted = {name: value for name, value in counted.items() if value is not None}
    return dict(plain(counts.write(call.caller, [wanted], now=call.now)))


@tool(
    title="Show the statistics",
    scope="admin",
    result=dict[str, Any],
    annotations=READS,
    is_for_staff=True,
)
def show_statistics(
    call: Call, hours: Annotated[int, Field(ge=1, le=24 * 366)] = 24
) -> dict[str, Any]:
    """How the shop is doing: orders of the last hours, and those that are open."""
    return dict(plain(stats.overview(call.caller, window=timedelta(hours=hours), now=call.now)))


ALL: Mapping[str, Tool] = {each.name: each for each in (change_stock, show_statistics)}
