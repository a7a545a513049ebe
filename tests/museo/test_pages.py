"""Django behind ASGI: whole answers at once, streams part by part, each in one thread."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from museo.access import context
from museo.edge import Message
from museo.pages import Pages


@csrf_exempt
def say(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(f"{request.method} {request.body.decode()} {context.correlation_id()}")
    response.set_cookie("first", "1")
    response.set_cookie("second", "2")
    return response


def fail(request: HttpRequest) -> HttpResponse:
    raise ArithmeticError("on purpose")


def count(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(numbers())


def numbers() -> Iterator[str]:
    for number in range(3):
        made.append(threading.current_thread().name)
        yield str(number)


made: list[str] = []
urlpatterns = [path("healthz", say), path("readyz", fail), path("metrics", count)]


@pytest.fixture
def pages(settings: Any) -> Pages:
    settings.ROOT_URLCONF = __name__
    settings.ALLOWED_HOSTS = ["testserver"]
    made.clear()
    return Pages()


async def asked(
    pages: Pages, where: str, *, method: str = "GET", body: Sequence[bytes] = (b"",)
) -> list[Message]:
    """Every message that was sent; of those of a stream with how much was made by then."""
    last = len(body) - 1
    parts = iter(
        {"type": "http.request", "body": part, "more_body": number < last}
        for number, part in enumerate(body)
    )
    sent: list[Message] = []

    async def receive() -> Message:
        return next(parts, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        sent.append({**message, "made": len(made)})

    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": where,
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
    }
    await pages(scope, receive, send)
    return sent


async def test_an_answer_has_what_was_sent_and_whose_call_it_is(pages: Pages) -> None:
    name = context.begin("call-of-a-page")

    start, content, end = await asked(pages, "/healthz", method="PUT", body=(b"a", b"b"))

    assert start["status"] == 200
    assert content["body"].decode() == f"PUT ab {name}"
    assert end == {"type": "http.response.body", "made": 0}
    cookies = [value for header, value in start["headers"] if header == b"Set-Cookie"]
    assert cookies == [b"first=1; Path=/", b"second=2; Path=/"]


async def test_a_stream_is_made_as_it_is_sent(pages: Pages) -> None:
    start, *parts, end = await asked(pages, "/metrics")

    assert start["made"] == 0
    assert [(part["body"], part["made"]) for part in parts] == [(b"0", 1), (b"1", 2), (b"2", 3)]
    assert "more_body" not in end
    assert len(set(made)) == 1
    assert made[0] != threading.current_thread().name


async def test_what_fails_is_answered(pages: Pages) -> None:
    start, *_rest = await asked(pages, "/readyz")

    assert start["status"] == 500


async def test_who_goes_away_while_sending_is_not_answered(pages: Pages) -> None:
    assert await asked(pages, "/healthz", body=()) == []


async def test_django_hears_when_a_request_begins_and_ends_in_its_thread(pages: Pages) -> None:
    heard: list[tuple[str, str]] = []

    def begins(**_about: Any) -> None:
        heard.append(("begins", threading.current_thread().name))

    def ends(**_about: Any) -> None:
        heard.append(("ends", threading.current_thread().name))

    request_started.connect(begins)
    request_finished.connect(ends)
    try:
        await asked(pages, "/healthz")
    finally:
        request_started.disconnect(begins)
        request_finished.disconnect(ends)

    (began, thread), (ended, same) = heard
    assert (began, ended) == ("begins", "ends")
    assert thread == same != threading.current_thread().name
