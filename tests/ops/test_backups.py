"""A copy of the shop, and the shop again from it: on a database of its own, with both engines."""

import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from threading import Timer
from typing import Any

import orjson
import psycopg
import pytest
from cryptography.fernet import InvalidToken
from django.core.management import CommandError, call_command
from django.db import connection

from catalog.models import Category
from museo.access import encryption
from museo.ops import backups, lock, prepare, rekey
from museo.ops.backups import BadBackup
from notifications import log
from notifications.models import Event
from tests import shared, tables

pytestmark = [pytest.mark.both, pytest.mark.django_db(transaction=True)]
Keys = Callable[..., None]
Copy = Callable[..., Path]
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def database(django_db_setup: Any, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[None]:
    """Empty but for its tables, and nobody else's: a restore puts another one in its place."""
    with django_db_blocker.unblock():
        tests = connection.settings_dict["NAME"]
        is_postgresql = connection.vendor == "postgresql"
        name = f"backups_{token_hex(4)}"
        parameters = connection.get_connection_params()
        prepare.let_go()
        if is_postgresql:
            template = os.environ.get(shared.TEMPLATE, "template1")
            alone(parameters, f"CREATE DATABASE {name} TEMPLATE {template}")
        else:
            name = str(tmp_path_factory.mktemp("backups") / "museo.sqlite3")
            shutil.copyfile(tables.sqlite(), name)
        connection.settings_dict["NAME"] = name
        try:
            call_command("migrate", verbosity=0)
            yield
        finally:
            prepare.let_go()
            connection.settings_dict["NAME"] = tests
            if is_postgresql:
                alone(parameters, f"DROP DATABASE {name} WITH (FORCE)")


def alone(parameters: dict[str, Any], statement: Any, *values: str) -> None:
    at = {key: parameters[key] for key in ("host", "port", "user", "password") if key in parameters}
    with psycopg.connect(**at, dbname="postgres", autocommit=True) as own:
        own.execute(statement, values or None)


@pytest.fixture
def shop(database: None, settings: Any, tmp_path: Path) -> Copy:
    """Makes backups by their name; the shop has one category and one picture."""
    settings.MUSEO_HOME = tmp_path
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MEDIA_ROOT.mkdir()
    (settings.MEDIA_ROOT / "vase.svg").write_text("<svg/>")

    def copy(name: str, *, verify: bool = False) -> Path:
        file = tmp_path / f"{name}.tar"
        backups.make(file, now=NOON, verify=verify, say=lambda _line: None)
        return file

    Category.objects.add_root(instance=Category(slug="clay", name="Clay"))
    tell()
    return copy


def tell() -> None:
    with log.change() as change:
        text = {"message": "for Anna"}
        change.event("user.7", "notice.sent", {}, at=NOON, own_text=text)


def restore(file: Path) -> None:
    put_out_others()
    backups.restore(file, say=lambda _line: None)


def put_out_others() -> None:
    """Threads of tests before this one may still look into the database, whichever it is."""
    if connection.vendor == "postgresql":
        alone(
            connection.get_connection_params(),
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            connection.settings_dict["NAME"],
        )
        prepare.let_go()


def altered(file: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    """The backup with another content of one of its parts."""
    other = file.with_name(f"{file.name}.{part}")
    with tarfile.open(file) as old, tarfile.open(other, "w") as new:
        for member in old.getmembers():
            found = old.extractfile(member)
            assert found
            content = found.read()
            if member.name == part:
                content = change(content)
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    return other


def test_a_shop_is_again_what_it_was(shop: Copy, settings: Any, tmp_path: Path) -> None:
    before = log.state()
    file = shop("before", verify=True)
    Category.objects.update(slug="gone")
    tell()
    (settings.MEDIA_ROOT / "vase.svg").unlink()
    (settings.MEDIA_ROOT / "later.svg").write_text("<svg/>")

    restore(file)

    assert list(Category.objects.values_list("slug", flat=True)) == ["clay"]
    assert [path.name for path in settings.MEDIA_ROOT.iterdir()] == ["vase.svg"]
    after = log.state()
    assert after.head == before.head
    assert after.epoch != before.epoch
    (event,) = log.read_after(after.head - 1, limit=1)
    assert event.own_text == {"message": "for Anna"}
    # the past stays closed, and there is a search index: triggers and indexes came along
    with pytest.raises(Exception, match="append-only"):
        Event.objects.update(type="other")
    call_command("migrate", check_unapplied=True, verbosity=0)
    # and from this shop a copy can be made again
    shop("again")
    leftovers = {path.name for path in tmp_path.iterdir()}
    assert leftovers == {"before.tar", "again.tar", "media"}


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite's file is locked")
@pytest.mark.parametrize("goes", [True, False])
def test_what_was_just_closed_has_a_moment_to_go(shop: Copy, goes: bool) -> None:
    file = shop("before")
    put_out_others()
    with backups.PostgreSQL()._past_the_pool() as other:
        if goes:
            Timer(0.1, other.close).start()
            backups.restore(file, say=lambda _line: None)
        else:
            with pytest.raises(BadBackup, match="Open connections: 1"):
                backups.restore(file, say=lambda _line: None)


def test_a_copy_that_lacks_rows_is_not_kept(
    shop: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = type(backups._engine())
    monkeypatch.setattr(engine, "rows_of", lambda _self, _dump: {"notifications_event": 0})

    with pytest.raises(BadBackup, match="Nothing was written"):
        shop("short", verify=True)

    assert not (tmp_path / "short.tar").exists()


def test_what_is_no_backup_or_a_damaged_one_changes_nothing(shop: Copy) -> None:
    file = shop("whole")
    Category.objects.update(slug="since")
    cut = shutil.copyfile(file, file.with_suffix(".cut"))
    with Path(cut).open("r+b") as short:
        short.truncate(file.stat().st_size // 2)
    text = file.with_suffix(".txt")
    text.write_text("no tar")
    bad = {
        cut: "no backup of Museo, or not whole",
        text: "no backup of Museo, or not whole",
        altered(file, "database", lambda content: content[:-1] + b"?"): "was damaged",
    }

    for path, reason in bad.items():
        with pytest.raises(BadBackup, match=reason):
            restore(Path(path))

    assert Category.objects.get().slug == "since"


def test_a_database_that_cannot_be_read_leaves_the_shop_as_it_is(
    shop: Copy,
) -> None:
    """Its checksum is right: whoever wrote it wrote nonsense."""
    file = shop("whole")
    Category.objects.update(slug="since")
    content = b"?" * 5000
    nonsense = altered(file, "database", lambda _content: content)

    def sign(manifest: bytes) -> bytes:
        told = orjson.loads(manifest)
        told["parts"]["database"] = hashlib.sha256(content).hexdigest()
        return orjson.dumps(told)

    with pytest.raises(BadBackup):
        restore(altered(nonsense, "manifest.json", sign))

    assert Category.objects.get().slug == "since"
    shop("and-it-can-be-copied")


def test_a_backup_of_other_keys_is_refused(shop: Copy, keys: Keys) -> None:
    keys("first")
    file = shop("sealed")

    keys("another")
    with pytest.raises(BadBackup, match="was written with other keys"):
        restore(file)

    keys("another", "first")
    restore(file)


def test_older_keys_can_be_left_out_after_rekey(shop: Copy, keys: Keys) -> None:
    keys("old")
    tell()
    keys("new", "old")
    assert dict(rekey.run())["notifications_eventtext.sealed"] >= 1
    assert dict(rekey.run()) == {}

    keys("new")

    (event,) = log.read_after(log.state().head - 1, limit=1)
    assert event.own_text == {"message": "for Anna"}


def test_without_rekey_the_old_key_is_needed(shop: Copy, keys: Keys) -> None:
    keys("old")
    tell()

    keys("new")

    with pytest.raises(InvalidToken):
        log.read_after(log.state().head - 1, limit=1)


@pytest.fixture
def keys(settings: Any) -> Iterator[Keys]:
    """Gives the shop other keys, newest first."""

    def give(*newest_first: str) -> None:
        settings.MUSEO_ENCRYPTION_KEYS = list(newest_first)
        encryption._keys.cache_clear()

    yield give
    encryption._keys.cache_clear()


# commands


def test_restore_asks_first_and_wants_the_shop_closed(shop: Copy, settings: Any) -> None:
    file = shop("asked")

    with pytest.raises(CommandError, match="add --yes"):
        call_command("restore", str(file))
    with lock.hold(settings.MUSEO_HOME), pytest.raises(CommandError, match="already runs"):
        call_command("restore", str(file), "--yes")

    said = io.StringIO()
    put_out_others()
    call_command("restore", str(file), "--yes", stdout=said)
    assert "The shop is as it was at 2026-11-20T12:00:00+00:00" in said.getvalue()


def test_a_backup_says_how_much_it_has(shop: Copy, tmp_path: Path) -> None:
    said = io.StringIO()

    call_command("backup", str(tmp_path / "told.tar"), "--no-verify", stdout=said)

    assert f"up to position {log.state().head}; rows: " in said.getvalue()
    assert "MUSEO_ENCRYPTION_KEYS" in said.getvalue()
