"""What the assistant's tools and answers took and came to, for staff."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from catalog.models import Variant
from mcp_bridge.assistant import accuracy, figures
from mcp_bridge.assistant.accuracy import Score
from museo.access.models import User
from notifications.live.hub import in_thread
from tests.mcp_bridge.assistant.conftest import Talk


async def test_each_tool_and_intent_has_its_times_and_outcomes(phone: Variant, guest: Talk) -> None:
    for words in ("Do you have iPhone 15?", "mugs", "hello"):
        await guest.say(words)
    await guest.say("Delete the iPhone 15")
    week = timezone.now() - timedelta(days=7)

    tools = await in_thread(figures.by_tool)(since=week)
    intents = await in_thread(figures.by_intent)(since=week)

    (search,) = tools
    assert (search.name, search.count, search.done, search.others) == ("search_products", 2, 2, [])
    assert 0 <= search.half <= search.most
    assert [(each.name, each.count, each.done) for each in intents] == [
        ("Find products", 2, 2),
        ("Delete a product", 1, 0),
        ("Greet", 1, 1),
    ]
    assert intents[1].others == [("refused", 1)]
    assert await in_thread(figures.by_tool)(since=timezone.now()) == []


@pytest.mark.django_db
def test_the_page_tells_how_well_it_understands(client: Client) -> None:
    client.force_login(User.objects.create_superuser("staff@museo.example"))

    shown = client.get("/admin/assistant/figures").content.decode()

    english = next(each for each in accuracy.kept() if each.language == "en")
    assert f"{english.percent:.1f} %, {english.right} of {english.total}" in shown


def test_what_was_measured_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accuracy, "KEPT", tmp_path / "accuracy.json")

    accuracy.keep([Score("en", 9, 10, {"help": (1, 1)})])

    assert accuracy.kept() == [Score("en", 9, 10)]
