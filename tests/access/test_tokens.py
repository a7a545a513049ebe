"""Service accounts get, renew and give back tokens; what is not theirs opens nothing."""

import hmac
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings as shop
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.utils import timezone

from museo.access import access_tokens, accounts, grants
from museo.access.access_tokens import InvalidToken, WrongAudience
from museo.access.accounts import Keys
from museo.access.bearers import caller_from_bearer
from museo.access.models import DeniedToken, RefreshToken, ServiceAccount, TokenFamily
from museo.access.permissions import may
from museo.access.tasks import forget_ended_tokens
from museo.environment import shared_secrets
from notifications import access_changes
from notifications.models import Event
from tests.access.conftest import NOON, MakeAccount, bearer, grant

pytestmark = [pytest.mark.django_db, pytest.mark.both_in_long]
REST = access_tokens.rest_resource()


@pytest.fixture(autouse=True)
def _no_secret_is_logged(
    caplog: pytest.LogCaptureFixture, account: MakeAccount, request: Any
) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    assert "mss_" not in caplog.text
    assert "msr_" not in caplog.text


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(f"/api/v1/auth/{path}", json.dumps(body), content_type="application/json")


def sign_in(client: Client, keys: Keys) -> dict[str, Any]:
    response = post(client, "token", {"api_key": keys.api_key, "api_secret": keys.api_secret})
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


def refused(response: Any) -> tuple[int, str]:
    body = response.json()
    assert response["Content-Type"] == "application/problem+json"
    assert response["WWW-Authenticate"].startswith("Bearer ")
    return response.status_code, body["code"]


def orders(client: Client, token: str) -> Any:
    return client.get("/api/v1/orders", headers={"Authorization": f"Bearer {token}"})


def test_keys_open_what_their_scopes_say_for_a_quarter_of_an_hour(
    client: Client, account: MakeAccount
) -> None:
    keys = account("orders:read", "shop:read")

    response = post(client, "token", {"api_key": keys.api_key, "api_secret": keys.api_secret})
    granted = response.json()

    assert set(granted) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (granted["token_type"], granted["expires_in"]) == ("Bearer", 900)
    assert response["Cache-Control"] == "no-store"
    assert orders(client, granted["access_token"]).json() == {"results": [], "next": None}
    header = jwt.get_unverified_header(granted["access_token"])
    claims = jwt.decode(granted["access_token"], options={"verify_signature": False})
    assert (header["alg"], header["typ"]) == ("HS256", "at+jwt")
    assert claims["iss"] == shop.MUSEO_PUBLIC_URL
    assert claims["aud"] == [f"{shop.MUSEO_PUBLIC_URL}/api/v1", f"{shop.MUSEO_PUBLIC_URL}/mcp"]
    assert claims["scope"] == "shop:read orders:read"
    assert claims["sub"] == f"service:{keys.account.pk}"
    assert claims["exp"] - claims["iat"] == 900


def test_nothing_that_opens_is_kept(account: MakeAccount) -> None:
    keys = account()
    granted = grant(keys)

    kept = json.dumps(
        [list(table.objects.values()) for table in (ServiceAccount, TokenFamily, RefreshToken)],
        default=str,
    )

    for secret in (keys.api_key, keys.api_secret, granted.access_token, granted.refresh_token):
        assert secret not in kept
        assert secret not in repr(keys) + repr(granted)


def test_a_wrong_secret_and_an_unknown_key_are_answered_alike(
    client: Client, account: MakeAccount
) -> None:
    keys, other = account(), account(name="till-4")
    access_changes.revoke_account(account(name="gone").account, now=NOON)
    gone = ServiceAccount.objects.get(name="gone")
    tries = [
        (keys.api_key, other.api_secret),
        (keys.api_key, "mss_"),
        (keys.api_key[:-1], keys.api_secret),
        (keys.account.key_prefix, keys.api_secret),
        ("msk_0000000000_made-up", keys.api_secret),
        (gone.key_prefix, keys.api_secret),
        ("x", "y"),
    ]

    answers = [
        post(client, "token", {"api_key": key, "api_secret": secret}) for key, secret in tries
    ]

    told = []
    for answer in answers:
        assert refused(answer) == (401, "invalid_credentials")
        told.append({**answer.json(), "correlation_id": ""})
    assert told == [told[0]] * len(tries)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"api_key": "k"},
        {"api_key": 2**70, "api_secret": None},
        {"api_key": "k\x00", "api_secret": "s"},
        {"api_key": "k" * 10_000, "api_secret": "s"},
        {"api_key": ["k"], "api_secret": {"a": 1}},
    ],
)
def test_a_body_that_cannot_be_used_is_said_to_be_one(client: Client, body: Any) -> None:
    for path in ("token", "refresh", "revoke"):
        response = post(client, path, body)
        assert (response.status_code, response.json()["code"]) == (400, "invalid"), path


def forged(keys: Keys, *, key: bytes | None = None, typ: str = "at+jwt", **changes: Any) -> str:
    """A token that we have not written, or not like this."""
    now = timezone.now()
    kid, own = next(iter(access_tokens._keys().items()))
    claims = {
        **jwt.decode(
            access_tokens.write(keys.account, jti="a" * 32, now=now),
            options={"verify_signature": False},
        ),
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key or own, "HS256", headers={"kid": kid, "typ": typ})


@pytest.mark.parametrize(
    "changes",
    [
        {"key": b"x" * 32},
        {"typ": "JWT"},
        {"iss": "https://elsewhere.example"},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 1},
        {"sub": "user:1"},
        {"sub": "service:x"},
        {"sub": "service:99999999999999999999"},
        {"sub": 7},
        {"scope": None},
        {"scope": 7},
        {"jti": None},
        {"client_id": "msk_other"},
    ],
    ids=str,
)
def test_a_token_that_we_have_not_written_opens_nothing(
    client: Client, account: MakeAccount, changes: dict[str, Any]
) -> None:
    keys = account("orders:read")
    assert orders(client, forged(keys)).status_code == 200

    assert refused(orders(client, forged(keys, **changes))) == (401, "invalid_token")


@pytest.mark.parametrize("token", ["x", "a.b.c", "é", "x" * 5000, "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_opens_nothing(client: Client, token: str) -> None:
    assert refused(orders(client, token)) == (401, "invalid_token")


def test_a_token_without_a_signature_opens_nothing(client: Client, account: MakeAccount) -> None:
    written = grant(account("orders:read")).access_token
    claims = jwt.decode(written, options={"verify_signature": False})
    kid = jwt.get_unverified_header(written)["kid"]

    unsigned = jwt.encode(claims, "", "none", headers={"kid": kid, "typ": "at+jwt"})

    assert refused(orders(client, unsigned)) == (401, "invalid_token")


def test_a_token_is_for_the_addresses_it_names(account: MakeAccount) -> None:
    keys, now = account("orders:read"), timezone.now()
    for_mcp = forged(keys, aud=[access_tokens.mcp_resource()])

    with pytest.raises(WrongAudience) as raised:
        caller_from_bearer(for_mcp, REST, now=now)
    # a stream takes either
    caller = caller_from_bearer(for_mcp, access_tokens.resources(), now=now)

    assert (
        raised.value.headers()["WWW-Authenticate"] == 'Bearer realm="museo", error="invalid_token"'
    )
    assert caller.who == f"service:{keys.account.pk}"


def test_a_token_ends(account: MakeAccount) -> None:
    token = grants.give(account().account, now=NOON).access_token
    end = NOON + timedelta(minutes=15)

    assert caller_from_bearer(token, REST, now=end - timedelta(seconds=1)).expires_at == end
    with pytest.raises(InvalidToken):
        caller_from_bearer(token, REST, now=end)


def test_a_token_is_one_question_to_the_database(
    account: MakeAccount, django_assert_num_queries: Any
) -> None:
    token = grant(account("orders:read")).access_token

    with django_assert_num_queries(1):
        caller_from_bearer(token, REST, now=timezone.now())


def test_tokens_outlive_new_keys_that_sign(
    client: Client, account: MakeAccount, settings: Any
) -> None:
    keys = account("orders:read")
    before = grant(keys).access_token
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key, which is new and long"
    after = grant(keys).access_token

    assert orders(client, before).status_code == orders(client, after).status_code == 200
    kids = {jwt.get_unverified_header(token)["kid"] for token in (before, after)}
    assert len(kids) == 2
    settings.SECRET_KEY_FALLBACKS = []
    assert refused(orders(client, before)) == (401, "invalid_token")
    assert orders(client, after).status_code == 200


def test_a_shared_secret_signs_as_it_is(
    client: Client, account: MakeAccount, settings: Any
) -> None:
    keys = account("orders:read")
    before = grant(keys).access_token
    settings.MCP_JWT_SECRETS = ["a secret that another program has, too"]

    token = grant(keys).access_token
    read = jwt.decode(
        token, settings.MCP_JWT_SECRETS[0].encode(), ["HS256"], audience=REST, issuer=None
    )

    assert read["sub"] == f"service:{keys.account.pk}"
    assert orders(client, token).status_code == orders(client, before).status_code == 200


def test_what_signs_sessions_signs_no_tokens(account: MakeAccount, settings: Any) -> None:
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(
            grant(account()).access_token,
            hmac.digest(settings.SECRET_KEY.encode(), b"", "sha256"),
            ["HS256"],
            audience=REST,
        )
    assert settings.SECRET_KEY.encode() not in access_tokens._keys().values()


def test_a_shared_secret_that_could_be_guessed_stops_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MCP_JWT_SECRET", "short")
    with pytest.raises(ImproperlyConfigured, match="MCP_JWT_SECRET is too short"):
        shared_secrets("MCP_JWT_SECRET")


# renewing


def test_a_refresh_token_is_good_for_the_next_tokens_once(
    client: Client, account: MakeAccount
) -> None:
    first = sign_in(client, account("orders:read"))

    second = post(client, "refresh", {"refresh_token": first["refresh_token"]})
    third = post(client, "refresh", {"refresh_token": second.json()["refresh_token"]})

    assert set(second.json()) == set(first)
    tokens = {first["refresh_token"], *(each.json()["refresh_token"] for each in (second, third))}
    assert len(tokens) == 3
    assert orders(client, third.json()["access_token"]).status_code == 200
    assert not Event.objects.exists()


def test_a_refresh_token_used_again_ends_its_family(client: Client, account: MakeAccount) -> None:
    keys = account("orders:read")
    first, elsewhere = sign_in(client, keys), sign_in(client, keys)
    second = post(client, "refresh", {"refresh_token": first["refresh_token"]}).json()

    copied = post(client, "refresh", {"refresh_token": first["refresh_token"]})

    assert refused(copied) == (401, "invalid_token")
    assert refused(post(client, "refresh", {"refresh_token": second["refresh_token"]}))[0] == 401
    for token in (first["access_token"], second["access_token"]):
        assert refused(orders(client, token)) == (401, "invalid_token")
    assert Event.objects.get().data == {"who": f"service:{keys.account.pk}", "topics": []}
    assert orders(client, elsewhere["access_token"]).status_code == 200
    assert post(client, "refresh", {"refresh_token": elsewhere["refresh_token"]}).status_code == 200


def test_a_refresh_token_ends_after_thirty_days(account: MakeAccount) -> None:
    keys = account()
    granted = grants.give(keys.account, now=NOON)

    with pytest.raises(InvalidToken):
        access_changes.renew(granted.refresh_token, now=NOON + grants.REFRESH_LIFETIME)
    late = NOON + grants.REFRESH_LIFETIME - timedelta(seconds=1)
    assert access_changes.renew(granted.refresh_token, now=late)


# giving back


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_a_token_given_back_ends_with_all_that_came_of_its_sign_in(
    client: Client, account: MakeAccount, kind: str
) -> None:
    keys = account("orders:read")
    granted, elsewhere = sign_in(client, keys), sign_in(client, keys)

    answer = post(client, "revoke", {"token": granted[kind]})

    assert (answer.status_code, answer.json()) == (200, {"revoked": True})
    assert refused(orders(client, granted["access_token"])) == (401, "invalid_token")
    assert refused(post(client, "refresh", {"refresh_token": granted["refresh_token"]}))[0] == 401
    assert orders(client, elsewhere["access_token"]).status_code == 200
    assert Event.objects.get().type == "access.revoked"
    assert post(client, "revoke", {"token": granted[kind]}).json() == {"revoked": True}
    assert Event.objects.count() == 1


def test_to_give_back_what_is_no_token_says_nothing(client: Client) -> None:
    for token in ("x", "msr_x", "a.b.c"):
        assert post(client, "revoke", {"token": token}).json() == {"revoked": True}
    assert not Event.objects.exists()


# the account


def test_other_keys_end_what_the_old_ones_opened(client: Client, account: MakeAccount) -> None:
    keys = account("orders:read")
    granted = sign_in(client, keys)

    new = access_changes.rotate("till-3", now=timezone.now())

    assert refused(orders(client, granted["access_token"])) == (401, "invalid_token")
    assert refused(post(client, "refresh", {"refresh_token": granted["refresh_token"]}))[0] == 401
    old = post(client, "token", {"api_key": keys.api_key, "api_secret": keys.api_secret})
    assert refused(old) == (401, "invalid_credentials")
    assert orders(client, sign_in(client, new)["access_token"]).status_code == 200
    assert Event.objects.get().data["who"] == f"service:{keys.account.pk}"


def test_keys_that_sign_in_while_others_are_made_open_nothing(account: MakeAccount) -> None:
    """Somebody who was let in a moment before comes back with tokens of the old keys."""
    keys = account("orders:read")
    let_in = accounts.identify(keys.api_key, keys.api_secret)
    access_changes.rotate("till-3", now=NOON)

    granted = grants.give(let_in, now=NOON)

    with pytest.raises(InvalidToken):
        caller_from_bearer(granted.access_token, REST, now=NOON)
    with pytest.raises(InvalidToken):
        access_changes.renew(granted.refresh_token, now=NOON)


def test_a_revoked_account_may_nothing_at_once(client: Client, account: MakeAccount) -> None:
    keys = account("orders:read")
    granted = sign_in(client, keys)
    caller = caller_from_bearer(granted["access_token"], REST, now=timezone.now())
    assert may(caller, "orders.view_order")

    assert access_changes.revoke_account(keys.account, now=timezone.now())

    assert not may(caller, "orders.view_order")
    assert refused(orders(client, granted["access_token"])) == (401, "invalid_token")
    assert not access_changes.revoke_account(keys.account, now=timezone.now())
    assert Event.objects.count() == 1
    account(name="till-3")


def test_a_scope_that_the_account_has_lost_its_tokens_have_lost_too(account: MakeAccount) -> None:
    keys = account("orders:read", "orders:write")
    token = grant(keys).access_token
    ServiceAccount.objects.update(scopes=["orders:read"])

    assert caller_from_bearer(token, REST, now=timezone.now()).scopes == {"orders:read"}


def test_what_has_ended_is_forgotten(account: MakeAccount) -> None:
    keys, long_ago = account(), datetime(2020, 1, 1, tzinfo=UTC)
    old = grants.give(keys.account, now=long_ago)
    access_changes.give_back(old.refresh_token, now=long_ago)
    kept = grant(keys)
    access_changes.give_back(grant(keys).access_token, now=timezone.now())

    assert forget_ended_tokens() == 2

    assert (RefreshToken.objects.count(), TokenFamily.objects.count()) == (2, 2)
    assert DeniedToken.objects.count() == 1
    assert access_changes.renew(kept.refresh_token, now=timezone.now())


def test_a_call_without_the_scope_is_told_which_it_takes(
    client: Client, account: MakeAccount
) -> None:
    response = client.get("/api/v1/orders", headers=bearer(account("shop:read")))

    assert (response.status_code, response.json()["code"]) == (403, "missing_scope")
    assert 'error="insufficient_scope", scope="orders:read"' in response["WWW-Authenticate"]


def test_a_token_beside_a_session_counts_alone(client: Client, account: MakeAccount) -> None:
    from museo.access.models import User

    client.force_login(User.objects.create_superuser("boss@museo.example"))

    response = client.get("/api/v1/orders", headers=bearer(account("shop:read")))

    assert response.status_code == 403
    assert client.get("/admin/", headers=bearer(account(name="b"))).status_code == 200


def test_pages_know_no_tokens(client: Client, account: MakeAccount) -> None:
    response = client.get("/admin/", headers=bearer(account("admin")))

    assert response.status_code == 302
