"""A new user's first minute: clone, one command, buy, watch it arrive."""

import subprocess
from pathlib import Path

import httpx
import pytest

from tests.shops import ROOT, open_shop
from tests.whole.test_rest_and_sse import STEPS, buy_iphone, follow

pytestmark = pytest.mark.long


def test_a_fresh_clone_opens_by_one_command_and_sells(tmp_path: Path) -> None:
    clone = tmp_path / "museo"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)

    with (
        open_shop(tmp_path / "var", command=["scripts/run"], folder=clone, within=300) as shop,
        httpx.Client(base_url=f"{shop.address}/api/v1", timeout=60) as api,
    ):
        assert httpx.get(f"{shop.address}/healthz").status_code == 200
        order = buy_iphone(api)
        _connected, *events = follow(api, order)
        second = follow(api, order, after=events[1]["cursor"])[1:]

    assert [event["type"] for event in events] == [f"order.{step}" for step in STEPS]
    assert [event["version"] for event in events] == [1, 2, 3, 4, 5]
    assert [event["id"] for event in second] == [event["id"] for event in events[2:]]
