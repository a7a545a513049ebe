import stat
from pathlib import Path

import pytest

from museo.access.models import User
from museo.ops import staff

pytestmark = pytest.mark.django_db


def made(folder: Path) -> staff.Login:
    login = staff.ensure(folder)
    assert login
    return login


def test_the_first_start_makes_a_login_that_works_and_only_its_owner_can_read(
    tmp_path: Path,
) -> None:
    login = made(tmp_path)

    user = User.objects.get(email=login.email)
    assert user.is_staff
    assert user.check_password(login.password or "")
    assert stat.S_IMODE((tmp_path / "staff-login").stat().st_mode) == 0o600


def test_every_later_start_has_the_same_login(tmp_path: Path) -> None:
    assert staff.ensure(tmp_path) == staff.ensure(tmp_path)
    assert User.objects.count() == 1


def test_a_new_database_gets_the_login_that_is_known(tmp_path: Path) -> None:
    login = made(tmp_path)
    User.objects.all().delete()

    assert staff.ensure(tmp_path) == login
    assert User.objects.get().check_password(login.password or "")


def test_a_password_that_somebody_gave_is_left_alone(tmp_path: Path) -> None:
    User.objects.create_superuser(staff.EMAIL, "given by a person")

    assert made(tmp_path).password is None
    assert User.objects.get().check_password("given by a person")
    assert not (tmp_path / "staff-login").exists()


def test_a_password_that_was_changed_since_is_not_told(tmp_path: Path) -> None:
    made(tmp_path)
    user = User.objects.get()
    user.set_password("changed by a person")
    user.save()

    assert made(tmp_path).password is None
    assert User.objects.get().check_password("changed by a person")


def test_whoever_was_erased_is_not_made_again_while_others_own_the_shop(tmp_path: Path) -> None:
    made(tmp_path)
    User.objects.create_superuser("owner@example.org", "given by a person")
    User.objects.filter(email=staff.EMAIL).delete()

    assert staff.ensure(tmp_path) is None
    assert User.objects.get().email == "owner@example.org"
