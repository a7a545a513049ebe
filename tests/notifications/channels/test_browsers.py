"""Browsers that move to another address, the script they keep; addresses on the account page."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from museo.access.models import User
from notifications import subscriptions
from notifications.channels import webpush
from notifications.models import Contact, Subscription
from tests.mail_server import Mailbox
from tests.notifications.channels.push_service import Browser
from tests.notifications.conftest import somebody

pytestmark = pytest.mark.django_db
MOVED, PAGE = "/api/v1/subscriptions/moved", "/account/notifications"
NOA = "noa@example.org"


def at(browser: Browser, place: str) -> str:
    told = {**json.loads(browser.subscription), "endpoint": f"https://push.example.com/{place}"}
    return webpush.check(json.dumps(told))


def wish(address: str, *, topic: str = "trial.a", who: str = "") -> Subscription:
    return subscriptions.begin(
        topic=topic,
        channel=Subscription.Channel.WEBPUSH,
        address=address,
        who=who or somebody(),
        locale="en",
        now=timezone.now(),
    ).subscription


def move(client: Client, before: Any, after: Any) -> Any:
    return client.post(MOVED, {"before": before, "after": after}, content_type="application/json")


def addresses() -> list[tuple[str, str, str]]:
    return list(Subscription.objects.order_by("pk").values_list("topic", "address", "state"))


def test_a_browser_that_moves_is_told_all_of_it_at_its_new_address(
    client: Client, browser: Browser
) -> None:
    old, new, other = (at(browser, place) for place in ("old", "new", "other"))
    wish(old)
    gone, ended = wish(old, topic="trial.b"), wish(old, topic="trial.c")
    wish(other)
    for each, reason in ((gone, "gone"), (ended, "unsubscribed")):
        Subscription.objects.filter(pk=each.pk).update(state="disabled", reason=reason)

    assert move(client, old, new).json() == {"moved": 3}

    assert addresses() == [
        ("trial.a", new, "active"),
        ("trial.b", new, "active"),
        ("trial.c", new, "disabled"),
        ("trial.a", other, "active"),
    ]
    # it is known by that alone
    assert move(client, old, other).json() == {"moved": 0}


def test_what_it_has_asked_for_again_meanwhile_is_not_there_twice(
    client: Client, browser: Browser
) -> None:
    old, new = at(browser, "old"), at(browser, "new")
    wish(old)
    wish(new)

    assert move(client, old, new).json() == {"moved": 1}

    assert addresses() == [("trial.a", new, "active")]


def test_whoever_knows_less_than_the_browser_moves_nothing(
    client: Client, browser: Browser
) -> None:
    old, new = at(browser, "old"), at(browser, "new")
    told = json.loads(old)
    wish(old)

    for before in (
        json.dumps({"endpoint": told["endpoint"]}),
        json.dumps({**told, "keys": {**told["keys"], "auth": "A" * 22}}),
        told["endpoint"],
        "",
    ):
        answer = move(client, before, new)
        assert answer.status_code == 400 if not before else answer.json() == {"moved": 0}
    for after in ("{}", "https://127.0.0.1/", "\ud800", 2**70, None):
        assert move(client, old, after).status_code == 400

    assert addresses() == [("trial.a", old, "active")]


def test_the_service_worker_looks_after_all_pages_and_is_asked_for_anew(client: Client) -> None:
    first = client.get("/service-worker.js")

    assert first["Content-Type"] == "text/javascript; charset=utf-8"
    assert "no-cache" in first["Cache-Control"]
    again = client.get("/service-worker.js", headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert len(first.content) < 8192


@pytest.fixture
def maya(client: Client) -> User:
    user = User.objects.create_user("maya@example.org")
    client.force_login(user)
    return user


def rows(client: Client) -> list[str]:
    page = client.get(PAGE).content.decode()
    found = re.search(r'<ul class="places">(.*?)</ul>', page, re.DOTALL)
    return re.findall(r"<bdi>(.*?)</bdi>", found[1]) if found else []


def test_an_address_is_added_confirmed_by_its_code_and_removed_by_plain_forms(
    client: Client, maya: User, mailbox: Mailbox
) -> None:
    refused = client.post("/account/addresses", {"channel": "email", "address": "noa at home"})
    assert refused.status_code == 400
    assert 'value="noa at home"' in refused.content.decode()
    client.post("/account/addresses", {"channel": "email", "address": f" {NOA} "})
    made = Subscription.objects.get()
    assert (made.topic, made.state, rows(client)) == (f"user.{maya.pk}", "unconfirmed", [NOA])
    code = re.search(r"\d{6}", str(mailbox.taken[0]["Subject"]))
    assert code

    wrong = client.post(f"/account/addresses/{made.public_id}/confirm", {"code": "1"}, follow=True)
    assert "This is not the code" in wrong.content.decode()
    done = client.post(
        f"/account/addresses/{made.public_id}/confirm", {"code": code[0]}, follow=True
    )

    assert "Confirmed." in done.content.decode()
    made.refresh_from_db()
    assert made.state == "active"
    client.post(f"/account/addresses/{made.public_id}/remove")
    assert rows(client) == []
    # not known any more, either
    assert not Subscription.objects.exists()
    assert not Contact.objects.exists()


def test_an_address_stays_known_as_long_as_something_is_sent_there(
    client: Client, maya: User, mailbox: Mailbox
) -> None:
    client.post("/account/addresses", {"channel": "email", "address": NOA})
    made = Subscription.objects.get()
    subscriptions.begin(
        topic="trial.a",
        channel=Subscription.Channel.EMAIL,
        address=NOA,
        who=made.who,
        locale="en",
        now=timezone.now(),
    )

    client.post(f"/account/addresses/{made.public_id}/remove")

    assert Contact.objects.count() == Subscription.objects.count() == 1


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"channel": "email", "address": "nobody"}, "address"),
        ({"channel": "email", "address": "a\0b\ud7ff"}, "address"),
        ({"channel": "sms", "address": "+358401234567"}, "not configured"),
        ({"channel": "webhook", "address": "https://192.0.32.8/"}, "Choose one of the channels"),
        ({"channel": "webpush", "address": "{}"}, "Choose one of the channels"),
        ({}, "Choose one of the channels"),
    ],
)
def test_what_cannot_be_added_is_said(
    client: Client, maya: User, mailbox: Mailbox, form: dict[str, str], said: str
) -> None:
    page = client.post("/account/addresses", form, follow=True).content.decode()

    assert said in page.partition('role="status">')[2].partition("</p>")[0]
    assert not Subscription.objects.exists()
    assert mailbox.taken == []


def test_nobody_confirms_or_removes_anothers_address(client: Client, maya: User) -> None:
    other = User.objects.create_user(NOA)
    theirs = subscriptions.begin(
        topic=f"user.{other.pk}",
        channel=Subscription.Channel.EMAIL,
        address=NOA,
        who=f"user:{other.pk}",
        locale="en",
        now=timezone.now(),
    ).subscription

    for path in (theirs.public_id, "sub_none", "%00"):
        client.post(f"/account/addresses/{path}/remove")
        client.post(f"/account/addresses/{path}/confirm", {"code": "123456"})

    assert Subscription.objects.count() == 1
    assert rows(client) == []


def test_browsers_are_listed_without_their_addresses(
    client: Client, maya: User, browser: Browser
) -> None:
    wish(at(browser, "old"), topic=f"user.{maya.pk}", who=f"user:{maya.pk}")

    page = client.get(PAGE).content.decode()

    assert rows(client) == [""]
    assert "push.example.com" not in page
    assert f'data-push="user.{maya.pk}"' in page
    assert f'data-key="{webpush.public_key()}"' in page
