"""Sending: at least once, in order for each topic, and nobody waits for the slow ones."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from museo.access import access_tokens, accounts
from museo.access.encryption import unseal
from museo.access.models import ServiceAccount
from notifications import dispatcher, log, parcels, sending, subscriptions, tasks
from notifications.channels import posting, signatures
from notifications.models import Attempt, Delivery, Event, Subscription
from notifications.parcels import Parcel
from notifications.sending import LEASE, Settled, Tried
from tests.notifications.conftest import NOON, somebody, tell
from tests.notifications.receivers import Got, Receiver, always, answer, receiving
from tests.together import at_once

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
ME = "me"


def dice() -> Random:
    return Random(7)  # noqa: S311  nobody need be unable to guess it


def subscribe(receiver: Receiver, topic: str = "trial.a", **more: Any) -> Subscription:
    wanted = {"channel": Subscription.Channel.WEBHOOK, "who": somebody(), "locale": "en", **more}
    made = subscriptions.begin(topic=topic, address=receiver.url, now=NOON, **wanted)
    return made.subscription


@pytest.fixture
def allow(settings: Any) -> Callable[..., None]:
    def allow(*receivers: Receiver) -> None:
        settings.MUSEO_WEBHOOK_ALLOW = frozenset(receiver.place for receiver in receivers)

    return allow


def dispatch(now: datetime = NOON) -> None:
    while dispatcher.dispatch(now=now):
        pass


def claim(now: datetime = NOON, sender: str = ME, limit: int = 100) -> list[Parcel]:
    return sending.claim(sender=sender, now=now, limit=limit)


def positions(parcels: Sequence[Parcel]) -> list[int]:
    ids = [parcel.delivery_id for parcel in parcels]
    return sorted(Delivery.objects.filter(pk__in=ids).values_list("position", flat=True))


def send_all(parcels: Sequence[Parcel], now: datetime) -> list[Tried]:
    async def send() -> list[Tried]:
        async with posting.pool() as connections:
            tries = [sending.send(connections, each, clock=lambda: now) for each in parcels]
            return list(await asyncio.gather(*tries))

    return asyncio.run(send())


def settle(tried: Sequence[Tried], now: datetime = NOON, sender: str = ME) -> Settled:
    return sending.settle(tried, sender=sender, now=now, dice=dice())


def send_once(now: datetime = NOON) -> Settled:
    """One round: what is due now is tried."""
    return settle(send_all(claim(now), now), now)


def states() -> list[tuple[int, str, str]]:
    return list(Delivery.objects.order_by("position").values_list("position", "state", "reason"))


def ids(receiver: Receiver) -> list[str]:
    return [got.headers["webhook-id"] for got in receiver.got]


# what is sent


def test_an_event_arrives_signed_with_its_place_in_the_log(allow: Callable[..., None]) -> None:
    with receiving() as receiver:
        allow(receiver)
        subscription = subscribe(receiver)
        tell(n=1)
        dispatch()

        assert send_once() == Settled(sent=1)

    (got,) = receiver.got
    event = Event.objects.get()
    envelope = orjson.loads(got.body)
    assert (envelope["topic"], envelope["position"], envelope["version"]) == ("trial.a", 1, 1)
    assert got.headers["webhook-id"] == envelope["id"] == f"evt_{event.uid.hex}"
    named = ("museo-topic", "museo-position", "museo-version", "content-type")
    assert [got.headers[name] for name in named] == ["trial.a", "1", "1", "application/json"]
    signatures.verify([unseal(subscription.secret)], got.headers, got.body, now=NOON)
    assert states() == [(1, "sent", "")]
    attempt = Attempt.objects.get()
    assert (attempt.at, attempt.status, attempt.code) == (NOON, 200, "")


def test_a_webhook_of_an_order_has_the_shape_of_the_source_documents(
    allow: Callable[..., None],
) -> None:
    with receiving() as receiver:
        allow(receiver)
        subscribe(receiver, shape=Subscription.Shape.FLAT)
        with log.change() as change:
            data = {"order_id": "ORD-1", "status_message": "On its way"}
            change.event("trial.a", "order.confirmed", data, at=NOON)
        dispatch()
        send_once()

    told = orjson.loads(receiver.got[0].body)
    assert (told["orderId"], told["order_id"], told["message"]) == ("ORD-1", "ORD-1", "On its way")
    assert told["data"] == data


def test_while_a_secret_is_replaced_both_sign(allow: Callable[..., None]) -> None:
    with receiving() as receiver:
        allow(receiver)
        subscription = subscribe(receiver)
        before = unseal(subscription.secret)
        after = subscriptions.rotate(subscription, now=NOON).secret
        for day in range(3):
            tell()
            dispatch()
            send_once(NOON + day * DAY)

    for day, got in enumerate(receiver.got):
        now = NOON + day * DAY
        signatures.verify([after], got.headers, got.body, now=now)
        if day == 0:
            signatures.verify([before], got.headers, got.body, now=now)
        else:
            with pytest.raises(signatures.BadSignature):
                signatures.verify([before], got.headers, got.body, now=now)


def test_what_comes_back_is_kept_in_short_and_without_secrets(allow: Callable[..., None]) -> None:
    said: list[bytes] = []

    async def echo(_got: Got, _writer: asyncio.StreamWriter) -> bytes:
        return answer(500, body=said[0] + b"\x00" + b"x" * 5000)

    with receiving(echo) as receiver:
        allow(receiver)
        secret = unseal(subscribe(receiver).secret)
        said.append(f"your secret {secret} and {secret.removeprefix('whsec_')}".encode())
        tell()
        dispatch()
        send_once()

    attempt = Attempt.objects.get()
    assert (attempt.status, attempt.code, attempt.detail) == (500, "unreachable", "HTTP 500")
    assert attempt.response.startswith("your secret *** and ***x")
    assert len(attempt.response) <= parcels.EXCERPT
    assert "webhook-signature: ***" in attempt.request
    assert secret.removeprefix("whsec_") not in attempt.request + attempt.response


# claims


def test_what_one_has_claimed_no_other_gets_until_the_lease_is_over() -> None:
    with receiving() as receiver:
        for topic in ("trial.a", "trial.b"):
            subscribe(receiver, topic)
            tell(topic)
        dispatch()

        assert positions(claim()) == [1, 2]
        assert claim(NOON + LEASE - SECOND, sender="another") == []
        assert positions(claim(NOON + LEASE, sender="another")) == [1, 2]


def test_a_result_is_written_only_by_who_holds_the_lease(allow: Callable[..., None]) -> None:
    with receiving() as receiver:
        allow(receiver)
        subscribe(receiver)
        tell()
        dispatch()
        slow = send_all(claim(), NOON)
        claim(NOON + LEASE, sender="another")

        assert settle(slow, NOON + LEASE) == Settled()

    assert states() == [(1, "pending", "")]
    assert not Attempt.objects.exists()


def test_what_cannot_be_over_before_the_lease_is_given_back(allow: Callable[..., None]) -> None:
    with receiving() as receiver:
        allow(receiver)
        subscribe(receiver)
        tell()
        dispatch()
        late = NOON + LEASE - posting.TOTAL

        settle(send_all(claim(), late), late)

        assert receiver.got == []
        assert len(claim(late, sender="another")) == 1


def test_an_earlier_one_holds_the_later_ones_of_its_topic_and_no_others() -> None:
    with receiving() as receiver:
        subscribe(receiver)
        for topic in ("trial.x", "trial.y", "trial.x", "trial.y", "trial.x"):
            tell(topic, also=["trial.a"])
        dispatch()

        assert positions(claim()) == [1, 2]
        Delivery.objects.filter(position=2).update(state="sent", leased_by="", ended_at=NOON)
        assert positions(claim()) == [4]
        Delivery.objects.filter(position=1).update(leased_by="", due_at=NOON + DAY)
        assert claim() == []


def test_one_that_is_given_up_lets_the_next_one_go() -> None:
    with receiving() as receiver:
        subscribe(receiver)
        tell(count=2)
        dispatch()
        Delivery.objects.filter(position=1).update(state="failed", ended_at=NOON)

        assert positions(claim()) == [2]


def test_one_address_gets_no_more_than_its_turn(allow: Callable[..., None]) -> None:
    with receiving() as slow, receiving() as other:
        for number in range(40):
            subscribe(slow, f"trial.{number}")
            tell(f"trial.{number}")
        subscribe(other, "trial.0")
        tell("trial.0")
        dispatch()

        first = claim()

        of_slow = [parcel for parcel in first if parcel.address == slow.url]
        assert len(of_slow) == sending.MOST_IN_LINE
        assert len(first) == sending.MOST_IN_LINE + 1
        assert claim(sender="another") == []
        Subscription.objects.update(failing_since=NOON)
        assert len(claim(NOON + LEASE)) == sending.MOST_AT_ONCE + 1


def test_two_at_once_claim_each_once() -> None:
    with receiving() as receiver:
        for number in range(12):
            subscribe(receiver, f"trial.{number}")
            tell(f"trial.{number}")
        dispatch()

        found = at_once([lambda name=name: claim(sender=name, limit=4) for name in "abcdef"])  # type: ignore[misc]

    taken = [parcel.delivery_id for batch in found for parcel in batch]  # type: ignore[union-attr]
    assert len(taken) == len(set(taken)) >= 4


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer")
def test_without_a_lease_two_at_once_claim_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: what is claimed is only read."""
    _statement, choice = sending.CLAIM.split("WITH heads", 1)
    only_read = "WITH heads" + choice.split("UPDATE notifications_delivery")[0]
    only_read += "SELECT id FROM chosen"
    monkeypatch.setattr(sending, "CLAIM", only_read)
    monkeypatch.setattr(sending, "LOCK", {})
    with receiving() as receiver:
        subscribe(receiver)
        tell()
        dispatch()

        found = at_once([lambda: claim(sender="a"), lambda: claim(sender="b")])

    assert [len(batch) for batch in found] == [1, 1]  # type: ignore[arg-type]


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite counts no rows beforehand")
def test_a_claim_looks_at_no_pairs_though_far_more_waits_than_was_counted() -> None:
    """PostgreSQL plans by what it counted last, which may have been before all of it came."""
    count = 600
    with receiving() as receiver, connection.cursor() as cursor:
        cursor.execute("ANALYZE notifications_delivery")
        subscribe(receiver)
        for number in range(count):
            tell(f"trial.{number}", also=["trial.a"])
        dispatch()
        with CaptureQueriesContext(connection) as asked:
            claim()

        (statement,) = [each["sql"] for each in asked if "WITH heads" in each["sql"]]
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
        plan = cursor.fetchone()[0][0]["Plan"]

    assert _looked_at(plan) < 30 * count


def _looked_at(plan: dict[str, Any]) -> float:
    """How many rows and pairs a part of a plan has looked at, with all below it."""
    names = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter")
    own: float = plan["Actual Loops"] * sum(plan.get(name, 0) for name in names)
    return own + sum(map(_looked_at, plan.get("Plans", ())))


# receivers from hell, by a clock that is turned on


def play(now: datetime, until: datetime) -> list[datetime]:
    """Try whatever comes due; return when something was tried."""
    moments = []
    while now <= until:
        tried = send_all(claim(now), now)
        if tried:
            settle(tried, now)
            sending.leave_out_disabled(now=now)
            moments.append(now)
        following = Delivery.objects.pending().filter(subscription__state="active")
        due = following.order_by("due_at").values_list("due_at", flat=True).first()
        if due is None:
            break
        rests = Subscription.objects.filter(state="active").values_list("rests_until", flat=True)
        now = max([now if tried else now + SECOND, due, *filter(None, rests)])
    return moments


def test_whoever_asks_for_a_pause_gets_it(allow: Callable[..., None]) -> None:
    with receiving(always(answer(429, "retry-after: 3600"))) as receiver:
        allow(receiver)
        subscribe(receiver)
        tell(count=1)
        tell("trial.b", also=["trial.a"])
        dispatch()
        send_once()

        assert claim(NOON + timedelta(minutes=59)) == []
        assert positions(claim(NOON + timedelta(minutes=61))) == [1, 2]


def test_one_that_has_gone_is_disabled_at_once_and_somebody_is_told(
    allow: Callable[..., None],
) -> None:
    with receiving(always(answer(410))) as receiver:
        allow(receiver)
        subscription = subscribe(receiver)
        tell(count=2)
        dispatch()

        settled = send_once()
        sending.leave_out_disabled(now=NOON)

    subscription.refresh_from_db()
    assert settled == Settled(failed=1, disabled=1)
    assert (subscription.state, subscription.reason) == ("disabled", "gone")
    assert states() == [(1, "failed", "gone"), (2, "skipped", "disabled")]
    told = Event.objects.get(type="notification")
    assert (told.topic, told.data["data"]["reason"]) == (somebody().replace(":", "."), "gone")
    assert told.data["data"]["subscription_id"] == subscription.public_id
    assert receiver.url not in str(told.data) + str(told.texts)
    assert len(receiver.got) == 1


def test_five_days_of_failure_disable_and_one_success_in_between_does_not(
    allow: Callable[..., None],
) -> None:
    is_well = [False]

    async def behave(_got: Got, _writer: asyncio.StreamWriter) -> bytes:
        return answer(204 if is_well[0] else 503)

    def each_day(days: range) -> None:
        for day in days:
            now = NOON + day * DAY
            tell(f"trial.{day}", also=["trial.a"])
            dispatch(now)
            play(now, now + DAY - SECOND)

    with receiving(behave) as receiver:
        allow(receiver)
        accounts.create(name="program", scopes=["orders:read"], now=NOON)
        program = access_tokens.who_is(ServiceAccount.objects.get().pk)
        subscription = subscribe(receiver, who=program)
        each_day(range(3))
        is_well[0] = True
        each_day(range(3, 4))
        subscription.refresh_from_db()
        assert (subscription.state, subscription.failing_since) == ("active", None)
        is_well[0] = False
        each_day(range(4, 9))
        subscription.refresh_from_db()
        assert subscription.state == "active"
        each_day(range(9, 11))

    subscription.refresh_from_db()
    assert (subscription.state, subscription.reason) == ("disabled", "failing")
    told = Event.objects.get(type="notification")
    assert told.topic == "staff.ops"
    assert not Delivery.objects.pending().exists()
    assert not Delivery.objects.exclude(state="sent").filter(reason="").exists()


def test_of_what_was_forgotten_meanwhile_nothing_is_sent() -> None:
    with receiving() as receiver:
        subscribe(receiver)
        tell()
        dispatch()
        Delivery.objects.update(position=99)

        send_once()

    assert states() == [(99, "skipped", "forgotten")]
    assert receiver.got == []


# whole runs


def run() -> Settled:
    return sending.run(clock=timezone.now, dice=dice())


def versions(receiver: Receiver) -> dict[str, list[int]]:
    """Those of each topic, without repeats, in the order in which they came."""
    found: dict[str, list[int]] = defaultdict(list)
    for got in receiver.got:
        version = int(got.headers["museo-version"])
        if version not in found[got.headers["museo-topic"]]:
            found[got.headers["museo-topic"]].append(version)
    return found


def test_a_run_sends_all_in_order_and_two_at_once_at_most(allow: Callable[..., None]) -> None:
    async def slow(_got: Got, _writer: asyncio.StreamWriter) -> bytes:
        await asyncio.sleep(0.005)
        return answer(200)

    with receiving(slow) as receiver:
        allow(receiver)
        subscribe(receiver)
        for _ in range(10):
            for number in range(6):
                tell(f"trial.{number}", also=["trial.a"])
        dispatch(timezone.now())

        assert run() == Settled(sent=60)

    assert versions(receiver) == {f"trial.{number}": list(range(1, 11)) for number in range(6)}
    assert len(ids(receiver)) == len(set(ids(receiver))) == 60
    assert receiver.most_open == sending.MOST_AT_ONCE


def test_nobody_waits_for_those_who_do_not_answer(
    allow: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "TOTAL", timedelta(seconds=1))

    async def never(_got: Got, _writer: asyncio.StreamWriter) -> bytes:
        await asyncio.sleep(60)
        return b""

    with receiving(never) as ill, receiving() as well:
        allow(ill, well)
        for number in range(30):
            subscribe(ill, f"trial.{number}")
            subscribe(well, f"trial.{number}")
            tell(f"trial.{number}")
        dispatch(timezone.now())
        arrived: list[int] = []
        really = sending.settle

        def settle(tried: Sequence[Tried], **more: Any) -> Settled:
            if not ill_has_failed():
                arrived.append(len(well.got))
            return really(tried, **more)

        def ill_has_failed() -> bool:
            return Attempt.objects.exclude(code="").exists()

        monkeypatch.setattr(sending, "settle", settle)
        monkeypatch.setattr(sending, "CLAIMING_SECONDS", 2.0)
        run()

    assert max(arrived) == 30
    assert Delivery.objects.filter(state="sent").count() == 30


def test_while_one_thread_claims_another_has_nothing_to_do() -> None:
    with sending._claiming:
        assert run() == Settled()
    assert not sending._claiming.locked()
    assert run() == Settled()
    assert not sending._claiming.locked()


def test_a_tick_makes_deliveries_and_sends_them(allow: Callable[..., None]) -> None:
    with receiving() as receiver:
        allow(receiver)
        subscribe(receiver)
        tell(count=3)

        assert tasks.deliver() == 3
        assert tasks.deliver() == 0

    assert versions(receiver) == {"trial.a": [1, 2, 3]}
