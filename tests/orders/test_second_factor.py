"""Signing in with a code besides the password, and the page that turns that on and off."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone

from museo.access import asgi, presence, sessions
from museo.access.models import RecoveryCode, SecondFactor, Trail, User
from museo.access.roles import OWNER
from museo.access.second_factor import code_of, step_at
from notifications import access_changes
from orders.models import Basket
from tests.orders.conftest import SellLamp
from tests.orders.test_accounts import ask, link_in, text

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("full_buckets")]

KEY = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
PASSWORD = "correct horse"
PAGE, CODE_PAGE = "/account/second-factor", "/login/code"


@pytest.fixture
def ada() -> User:
    """An owner who has no second factor yet."""
    ada = User.objects.create_user("ada@museo.example", PASSWORD, is_staff=True)
    ada.groups.add(Group.objects.get(name=OWNER))
    return ada


def turn_on(user: User) -> list[str]:
    """Its recovery codes."""
    now = timezone.now()
    return access_changes.turn_on_second_factor(user, KEY, code_of(KEY, step_at(now)), now=now)


def code(*, ahead: int = 1) -> str:
    """One that nobody has used; the shop's clock may be this one's or half a minute on."""
    return code_of(KEY, step_at(timezone.now()) + ahead)


def say_password(client: Client, page: str = "/login", onward: str = "/account") -> Any:
    typed = {"username": "ada@museo.example", "password": PASSWORD, "next": onward}
    return client.post(page, typed, follow=True)


def is_in(client: Client) -> bool:
    return bool(client.get("/account").status_code == 200)


def key_on(page: Any) -> str:
    found = re.search(r'<code class="key-text" dir="ltr">([A-Z2-7 ]+)</code>', text(page))
    assert found
    return found[1].replace(" ", "")


@pytest.mark.parametrize("page", ["/login", "/admin/login/"])
def test_a_password_leads_to_the_code_which_leads_on(client: Client, ada: User, page: str) -> None:
    turn_on(ada)

    asked = say_password(client, page, "/admin/board")

    assert asked.redirect_chain[-1] == ("/login/code?next=%2Fadmin%2Fboard", 302)
    assert 'autocomplete="one-time-code" inputmode="numeric"' in text(asked)
    landed = client.post(asked.request["PATH_INFO"], {"code": code(), "next": "/admin/board"})
    assert landed.headers["Location"] == "/admin/board"
    assert client.get("/admin/board").status_code == 200


def test_a_link_leads_to_the_code_too(client: Client, mailoutbox: list[EmailMessage]) -> None:
    turn_on(User.objects.create_user("maya@example.org"))
    ask(client)

    asked = client.post(link_in(mailoutbox))

    assert asked.headers["Location"] == "/login/code?next=%2Faccount"
    assert not is_in(client)
    landed = client.post(asked.headers["Location"], {"code": code(), "next": "/account"})
    assert landed.headers["Location"] == "/account"
    assert is_in(client)


def test_who_has_said_the_password_alone_is_nobody(client: Client, ada: User) -> None:
    turn_on(ada)
    say_password(client)

    for page in (
        "/account",
        PAGE,
        "/admin/",
        "/admin/board",
        "/admin/assistant",
        "/oauth/authorize",
    ):
        assert "/login" in client.get(page).headers["Location"], page
    assert client.get("/api/v1/admin/stats").status_code == 403
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.1").status_code == 404
    key = str(client.session.session_key)
    assert asgi._user(key) is None
    client.post(CODE_PAGE, {"code": code()})
    assert asgi._user(str(client.session.session_key)) == ada
    assert asgi._user(key) is None
    assert client.get("/api/v1/admin/stats").status_code == 200


def test_a_session_that_django_has_signed_in_is_nobody_without_the_code(
    client: Client, ada: User
) -> None:
    """Whichever door comes to be forgotten."""
    turn_on(ada)

    client.force_login(ada)

    assert not is_in(client)


def test_the_basket_comes_along_with_the_code_and_not_before(
    client: Client, ada: User, sell: SellLamp
) -> None:
    sell()
    turn_on(ada)
    client.post("/basket/add", {"sku": "LAMP", "quantity": "2"})

    say_password(client)

    assert not Basket.objects.filter(user=ada).exists()
    client.post(CODE_PAGE, {"code": code()})
    assert Basket.objects.get(user=ada).lines.get().quantity == 2


@pytest.mark.parametrize("typed", ["", "000000", "used"])
def test_a_wrong_code_is_said_beside_the_field(client: Client, ada: User, typed: str) -> None:
    turn_on(ada)
    say_password(client)

    page = client.post(CODE_PAGE, {"code": code(ahead=0) if typed == "used" else typed})

    assert page.status_code == 400
    assert 'aria-invalid="true" aria-describedby="code-error"' in text(page)
    assert re.search(
        r'role="alert" tabindex="-1" data-focus><a href="#code">This code is', text(page)
    )
    assert not is_in(client)


def test_wrong_codes_are_few_on_the_page_too(client: Client, ada: User) -> None:
    turn_on(ada)
    say_password(client)
    for _each in range(10):
        client.post(CODE_PAGE, {"code": "000000"})

    page = client.post(CODE_PAGE, {"code": code()})

    assert page.status_code == 429
    assert "too often" in text(page)
    assert not is_in(client)


def test_the_code_leads_nowhere_else(client: Client, ada: User) -> None:
    turn_on(ada)
    say_password(client)

    landed = client.post(CODE_PAGE, {"code": code(), "next": "https://evil.example/"})

    assert landed.headers["Location"] == "/"
    # and asks nobody again
    assert client.get(f"{CODE_PAGE}?next=/basket").headers["Location"] == "/basket"


def test_a_recovery_code_lets_in_once_and_says_how_many_are_left(client: Client, ada: User) -> None:
    codes = turn_on(ada)
    say_password(client)
    assert 'autocomplete="off" maxlength' in text(client.get(f"{CODE_PAGE}?recovery=1"))

    page = client.post(
        f"{CODE_PAGE}?recovery=1", {"code": codes[0], "next": "/account"}, follow=True
    )

    assert "You have 9 recovery codes left." in text(page)
    other = Client()
    say_password(other)
    assert other.post(CODE_PAGE, {"code": codes[0]}).status_code == 400


def test_it_is_turned_on_with_a_code_of_the_key_that_is_shown(client: Client, ada: User) -> None:
    elsewhere = Client()
    for each in (client, elsewhere):
        say_password(each)
    before = client.session.session_key
    shown = client.get(PAGE)
    key = key_on(shown)
    assert f"secret={key}" in text(shown)
    assert key not in str(dict(client.session))

    typed = {"act": "on", "password": PASSWORD}
    wrong = client.post(PAGE, {**typed, "code": "000000"})
    assert (wrong.status_code, key_on(wrong)) == (400, key)
    assert not SecondFactor.objects.exists()
    page = client.post(PAGE, {**typed, "code": code_of(key, step_at(timezone.now()))})

    codes = re.findall(r"<li><code>([0-9A-Z ]+)</code></li>", text(page))
    assert len(codes) == 10
    assert "no-store" in page.headers["Cache-Control"]
    assert is_in(client)
    assert client.session.session_key != before
    assert not is_in(elsewhere)
    elsewhere.post(CODE_PAGE, {"code": codes[0]})
    assert is_in(elsewhere)


@pytest.mark.parametrize("password", ["", "wrong"])
def test_it_is_not_turned_on_in_a_window_that_was_left_open(
    client: Client, ada: User, password: str
) -> None:
    say_password(client)
    shown = client.get(PAGE)
    assert 'type="password" autocomplete="current-password"' in text(shown)

    typed = {"act": "on", "code": code_of(key_on(shown), step_at(timezone.now()))}
    refused = client.post(PAGE, {**typed, "password": password})

    assert (refused.status_code, key_on(refused)) == (400, key_on(shown))
    assert "This password is not right." in text(refused)
    assert not SecondFactor.objects.exists()


def test_wrong_passwords_are_few_there_too(client: Client, ada: User, settings: Any) -> None:
    say_password(client)
    typed = {"act": "on", "code": code_of(key_on(client.get(PAGE)), step_at(timezone.now()))}
    settings.MUSEO_SIGN_INS_PER_MINUTE = 3

    for _each in range(3):
        client.post(PAGE, {**typed, "password": "wrong"})

    assert client.post(PAGE, {**typed, "password": PASSWORD}).status_code == 429
    assert not SecondFactor.objects.exists()


@pytest.fixture
def by_link(client: Client, mailoutbox: list[EmailMessage]) -> Client:
    """Of somebody without a password."""
    ask(client)
    client.post(link_in(mailoutbox))
    return client


def later(client: Client) -> None:
    """As if ten minutes had passed since the link was opened."""
    session = client.session
    session[presence.LINK_AT] -= presence.LATELY.total_seconds()
    session.save()


def test_who_came_by_a_link_of_late_needs_no_password(by_link: Client) -> None:
    shown = by_link.get(PAGE)
    assert 'type="password"' not in text(shown)

    key, step = key_on(shown), step_at(timezone.now())
    by_link.post(PAGE, {"act": "on", "code": code_of(key, step)})
    assert SecondFactor.objects.exists()
    by_link.post(PAGE, {"act": "off", "code": code_of(key, step + 1)})

    assert not SecondFactor.objects.exists()


@pytest.mark.parametrize("act", ["on", "off", "codes"])
def test_who_came_by_a_link_long_ago_comes_by_another_one(
    by_link: Client, mailoutbox: list[EmailMessage], act: str
) -> None:
    shown, user = by_link.get(PAGE), User.objects.get()
    typed = {"act": act, "code": code_of(key_on(shown), step_at(timezone.now()))}
    if act != "on":
        codes = turn_on(user)
        by_link.post(CODE_PAGE, {"code": codes[0]})
        typed["code"] = codes[1]
    before = list(SecondFactor.objects.values()), list(RecoveryCode.objects.values())
    later(by_link)

    for answer in (by_link.get(PAGE), by_link.post(PAGE, typed)):
        assert answer.headers["Location"] == f"/login?next={PAGE}"
    assert "Sign in by a link once more" in text(by_link.get(f"/login?next={PAGE}"))
    assert (list(SecondFactor.objects.values()), list(RecoveryCode.objects.values())) == before

    ask(by_link, next=PAGE)
    landed = by_link.post(link_in(mailoutbox))
    assert landed.headers["Location"] == PAGE
    assert by_link.get(PAGE).status_code == 200


def test_who_came_by_a_link_long_ago_and_has_a_password_says_it(by_link: Client) -> None:
    chosen = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    assert by_link.post("/account/password", chosen).headers["Location"] == "/account"
    later(by_link)

    shown = by_link.get(PAGE)

    assert 'type="password"' in text(shown)
    page = text(by_link.get("/account/password"))
    assert 'name="old_password"' in page
    assert "Forgotten? Sign in by a link" in page


def test_a_first_password_needs_a_link_of_late(by_link: Client) -> None:
    later(by_link)
    chosen = {"new_password1": PASSWORD, "new_password2": PASSWORD}

    refused = by_link.post("/account/password", chosen)

    assert refused.headers["Location"] == "/login?next=/account/password"
    assert not User.objects.get().has_usable_password()


def test_the_key_is_a_picture_that_nothing_keeps(client: Client, ada: User) -> None:
    assert client.get(f"{PAGE}/picture").status_code == 404
    say_password(client)
    assert client.get(f"{PAGE}/picture").status_code == 404
    assert f'src="{PAGE}/picture"' in text(client.get(PAGE))

    picture = client.get(f"{PAGE}/picture")

    assert picture.headers["Content-Type"] == "image/svg+xml"
    assert "no-store" in picture.headers["Cache-Control"]
    assert picture.content.startswith(b"<?xml")
    assert b"style" not in picture.content


def test_a_key_that_cannot_be_read_any_more_is_another_one(client: Client, ada: User) -> None:
    client.force_login(ada)
    client.get(PAGE)
    session = client.session
    session["second_factor_offered"] = "gAAAAA of a key that was left out"
    session.save()

    assert client.get(f"{PAGE}/picture").status_code == 404
    assert key_on(client.get(PAGE))


def test_a_window_that_an_app_has_opened_stays_known_to_it(client: Client, ada: User) -> None:
    turn_on(ada)
    onward = "?next=/oauth/authorize"
    client.post(f"/login{onward}", {"username": ada.email, "password": PASSWORD})

    for page in (f"/login{onward}", f"{CODE_PAGE}{onward}"):
        assert client.get(page).headers["Cross-Origin-Opener-Policy"] == "unsafe-none"
    assert client.get(CODE_PAGE).headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("act", ["off", "codes"])
def test_it_is_changed_with_the_password_and_a_code_only(
    client: Client, ada: User, act: str
) -> None:
    codes = turn_on(ada)
    say_password(client)
    client.post(CODE_PAGE, {"code": codes[0]})
    assert "You have 9 recovery codes left." in text(client.get(PAGE))

    right = {"act": act, "password": PASSWORD, "code": code()}
    for name, wrong in (("code", "000000"), ("password", "wrong"), ("password", "")):
        refused = client.post(PAGE, {**right, name: wrong})
        assert refused.status_code == 400
        assert f'aria-describedby="{name}-error"' in text(refused)
        assert f'data-focus><a href="#{name}">This {name} is not right' in text(refused)
    assert RecoveryCode.objects.unused().count() == 9
    page = client.post(PAGE, right, follow=True)

    assert page.status_code == 200
    assert is_in(client)
    assert SecondFactor.objects.exists() is (act == "codes")
    assert RecoveryCode.objects.unused().count() == (10 if act == "codes" else 0)


def test_staff_begin_with_their_key_where_it_is_asked_for(
    client: Client, ada: User, settings: Any
) -> None:
    before = Client()
    say_password(before)
    settings.MUSEO_STAFF_SECOND_FACTOR = "required"

    shown = say_password(client, "/admin/login/", "/admin/board")

    assert shown.redirect_chain[-1] == (f"{PAGE}?next=/admin/board", 302)
    assert "asks for a second factor of everybody who works here" in text(shown)
    for each in (before, client):
        assert "/login" in each.get("/admin/board").headers["Location"]
        assert each.get("/api/v1/admin/stats").status_code == 403
    assert client.get(f"{PAGE}/picture").status_code == 200
    typed = {"act": "on", "password": PASSWORD, "next": "/admin/board"}
    page = client.post(PAGE, {**typed, "code": code_of(key_on(shown), step_at(timezone.now()))})
    assert 'href="/admin/board"' in text(page)
    assert client.get("/admin/board").status_code == 200


def test_customers_need_none_where_it_is_asked_for(client: Client, settings: Any) -> None:
    settings.MUSEO_STAFF_SECOND_FACTOR = "required"

    client.force_login(User.objects.create_user("maya@example.org"))

    assert is_in(client)


def test_an_owner_turns_off_that_of_a_colleague_and_not_their_own(
    client: Client, ada: User
) -> None:
    boss = User.objects.create_superuser("boss@museo.example")
    for user in (ada, boss):
        turn_on(user)
    client.force_login(boss)
    session = client.session
    session[sessions.SHOWN] = SecondFactor.objects.get(user=boss).pk
    session.save()
    assert "Second factor" in text(client.get("/admin/access/user/"))

    done = client.post(
        "/admin/access/user/",
        {"action": "reset_second_factor", "_selected_action": [ada.pk, boss.pk]},
        follow=True,
    )

    assert done.status_code == 200
    assert list(SecondFactor.objects.values_list("user", flat=True)) == [boss.pk]
    entry = LogEntry.objects.get()
    assert (entry.user_id, entry.object_id) == (boss.pk, str(ada.pk))
    assert "Second factor turned off" in str(entry)
    assert Trail.objects.get(what="second_factor.off").who == f"user:{boss.pk}"
    assert not client.get("/admin/access/user/").context["user"].is_anonymous


def test_who_is_no_superuser_turns_off_nobodys(client: Client, ada: User) -> None:
    maya = User.objects.create_user("maya@example.org")
    turn_on(maya)
    client.force_login(ada)

    client.post(
        "/admin/access/user/", {"action": "reset_second_factor", "_selected_action": [maya.pk]}
    )

    assert SecondFactor.objects.filter(user=maya).exists()


def test_what_somebody_takes_along_says_since_when_it_is_on(client: Client, ada: User) -> None:
    client.force_login(ada)
    assert client.get("/account/data").json()["account"]["second_factor_since"] is None
    codes = turn_on(ada)
    client.post(CODE_PAGE, {"code": codes[0]})

    taken = client.get("/account/data")

    assert taken.json()["account"]["second_factor_since"].startswith(f"{timezone.now().year}-")
    assert KEY not in text(taken)
    assert SecondFactor.objects.get().key not in text(taken)
