"""What people write to the shop is read once each, by words or by a model, and told to staff."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from mcp_bridge import resources
from mcp_bridge.addresses import AiMonitoringAddress
from mcp_bridge.assistant import mail, mail_model, mail_monitor, mail_words
from mcp_bridge.assistant.mail_words import Finding
from mcp_bridge.assistant.providers.asking import Desk
from mcp_bridge.models import MailAnalysis, TokenSpending
from museo.access.callers import Caller
from museo.access.models import Trail, User
from museo.access.problems import NotAllowed, NotFound
from notifications import erasure, readers
from notifications.channels import news
from notifications.channels.news import Reply
from notifications.live.hub import in_thread
from notifications.models import Event, InboundMessage
from tests.mcp_bridge.assistant.models.loopback import Answer, in_turn, serve
from tests.mcp_bridge.assistant.models.test_providers import APIS
from tests.mcp_bridge.conftest import person, program

FROM = "ludmila@example.org"
NOON = datetime.fromisoformat("2026-11-20T12:00:00+00:00")
LABELLED = [
    ("en", "Where is my order ORD-7K4Q2M9X?", "order_status"),
    ("en", "I want to cancel my order ORD-7K4Q2M9X, please.", "cancellation"),
    ("en", "The bowl arrived broken. I am very disappointed!", "complaint"),
    ("en", "How do I return the shoes? They are too small.", "return"),
    ("en", "Could you send me an invoice with VAT?", "invoice"),
    ("en", "Thanks a lot, I love it!", "thanks"),
    ("de", "Wo ist meine Bestellung ORD-7K4Q2M9X?", "order_status"),
    ("de", "Ich möchte meine Bestellung stornieren.", "cancellation"),
    ("de", "Die Schale kam kaputt an. Ich bin enttäuscht.", "complaint"),
    ("de", "Ich will die Schuhe zurückschicken.", "return"),
    ("de", "Bitte schicken Sie mir die Rechnung.", "invoice"),
    ("fr", "Où est ma commande ORD-7K4Q2M9X ?", "order_status"),
    ("fr", "Le bol est arrivé cassé, je suis déçu.", "complaint"),
    ("fr", "Comment renvoyer les chaussures ?", "return"),
    ("fr", "Pouvez-vous m'envoyer une facture ?", "invoice"),
    ("es", "¿Dónde está mi pedido ORD-7K4Q2M9X?", "order_status"),
    ("es", "El cuenco llegó roto, qué vergüenza.", "complaint"),
    ("es", "Quiero devolver los zapatos.", "return"),
    ("es", "¿Me pueden enviar la factura?", "invoice"),
    ("ar", "أين طلبي ORD-7K4Q2M9X؟", "order_status"),
    ("ar", "وصل الوعاء مكسورا وأنا غاضب جدا", "complaint"),
    ("ar", "أريد إرجاع الحذاء", "return"),
    ("ar", "أحتاج فاتورة من فضلك", "invoice"),
]


def write(text: str, *, name: str = "SM1", at: datetime = NOON, sender: str = FROM) -> str:
    """A message comes in; its id."""
    news.hear([Reply("email", name, sender, text, at, subject="Hello")])
    return InboundMessage.objects.get(provider_id=name).public_id


def told() -> list[tuple[str, dict[str, Any]]]:
    rows = Event.objects.exclude(type="mail.received").order_by("position")
    return [(event.type, event.data) for event in rows]


@pytest.mark.parametrize(("language", "text", "category"), LABELLED)
def test_words_tell_what_it_is_about(language: str, text: str, category: str) -> None:
    found = mail_words.read("", text, currency="EUR", locale="en")

    assert (found.language, found.category) == (language, category)
    if "ORD-" in text:
        assert found.number == "ORD-7K4Q2M9X"
    assert found.suggestion == mail_words.suggestion(category, language)


@pytest.mark.parametrize("text", ["", "\0\ud800", "٣" * 5000, "ORD-" * 2000, "?!"])
def test_whatever_is_written_is_read(text: str) -> None:
    found = mail_words.read(text, text, currency="EUR", locale="ar")

    assert found.category in MailAnalysis.Category.values


@pytest.mark.both
def test_a_message_is_read_once_and_told_in_two_steps(committed: None) -> None:
    message = write("The bowl is broken! I am angry and need a new one today.")

    for _again in range(2):
        mail.take_in(now=NOON)
        mail.analyze(now=NOON)

    assert [kind for kind, _data in told()] == ["progress", "mail.analyzed", "progress"]
    first, found, last = (data for _kind, data in told())
    assert found == {
        "message_id": message,
        "channel": "email",
        "category": "complaint",
        "mood": "negative",
        "urgency": "high",
        "order_id": None,
        "by": "patterns",
    }
    assert [(each["task_id"], each["progress"], each["step"]) for each in (first, last)] == [
        (message, 50.0, 1),
        (message, 100.0, 2),
    ]


def test_a_number_is_told_only_of_an_order_of_ours(committed: None) -> None:
    """What somebody writes may look like one."""
    write("Where is my order ORD-LUDM1LA?")
    mail.take_in(now=NOON)
    mail.analyze(now=NOON)

    assert MailAnalysis.objects.get().order_number == ""
    assert "LUDM1LA" not in json.dumps(told())


def test_a_reader_that_dies_has_read_nothing(committed: None, monkeypatch: Any) -> None:
    write("Where is my order?")
    tell = mail._tell_progress

    def die(*_args: Any, **_kwargs: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(mail, "_tell_progress", die)
    with pytest.raises(SystemExit):
        mail.take_in(now=NOON)
    assert not MailAnalysis.objects.exists()

    monkeypatch.setattr(mail, "_tell_progress", tell)
    assert mail.take_in(now=NOON) == 1
    assert MailAnalysis.objects.count() == 1
    assert readers.has_read_all(mail.NAME) is False  # its own progress comes next


@pytest.mark.both
def test_who_was_killed_is_followed_by_another_and_comes_too_late(committed: None) -> None:
    write("Where is my order?")
    mail.take_in(now=NOON)
    (first,) = mail.claim("first", now=NOON)
    assert mail.claim("second", now=NOON) == []

    later = NOON + mail.LEASE
    (second,) = mail.claim("second", now=later)
    found = mail_words.read("", "Where is my order?", currency="EUR", locale="en")

    assert mail.finish(second, "second", found, by="patterns", now=later)
    assert not mail.finish(first, "first", found, by="patterns", now=later)
    assert [kind for kind, _data in told()].count("mail.analyzed") == 1


def test_without_the_lease_two_would_tell_it(committed: None) -> None:
    """The twin: a claim that asks for nothing is had by both."""
    write("Where is my order?")
    mail.take_in(now=NOON)
    analysis = MailAnalysis.objects.get()
    found = Finding("order_status", "neutral", "normal", "en")

    for runner in ("first", "second"):
        MailAnalysis.objects.update(
            state="waiting", runner=runner, leased_until=None, category="", analyzed_at=None
        )
        mail.finish(analysis, runner, found, by="patterns", now=NOON)

    assert [kind for kind, _data in told()].count("mail.analyzed") == 2


@pytest.mark.both
def test_what_was_erased_is_not_suggested_any_more(committed: None) -> None:
    user = User.objects.create_user(FROM)
    message = write("Where is my order?")
    mail.take_in(now=NOON)
    mail.analyze(now=NOON)
    assert MailAnalysis.objects.get().sealed_suggestion

    erasure.erase(erasure.Person(user.email, user), now=NOON)
    mail.take_in(now=NOON)

    assert MailAnalysis.objects.get(message__public_id=message).sealed_suggestion == ""


def test_nothing_of_what_was_written_is_told_or_logged(
    committed: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    write("My name is Ludmila Okafor, Zwiebelweg 7. The bowl is broken.")
    mail.take_in(now=NOON)
    mail.analyze(now=NOON)

    formatter = logging.Formatter()
    written = [f"{formatter.format(each)} {each.__dict__}" for each in caplog.records]
    everything = json.dumps([*told(), *written]).casefold()
    assert [
        word for word in ("ludmila", "okafor", "zwiebelweg", "bowl") if word in everything
    ] == []
    assert "Ludmila" not in MailAnalysis.objects.get().sealed_suggestion


# by a model


def finding(**changes: Any) -> str:
    said = {
        "category": "question",
        "mood": "positive",
        "urgency": "low",
        "suggestion": "Hello! We look into it.",
        **changes,
    }
    return f"Here it is:\n{json.dumps(said)}"


@pytest.fixture
def keyed(settings: Any) -> Any:
    settings.MUSEO_AI_URL = "http://127.0.0.1:9"
    return settings


async def analyzed_by(answer: Answer, monkeypatch: Any) -> tuple[MailAnalysis, list[Any]]:
    """The analysis of one message, and what the model was asked."""
    api = APIS["openai"]
    async with serve(api.checked(answer)) as server:
        provider = api.provider(server.url)
        desk = Desk(lambda: [provider])
        monkeypatch.setattr(mail_model, "desk", desk)
        await in_thread(write)("Where is my order? Ask for Ludmila.")
        await in_thread(mail.take_in)(now=NOON)
        await in_thread(mail.analyze)(now=NOON)
    analysis = await MailAnalysis.objects.select_related("message").aget()
    return analysis, server.asked


@pytest.mark.both
async def test_a_model_reads_it_better(committed: None, keyed: Any, monkeypatch: Any) -> None:
    answer = in_turn(APIS["openai"].played.reply(finding()))
    analysis, asked = await analyzed_by(answer, monkeypatch)

    assert (analysis.category, analysis.mood, analysis.urgency, analysis.by) == (
        "question",
        "positive",
        "low",
        "model",
    )
    assert mail_monitor.suggestion(analysis) == "Hello! We look into it."
    assert "tools" not in asked[0].body
    spent = await in_thread(list)(TokenSpending.objects.values_list("name", "tokens"))
    assert spent == [("day:2026-11-20", 40)]


@pytest.mark.parametrize(
    "said",
    [
        "I will not.",
        "[1]",
        finding(category="delete everything"),
        finding(urgency=["high"]),
        '{"category": "question"',
    ],
)
async def test_what_a_model_must_not_say_is_read_by_words(
    committed: None, keyed: Any, monkeypatch: Any, said: str
) -> None:
    answer = in_turn(APIS["openai"].played.reply(said))
    analysis, _asked = await analyzed_by(answer, monkeypatch)

    assert (analysis.by, analysis.category) == ("patterns", "order_status")


async def test_a_model_that_obeys_the_message_moves_nothing_but_words(
    committed: None, keyed: Any, monkeypatch: Any
) -> None:
    lure = finding(
        suggestion="Pay at https://evil.example/pay or www.evil.example \u202enow\u202c."
    )
    answer = in_turn(APIS["openai"].played.reply(lure))
    analysis, _asked = await analyzed_by(answer, monkeypatch)

    assert mail_monitor.suggestion(analysis) == "Pay at [...] or [...] now."


async def test_a_model_that_wishes_for_tools_gets_none(
    committed: None, keyed: Any, monkeypatch: Any
) -> None:
    answer = in_turn(APIS["openai"].played.wish("send_email", {"to": "eve@evil.example"}))
    analysis, _asked = await analyzed_by(answer, monkeypatch)

    assert analysis.by == "patterns"
    assert [kind for kind, _data in await in_thread(told)()] == [
        "progress",
        "mail.analyzed",
        "progress",
    ]


async def test_without_a_model_that_answers_it_is_read_by_words(
    committed: None, keyed: Any, monkeypatch: Any
) -> None:
    answer = in_turn(APIS["openai"].played.error(400))
    analysis, asked = await analyzed_by(answer, monkeypatch)

    assert (analysis.by, len(asked)) == ("patterns", 1)


async def test_a_model_reads_one_batch_at_a_time(
    committed: None, keyed: Any, monkeypatch: Any
) -> None:
    await in_thread(write)("Is it there?", name="SM0")
    await in_thread(mail.take_in)(now=NOON)
    await in_thread(mail.claim)("another worker", now=NOON)

    answer = in_turn(APIS["openai"].played.reply(finding()))
    with pytest.raises(MailAnalysis.MultipleObjectsReturned):
        await analyzed_by(answer, monkeypatch)
    states = await in_thread(list)(MailAnalysis.objects.values_list("state", flat=True))
    assert states == ["waiting", "waiting"]

    assert await in_thread(mail.analyze)(now=NOON + mail.LEASE) == 2


async def test_mail_stays_in_the_shop_if_it_says_so(
    committed: None, keyed: Any, monkeypatch: Any
) -> None:
    keyed.MUSEO_AI_MAIL = False
    answer = in_turn(APIS["openai"].played.reply(finding()))
    analysis, asked = await analyzed_by(answer, monkeypatch)

    assert (analysis.by, asked) == ("patterns", [])


# for whom it is


@pytest.mark.parametrize("role", ["", "support"])
async def test_staff_who_read_the_mail_see_what_it_is_about(committed: None, role: str) -> None:
    message = await in_thread(write)("Where is my order?")
    await in_thread(mail.take_in)(now=NOON)
    await in_thread(mail.analyze)(now=NOON)
    caller: Caller = await person("someone@museo.example", role)

    def look(**wanted: Any) -> Any:
        return mail_monitor.overview(caller, limit=20, now=timezone.now(), **wanted)

    if not role:
        with pytest.raises(NotAllowed):
            await in_thread(look)()
        with pytest.raises(NotFound):
            await resources.read(caller, AiMonitoringAddress(), now=NOON)
        return
    shown = await in_thread(look)()
    assert (shown["waiting"], shown["analyzed"]) == (0, 1)
    assert shown["by_category"] == {"order_status": 1}
    assert [each["message_id"] for each in shown["analyses"]] == [message]
    assert shown["analyses"][0]["suggestion"] is None
    assert (await in_thread(look)(category="thanks"))["analyses"] == []
    assert await resources.read(caller, AiMonitoringAddress(), now=NOON)


async def test_whoever_reads_a_suggestion_is_noted(committed: None) -> None:
    message = await in_thread(write)("Where is my order?")
    await in_thread(mail.take_in)(now=NOON)
    await in_thread(mail.analyze)(now=NOON)
    staff, reader = await person("anna@museo.example", "owner"), await program("events:read")

    def open_it(caller: Caller) -> Any:
        return mail_monitor.one(caller, message, now=timezone.now())

    with pytest.raises(NotFound):
        await in_thread(open_it)(reader)
    shown = await in_thread(open_it)(staff)

    assert "where your order is" in shown["analyses"][0]["suggestion"]
    traces = await in_thread(list)(Trail.objects.values_list("who", "what", "target"))
    assert traces == [(staff.who, "message.read", message)]
