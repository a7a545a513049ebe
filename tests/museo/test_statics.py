"""A file that changes while the shop runs is sent whole, and under another ETag."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.test import RequestFactory
from pytest_django.fixtures import Settings
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

from museo.statics import StaticFiles

URL = "/static/page.css"
Middleware = Callable[[Any], Callable[[HttpRequest], HttpResponseBase]]


@pytest.fixture
def file(settings: Settings, tmp_path: Path) -> Path:
    """The one file of a shop that looks at its files when it starts."""
    settings.STATICFILES_DIRS = [tmp_path]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = None
    settings.WHITENOISE_AUTOREFRESH = False
    path = tmp_path / "page.css"
    path.write_text("a{}")
    return path


def nowhere(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=404)


def get(serve: Callable[[HttpRequest], HttpResponseBase], **headers: str) -> HttpResponseBase:
    return serve(RequestFactory().get(URL, headers=headers))


def body(answer: HttpResponseBase) -> bytes:
    content = bytes(answer.getvalue())
    # `close` would let go of the database, too
    for close in answer._resource_closers:  # type: ignore[attr-defined]
        close()
    return content


def is_whole(answer: HttpResponseBase) -> bool:
    return len(body(answer)) == int(answer["Content-Length"])


@pytest.mark.parametrize(
    ("middleware", "stays_whole"), [(StaticFiles, True), (WhiteNoiseMiddleware, False)]
)
def test_a_file_that_grew_is_sent_whole(
    file: Path, middleware: Middleware, stays_whole: bool
) -> None:
    """Whitenoise alone says how long the file was."""
    serve = middleware(nowhere)
    before = get(serve)
    assert is_whole(before)

    file.write_text("a{color:red}")
    after = get(serve, if_none_match=before["ETag"])

    assert (after.status_code == 200 and is_whole(after)) == stays_whole
    if stays_whole:
        assert body(after) == b"a{color:red}"
        assert after["Content-Type"] == before["Content-Type"] == 'text/css; charset="utf-8"'
        assert get(serve, if_none_match=after["ETag"]).status_code == 304


def test_a_change_of_a_letter_within_a_second_has_another_etag(file: Path) -> None:
    serve = StaticFiles(nowhere)
    os.utime(file, ns=(0, 1_000_000_001))
    before = get(serve)

    file.write_text("b{}")
    os.utime(file, ns=(0, 1_000_000_002))
    after = get(serve, if_none_match=before["ETag"])

    assert body(after) == b"b{}"
    assert after["ETag"] != before["ETag"]


@pytest.mark.parametrize("times", [1, 100])
def test_a_file_that_is_written_while_it_is_read_is_read_again(
    file: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Who writes without end is not waited for."""
    serve, left = StaticFiles(nowhere), [b"b{}" * count for count in range(2, times + 2)]
    get_response = StaticFile.get_response

    def written_meanwhile(found: StaticFile, *asked: Any) -> Any:
        said = get_response(found, *asked)
        if left:
            file.write_bytes(left.pop())
        return said

    monkeypatch.setattr(StaticFile, "get_response", written_meanwhile)
    answer = get(serve)

    assert answer.status_code == (200 if times == 1 else 503)
    assert times > 1 or (is_whole(answer) and body(answer) == b"b{}b{}")


def test_a_part_of_a_file_that_changed_is_one_of_the_new(file: Path) -> None:
    serve = StaticFiles(nowhere)

    file.write_text("a{color:red}")
    part = get(serve, range="bytes=8-")

    assert (part.status_code, body(part)) == (206, b"red}")
    assert part["Content-Range"] == "bytes 8-11/12"
    assert get(serve, range="bytes=20-").status_code == 416


def test_a_file_that_went_is_not_there_until_it_is_back(file: Path) -> None:
    serve = StaticFiles(nowhere)

    file.unlink()
    assert get(serve).status_code == 404

    file.write_text("c{}")
    assert body(get(serve)) == b"c{}"


def test_other_methods_are_not_allowed(file: Path) -> None:
    answer = StaticFiles(nowhere)(RequestFactory().post(URL))

    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert "Content-Type" not in answer
