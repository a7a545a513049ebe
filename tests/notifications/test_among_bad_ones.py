"""Nine of ten receivers misbehave, and the tenth does not notice."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.db import connections

from notifications import sending, subscriptions, tasks
from notifications.channels import posting
from notifications.models import Subscription
from tests.notifications.conftest import NOON, somebody, tell
from tests.notifications.receivers import (
    Behave,
    Got,
    Receiver,
    accept,
    always,
    answer,
    in_drops,
    receiving,
    reset,
    ten_megabytes,
)
from tests.processes import eventually

pytestmark = [pytest.mark.usefixtures("committed"), pytest.mark.both]
ALL = "trial.all"
EVENTS = 30
# two seconds each of four bad ones for each event, one after the other, would be four minutes
PATIENCE = timedelta(seconds=2)
BOUND_SECONDS = 120


async def never(_got: Got, _writer: asyncio.StreamWriter) -> bytes:
    await asyncio.sleep(3600)
    return b""


BAD: list[Behave] = [
    *(never, never, never, in_drops, ten_megabytes, reset),
    always(answer(500)),
    always(answer(429, "retry-after: 1")),
    always(answer(301, "location: /hook")),
]


def _subscribe(receiver: Receiver) -> None:
    subscriptions.begin(
        topic=ALL,
        channel=Subscription.Channel.WEBHOOK,
        address=receiver.url,
        who=somebody(),
        locale="en",
        now=NOON,
    )


def _heard(receiver: Receiver) -> set[str]:
    return {got.headers["webhook-id"] for got in receiver.got}


def _work(is_over: Event) -> None:
    try:
        while not is_over.is_set():
            tasks.deliver()
    finally:
        connections.close_all()


def test_a_receiver_that_is_well_waits_for_nobody(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "TOTAL", PATIENCE)
    monkeypatch.setattr(sending, "CLAIMING_SECONDS", 1.0)
    is_over = Event()
    with ExitStack() as opened:
        well, *bad = [opened.enter_context(receiving(each)) for each in (accept, *BAD)]
        settings.MUSEO_WEBHOOK_ALLOW = frozenset({each.place for each in (well, *bad)})
        for each in (*bad, well):
            _subscribe(each)
        working = opened.enter_context(ThreadPoolExecutor(1)).submit(_work, is_over)
        opened.callback(is_over.set)
        for number in range(EVENTS):
            tell(f"trial.{number}", also=[ALL])

        eventually(lambda: len(_heard(well)) == EVENTS, seconds=BOUND_SECONDS)

        is_over.set()
        working.result()
        assert all(each.got for each in bad)
