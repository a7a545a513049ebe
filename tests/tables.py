"""The tables of the tests' databases: migrated once, and copied by all lanes of a whole run."""

import os
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.db import connection

from tests import shared


def copy() -> None:
    """Have the test database begin as a copy of one that is migrated."""
    if connection.vendor == "sqlite":
        _copy_file()
    elif name := os.environ.get(shared.TEMPLATE):
        shared.made_once("postgresql", lambda home: _on_postgresql(name, home))
        connection.settings_dict["TEST"] |= {"TEMPLATE": name, "MIGRATE": False}


def sqlite() -> Path:
    """A file with the tables, and nothing in them but what migrations write."""
    return shared.made_once("tables", _on_sqlite) / "museo.sqlite3"


def _copy_file() -> None:
    source = sqlite()
    # private to Django, so its stubs leave it out
    creation: Any = connection.creation
    make_room = creation._create_test_db

    def create(*given: Any, **more: Any) -> str:
        target: str = make_room(*given, **more)
        shutil.copyfile(source, target)
        return target

    creation._create_test_db = create
    connection.settings_dict["TEST"] |= {"MIGRATE": False}


def _on_sqlite(home: Path) -> None:
    shared.manage("migrate", home=home)


def _on_postgresql(name: str, home: Path) -> None:
    database: Any = connection
    with database._nodb_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    shared.manage("migrate", home=home, database_url=url)
