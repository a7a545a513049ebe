"""Deliveries to people, from the log to the provider and back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from museo.access.models import User
from notifications import (
    bounces,
    digests,
    dispatcher,
    log,
    parcels,
    retries,
    sending,
    subscriptions,
)
from notifications.channels import CHANNELS, news, posting
from notifications.channels.news import Reply, Status
from notifications.channels.states import State
from notifications.models import Attempt, Delivery, Event, Preference, Report, Subscription
from notifications.sending import Settled
from tests.mail_server import Mailbox
from tests.notifications.channels.conftest import NUMBER
from tests.notifications.channels.meta_server import Meta
from tests.notifications.channels.push_service import Browser
from tests.notifications.channels.twilio_server import Twilio
from tests.notifications.conftest import NOON, somebody

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both_in_long]
MAYA = "maya@example.org"
SECOND = timedelta(seconds=1)


def subscribe(channel: str = "email", address: str = MAYA, **more: Any) -> Subscription:
    wanted = {"topic": "trial.a", "who": somebody(), "locale": "en", **more}
    made = subscriptions.begin(
        channel=Subscription.Channel(channel), address=address, now=NOON, **wanted
    )
    return made.subscription


def tell(status: str = "confirmed", topic: str = "trial.a", at: datetime = NOON) -> None:
    with log.change() as change:
        change.event(
            topic,
            f"order.{status}",
            {"order_id": "ORD-7K4Q2M9X", "status": status, "step": 1, "steps": 4},
            at=at,
            texts={"status_message": [f"order.{status}.message", {}]},
        )


def dispatch(now: datetime = NOON) -> None:
    while dispatcher.dispatch(now=now):
        pass


def send(now: datetime = NOON) -> Settled:
    """What is due now is tried, by the very loop of a work process."""
    return sending.run(clock=lambda: now, dice=Random(7))  # noqa: S311


def deliver(now: datetime = NOON) -> Settled:
    dispatch(now)
    return send(now)


def states() -> list[tuple[str, str]]:
    return list(Delivery.objects.order_by("position", "pk").values_list("state", "reason"))


# what arrives


def test_a_letter_says_what_happened_in_the_language_of_the_subscription(
    mailbox: Mailbox, settings: Settings
) -> None:
    settings.MUSEO_PUBLIC_URL = "https://shop.example"
    made = subscribe(locale="de")
    tell()

    assert deliver() == Settled(sent=1)

    (letter,) = mailbox.taken
    assert (letter["To"], letter["Content-Language"]) == (MAYA, "de")
    assert letter["Message-ID"] == f"<{made.public_id}-1@shop.example>"
    assert f"<https://shop.example/stop/{made.public_id}." in letter["List-Unsubscribe"]
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    plain, _html = letter.iter_parts()
    assert "Bestellung ORD-7K4Q2M9X" in plain.get_content()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.reference) == ("sent", letter["Message-ID"])


def test_each_channel_takes_the_form_that_it_has(
    mailbox: Mailbox, twilio: Twilio, meta: Meta, browser: Browser
) -> None:
    meta.windows.add(NUMBER.removeprefix("+"))
    wrote = Reply("instagram", "in-1", "17841", "hello", at=NOON)
    news.hear([wrote, replace(wrote, channel="whatsapp", provider_id="wa-1", sender=NUMBER)])
    subscribe()
    subscribe("sms", NUMBER)
    subscribe("whatsapp", NUMBER)
    subscribe("instagram", "17841")
    subscribe("webpush", CHANNELS["webpush"].check(browser.subscription))
    tell()

    assert deliver() == Settled(sent=5)

    assert len(mailbox.taken) == len(twilio.taken) == len(browser.read) == 1
    assert [each.get("to") for each in meta.taken].count(NUMBER.removeprefix("+")) == 1
    assert [each["recipient"]["id"] for each in meta.taken if "recipient" in each] == ["17841"]
    assert "✅" not in twilio.taken[0]["Body"]
    attempts = str(list(Attempt.objects.values()))
    for private in (MAYA, NUMBER, "17841", browser.url, twilio.taken[0]["Body"]):
        assert private not in attempts
    assert set(Attempt.objects.values_list("code", flat=True)) == {""}


def test_whatsapp_asks_when_the_person_last_wrote(meta: Meta) -> None:
    meta.windows.add(NUMBER.removeprefix("+"))
    made = subscribe("whatsapp", NUMBER)
    tell()

    # long ago, so that only a template gets through, which needs a link
    assert deliver() == Settled(failed=1)

    assert states() == [("failed", "window_closed")]
    made.refresh_from_db()
    assert made.state == "active"
    news.hear([Reply("whatsapp", "wa-1", NUMBER, "hello", at=NOON)])
    tell("delivered")
    assert deliver() == Settled(sent=1)


def test_another_try_has_the_same_name(mailbox: Mailbox) -> None:
    mailbox.to_data.append("451 Try again")
    subscribe()
    tell()

    assert deliver() == Settled(failed=1)
    assert states() == [("pending", "unreachable")]
    assert send(NOON + 10 * SECOND) == Settled(sent=1)

    tries = Attempt.objects.order_by("pk").values_list("code", "detail", "request")
    name = f"email {Delivery.objects.get().public_id}"
    assert list(tries) == [("unreachable", "smtp 451", name), ("", "", name)]
    assert len(mailbox.taken) == 1


# the newest says all


def test_only_the_newest_of_what_waits_is_sent(mailbox: Mailbox) -> None:
    subscribe()
    for status in ("placed", "confirmed", "delivered"):
        tell(status)

    assert deliver() == Settled(sent=1)

    assert states() == [("superseded", "newer"), ("superseded", "newer"), ("sent", "")]
    assert [each["Subject"] for each in mailbox.taken] == ["Your order has arrived"]


def test_what_failed_gives_way_to_what_came_meanwhile(mailbox: Mailbox) -> None:
    """Here the older one was on its way already when the newer one came."""
    mailbox.to_data.append("451 Try again")
    subscribe()
    tell("confirmed")
    dispatch()
    (parcel,) = sending.claim(sender="me", now=NOON)
    tell("delivered")
    dispatch()
    assert parcel.cargo
    tried = sending.Tried(parcel, NOON, outcome=_sent_now(parcel.cargo))

    sending.settle([tried], sender="me", now=NOON, dice=Random(7))  # noqa: S311

    assert states() == [("superseded", "newer"), ("pending", "")]
    assert send() == Settled(sent=1)
    assert len(mailbox.taken) == 1


def _sent_now(cargo: parcels.Cargo) -> parcels.Outcome:
    async def once() -> parcels.Outcome:
        async with posting.pool() as connections:
            return await cargo.send(connections, now=NOON)

    return asyncio.run(once())


def test_other_topics_and_other_people_are_told_besides(mailbox: Mailbox) -> None:
    subscribe()
    subscribe(address="noa@example.org")
    subscribe(topic="trial.b")
    tell()
    tell(topic="trial.b")

    assert deliver() == Settled(sent=3)

    assert sorted(each["To"] for each in mailbox.taken) == [MAYA, MAYA, "noa@example.org"]


# what must not go out


def test_a_channel_that_is_not_configured_says_so_and_is_not_tried_for_ever() -> None:
    subscribe("sms", NUMBER)
    tell()

    assert deliver() == Settled()

    assert states() == [("skipped", "not_configured")]
    assert not Attempt.objects.exists()
    assert sending.claim(sender="me", now=NOON + timedelta(days=9)) == []


def test_who_says_stop_is_told_nothing_by_that_channel_until_start(
    twilio: Twilio, mailbox: Mailbox
) -> None:
    subscribe("sms", NUMBER)
    subscribe()
    news.hear([Reply("sms", "SM1", NUMBER, "Stop", at=NOON)])
    tell("confirmed")
    assert deliver() == Settled(sent=1)

    assert [each for each in states() if each[0] == "skipped"] == [("skipped", "opted_out")]
    assert (len(twilio.taken), len(mailbox.taken)) == (0, 1)
    news.hear([Reply("sms", "SM2", NUMBER, "START", at=NOON + SECOND)])
    tell("delivered")
    assert deliver() == Settled(sent=2)
    assert len(twilio.taken) == 1


def test_stop_counts_however_an_address_is_written(mailbox: Mailbox) -> None:
    subscribe(address="Maya@Example.org")
    news.hear([Reply("email", "<1@x>", MAYA, "stop", at=NOON)])
    tell()

    deliver()

    assert states() == [("skipped", "opted_out")]
    assert mailbox.taken == []


@pytest.mark.parametrize(
    "take",
    [
        lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
        lambda user: user.delete(),
    ],
)
def test_whose_account_is_closed_is_told_nothing_more(
    mailbox: Mailbox, take: Callable[[User], object]
) -> None:
    user = User.objects.create_user(MAYA)
    subscribe(who=f"user:{user.pk}")
    tell("confirmed")
    assert deliver() == Settled(sent=1)
    tell("delivered")
    dispatch()

    take(user)

    assert send() == Settled()
    assert states()[-1] == ("skipped", "not_allowed")
    assert len(mailbox.taken) == 1


def test_who_has_lost_one_topic_is_still_told_of_the_others(mailbox: Mailbox) -> None:
    boss = User.objects.create_superuser(MAYA)
    subscribe(who=f"user:{boss.pk}", topic="staff.ops", further=["trial.a"])
    User.objects.filter(pk=boss.pk).update(is_superuser=False)
    tell(topic="staff.ops")
    tell("delivered")

    deliver()

    assert dict(Delivery.objects.values_list("topic", "state")) == {
        "staff.ops": "skipped",
        "trial.a": "sent",
    }


def test_who_has_lost_a_role_is_told_nothing_by_it(mailbox: Mailbox) -> None:
    boss = User.objects.create_superuser(MAYA)
    subscribe(who=f"user:{boss.pk}", topic="staff.ops")
    tell(topic="staff.ops")
    assert deliver() == Settled(sent=1)

    User.objects.filter(pk=boss.pk).update(is_superuser=False)
    tell("delivered", topic="staff.ops")

    assert deliver() == Settled()
    assert states()[-1] == ("skipped", "not_allowed")
    User.objects.filter(pk=boss.pk).update(is_superuser=True)
    tell("refunded", topic="staff.ops")
    assert deliver() == Settled(sent=1)


# what comes back


def test_an_address_that_nobody_has_is_written_to_once(mailbox: Mailbox) -> None:
    mailbox.to_recipients.append("550 No such user")
    made = subscribe()
    tell("confirmed")

    assert deliver() == Settled(failed=1, disabled=1)

    made.refresh_from_db()
    assert (made.state, made.reason) == ("disabled", "bad_address")
    told = Event.objects.get(type="notification")
    assert told.topic == made.who.replace(":", ".")
    assert MAYA not in f"{told.data}{told.texts}"
    tell("delivered")
    assert deliver() == Settled()
    assert states()[-1] == ("skipped", "disabled")


def test_a_browser_that_has_gone_is_forgotten(browser: Browser) -> None:
    browser.refusing.append((410, {}))
    made = subscribe("webpush", CHANNELS["webpush"].check(browser.subscription))
    tell()

    assert deliver() == Settled(failed=1, disabled=1)

    made.refresh_from_db()
    assert (made.state, made.reason) == ("disabled", "gone")


def test_the_trouble_of_a_provider_disables_nobody(twilio: Twilio) -> None:
    made = subscribe("sms", NUMBER)
    tell()
    dispatch()
    now = NOON
    for number in range(len(retries.PAUSES) + 1):
        twilio.refusing.append((401, 20003, {}))
        assert send(now) == Settled(failed=1), number
        now += retries.PAUSES[min(number, len(retries.PAUSES) - 1)] * 1.2

    made.refresh_from_db()
    assert states() == [("failed", "not_authorized")]
    assert (made.state, made.failing_since, twilio.taken) == ("active", None, [])


@pytest.mark.parametrize("state", [State.BOUNCED, State.COMPLAINED])
def test_mail_that_bounces_or_is_minded_ends_all_mail_to_that_person(
    mailbox: Mailbox, state: State
) -> None:
    subscribe()
    subscribe(topic="trial.b")
    other = subscribe(address="noa@example.org")
    tell()
    deliver()
    reference = Delivery.objects.get(subscription__address=MAYA).reference

    bounces.hear([Status("email", reference, State.DELIVERED, at=NOON)], now=NOON)
    assert not Subscription.objects.filter(state="disabled").exists()
    for _again in range(2):
        bounces.hear([Status("email", reference, state, at=NOON)], now=NOON)

    ended = Subscription.objects.filter(address=MAYA)
    assert set(ended.values_list("state", "reason")) == {("disabled", str(state))}
    other.refresh_from_db()
    assert other.state == "active"
    # whoever has ordered a hundred times is told once
    assert Event.objects.filter(type="notification").count() == 1


def test_a_mail_that_bounces_is_found_among_those_that_were_not_sent(mailbox: Mailbox) -> None:
    made = subscribe()
    tell()
    deliver()
    reference = Delivery.objects.get().reference
    tell("delivered")
    dispatch()

    bounces.hear([Status("email", reference, State.BOUNCED, at=NOON)], now=NOON)

    made.refresh_from_db()
    assert (made.state, made.reason) == ("disabled", "bounced")


def test_many_bounces_cost_as_many_statements_as_one(mailbox: Mailbox) -> None:
    def statements(*names: str) -> int:
        for name in names:
            subscribe(topic=f"trial.{name}", address=f"{name}@example.org")
            tell(topic=f"trial.{name}")
        assert deliver().sent == len(names)
        last = Delivery.objects.order_by("-pk")[: len(names)]
        references = [each.reference for each in last]
        for each in references:
            Report.objects.create(channel="email", reference=each, state="bounced", at=NOON)
        with CaptureQueriesContext(connection) as captured:
            assert bounces.obey(references, now=NOON) == len(names)
        return len(captured)

    # the rows of a few are inserted otherwise
    assert statements(*"bcdefgh") == statements("a") <= 12


def test_a_report_that_comes_before_we_know_the_message_counts_too(mailbox: Mailbox) -> None:
    made = subscribe()
    tell()
    reference = f"<{made.public_id}-1@shop.example>"
    bounces.hear([Status("email", reference, State.BOUNCED, at=NOON)], now=NOON)

    deliver()

    made.refresh_from_db()
    assert (made.state, made.reason) == ("disabled", "bounced")


def test_what_became_of_a_message_is_shown_with_its_delivery(
    mailbox: Mailbox, client: Client
) -> None:
    subscribe()
    tell()
    deliver()
    client.force_login(User.objects.get())

    def shown() -> dict[str, Any]:
        told: dict[str, Any] = client.get("/api/v1/deliveries").json()["results"][0]
        return told

    assert shown()["report"] is None

    reference = Delivery.objects.get().reference
    bounces.hear([Status("email", reference, State.READ, at=NOON)], now=NOON)
    bounces.hear([Status("email", reference, State.DELIVERED, at=NOON)], now=NOON)

    assert shown()["report"] == {"state": "read", "code": "", "at": "2026-11-20T12:00:00.000Z"}
    assert json.dumps(shown()).count(MAYA) == 0
    assert Report.objects.count() == 1


# many at once


def test_a_slow_provider_holds_up_no_other_channel(
    mailbox: Mailbox, twilio: Twilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parcels, "MOST_OF_A_CHANNEL", 2)
    for number in range(5):
        subscribe("sms", f"+35840123456{number}")
    subscribe()
    tell()
    dispatch()

    first = sending.claim(sender="me", now=NOON)
    second = sending.claim(sender="you", now=NOON)

    assert len(first) == 3
    assert second == []
    assert sum(isinstance(each.cargo, parcels.ToPerson) for each in first) == 3
    later = timezone.now() + sending.LEASE
    assert send(later) == Settled(sent=6)


def gathered() -> datetime:
    """Two orders' events are a digest, due at the returned moment."""
    who = somebody()
    user = User.objects.get()
    Preference.objects.create(
        user=user, wishes={"digest": {"window": "hour", "at": "08:00"}}, changed_at=NOON
    )
    for name in ("trial.a", "trial.b"):
        subscribe(topic=name, who=who)
    tell("placed", "trial.a")
    tell("confirmed", "trial.b")
    dispatch()
    assert send() == Settled()
    later = NOON + timedelta(hours=1)
    digests.gather(now=later)
    return later


def require_all_told(letter: EmailMessage) -> None:
    assert letter["Subject"] == "Your order is confirmed"
    for part in letter.iter_parts():
        assert "Before that:" in part.get_content()
        assert "Order ORD-7K4Q2M9X: We have your order" in part.get_content()


def test_a_digest_is_one_letter_that_tells_of_all(mailbox: Mailbox) -> None:
    later = gathered()

    assert send(later) == Settled(sent=1)

    (letter,) = mailbox.taken
    require_all_told(letter)


def test_a_digest_tells_of_all_at_the_second_try_too(mailbox: Mailbox) -> None:
    later = gathered()
    mailbox.to_data.append("451 Try again")

    assert send(later) == Settled(failed=1)
    assert send(later + timedelta(minutes=5)) == Settled(sent=1)

    (letter,) = mailbox.taken
    require_all_told(letter)


def test_a_digest_tells_nothing_that_its_reader_may_no_longer_read(mailbox: Mailbox) -> None:
    boss = User.objects.create_superuser(MAYA)
    Preference.objects.create(
        user=boss, wishes={"digest": {"window": "hour", "at": "08:00"}}, changed_at=NOON
    )
    for name in ("staff.ops", "trial.a"):
        subscribe(topic=name, who=f"user:{boss.pk}")
    tell("placed", "staff.ops")
    tell("confirmed", "trial.a")
    dispatch()
    later = NOON + timedelta(hours=1)
    digests.gather(now=later)

    User.objects.filter(pk=boss.pk).update(is_superuser=False)

    assert send(later) == Settled(sent=1)
    (letter,) = mailbox.taken
    assert letter["Subject"] == "Your order is confirmed"
    for part in letter.iter_parts():
        assert "We have your order" not in part.get_content()
        assert "Before that" not in part.get_content()


def test_a_digest_goes_out_before_what_is_newer(mailbox: Mailbox) -> None:
    later = gathered()
    mailbox.to_data.append("451 Try again")
    send(later)
    tell("delivered", "trial.b", at=later)

    dispatch(later)
    send(later + timedelta(minutes=5))

    first, second = mailbox.taken
    require_all_told(first)
    assert second["Subject"] != first["Subject"]


def test_one_that_cannot_be_written_holds_up_no_other(
    mailbox: Mailbox, caplog: pytest.LogCaptureFixture
) -> None:
    broken = subscribe()
    Subscription.objects.filter(pk=broken.pk).update(link="sealed with a key that is gone")
    subscribe(address="noa@example.org")
    tell()

    assert deliver() == Settled(sent=1, failed=1)

    assert [letter["To"] for letter in mailbox.taken] == ["noa@example.org"]
    waits = Delivery.objects.get(subscription=broken)
    assert (waits.state, waits.reason, waits.attempts_made) == ("pending", "unreachable", 1)
    (said,) = [each for each in caplog.records if each.name == parcels.__name__]
    assert (said.message, MAYA in str(said.exc_text)) == ("delivery not packed", False)
