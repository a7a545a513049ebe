"""What README and docs/ tell people to type is typed: in a copy of the repository, at an open shop.

What stands there for something of the reader's becomes what this shop has. The copy may be written
into: its assistant learns from two kinds of people only, which is soon done.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from museo.access.scopes import SCOPES
from tests import services
from tests.clients.orders import Desk, desk
from tests.museo.shell_lines import Listing, listings
from tests.shops import ROOT, UP, open_shop, prepare

pytestmark = pytest.mark.long
LISTINGS = list(listings())

# what cannot be typed here, and which part of the machine is missing for it
MISSING = {
    r"docker compose": "Docker",
    r"for service in web live": "Docker",
    r"claude mcp add": "Claude Code",
    r"npx @modelcontextprotocol/inspector": "Node.js 22 and a browser; see tests/interop",
    r"scripts/test$": "a machine that does not run it already",
}
# opens a shop, and goes on until it is closed
OPENS = "scripts/run"
# where nothing of the shop may be open
CLOSED = "docs/data.md"
KINDS_OF_PEOPLE = ("hurried.txt", "courteous.txt")
# for a stream one has seen enough of after this, and for all else
LOOKS, WAITS = 5, 120
TYPED = f"""
manage.py() {{ .venv/bin/python manage.py "$@"; }}
curl() {{
  local looks=0 ended=0
  case "$1" in -*N*) looks=1 ;; esac
  [ $looks = 1 ] && set -- --max-time {LOOKS} "$@" || set -- --max-time {WAITS} "$@"
  command curl --fail-with-body "$@" || ended=$?
  [ $looks = 1 ] && [ $ended = 28 ] && ended=0
  return $ended
}}
set -euo pipefail
"""


@dataclass(frozen=True)
class Copy:
    """A copy of the repository: its open shop, one that nobody has opened, a program's keys."""

    folder: Path
    desk: Desk
    closed: Path
    key: str
    secret: str

    def means(self) -> tuple[dict[str, str], dict[str, str]]:
        """What texts and variables stand for; made for each listing, for some serve only once."""
        order = self.desk.buy()
        address = self.desk.shop.address
        tokens = self._asked("/auth/token", api_key=self.key, api_secret=self.secret)
        basket = self._asked("/basket/items", sku="POSTCARD-SET", quantity=1)
        texts = {
            "http://127.0.0.1:8000": address,
            "https://shop.example": address,
            "/backups/": f"{self.folder}/",
            "BLUE-BOWL-3F2A": "POSTCARD-SET",
            "FOLDER": "tests/data/intents/held_back",
            "owner@example.org": (self.desk.shop.home / "staff-login").read_text().split()[0],
            "ORD-7K4Q2M9X": order.number,
            "ORD-…": order.number,
            "ticket=…": f"ticket={order.ticket}",
            "Ticket …": f"Ticket {order.ticket}",
            "Bearer …": f"Bearer {tokens['access_token']}",
            "msr_…": tokens["refresh_token"],
            '"api_key": "…"': f'"api_key": "{self.key}"',
            '"api_secret": "…"': f'"api_secret": "{self.secret}"',
        }
        variables = {
            "shop": f"{address}/api/v1",
            "basket": basket["token"],
            "number": order.number,
            "ticket": order.ticket,
            "session": self.desk.staff.cookies["sessionid"],
            "csrf": self.desk.staff.cookies["csrftoken"],
            "TOKEN": tokens["access_token"],
            "MCP_API_KEY": self.key,
            "MCP_API_SECRET": self.secret,
        }
        return texts, variables

    def environment(self, page: str) -> dict[str, str]:
        if page == CLOSED:
            return _environment(self.closed)
        return {**_environment(self.desk.shop.home), "MUSEO_PUBLIC_URL": self.desk.shop.address}

    def _asked(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.desk.guest.post(path, json=body, timeout=WAITS)
        self.desk.guest.cookies.clear()
        return dict(answer.raise_for_status().json())


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    if not services.find_curl():
        pytest.skip("curl is not installed")
    folder, homes = tmp_path_factory.mktemp("museo"), tmp_path_factory.mktemp("homes")
    _copy_repository(folder)
    prepare(homes / "closed")
    with (
        open_shop(homes / "open", folder=folder, within=600, MUSEO_DEBUG="1") as shop,
        desk(shop) as at,
    ):
        said = subprocess.run(
            [*UP[:2], "service_account", "create", "docs", f"--scopes={','.join(SCOPES)}"],
            cwd=folder,
            env=_environment(shop.home),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        key, secret = (line.partition("=")[2] for line in said.splitlines())
        yield Copy(folder, at, homes / "closed", key, secret)


def _environment(home: Path) -> dict[str, str]:
    """Of commands for the shop there, which is not the tests' own."""
    own = ("DATABASE_URL", "REDIS_URL", "COVERAGE_PROCESS_START")
    kept = {name: value for name, value in os.environ.items() if name not in own}
    return {**kept, "MUSEO_HOME": str(home)}


def _copy_repository(folder: Path) -> None:
    """Of what is in git; with the packages that are here, and few sentences to learn from."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, check=True)
    packed = subprocess.run(
        ["tar", "--create", "--files-from=-"],
        cwd=ROOT,
        input=listed.stdout,
        capture_output=True,
        check=True,
    )
    subprocess.run(["tar", "--extract"], cwd=folder, input=packed.stdout, check=True)
    for compiled in ROOT.glob("locale/*/LC_MESSAGES/*.mo"):
        shutil.copy(compiled, folder / compiled.relative_to(ROOT))
    (folder / ".venv").symlink_to(sys.prefix)
    for file in (folder / "tests/data/intents/tuning").rglob("*.txt"):
        if file.name not in KINDS_OF_PEOPLE:
            file.unlink()
    (folder / "products.csv").write_text("sku,name,category,Preis\nSHELL-LINE,A line,paper,1.00\n")


@pytest.mark.parametrize("listing", LISTINGS, ids=[f"{each.page}:{each.line}" for each in LISTINGS])
def test_what_people_are_told_to_type_works(copy: Copy, listing: Listing) -> None:
    texts, variables = copy.means()
    typed = [each for each in listing.statements() if not is_missing(each)]
    for words in (shlex.split(each) for each in typed if each.startswith(OPENS)):
        opens(copy, words)
    script = "\n".join(each for each in typed if not each.startswith(OPENS))

    said = subprocess.run(
        ["bash", "-c", TYPED + with_own(script, texts)],
        cwd=copy.folder,
        env={**copy.environment(listing.page), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert said.returncode == 0, f"{script}\n{said.stdout}\n{said.stderr}"
    # JSON-RPC and its tools say so with a 200
    assert not re.search(r'"error": ?\{|"isError": ?true', said.stdout), said.stdout
    if "curl" in script or "manage.py" in script:
        assert said.stdout.strip(), said.stderr


def opens(copy: Copy, words: list[str]) -> None:
    with (
        TemporaryDirectory() as home,
        open_shop(Path(home), command=words, folder=copy.folder, within=600) as shop,
    ):
        assert shop.is_healthy()


def with_own(script: str, texts: Mapping[str, str]) -> str:
    for text, own in texts.items():
        script = script.replace(text, own)
    assert "…" not in script.replace("msk_…", "").replace("mss_…", ""), script
    return script


def is_missing(statement: str) -> bool:
    return any(re.match(pattern, statement) for pattern in MISSING)


@pytest.mark.parametrize("pattern", MISSING)
def test_nothing_is_said_to_be_missing_that_nobody_types(pattern: str) -> None:
    lines = [line for each in LISTINGS for line in each.script.splitlines()]

    assert any(re.match(pattern, line) for line in lines)
