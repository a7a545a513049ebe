"""Service accounts by command and in the admin."""

from io import StringIO

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client

from museo.access import access_tokens, accounts, grants
from museo.access.access_tokens import InvalidToken
from museo.access.accounts import NameTaken
from museo.access.models import ServiceAccount, User
from museo.access.problems import Invalid
from notifications import subscriptions
from notifications.models import Event, Subscription
from tests.access.conftest import NOON, MakeAccount

pytestmark = pytest.mark.django_db


def run(*words: str) -> list[str]:
    out = StringIO()
    call_command("service_account", *words, stdout=out, stderr=StringIO())
    return out.getvalue().splitlines()


def keys_of(lines: list[str]) -> tuple[str, str]:
    key, secret = (line.partition("=") for line in lines)
    assert (key[0], secret[0]) == ("MCP_API_KEY", "MCP_API_SECRET")
    return key[2], secret[2]


def test_an_account_is_made_given_other_keys_and_revoked() -> None:
    boss = User.objects.create_superuser("boss@museo.example")

    first = keys_of(
        run("create", "till-3", "--scopes", "orders:read,shop:read", "--created-by", boss.email)
    )
    made = accounts.identify(*first)
    second = keys_of(run("rotate", "till-3"))

    assert (made.name, made.scopes, made.created_by) == (
        "till-3",
        ["shop:read", "orders:read"],
        boss,
    )
    assert accounts.identify(*second) == made
    assert not set(first) & set(second)
    assert run("revoke", "till-3") == ["till-3 is revoked."]
    for keys in (first, second):
        with pytest.raises(accounts.WrongKeys):
            accounts.identify(*keys)
    assert Event.objects.filter(type="access.revoked").count() == 2


@pytest.mark.both
@pytest.mark.parametrize("face", ["erase", "delete"])
def test_the_programs_of_who_leaves_sign_in_no_more(client: Client, face: str) -> None:
    client.force_login(User.objects.create_superuser("boss@museo.example"))
    for name in ("ada", "sam"):
        User.objects.create_user(f"{name}@museo.example", is_staff=True)
        answers = ["--scopes", "shop:read", "--created-by", f"{name}@museo.example"]
        keys = keys_of(run("create", f"till of {name}", *answers))
        if name == "ada":
            program = accounts.identify(*keys)
            subscriptions.begin(
                topic="trial.a",
                channel=Subscription.Channel.WEBHOOK,
                address="https://till.example/",
                who=access_tokens.who_is(program.pk),
                locale="en",
                now=NOON,
            )
            family = grants.give(program, now=NOON)
    ada = User.objects.get(email="ada@museo.example")

    if face == "erase":
        out = StringIO()
        call_command("erase", ada.email, stdout=out)
        said = out.getvalue()
    else:
        page = client.post(f"/admin/access/user/{ada.pk}/delete/", {"post": "yes"}, follow=True)
        said = page.content.decode()

    assert {
        "erase": "Service accounts revoked: till of ada.",
        "delete": "1 service account revoked.",
    }[face] in said
    assert [each.name for each in ServiceAccount.objects.live()] == ["till of sam"]
    assert not Subscription.objects.exists()
    with pytest.raises(InvalidToken):
        grants.renew(family.refresh_token, now=NOON)
    revoked = {
        each["who"]
        for each in Event.objects.filter(type="access.revoked").values_list("data", flat=True)
    }
    assert revoked == {f"user:{ada.pk}", f"service:{program.pk}"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["create", "till-4", "--scopes", "shop:steal"], "Choose from these scopes: shop:read,"),
        (["create", "till-4", "--scopes", ","], "Choose from these scopes"),
        (["create", "", "--scopes", "shop:read"], "Choose a name"),
        (["create", "a\nb", "--scopes", "shop:read"], "Choose a name"),
        (["create", "x" * 81, "--scopes", "shop:read"], "Choose a name"),
        (["create", "till-3", "--scopes", "shop:read"], "There is a service account of this name"),
        (["create", "a", "--scopes", "shop:read", "--created-by", "x@y"], "Nobody has the e-mail"),
        (["rotate", "till-4"], "There is no live service account"),
        (["revoke", "till-4"], "There is no live service account"),
    ],
)
def test_what_cannot_be_is_said(account: MakeAccount, words: list[str], sentence: str) -> None:
    account(name="till-3")

    with pytest.raises(CommandError, match=sentence):
        run(*words)
    assert ServiceAccount.objects.count() == 1


def test_a_name_is_free_again_after_its_account_was_revoked(account: MakeAccount) -> None:
    account(name="till-3")
    with pytest.raises(NameTaken):
        account(name="till-3")

    run("revoke", "till-3")

    assert account(name="till-3")
    with pytest.raises(Invalid):
        accounts.create(name="till-5", scopes=[], now=NOON)


def test_staff_see_accounts_and_revoke_them_but_see_no_keys(
    client: Client, account: MakeAccount
) -> None:
    clerk = User.objects.create_user("clerk@museo.example", is_staff=True)
    clerk.user_permissions.set(
        Permission.objects.filter(codename__in=["view_serviceaccount", "change_serviceaccount"])
    )
    client.force_login(clerk)
    keys = account("orders:read")
    listed, row = "/admin/access/serviceaccount/", keys.account

    pages = [client.get(path) for path in (listed, f"{listed}{row.pk}/change/")]
    answer = client.post(listed, {"action": "revoke", "_selected_action": [row.pk]})

    for page in pages:
        assert page.status_code == 200
        shown = page.content.decode()
        assert row.key_prefix in shown
        assert "orders:read" in shown
        for secret in (keys.api_key, keys.api_secret, row.key_hash, row.secret_hash):
            assert secret not in shown
    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.revoked_at is not None
    assert Event.objects.get().data == {"who": f"service:{row.pk}", "topics": []}
    assert client.get(f"{listed}add/").status_code == 403
    assert client.post(f"{listed}{row.pk}/delete/", {"post": "yes"}).status_code == 403
