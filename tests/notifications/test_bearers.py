"""Programs follow streams and sockets with their token, until it ends or is revoked."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.utils import timezone
from websockets.exceptions import ConnectionClosed

from museo.access import access_tokens, accounts, grants
from museo.access.accounts import Keys
from museo.access.callers import Caller
from notifications import access_changes, tickets
from notifications.live.hub import in_thread
from tests.notifications.conftest import NOON, serving, socket, stream, tell

STAFF_ONLY = "staff.orders"
STREAM = f"/api/v1/events?topics={STAFF_ONLY}"


async def program(*scopes: str) -> Keys:
    return await in_thread(accounts.create)(
        name=f"till {scopes}", scopes=scopes or ("orders:read",), now=NOON
    )


async def token_of(keys: Keys) -> str:
    granted = await in_thread(grants.give)(keys.account, now=timezone.now())
    return granted.access_token


async def test_a_token_opens_streams_by_header_and_by_query(http: httpx.AsyncClient) -> None:
    token = await token_of(await program())
    ways: list[tuple[str, dict[str, str]]] = [
        (f"{STREAM}&token={token}", {}),
        (STREAM, {"Authorization": f"Bearer {token}"}),
    ]

    for path, headers in ways:
        async with stream(http, path, **headers) as events:
            assert (await events.next())["topics"] == [STAFF_ONLY]
            await in_thread(tell)(STAFF_ONLY)
            assert (await events.next())["topic"] == STAFF_ONLY
    page = await http.get(STREAM, headers={"Authorization": f"Bearer {token}"})
    assert [event["version"] for event in page.json()["events"]] == [1, 2]


async def test_a_token_opens_sockets_by_query_and_by_subprotocol(
    http: httpx.AsyncClient, address: str
) -> None:
    token = await token_of(await program())
    ways: list[tuple[str, dict[str, Any]]] = [
        (f"?token={token}&topics={STAFF_ONLY}", {}),
        (f"?topics={STAFF_ONLY}", {"subprotocols": [f"bearer.{token}"]}),
    ]

    for query, options in ways:
        async with socket(address, query, **options) as client:
            hello, subscribed = await client.take(2)
        assert (hello["type"], subscribed["topics"]) == ("connected", [STAFF_ONLY])


async def test_a_token_opens_only_what_its_scopes_stand_for(http: httpx.AsyncClient) -> None:
    token = await token_of(await program("shop:read"))

    async with stream(http, f"{STREAM}&token={token}") as events:
        assert events.response.status_code == 404


@pytest.mark.parametrize("kind", ["none", "ended", "revoked", "for elsewhere"])
async def test_a_token_that_is_not_valid_opens_nothing(
    http: httpx.AsyncClient, address: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = await program()
    if kind == "ended":
        monkeypatch.setattr(access_tokens, "LIFETIME", timedelta(seconds=-1))
    if kind == "for elsewhere":
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr(access_tokens, "resources", lambda: ("https://elsewhere.example",))
            token = await token_of(keys)
    else:
        token = "x" if kind == "none" else await token_of(keys)
    if kind == "revoked":
        await in_thread(access_changes.give_back)(token, now=timezone.now())

    async with stream(http, f"{STREAM}&token={token}") as events:
        problem = events.response
    async with socket(address, f"?token={token}&topics={STAFF_ONLY}") as client:
        said = await client.next()
        with pytest.raises(ConnectionClosed) as closed:
            await client.next()

    code = "wrong_audience" if kind == "for elsewhere" else "invalid_token"
    assert (problem.status_code, problem.json()["code"], said["code"]) == (401, code, code)
    assert problem.headers["www-authenticate"] == 'Bearer realm="museo", error="invalid_token"'
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


@pytest.mark.parametrize("ending", ["given back", "rotated", "revoked"])
async def test_streams_end_with_what_opened_them(
    http: httpx.AsyncClient, address: str, ending: str
) -> None:
    keys = await program()
    token = await token_of(keys)
    ends: dict[str, Callable[[], Any]] = {
        "given back": lambda: access_changes.give_back(token, now=timezone.now()),
        "rotated": lambda: access_changes.rotate(keys.account.name, now=timezone.now()),
        "revoked": lambda: access_changes.revoke_account(keys.account, now=timezone.now()),
    }

    asked = await http.post(
        "/api/v1/events/tickets",
        json={"topics": [STAFF_ONLY]},
        headers={"Authorization": f"Bearer {token}"},
    )
    ticket = asked.json()["ticket"]

    async with (
        stream(http, f"{STREAM}&token={token}") as events,
        stream(http, f"{STREAM}&ticket={ticket}") as by_ticket,
        socket(address, f"?token={token}&topics={STAFF_ONLY}") as client,
    ):
        await events.next()
        await by_ticket.next()
        await client.take(2)
        await in_thread(ends[ending])()

        for ended in (events, by_ticket):
            with pytest.raises(EOFError):
                await ended.next()
        with pytest.raises(ConnectionClosed):
            await client.next()
    for key in (f"token={token}", f"ticket={ticket}"):
        async with stream(http, f"{STREAM}&{key}") as again:
            assert again.response.status_code == 401


async def test_streams_end_with_the_token_and_say_where_to_go_on(
    http: httpx.AsyncClient, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = await program()
    monkeypatch.setattr(access_tokens, "LIFETIME", timedelta(seconds=3))
    token = await token_of(keys)

    async with (
        stream(http, f"{STREAM},trial.a&token={token}") as events,
        socket(address, f"?token={token}&topics={STAFF_ONLY}") as client,
    ):
        connected = await events.next()
        await client.take(2)
        position = await in_thread(tell)(STAFF_ONLY)
        told = [await events.next(), await client.next()]
        reset, said = await events.next(), await client.next()

        with pytest.raises(EOFError):
            await events.next()
        with pytest.raises(ConnectionClosed) as closed:
            await client.next()

    assert [event["position"] for event in told] == [position, position]
    assert (reset["type"], reset["reason"]) == ("reset", "token_expired")
    assert events.cursor == f"{connected['epoch']}-{position}"
    assert reset["topics"] == [STAFF_ONLY, "trial.a"]
    assert set(reset["snapshot"]) == {STAFF_ONLY, "trial.a"} - {"trial.a"}
    assert (said["type"], said["reason"], said["position"]) == ("reset", "token_expired", position)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


async def test_a_stream_ticket_ends_with_the_token_that_asked_for_it() -> None:
    now = timezone.now()
    soon = now + timedelta(seconds=5)
    asker = Caller(granted=frozenset({"trial.a"}), who="service:7", expires_at=soon)
    ticket, _ends_at = await in_thread(tickets.issue)(asker, {"trial.a"}, now=now)

    admitted = tickets.admitted(Caller(tickets=(ticket,)), now=now)

    assert admitted.expires_at == soon


async def test_no_token_is_written_into_the_access_log(
    committed: None, redis: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    token = await token_of(await program())

    async with (
        serving(access_log=True) as address,
        httpx.AsyncClient(base_url=address, timeout=60) as http,
    ):
        async with stream(http, f"{STREAM}&token={token}") as events:
            await events.next()
        async with socket(address, f"?token={token}", subprotocols=[f"bearer.{token}"]) as client:
            await client.next()
        await http.get(f"/api/v1/orders?token={token}&ticket=s3cret")

    lines = [line.getMessage() for line in caplog.records if line.name == "uvicorn.access"]
    lines += [line.getMessage() for line in caplog.records if line.name == "uvicorn.error"]
    assert any("token=***" in line for line in lines)
    # the client's own library logs what it sends, which is the client's business
    assert not [line for line in lines if token in line or "s3cret" in line]
