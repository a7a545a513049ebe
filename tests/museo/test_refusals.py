"""What staff may not open says so and leads on; nothing that they are shown leads there."""

import re
from html import unescape
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from museo.access import roles
from museo.access.models import User

pytestmark = pytest.mark.django_db
MAIL = "clerk@museo.example"


@pytest.fixture
def clerk(client: Client) -> User:
    found = User.objects.create_user(MAIL, is_staff=True)
    client.force_login(found)
    return found


@pytest.mark.parametrize("role", roles.ROLES)
def test_nothing_on_a_start_page_is_refused(client: Client, clerk: User, role: str) -> None:
    clerk.groups.add(Group.objects.get(name=role))
    start = client.get("/admin/?later=1", follow=True).content.decode()

    links = {unescape(link) for link in re.findall(r'href="(/admin/[^"]*)"', start)}

    assert len(links) > 10
    opened = {link: client.get(link, follow=True).status_code for link in sorted(links)}
    assert set(opened.values()) == {200}, opened


def test_a_page_that_no_role_opens_says_so_and_leads_on(client: Client, clerk: User) -> None:
    answer = client.get("/admin/orders/order/?q=a b")
    page = answer.content.decode()

    assert answer.status_code == 403
    assert "This page is not open to you" in page
    assert f"You are signed in as {MAIL}" in page
    assert 'href="/admin/"' in page
    again = client.post("/logout", {"next": _next(page)}, follow=True)
    assert unquote(again.request["QUERY_STRING"]) == "next=/admin/orders/order/?q=a%20b"
    assert 'name="password"' in again.content.decode()


@pytest.mark.parametrize("wanted", ["/admin/board", "/admin/health", "/admin/orders/order/"])
def test_a_customer_is_told_that_a_page_is_for_staff(client: Client, wanted: str) -> None:
    client.force_login(User.objects.create_user("maya@example.org"))

    answer = client.get(wanted, follow=True)
    page = answer.content.decode()

    assert answer.status_code == 403
    assert "This page is not open to you" in page
    assert "You are signed in as maya@example.org" in page
    # nothing there leads to another page that they may not see
    assert 'href="/admin/' not in page
    assert 'href="/account"' in page
    again = client.post("/logout", {"next": _next(page)}, follow=True)
    assert 'name="password"' in again.content.decode()
    assert unquote(again.request["QUERY_STRING"]) == f"next={wanted}"


def test_staff_who_sign_in_without_a_page_in_mind_begin_at_the_first(client: Client) -> None:
    User.objects.create_superuser(MAIL, "correct horse battery")
    typed = {"username": MAIL, "password": "correct horse battery"}

    assert client.post("/admin/login/", typed)["Location"] == "/admin/"
    client.logout()
    assert client.post("/admin/login/?next=/admin/board", typed)["Location"] == "/admin/board"


def test_a_form_of_before_signing_in_is_answered_in_words(db: None) -> None:
    answer = Client(enforce_csrf_checks=True).post("/login", headers={"Accept-Language": "de"})

    assert answer.status_code == 403
    assert "Das wurde nicht angenommen" in answer.content.decode()


def _next(page: str) -> str:
    found = re.search(r'name="next" value="(/admin/login[^"]*)"', page)
    assert found
    return unescape(found[1])
