"""Signing in by a link that comes by mail, and what is on the page of an account."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client

from museo.access import trail
from museo.access.callers import caller_for_user
from museo.access.models import SignInLink, User
from museo.access.tokens import digest
from notifications import sign_in_links
from notifications.channels import news
from notifications.channels.news import Reply
from orders.models import Basket, Order
from tests.orders.conftest import FORM, SellLamp

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("full_buckets")]

MAYA = "maya@example.org"
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
Outbox = list[EmailMessage]


def text(response: Any) -> str:
    return str(response.content.decode())


def link_in(outbox: Outbox) -> str:
    found = re.search(r"/login/link/\S+", str(outbox[-1].body))
    assert found
    return found[0]


def ask(client: Client, email: str = MAYA, **typed: str) -> Any:
    return client.post("/login/link", {"email": email, **typed})


def test_a_link_signs_in_once_and_makes_the_account(client: Client, mailoutbox: Outbox) -> None:
    page = ask(client)
    assert "Look into your mail" in text(page)
    link = link_in(mailoutbox)
    # a program that looks into mails opens it too
    shown = client.get(link)
    assert MAYA in text(shown)
    # no other site is told the address; with "no-referrer" browsers hide from us whose form it is
    assert shown["Referrer-Policy"] == "same-origin"
    assert not User.objects.exists()

    landed = client.post(link, follow=True)

    assert landed.redirect_chain == [("/account", 302)]
    assert MAYA in text(landed)
    assert not User.objects.get().has_usable_password()
    again = Client().post(link)
    assert again.status_code == 410
    assert "used before" in text(again)


@pytest.mark.parametrize("onward", ["", "/basket"])
def test_a_used_link_leads_on_whoever_came_in_by_it(
    client: Client, mailoutbox: Outbox, onward: str
) -> None:
    ask(client, next=onward)
    link = link_in(mailoutbox)
    client.post(link)
    session = client.session.session_key

    for again in (client.get(link), client.post(link)):
        assert again.status_code == 302
        assert again.headers["Location"] == (onward or "/account")
    assert client.session.session_key == session


def test_a_used_link_leads_nobody_else_on(client: Client, mailoutbox: Outbox) -> None:
    ask(client)
    link = link_in(mailoutbox)
    client.post(link)
    other, guest = Client(), Client()
    other.force_login(User.objects.create_user("sam@example.org"))

    for somebody in (other, guest):
        for again in (somebody.get(link), somebody.post(link)):
            assert again.status_code == 410
            assert "used before" in text(again)
    assert "_auth_user_id" not in guest.session
    assert User.objects.get(pk=other.session["_auth_user_id"]).email == "sam@example.org"


def test_the_mail_with_the_link_is_answered_to_the_shops_address(
    client: Client, mailoutbox: Outbox, contact_email: str
) -> None:
    ask(client)

    assert mailoutbox[0].reply_to == [contact_email]


def test_of_a_link_only_the_digest_is_kept(client: Client, mailoutbox: Outbox) -> None:
    ask(client)

    token = link_in(mailoutbox).rpartition("/")[2]
    kept = SignInLink.objects.get()
    assert kept.token_hash == digest(token)
    assert token not in str(vars(kept).values())


def test_a_link_is_over_after_half_an_hour(client: Client, mailoutbox: Outbox) -> None:
    ask(client)
    SignInLink.objects.update(ends_at=datetime.now(UTC) - timedelta(seconds=1))

    assert client.get(link_in(mailoutbox)).status_code == 410
    assert client.post(link_in(mailoutbox)).status_code == 410
    assert not User.objects.exists()


@pytest.mark.parametrize("fields", [{"is_staff": True}, {"is_active": False}])
def test_staff_and_closed_accounts_get_none_and_nobody_can_tell(
    client: Client, mailoutbox: Outbox, fields: dict[str, bool]
) -> None:
    User.objects.create_user(MAYA, "secret-words", **fields)

    pages = [text(ask(client, email)).replace(email, "") for email in (MAYA, "new@example.org")]

    one, other = (re.sub('name="csrfmiddlewaretoken" value="[^"]+"', "", page) for page in pages)
    assert one == other
    assert [mail.to for mail in mailoutbox] == [["new@example.org"]]


def test_who_has_become_staff_since_is_not_let_in(client: Client, mailoutbox: Outbox) -> None:
    ask(client)
    User.objects.create_user(MAYA, "secret-words", is_staff=True)

    assert client.post(link_in(mailoutbox)).status_code == 410
    assert "_auth_user_id" not in client.session


def test_a_mistyped_address_is_said_beside_the_field_and_kept(client: Client) -> None:
    page = ask(client, "maya at home")

    assert page.status_code == 400
    assert 'value="maya at home" aria-invalid="true" aria-describedby="email-error"' in text(page)
    assert "data-focus" in text(page)


def test_one_address_is_not_flooded(client: Client, mailoutbox: Outbox) -> None:
    answers = [ask(client).status_code for _try in range(sign_in_links.TO_ADDRESS + 1)]

    assert answers == [200] * sign_in_links.TO_ADDRESS + [429]
    assert len(mailoutbox) == sign_in_links.TO_ADDRESS


@pytest.mark.parametrize(
    ("onward", "landing"), [("/basket", "/basket"), ("https://evil.example/", "/account")]
)
def test_a_link_leads_on_within_the_shop_and_brings_the_basket(
    client: Client, mailoutbox: Outbox, sell: SellLamp, onward: str, landing: str
) -> None:
    sell()
    client.post("/basket/add", {"sku": "LAMP", "quantity": "2"})
    ask(client, next=onward)

    landed = client.post(link_in(mailoutbox))

    assert landed.headers["Location"] == landing
    mine = Basket.objects.open().get(user__email=MAYA)
    assert mine.lines.get().quantity == 2


@pytest.fixture
def maya(client: Client) -> User:
    user = User.objects.create_user(MAYA, "secret-words")
    client.force_login(user)
    return user


def test_an_account_shows_orders_and_fills_in_their_address(
    client: Client, maya: User, sell: SellLamp
) -> None:
    sell()
    client.post("/basket/add", {"sku": "LAMP", "quantity": "1"})
    client.post("/checkout", FORM)
    order = Order.objects.get(user=maya)

    page = text(client.get("/account"))
    client.post("/basket/add", {"sku": "LAMP", "quantity": "1"})
    checkout = text(client.get("/checkout"))

    assert order.number in page
    assert order.address["line1"] in page
    assert f'value="{order.address["line1"]}"' in checkout


def test_all_that_is_known_can_be_taken_along(client: Client, maya: User, sell: SellLamp) -> None:
    sell()
    client.post("/basket/add", {"sku": "LAMP", "quantity": "1"})
    client.post("/checkout", FORM)
    said = {"message": "Where is my order?"}
    client.post("/api/v1/assistant/messages", said, content_type="application/json")

    for sender in (MAYA, "somebody.else@example.org"):
        news.hear([Reply("email", f"m-{sender}", sender, "Is it open today?", NOON)])
    for who in (maya, User.objects.create_user("somebody.else@example.org")):
        caller = caller_for_user(who, locale="en")
        trail.leave(caller, "order.cancelled", f"of {who.email}", at=NOON)

    answer = client.get("/account/data")

    assert answer.headers["Content-Disposition"] == 'attachment; filename="museo.json"'
    told = json.loads(answer.content)
    assert told["account"]["email"] == MAYA
    assert [order["lines"][0]["sku"] for order in told["orders"]] == ["LAMP"]
    (conversation,) = told["conversations"]
    assert [message["said"] for message in conversation["messages"]] == ["Where is my order?"]
    (message,) = told["messages"]
    assert (message["sender"], message["text"]) == (MAYA, "Is it open today?")
    cancelled = [each["target"] for each in told["trail"] if each["what"] == "order.cancelled"]
    assert cancelled == [f"of {MAYA}"]
    assert "ticket" not in answer.content.decode()


def test_a_password_is_changed_by_the_old_one(client: Client, maya: User) -> None:
    typed = {"new_password1": "another-secret", "new_password2": "another-secret"}

    refused = client.post("/account/password", {**typed, "old_password": "wrong"})
    assert refused.status_code == 400
    assert 'aria-describedby="old_password-error"' in text(refused)
    taken = client.post("/account/password", {**typed, "old_password": "secret-words"})

    assert taken.headers["Location"] == "/account"
    maya.refresh_from_db()
    assert maya.check_password("another-secret")
    # and they are still signed in
    assert client.get("/account").status_code == 200


def test_wrong_old_passwords_are_few(client: Client, maya: User, settings: Any) -> None:
    settings.MUSEO_SIGN_INS_PER_MINUTE = 3
    typed = {"new_password1": "another-secret", "new_password2": "another-secret"}

    for _each in range(3):
        client.post("/account/password", {**typed, "old_password": "wrong"})

    refused = client.post("/account/password", {**typed, "old_password": "secret-words"})
    assert refused.status_code == 400
    assert "That was too often." in text(refused)
    maya.refresh_from_db()
    assert maya.check_password("secret-words")


def test_who_came_by_a_link_chooses_a_password_without_the_old(
    client: Client, mailoutbox: Outbox
) -> None:
    User.objects.create_user(MAYA, "long-forgotten")
    ask(client)
    client.post(link_in(mailoutbox))

    page = text(client.get("/account/password"))

    assert "old_password" not in page
    typed = {"new_password1": "another-secret", "new_password2": "another-secret"}
    assert client.post("/account/password", typed).headers["Location"] == "/account"
    assert User.objects.get().check_password("another-secret")


@pytest.mark.parametrize("path", ["/account", "/account/password", "/account/data"])
def test_what_is_somebodys_own_needs_them(client: Client, path: str) -> None:
    assert client.get(path).headers["Location"] == f"/login?next={path}"
