"""A copy of the whole shop in one file, and a shop again from such a file.

The file is a tar: the database as its engine writes it (`pg_dump`'s own format, a SQLite file), the
media, and a manifest that says how many rows every table has, and the checksum of each part. The
shop stays open meanwhile: all of the database is of one moment. A copy counts only once it has been
restored: into a database beside, whose rows are counted.

Keys are not in it. Whoever finds a copy without them reads no secrets of it, and whoever restores
one needs those that it was written with: the manifest has their fingerprints.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

import orjson
import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from museo.access import encryption
from museo.ops import prepare
from museo.ops.preflight import CannotStart
from notifications import log

MANIFEST, DATABASE, MEDIA = "manifest.json", "database", "media"
FORMAT = 1
PIECE = 1024 * 1024
Say = Callable[[str], None]


class BadBackup(CannotStart):
    """The file cannot be restored, or not here; nothing was changed."""


@dataclass(frozen=True)
class Manifest:
    format: int
    engine: str
    made_at: str
    # of the log
    epoch: str
    head: int
    # rows by table
    tables: Mapping[str, int]
    # SHA-256 by part
    parts: Mapping[str, str]
    # of the keys that open what is sealed
    keys: Sequence[str]

    def as_bytes(self) -> bytes:
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2)


@dataclass(frozen=True)
class Stand:
    """Where a database is: its log's epoch and head, the rows by table."""

    epoch: str
    head: int
    tables: Mapping[str, int]


# making one


def make(file: Path, *, now: datetime, verify: bool, say: Say) -> Manifest:
    """Write the copy, and put it in its place once it is whole; raise CannotStart."""
    with _beside(file) as folder:
        dump = folder / DATABASE
        say("Copying the database.")
        stand = _engine().dump(dump)
        parts = {DATABASE: _checksum(dump)}
        media = folder / MEDIA
        say("Packing the media.")
        with tarfile.open(media, "w") as packed:
            if settings.MEDIA_ROOT.exists():
                packed.add(settings.MEDIA_ROOT, arcname=".")
        parts[MEDIA] = _checksum(media)
        manifest = Manifest(
            FORMAT,
            connection.vendor,
            now.isoformat(),
            stand.epoch,
            stand.head,
            stand.tables,
            parts,
            encryption.fingerprints(),
        )
        if verify:
            say("Restoring it beside, to see that it can be.")
            _compare(manifest, _engine().rows_of(dump))
        whole = folder / "whole.tar"
        (folder / MANIFEST).write_bytes(manifest.as_bytes())
        with tarfile.open(whole, "w") as packed:
            for name in (MANIFEST, DATABASE, MEDIA):
                packed.add(folder / name, arcname=name)
        os.replace(whole, file)
    return manifest


def _compare(manifest: Manifest, found: Mapping[str, int]) -> None:
    wrong = [name for name, rows in manifest.tables.items() if found.get(name) != rows]
    if wrong:
        name = wrong[0]
        raise BadBackup(
            f"Rows of {name}: {manifest.tables[name]}; in the copy: {found.get(name)}."
            " Nothing was written."
        )


# a shop again


def restore(file: Path, *, say: Say) -> Manifest:
    """Put the copy in the place of what is here; raise BadBackup, and change nothing.

    Clients of the log start anew: what they have seen since may not have happened.
    """
    with _beside(settings.MUSEO_HOME / "restored") as folder:
        manifest = _unpack(file, folder)
        say(f"Putting back what there was at {manifest.made_at}.")
        _engine().restore(folder / DATABASE)
        call_command("migrate", interactive=False, verbosity=0)
        with transaction.atomic():
            log.renew_epoch()
        say("Putting back the media.")
        _replace_media(folder / MEDIA, folder)
    return manifest


def _unpack(file: Path, folder: Path) -> Manifest:
    """The parts into the folder, each as the manifest says."""
    try:
        with tarfile.open(file) as packed:
            for name in (MANIFEST, DATABASE, MEDIA):
                with (folder / name).open("wb") as part:
                    shutil.copyfileobj(_member(packed, name), part, PIECE)
        manifest = Manifest(**orjson.loads((folder / MANIFEST).read_bytes()))
    except (tarfile.TarError, KeyError, TypeError, orjson.JSONDecodeError, OSError) as problem:
        raise BadBackup(f"{file} is no backup of Museo, or not whole: {problem}.") from problem
    for name, checksum in manifest.parts.items():
        if name not in (DATABASE, MEDIA) or _checksum(folder / name) != checksum:
            raise BadBackup(f"{file} was damaged: its part {name} is another one.")
    if manifest.engine != connection.vendor:
        raise BadBackup(
            f"{file} is of a shop on {manifest.engine}, and DATABASE_URL names {connection.vendor}."
        )
    if not set(manifest.keys) & set(encryption.fingerprints()):
        raise BadBackup(
            f"{file} was written with other keys. Give MUSEO_ENCRYPTION_KEYS those as well."
        )
    return manifest


def _member(packed: tarfile.TarFile, name: str) -> IO[bytes]:
    found = packed.extractfile(name)
    if found is None:
        raise KeyError(name)
    return found


def _replace_media(packed: Path, folder: Path) -> None:
    fresh, old = folder / "media.new", folder / "media.old"
    fresh.mkdir()
    with tarfile.open(packed) as parts:
        parts.extractall(fresh, filter="data")
    if settings.MEDIA_ROOT.exists():
        os.replace(settings.MEDIA_ROOT, old)
    os.replace(fresh, settings.MEDIA_ROOT)


# the engines


class PostgreSQL:
    """By its own programs, which must be as new as the server."""

    INTO = ("--no-owner", "--single-transaction", "--exit-on-error")

    def dump(self, to: Path) -> Stand:
        """Epoch, head and rows are those of the very snapshot that is written."""
        with self._past_the_pool() as own, own.transaction():
            own.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            ((snapshot,),) = own.execute("SELECT pg_export_snapshot()").fetchall()
            stand = _stand(own.cursor(), self._tables(own))
            self._run("pg_dump", "-Fc", "--no-owner", f"--snapshot={snapshot}", f"--file={to}")
        return stand

    def rows_of(self, dump: Path) -> Mapping[str, int]:
        name = f"museo_verify_{token_hex(4)}"
        self._alone(f"CREATE DATABASE {name}")
        try:
            self._run("pg_restore", *self.INTO, f"--dbname={name}", str(dump))
            with self._past_the_pool(name) as beside:
                return _stand(beside.cursor(), self._tables(beside)).tables
        finally:
            self._alone(f"DROP DATABASE {name} WITH (FORCE)")

    def restore(self, dump: Path) -> None:
        """What was there is kept aside until the copy is in its place."""
        prepare.let_go()
        with self._past_the_pool() as own:
            others = self._others(own)
            has_trigrams = own.execute(TRIGRAMS).fetchall()
        if others:
            raise BadBackup(f"Open connections: {others}. Stop the shop, everywhere, first.")
        # what is installed goes along with the new schema, where the copy looks for it
        move = ["ALTER EXTENSION pg_trgm SET SCHEMA {}"] if has_trigrams else []
        aside = ["ALTER SCHEMA public RENAME TO museo_before", "CREATE SCHEMA public", *move]
        back = [*move, "DROP SCHEMA public CASCADE", "ALTER SCHEMA museo_before RENAME TO public"]
        self._alone(*(statement.format("public") for statement in aside))
        try:
            self._run("pg_restore", *self.INTO, f"--dbname={self._named()}", str(dump))
        except BaseException:
            self._alone(*(statement.format("museo_before") for statement in back))
            raise
        self._alone("DROP SCHEMA museo_before CASCADE")

    def _others(self, own: Any) -> int:
        """How many connections are open besides; what was just closed takes a moment to go."""
        deadline = time.monotonic() + GOES_WITHIN
        while True:
            ((others,),) = own.execute(OTHERS).fetchall()
            if not others or time.monotonic() > deadline:
                return int(others)
            time.sleep(0.05)

    def _tables(self, at: Any) -> list[str]:
        found = at.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return sorted(name for (name,) in found.fetchall())

    def _named(self) -> str:
        return str(connection.settings_dict["NAME"])

    @contextmanager
    def _past_the_pool(self, name: str = "") -> Iterator[Any]:
        at = connection.get_connection_params()
        at = {key: at[key] for key in ("host", "port", "user", "password") if at.get(key)}
        with psycopg.connect(**at, dbname=name or self._named(), autocommit=True) as own:
            yield own

    def _alone(self, *statements: str) -> None:
        with self._past_the_pool() as own:
            for statement in statements:
                own.execute(statement)

    def _run(self, program: str, *arguments: str) -> None:
        at = connection.settings_dict
        told = {"PGHOST": at["HOST"], "PGPORT": at["PORT"], "PGUSER": at["USER"]}
        told |= {"PGPASSWORD": at["PASSWORD"], "PGDATABASE": self._named()}
        given = {name: str(value) for name, value in told.items() if value}
        command = [_program(program), *arguments]
        ended = subprocess.run(command, env={**os.environ, **given}, capture_output=True, text=True)  # noqa: S603
        if ended.returncode:
            reason = ended.stderr.strip().partition("\n")[0]
            raise BadBackup(f"{program} could not do it: {reason}.")


# seconds that PostgreSQL has to end a connection that was closed
GOES_WITHIN = 1.0
OTHERS = """
    SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
    AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
TRIGRAMS = "SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'"


class SQLite:
    def dump(self, to: Path) -> Stand:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(to)])
        return self._stand(to)

    def rows_of(self, dump: Path) -> Mapping[str, int]:
        return self._stand(dump).tables

    def restore(self, dump: Path) -> None:
        self._stand(dump)
        prepare.let_go()
        file = Path(connection.settings_dict["NAME"])
        for end in ("-wal", "-shm"):
            Path(f"{file}{end}").unlink(missing_ok=True)
        shutil.copyfile(dump, f"{file}.new")
        os.replace(f"{file}.new", file)

    def _stand(self, file: Path) -> Stand:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as beside:
            try:
                ((said,),) = beside.execute("PRAGMA integrity_check(1)").fetchall()
            except sqlite3.DatabaseError as problem:
                raise BadBackup(f"The copy of the database is broken: {problem}.") from problem
            if said != "ok":
                raise BadBackup(f"The copy of the database is broken: {said}.")
            found = beside.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            names = [name for (name,) in found if not name.startswith("sqlite_")]
            return _stand(beside.cursor(), sorted(names))


def _engine() -> PostgreSQL | SQLite:
    return PostgreSQL() if connection.vendor == "postgresql" else SQLite()


def _stand(cursor: Any, tables: Sequence[str]) -> Stand:
    """Table names come from the database itself."""
    rows = {}
    for name in tables:
        cursor.execute(f'SELECT COUNT(*) FROM "{name}"')  # noqa: S608
        (rows[name],) = cursor.fetchone()
    cursor.execute("SELECT epoch, head FROM notifications_loghead")
    epoch, head = cursor.fetchone()
    return Stand(epoch, head, rows)


def _program(name: str) -> str:
    """On the path, or where Debian has it, the newest."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*"), key=lambda path: path.name.zfill(3))
    places = [shutil.which(name), *(path / "bin" / name for path in reversed(versions))]
    for place in places:
        if place and Path(place).exists():
            return str(place)
    raise CannotStart(f"{name} is not installed; it comes with PostgreSQL's client programs.")


# files


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """A folder on the same disk that is gone afterwards."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".museo-") as folder:
        yield Path(folder)


def _checksum(file: Path) -> str:
    with file.open("rb") as part:
        return hashlib.file_digest(part, "sha256").hexdigest()
