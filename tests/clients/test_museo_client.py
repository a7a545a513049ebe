"""The Python client of docs/ against a whole shop, through a proxy that does it wrong."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest

from tests.clients.conftest import CLIENTS
from tests.clients.orders import STEPS, Bought, Desk
from tests.clients.proxy import Proxy
from tests.processes import eventually
from tests.shops import free_port

SECONDS = 60


class Following:
    """An iteration in a thread of its own: what it was told, and how it ended."""

    def __init__(self, follow: Callable[[Callable[[Any], bool]], None]) -> None:
        self.told: list[Any] = []
        self.error: Exception | None = None
        self._is_over = False
        self._thread = threading.Thread(target=self._run, args=[follow], daemon=True)
        self._thread.start()

    @property
    def versions(self) -> list[int]:
        return [event.version for event in self.told if hasattr(event, "version")]

    def join(self) -> None:
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()

    def leave(self) -> None:
        """End with the next that is told."""
        self._is_over = True

    def _run(self, follow: Callable[[Callable[[Any], bool]], None]) -> None:
        try:
            follow(self._hear)
        except Exception as error:
            self.error = error

    def _hear(self, told: Any) -> bool:
        self.told.append(told)
        return self._is_over


Follow = Callable[..., Following]


@pytest.fixture(params=["sync", "async"])
def follow(request: pytest.FixtureRequest, client: ModuleType, proxy: Proxy) -> Follow:
    """Follows an order through the proxy, by both faces of the client."""

    def follow(order: Bought, *, after: str | None = None, **settings: Any) -> Following:
        settings = {"ticket": order.ticket, **settings}

        def plainly(hear: Callable[[Any], bool]) -> None:
            with client.Museo(proxy.address, **settings) as museo:
                told: Iterator[Any] = museo.follow_order(order.number, after=after)
                for each in told:
                    if hear(each):
                        return

        async def in_a_loop(hear: Callable[[Any], bool]) -> None:
            async with client.AsyncMuseo(proxy.address, **settings) as museo:
                told: AsyncIterator[Any] = museo.follow_order(order.number, after=after)
                async for each in told:
                    if hear(each):
                        return

        is_sync = request.param == "sync"
        return Following(plainly if is_sync else lambda hear: asyncio.run(in_a_loop(hear)))

    return follow


def test_an_order_is_followed_from_its_first_event_until_it_ends(
    calm: Desk, follow: Follow
) -> None:
    order = calm.buy()
    following = follow(order)
    eventually(lambda: following.versions == [1])

    calm.advance(order, *STEPS[1:])
    following.join()

    assert following.error is None
    assert [event.type for event in following.told] == [f"order.{step}" for step in STEPS]
    assert following.versions == [1, 2, 3, 4, 5]
    written = calm.events(order)
    assert [event.id for event in following.told] == [event["id"] for event in written]
    assert following.told[0].timestamp.tzinfo is not None
    assert following.told[4].data["status"] == "delivered"


def test_a_cursor_brings_exactly_the_rest(calm: Desk, follow: Follow) -> None:
    order = calm.buy()
    calm.advance(order, *STEPS[1:])
    first = follow(order)
    first.join()

    rest = follow(order, after=first.told[1].cursor)
    rest.join()

    assert rest.told == first.told[2:]


def test_a_killed_server_costs_no_event_and_doubles_none(calm: Desk, follow: Follow) -> None:
    order = calm.buy()
    following = follow(order)
    eventually(lambda: following.versions == [1])

    web = calm.shop.process("uvicorn")
    web.kill()
    web.wait(timeout=10)
    calm.take_steps(order, 2)
    eventually(calm.shop.is_healthy)
    eventually(lambda: following.versions == [1, 2, 3])
    calm.advance(order, *STEPS[3:])
    following.join()

    assert following.error is None
    assert following.versions == [1, 2, 3, 4, 5]


def double(frame: bytes) -> list[bytes]:
    return [frame, frame]


def test_an_event_that_comes_twice_is_told_once(calm: Desk, follow: Follow, proxy: Proxy) -> None:
    order = calm.buy()
    proxy.edit = double
    calm.advance(order, *STEPS[1:])

    following = follow(order)
    following.join()

    assert following.versions == [1, 2, 3, 4, 5]


class Loses:
    """Loses the third event of an order: the first `times` that it comes by."""

    def __init__(self, times: int) -> None:
        self.times = times

    def __call__(self, frame: bytes) -> list[bytes]:
        if b'"version":3,"data"' in frame and self.times:
            self.times -= 1
            return []
        return [frame]


def test_a_gap_is_asked_for_again(calm: Desk, follow: Follow, proxy: Proxy) -> None:
    order = calm.buy()
    proxy.edit = Loses(times=1)
    calm.advance(order, *STEPS[1:])

    following = follow(order)
    following.join()

    assert following.error is None
    assert following.versions == [1, 2, 3, 4, 5]
    epoch = following.told[1].cursor
    assert [f"after={epoch}" in asked for asked in proxy.asked] == [False, True]


def test_a_gap_that_stays_is_said(
    calm: Desk, follow: Follow, proxy: Proxy, client: ModuleType
) -> None:
    order = calm.buy()
    proxy.edit = Loses(times=1000)
    calm.advance(order, *STEPS[1:])

    following = follow(order)
    following.join()

    broken = following.error
    assert isinstance(broken, client.ContinuityBroken)
    assert (broken.topic, broken.expected, broken.version) == (order.topic, 3, 4)
    assert following.versions == [1, 2]


def test_without_the_check_a_gap_goes_unnoticed(calm: Desk, follow: Follow, proxy: Proxy) -> None:
    order = calm.buy()
    proxy.edit = Loses(times=1000)
    calm.advance(order, *STEPS[1:])

    following = follow(order, is_checking=False)
    following.join()

    assert following.error is None
    assert following.versions == [1, 2, 4, 5]


def test_a_connection_that_was_cut_without_a_word_is_opened_anew(
    calm: Desk, follow: Follow, proxy: Proxy
) -> None:
    order = calm.buy()
    following = follow(order, patience=1)
    eventually(lambda: following.versions == [1])

    proxy.is_silent = True
    calm.advance(order, *STEPS[1:])
    eventually(lambda: len(proxy.asked) > 1)
    proxy.is_silent = False
    following.join()

    assert following.versions == [1, 2, 3, 4, 5]


def test_a_log_that_was_made_anew_is_told_as_a_reset(
    calm: Desk, follow: Follow, client: ModuleType
) -> None:
    order = calm.buy()
    following = follow(order)
    eventually(lambda: following.versions == [1])

    calm.begin_log_anew()
    eventually(lambda: len(following.told) == 2)
    calm.advance(order, *STEPS[1:])
    following.join()

    reset = following.told[1]
    assert isinstance(reset, client.Reset)
    assert reset.snapshots[order.topic]["status"] == "placed"
    assert following.versions == [1, 2, 3, 4, 5]


def test_a_foreign_order_is_refused_in_words(
    calm: Desk, follow: Follow, client: ModuleType
) -> None:
    own, foreign = calm.buy(), calm.buy()

    following = follow(foreign, ticket=own.ticket)
    following.join()

    assert isinstance(following.error, client.Refused)
    assert following.error.status == 404
    assert following.error.problem["code"] == "not_found"
    assert "ticket" in str(following.error)


def test_who_does_not_want_to_wait_for_ever_is_told_that_nobody_answers(
    client: ModuleType,
) -> None:
    with client.Museo(f"http://127.0.0.1:{free_port()}", tries=2) as museo:
        events = museo.follow("broadcast.all")
        with pytest.raises(client.Away, match="2 tries"):
            next(events)


@contextmanager
def heard(client: ModuleType, proxy: Proxy, *topics: str, ticket: str) -> Iterator[Following]:
    def follow(hear: Callable[[Any], bool]) -> None:
        with client.Museo(proxy.address, ticket=ticket) as museo:
            for told in museo.follow(*topics):
                if hear(told):
                    return

    following = Following(follow)
    yield following
    following.leave()


def test_several_topics_are_one_stream_from_now_on(
    calm: Desk, client: ModuleType, proxy: Proxy
) -> None:
    order = calm.buy()

    with heard(client, proxy, order.topic, "broadcast.all", ticket=order.ticket) as following:
        eventually(lambda: proxy.streams == 1)
        calm.advance(order, "confirmed")
        calm.broadcast("We close early today.")
        eventually(lambda: len(following.told) == 2)

    step, notice = following.told
    assert (step.type, step.version) == ("order.confirmed", 2)
    assert (notice.type, notice.data["message"]) == ("notification", "We close early today.")


def test_a_gap_of_one_topic_is_healed_though_another_went_on(
    calm: Desk, client: ModuleType, proxy: Proxy
) -> None:
    order = calm.buy()
    proxy.edit = Loses(times=1)

    with heard(client, proxy, order.topic, "broadcast.all", ticket=order.ticket) as following:
        eventually(lambda: proxy.streams == 1)
        calm.advance(order, "confirmed", "preparing")
        calm.broadcast("One")
        calm.advance(order, "out_for_delivery")
        eventually(lambda: len(following.told) == 4)

    assert [event.version for event in following.told if event.topic == order.topic] == [2, 3, 4]


def test_the_client_is_typed() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", CLIENTS / "museo_client.py"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout
