import gc
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from catalog.imports import downloads, services, working
from catalog.imports.files import CHUNK
from catalog.imports.models import Import
from catalog.imports.problems import OF_FILES, CannotImport, words

PAUSE = 0.2


class Command(BaseCommand):
    help = (
        "Import products from a CSV, XLSX or JSON file."
        " Example: manage.py import_products products.csv --dry-run"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--dry-run", action="store_true", help="only tell what the import would do"
        )
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="COLUMN=FIELD",
            help="what a column means, such as --map Preis=price; can be given several times",
        )
        parser.add_argument(
            "--refused", type=Path, metavar="CSV", help="where to write the refused rows"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # as the worker does: looking for circles among thousands of rows takes a third of the time
        gc.set_threshold(50_000, 20, 100)
        try:
            found = self._start(options["file"], options["map"], is_dry=options["dry_run"])
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from error
        except CannotImport as problem:
            raise CommandError(problem.detail) from problem
        _work_on(found)
        self._tell(found, options["refused"])

    def _start(self, path: Path, pairs: list[str], *, is_dry: bool) -> Import:
        made = services.upload(_parts(path), file_name=path.name, owner_id=None, now=timezone.now())
        mapping = services.mapping_of(made, dict(map(_pair, pairs))) if pairs else made.mapping
        return services.begin(made, by="", mapping=mapping, dry_run=is_dry, now=timezone.now())

    def _tell(self, found: Import, refused_to: Path | None) -> None:
        if found.state == Import.State.FAILED:
            raise CommandError(words(OF_FILES, found.failure))
        if refused_to:
            with refused_to.open("w", encoding="utf-8-sig", newline="") as file:
                file.writelines(downloads.refused(found))
        else:
            sys.stderr.writelines(f"{line}\n" for line in downloads.sentences(found))
        sys.stderr.writelines(f"{line}\n" for line in downloads.warnings(found))
        verb = "would be" if found.state == Import.State.CHECKED else "are"
        self.stdout.write(
            f"{found.created} {verb} new, {found.changed} changed, {found.unchanged} unchanged,"
            f" {found.refused} refused ({found.public_id})."
        )


def _work_on(found: Import) -> None:
    """Do it; or, if a worker of the shop was faster, wait for that."""
    working.work_on(found, timezone.now)
    found.refresh_from_db()
    while found.state in Import.AT_WORK:
        sleep(PAUSE)
        working.work_on(found, timezone.now)
        found.refresh_from_db()


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(CHUNK):
            yield part


def _pair(text: str) -> tuple[str, str]:
    column, equals, field = text.rpartition("=")
    if not equals:
        raise CommandError(f"{text}: write COLUMN=FIELD, such as Preis=price.")
    return column, field
