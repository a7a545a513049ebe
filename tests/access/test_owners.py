"""Somebody owns the shop, whoever leaves and whatever is taken from them."""

from contextlib import nullcontext
from io import StringIO
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from museo.access import people
from museo.access.models import User
from museo.access.people import LastOwner
from museo.access.roles import OWNER
from notifications import erasure
from notifications.models import Event
from tests.together import at_once

PEOPLE = "/admin/access/user/"
REFUSAL = "Make somebody else an owner first"


@pytest.fixture
def boss(db: None) -> User:
    return User.objects.create_superuser("boss@museo.example", "correct horse")


@pytest.fixture
def staff(boss: User, client: Client) -> Client:
    client.force_login(boss)
    return client


def page_of(user: User) -> str:
    return f"{PEOPLE}{user.pk}/change/"


def form(user: User, without: str = "") -> dict[str, Any]:
    kept = {"email": user.email, "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    return {name: value for name, value in kept.items() if name != without}


def is_owner(user: User) -> bool:
    return User.objects.filter(
        pk=user.pk, email=user.email, is_active=True, is_staff=True, is_superuser=True
    ).exists()


def erase(user: User) -> Any:
    return erasure.erase(erasure.find(user.email), now=timezone.now())


def test_the_last_owner_is_not_erased(boss: User) -> None:
    User.objects.create_superuser("gone@museo.example", is_active=False)

    with pytest.raises(LastOwner, match=REFUSAL):
        erase(boss)
    with pytest.raises(CommandError, match=REFUSAL):
        call_command("erase", boss.email, stdout=StringIO())

    assert is_owner(boss)
    assert not Event.objects.exists()


@pytest.mark.parametrize("taken", ["is_active", "is_staff", "is_superuser"])
def test_the_last_owner_loses_nothing_in_the_admin(staff: Client, boss: User, taken: str) -> None:
    page = staff.post(page_of(boss), form(boss, taken), follow=True)

    assert REFUSAL in page.content.decode()
    assert is_owner(boss)
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("{page}../delete/", {"post": "yes"}),
        (PEOPLE, {"action": "delete_selected", "post": "yes", "_selected_action": "{pk}"}),
    ],
)
def test_the_last_owner_is_not_deleted(
    staff: Client, boss: User, path: str, typed: dict[str, str]
) -> None:
    path = path.format(page=page_of(boss)).replace("change/../", "")
    page = staff.post(
        path, {name: value.format(pk=boss.pk) for name, value in typed.items()}, follow=True
    )

    assert REFUSAL in page.content.decode()
    assert is_owner(boss)


def test_an_owner_goes_where_another_stays(staff: Client, boss: User) -> None:
    second, third = (
        User.objects.create_superuser(f"{name}@museo.example") for name in ("second", "third")
    )

    erase(second)
    staff.post(page_of(third), form(third, "is_superuser"))
    staff.post(page_of(boss), {**form(boss), "first_name": "Ada"})

    assert [is_owner(each) for each in (boss, second, third)] == [True, False, False]
    assert User.objects.get(pk=boss.pk).first_name == "Ada"


def test_where_nobody_gives_roles_somebody_has_the_owners(db: None) -> None:
    first, second = (
        User.objects.create_user(f"{name}@museo.example", is_staff=True) for name in ("a", "b")
    )
    for each in (first, second):
        each.groups.add(Group.objects.get(name=OWNER))

    erase(first)
    with pytest.raises(LastOwner):
        erase(second)

    assert User.objects.get(pk=second.pk).groups.exists()


def test_who_owns_nothing_goes_from_a_shop_without_an_owner(db: None) -> None:
    erase(User.objects.create_user("maya@example.org"))

    assert not User.objects.get().is_active


@pytest.mark.both
@pytest.mark.usefixtures("committed")
def test_of_two_owners_who_erase_one_another_at_once_one_stays(boss: User) -> None:
    other = User.objects.create_superuser("other@museo.example")

    told = at_once([lambda: erase(boss), lambda: erase(other)])

    assert {type(each) for each in told} == {erasure.Erased, LastOwner}
    assert [is_owner(each) for each in (boss, other)].count(True) == 1


@pytest.mark.both
@pytest.mark.usefixtures("committed")
def test_two_who_look_for_another_owner_first_leave_none(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin holds nobody: it reads, then erases."""
    other = User.objects.create_superuser("other@museo.example")
    monkeypatch.setattr(people, "keeping_an_owner", nullcontext)
    meet = Barrier(2)

    def look_then_erase(user: User) -> bool:
        is_another_there = User.objects.filter(is_superuser=True).exclude(pk=user.pk).exists()
        meet.wait(timeout=60)
        if is_another_there:
            erase(user)
        return is_another_there

    told = at_once([lambda: look_then_erase(boss), lambda: look_then_erase(other)])

    assert told == [True, True]
    assert [is_owner(each) for each in (boss, other)] == [False, False]
