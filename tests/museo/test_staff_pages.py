"""The pages for staff: nothing of others but what is listed, nothing inline, few bytes."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from museo.access.models import User
from museo.edge import ADMIN, POLICIES, STRICT

STATIC = Path(settings.BASE_DIR) / "static"
PAGES = (
    "/admin/board",
    "/admin/board?view=table",
    "/admin/health",
    "/admin/assistant/figures",
    "/admin/catalog/import/add/",
)
# gzipped
MOST_SCRIPT, MOST_STYLE, MOST_MARKUP = 60_000, 12_000, 20_000
IMPORTED = re.compile(r"^import .* from \"\./([\w-]+\.js)\";$", re.MULTILINE)


@pytest.fixture
def boss(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("staff@museo.example"))
    return client


def page(boss: Client, path: str) -> str:
    answer = boss.get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


def gzipped(content: bytes) -> int:
    return len(gzip.compress(content, 9))


def scripts(markup: str) -> set[Path]:
    """Those that the page names, and what they import."""
    found = {STATIC / name for name in re.findall(r'<script[^>]+src="/static/([^"]+)"', markup)}
    left = list(found)
    while left:
        file = left.pop()
        more = {file.parent / name for name in IMPORTED.findall(file.read_text())} - found
        found |= more
        left += more
    return found


def policy_of(path: str) -> str:
    return next(policy for start, policy in POLICIES if start.match(path))


def test_files_of_others_are_what_they_are_said_to_be() -> None:
    rows = re.findall(r"^\| (\S+) .* \| (\w{64}) \|$", (STATIC / "VENDOR.md").read_text(), re.M)

    files = [path for path in (STATIC / "vendor").rglob("*") if path.is_file()]
    assert {name for name, _hash in rows} >= {str(path.relative_to(STATIC)) for path in files}
    for name, expected in rows:
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == expected


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_small(boss: Client, path: str) -> None:
    markup = page(boss, path)
    styles = re.findall(r'<link rel="stylesheet" href="/static/([^"]+)"', markup)

    assert sum(gzipped(file.read_bytes()) for file in scripts(markup)) <= MOST_SCRIPT
    assert sum(gzipped((STATIC / name).read_bytes()) for name in styles) <= MOST_STYLE
    assert gzipped(markup.encode()) <= MOST_MARKUP


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_inline_and_the_policy_lets_nothing_inline_run(boss: Client, path: str) -> None:
    markup = page(boss, path)

    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", markup)
    assert "unsafe" not in STRICT
    assert policy_of(path.partition("?")[0]) == STRICT


def test_the_rest_of_the_admin_has_what_its_theme_needs() -> None:
    for path in ("/admin/", "/admin/orders/order/", "/admin/catalog/import/", "/admin/boards"):
        assert policy_of(path) == ADMIN
