import errno
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import OperationalError
from pytest_django.fixtures import Settings

from museo.access.models import User
from museo.ops import lock, prepare
from museo.ops.preflight import CannotStart


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_meanwhile_is_said(tmp_path: Path, number: int) -> None:
    with (
        pytest.raises(CannotStart, match=f"disk that holds {tmp_path} is full"),
        prepare.in_words(tmp_path),
    ):
        raise OSError(number, "No space left on device")


def test_a_database_that_finds_no_room_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="database or disk is full"), prepare.in_words(tmp_path):
        raise OperationalError("database or disk is full")


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(CannotStart, match="/var/lib/shop may not be written: Permission denied"),
        prepare.in_words(tmp_path),
    ):
        raise PermissionError(errno.EACCES, "Permission denied", "/var/lib/shop")


def test_another_shop_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(CannotStart, match="already runs"),
        prepare.in_words(tmp_path),
        lock.hold(tmp_path),
        lock.hold(tmp_path),
    ):
        pass


def test_a_fault_of_ours_shows_itself(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), prepare.in_words(tmp_path):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


@pytest.mark.django_db
def test_a_database_that_answers_is_reached() -> None:
    prepare.reach_database()


@pytest.mark.usefixtures("committed")
def test_a_shop_whose_processes_others_start_is_made_ready(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.MUSEO_HOME = tmp_path

    call_command("prepare")
    call_command("prepare")

    email, password = (tmp_path / "staff-login").read_text().split()
    assert User.objects.get(email=email).check_password(password)
    said = capsys.readouterr().out
    assert said.count(f"Staff sign in at /admin/ as {email}.") == 2
    assert password not in said
