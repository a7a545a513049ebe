"""The listings of docs/clients.md run as they stand; only the shop's address differs."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import services
from tests.clients.conftest import CLIENTS
from tests.clients.orders import STEPS, Bought, Desk

PAGE = (CLIENTS.parent / "clients.md").read_text()


def listings(language: str, address: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return [code.replace("http://127.0.0.1:8000", address) for code in found]


@pytest.fixture(scope="module")
def delivered(calm: Desk) -> Bought:
    order = calm.buy()
    calm.advance(order, *STEPS[1:])
    return order


def run(*command: str, **environment: str) -> list[str]:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_the_python_listings_tell_every_step(calm: Desk, delivered: Bought) -> None:
    plain, in_a_loop = listings("python", calm.shop.address)
    order = (delivered.number, delivered.ticket)

    steps = run(sys.executable, "-c", plain, *order, PYTHONPATH=str(CLIENTS))
    types = run(sys.executable, "-c", in_a_loop, *order, PYTHONPATH=str(CLIENTS))

    assert [line.split()[0] for line in steps] == ["1", "2", "3", "4", "5"]
    assert [line.split()[1] for line in types] == [f"order.{step}" for step in STEPS]


def test_the_curl_listings_show_every_step(calm: Desk, delivered: Bought) -> None:
    if not services.find_curl():
        pytest.skip("curl is not installed")
    [listing] = listings("bash", calm.shop.address)

    said = run("bash", "-c", listing, number=delivered.number, ticket=delivered.ticket)

    text = "\n".join(said)
    assert [text.count(f'"type":"order.{step}"') for step in STEPS] == [2] * 5
    assert "id: " in text


def test_every_client_is_in_the_page() -> None:
    named = set(re.findall(r"\]\(clients/([\w.-]+)\)", PAGE))

    assert named == {path.name for path in CLIENTS.iterdir() if path.is_file()}


def test_the_files_of_others_are_what_they_are_said_to_be() -> None:
    folder = Path(__file__).parent / "vendor"
    rows = re.findall(
        r"^\| (\S+\.js\w*) .* \| (\w{64}) \|$", (folder / "VENDOR.md").read_text(), re.M
    )

    assert {name for name, _hash in rows} == {
        str(path.relative_to(folder)) for path in folder.rglob("*.js*")
    }
    for name, expected in rows:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected
