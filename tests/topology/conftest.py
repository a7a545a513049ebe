"""One topology for the tests that break nothing, and one with servers of its own for the others."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper as PostgreSQL
from pytest_django import DjangoDbBlocker

from museo.ops import prepare, valkey
from tests import services
from tests.topology.running import Topology, copied_database, fill_with_demo, own_topology, topology


@pytest.fixture(scope="package")
def deployed_shop(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Topology]:
    """On a copy of the tests' database, whose tables are there already."""
    assert settings.REDIS_URL, "this test needs Valkey"
    database = connections["default"]
    assert isinstance(database, PostgreSQL), "this test needs PostgreSQL"
    with django_db_blocker.unblock():
        prepare.let_go()
    with copied_database(_server(), str(database.settings_dict["NAME"])) as copy:
        with django_db_blocker.unblock():
            fill_with_demo(copy)
        with topology(copy, settings.REDIS_URL) as found:
            yield found


@pytest.fixture(scope="module")
def own_shop() -> Iterator[Topology]:
    programs, server = services.find_postgresql(), valkey.server()
    assert programs, "this test needs PostgreSQL"
    assert server, "this test needs Valkey"
    with own_topology(programs, server) as found:
        yield found


def _server() -> str:
    """Where the tests' databases are, as a URL without a database."""
    at = connections["default"].settings_dict
    port = f":{at['PORT']}" if at["PORT"] else ""
    return f"postgres://{at['USER']}@{quote(str(at['HOST']), safe='')}{port}"
