"""`manage.py import_products`."""

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from catalog.imports import services
from catalog.imports.models import Import
from catalog.models import Category, Variant
from orders.models import DeliveryOption
from tests.catalog.imports.conftest import csv_of

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]


@pytest.fixture
def file(tmp_path: Path, clay: Category) -> Path:
    path = tmp_path / "products.csv"
    path.write_bytes(csv_of("A,a,Lamp,clay,84.00,5", "B,b,Bad,clay,-1,5"))
    return path


def run(*arguments: object, **options: object) -> str:
    out = StringIO()
    call_command("import_products", *map(str, arguments), stdout=out, **options)
    return out.getvalue()


def test_a_file_is_imported_and_what_was_refused_is_written(file: Path) -> None:
    refused = file.with_name("refused.csv")

    assert run(file, "--dry-run").startswith("1 would be new, 0 changed, 0 unchanged, 1 refused")
    assert not Variant.objects.exists()
    assert run(file, refused=refused).startswith("1 are new, 0 changed, 0 unchanged, 1 refused")

    assert Variant.objects.get().sku == "A"
    assert "A price is 0 or more." in refused.read_text(encoding="utf-8-sig")


def test_what_nobody_could_buy_is_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    DeliveryOption.objects.update(kinds=["food"])

    run(file)

    assert "what is of this kind: Physical." in capsys.readouterr().err


def test_a_worker_that_was_faster_is_waited_for(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = services.begin

    def taken_up(made: Import, **options: Any) -> Import:
        found = begin(made, **options)
        until = timezone.now() + timedelta(seconds=0.5)
        Import.objects.update(worker="another", lease_until=until)
        return found

    monkeypatch.setattr(services, "begin", taken_up)

    assert run(file).startswith("1 are new, 0 changed, 0 unchanged, 1 refused")


def test_a_column_can_be_given_its_meaning(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"price", b"Cost"))

    assert run(file, "--map", "Cost=price").startswith("1 are new")


def test_what_cannot_be_imported_is_said(file: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        run(file.with_name("none.csv"))
    with pytest.raises(CommandError, match="write COLUMN=FIELD"):
        run(file, "--map", "Cost")
    file.write_bytes(b"\x00")
    with pytest.raises(CommandError, match="null characters"):
        run(file)
