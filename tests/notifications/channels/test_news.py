"""What providers tell at the same moment counts once, and never takes back what is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from notifications.channels import news
from notifications.channels.news import Heard, Reply, Status
from notifications.channels.states import ORDER, State
from notifications.models import Event, InboundMessage, Report
from tests.notifications.conftest import NOON
from tests.together import at_once

pytestmark = [pytest.mark.both, pytest.mark.usefixtures("committed")]

REPLY = Reply("sms", "SM1", "+358401234567", "Where is it?", at=NOON)
SENT = Status("sms", "SM2", State.SENT, at=NOON)


def hear_at_once(told: Sequence[Sequence[Status | Reply]]) -> list[Heard]:
    answers = at_once([partial(news.hear, each) for each in told])
    heard = [each for each in answers if isinstance(each, Heard)]
    assert len(heard) == len(told), answers
    return heard


def test_the_same_webhook_several_times_at_once_is_one_message() -> None:
    heard = hear_at_once([[SENT, REPLY]] * 6)

    assert sorted(each.replies for each in heard) == [0, 0, 0, 0, 0, 1]
    assert sorted(each.statuses for each in heard) == [0, 0, 0, 0, 0, 1]
    assert InboundMessage.objects.count() == Report.objects.count() == 1
    assert Event.objects.filter(type="mail.received").count() == 1


def test_without_the_providers_id_they_would_be_as_many() -> None:
    """The twin of the one above: what protects is the id."""
    hear_at_once([[replace(REPLY, provider_id=f"SM{index}")] for index in range(6)])

    assert InboundMessage.objects.count() == 6
    assert Event.objects.filter(type="mail.received").count() == 6


def test_all_states_at_once_end_with_the_latest() -> None:
    for number in range(5):
        told = [Status("email", f"m{number}", state, at=NOON) for state in reversed(ORDER)]
        hear_at_once([[each] for each in told])

    states = set(Report.objects.values_list("state", flat=True))
    assert states == {State.COMPLAINED}
    assert Report.objects.count() == 5


def test_unconditional_writes_would_go_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: every state moves on every other."""
    monkeypatch.setattr(news, "before", lambda _state: ORDER)

    for state in (State.DELIVERED, State.SENT):
        news.hear([replace(SENT, state=state)])

    assert Report.objects.get().state == State.SENT


def test_webhooks_that_tell_of_the_same_messages_in_another_order_do_not_deadlock() -> None:
    told = [Status("email", f"m{index}", State.DELIVERED, at=NOON) for index in range(20)]

    for _round in range(3):
        hear_at_once([told, told[::-1], told[5:] + told[:5], told[::-1]])

    assert Report.objects.count() == 20


def test_what_fails_in_the_middle_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_arguments: Any) -> str:
        raise RuntimeError("no keys")

    monkeypatch.setattr(news, "seal", break_down)

    with pytest.raises(RuntimeError, match="no keys"):
        news.hear([SENT, REPLY])

    assert not Report.objects.exists()
    assert not InboundMessage.objects.exists()
    assert not Event.objects.exists()


def test_an_erased_message_says_nothing_and_its_stop_still_counts() -> None:
    news.hear([replace(REPLY, text="STOP")])

    InboundMessage.objects.update(sealed="")

    assert news.read(InboundMessage.objects.get()) == news.Said()
    assert news.has_stopped("sms", REPLY.sender)
    assert not news.has_stopped("whatsapp", REPLY.sender)


def test_letters_that_no_database_takes_are_left_out() -> None:
    wild = "a\0b\ud800c"

    news.hear(
        [
            replace(REPLY, text=wild, subject="\udfff", provider_id=wild, answers=wild),
            replace(SENT, reference=wild, code=wild),
            Reply("email", "m1", f"{wild}@example.org", "Hi", at=NOON),
        ]
    )

    by_text, by_mail = InboundMessage.objects.order_by("-channel")
    assert news.read(by_text) == news.Said(REPLY.sender, "?", "ab?c")
    assert (by_text.provider_id, by_text.answers) == ("ab?c", "ab?c")
    assert news.read(by_mail).sender == "ab?c@example.org"
    assert news.last_heard_at("email", f"{wild}@example.org") == NOON
    assert Report.objects.values_list("reference", "code").get() == ("ab?c", "ab?c")
