"""The nouns of imports: staff, categories, a file, a clock."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from catalog.imports import services, working
from catalog.imports.models import Import
from catalog.models import Category
from museo.access.callers import Caller, caller_for_user
from museo.access.models import User

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HEADER = "sku,product,name,category,price,stock"
ImportFile = Callable[..., Import]


@pytest.fixture
def staff(db: None) -> Caller:
    return caller_for_user(User.objects.create_superuser("staff@museo.example"), locale="en")


@pytest.fixture
def clay(db: None) -> Category:
    node: Category = Category.objects.add_root(instance=Category(slug="clay", name="Clay"))
    return node


def csv_of(*rows: str, header: str = HEADER) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


def clock() -> datetime:
    return NOON


@pytest.fixture
def import_file(staff: Caller, clay: Category, committed: None) -> ImportFile:
    """Uploads the file and does all that is to do."""

    def import_file(
        content: bytes, *, dry_run: bool = False, mapping: Mapping[str, str] | None = None
    ) -> Import:
        found = services.start(
            staff,
            [content],
            file_name="products.csv",
            mapping=mapping,
            dry_run=dry_run,
            now=NOON,
        )
        working.work_on(found, clock)
        found.refresh_from_db()
        return found

    return import_file


def counts(found: Import) -> tuple[int, int, int, int]:
    """New, changed, unchanged, refused."""
    return found.created, found.changed, found.unchanged, found.refused


def reasons(found: Import) -> dict[int, list[tuple[str, str]]]:
    """Field and code of every reason, by row."""
    rows = found.rows.filter(outcome="refused")
    return {
        row.number: [(reason["field"], reason["code"]) for reason in row.reasons] for row in rows
    }


def changes(found: Import) -> dict[int, Mapping[str, Sequence[Any]]]:
    return {row.number: row.changes for row in found.rows.exclude(changes={})}
