"""A database whose power is cut keeps what it has said to have kept."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from tests import services
from tests.processes import PREAMBLE
from tests.shops import ROOT

CHANGES = 20
# as many changes as are asked for, each committed before the next
TELLS = (
    PREAMBLE
    + """
from django.core.management import call_command
from django.utils import timezone
from notifications import log

call_command("migrate", verbosity=0)
for count in range(int(sys.argv[1])):
    with log.change() as change:
        change.event("trial.a", "notification", {}, at=timezone.now())
"""
)
NEWEST = "SELECT coalesce(max(version), 0) FROM notifications_event WHERE topic = 'trial.a'"


@pytest.mark.long
@pytest.mark.parametrize(
    ("settings", "is_kept"),
    [((), True), (("synchronous_commit=off", "wal_writer_delay=10s"), False)],
)
def test_what_was_committed_outlasts_a_power_cut(
    tmp_path: Path, settings: Sequence[str], is_kept: bool
) -> None:
    """The twin answers before it has written, as the throw-away database of other tests does."""
    programs = services.find_postgresql()
    assert programs, "this test needs PostgreSQL"
    with services.cluster(programs, settings=settings) as cluster:
        shop = {**os.environ, "DATABASE_URL": cluster.url, "MUSEO_HOME": str(tmp_path)}
        tells = [sys.executable, "-c", TELLS, str(CHANGES)]
        subprocess.run(tells, cwd=ROOT, env=shop, check=True)

        cluster.cut_power()
        cluster.start()

        with psycopg.connect(cluster.url) as database:
            row = database.execute(NEWEST).fetchone()
    assert row
    assert (row[0] == CHANGES) is is_kept
