"""People and their powers in the admin."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from museo.access.models import User
from notifications.models import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> User:
    """Staff who may edit people, and nothing else."""
    clerk = User.objects.create_user("clerk@museo.example", is_staff=True)
    clerk.user_permissions.set(
        Permission.objects.filter(codename__in=["view_user", "change_user", "change_group"])
    )
    return clerk


def page_of(user: User) -> str:
    return f"/admin/access/user/{user.pk}/change/"


def form(user: User, **changes: Any) -> dict[str, Any]:
    return {"email": user.email, "first_name": "Ada", "is_active": "on", **changes}


def test_who_may_edit_people_gives_nobody_powers(client: Client, clerk: User) -> None:
    shopper = User.objects.create_user("shopper@example.org")
    client.force_login(clerk)
    powers = {
        "is_staff": "on",
        "is_superuser": "on",
        "user_permissions": [str(Permission.objects.get(codename="change_user").pk)],
    }

    response = client.post(page_of(shopper), form(shopper, **powers))

    assert response.status_code == 302
    shopper.refresh_from_db()
    assert (shopper.first_name, shopper.is_staff, shopper.is_superuser) == ("Ada", False, False)
    assert not shopper.user_permissions.exists()


def test_staff_are_edited_by_superusers_only(client: Client, clerk: User) -> None:
    boss = User.objects.create_superuser("boss@museo.example")
    colleague = User.objects.create_user("colleague@museo.example", is_staff=True)
    client.force_login(clerk)

    for user in (boss, colleague, clerk):
        assert client.get(page_of(user)).status_code == 302
        assert client.get(f"/admin/access/user/{user.pk}/password/").status_code == 404
    group = Group.objects.create(name="Everyone")
    group_page = f"/admin/auth/group/{group.pk}/change/"
    assert client.post(group_page, {"name": "All-powerful"}).status_code == 403
    client.force_login(boss)
    assert client.post(page_of(colleague), form(colleague, is_staff="on")).status_code == 302
    colleague.refresh_from_db()
    assert colleague.first_name == "Ada"


@pytest.mark.parametrize("taken", ["is_active", "is_staff", "password", "everything"])
def test_what_is_taken_from_somebody_ends_their_streams(client: Client, taken: str) -> None:
    client.force_login(User.objects.create_superuser("boss@museo.example"))
    user = User.objects.create_user("clerk@museo.example", is_staff=True)
    client.post(page_of(user), form(user, is_staff="on"))
    assert not Event.objects.exists()

    if taken == "password":
        new = {
            "usable_password": "true",
            "password1": "correct horse",
            "password2": "correct horse",
        }
        response = client.post(f"/admin/access/user/{user.pk}/password/", new)
    elif taken == "everything":
        response = client.post(f"/admin/access/user/{user.pk}/delete/", {"post": "yes"})
    else:
        kept = form(user, is_staff="on")
        response = client.post(page_of(user), {k: v for k, v in kept.items() if k != taken})

    assert response.status_code == 302
    event = Event.objects.get(type="access.revoked")
    assert event.data == {"who": f"user:{user.pk}", "topics": []}


def test_an_address_in_other_letters_is_taken_too(client: Client) -> None:
    client.force_login(User.objects.create_superuser("boss@museo.example"))

    response = client.post(
        "/admin/access/user/add/",
        {
            "email": "BOSS@museo.example",
            "usable_password": "true",
            "password1": "correct horse",
            "password2": "correct horse",
        },
    )

    assert "Somebody else has this e-mail address." in response.content.decode()
    assert User.objects.count() == 1


@pytest.mark.parametrize(("field", "typed"), [("locale", "klingon"), ("time_zone", "Mars/Olympus")])
def test_a_language_nobody_speaks_and_a_zone_that_is_none_are_refused(
    client: Client, field: str, typed: str
) -> None:
    client.force_login(User.objects.create_superuser("boss@museo.example"))
    shopper = User.objects.create_user("shopper@example.org")

    refused = client.post(page_of(shopper), form(shopper, **{field: typed}))
    good = {"locale": "ar", "time_zone": "Europe/Helsinki"}
    kept = client.post(page_of(shopper), form(shopper, **good))

    assert list(refused.context["adminform"].form.errors) == [field]
    assert kept.status_code == 302
    shopper.refresh_from_db()
    assert (shopper.locale, shopper.time_zone) == ("ar", "Europe/Helsinki")
