"""The sockets by which processes ask each other."""

import asyncio
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from mcp_bridge import neighbours

OTHER = "0123456789abcdef"
SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "POST",
    "path": "/mcp",
    "query_string": b"a=%FF",
    "headers": [(b"x-any", b"\xff\x00")],
}


@pytest.fixture
def home(settings: Settings) -> Iterator[Path]:
    """A folder that is short enough for the names of sockets."""
    with tempfile.TemporaryDirectory(prefix="museo-") as folder:
        settings.MUSEO_HOME = Path(folder)
        yield Path(folder)


async def ask(sent: list[Any], *said: dict[str, Any]) -> bool:
    """Pass a request on to this process itself, whose client says these messages."""
    messages = iter(said)

    async def receive() -> Any:
        if (message := next(messages, None)) is None:
            await asyncio.Event().wait()
        return message

    async def send(message: Any) -> None:
        sent.append(message)

    return await neighbours.pass_on(neighbours.process_id(), SCOPE, receive, send)


async def test_a_request_arrives_as_it_was_and_so_does_its_answer(home: Path) -> None:
    heard: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        heard.update(scope, said=await receive())
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"\xe9")]})
        await send({"type": "http.response.body", "body": b"\x00\xff", "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    sent: list[Any] = []
    async with neighbours.answering(app):
        assert await ask(sent, {"type": "http.request", "body": b"\xff" * 70_000})

    assert {name: heard[name] for name in SCOPE} == SCOPE
    assert heard["said"] == {"type": "http.request", "body": b"\xff" * 70_000}
    assert [message.get("body") for message in sent] == [None, b"\x00\xff", b""]
    assert sent[0]["headers"] == [(b"a", b"\xe9")]


async def test_whoever_leaves_is_told_of(home: Path) -> None:
    heard = asyncio.Queue[str]()

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        heard.put_nowait((await receive())["type"])

    async with neighbours.answering(app), asyncio.timeout(60):
        assert not await ask([], {"type": "http.disconnect"})
        assert await heard.get() == "http.disconnect"


async def test_a_process_that_ends_within_its_answer_ends_the_answer(home: Path) -> None:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    sent: list[Any] = []
    async with neighbours.answering(app):
        assert await ask(sent)

    assert sent[-1] == {"type": "http.response.body"}


async def test_only_their_owner_can_reach_the_sockets(home: Path) -> None:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None: ...

    async with neighbours.answering(app):
        path = home / "mcp" / f"{neighbours.process_id()}.sock"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not path.exists()


async def test_a_folder_that_others_can_write_to_is_not_used(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (home / "mcp").mkdir()
    (home / "mcp").chmod(0o770)

    async def app(_scope: Any, _receive: Any, _send: Any) -> None: ...

    async with neighbours.answering(app):
        assert not await ask([])
        assert not await neighbours.is_there(OTHER)
    assert "other processes cannot ask this one" in caplog.text
    assert os.listdir(home / "mcp") == []


async def test_a_long_folder_has_a_short_private_one(tmp_path: Path, settings: Settings) -> None:
    settings.MUSEO_HOME = tmp_path / ("x" * 100)

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async with neighbours.answering(app):
        assert await ask([])


async def test_what_killed_processes_leave_behind_is_cleared_away(home: Path) -> None:
    (home / "mcp").mkdir(mode=0o700)
    killed, new = (home / "mcp" / f"{name}.sock" for name in ("killed", "new"))
    for path in (killed, new):
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(path))
    os.utime(killed, (0, 0))

    async def app(_scope: Any, _receive: Any, _send: Any) -> None: ...

    async with neighbours.answering(app):
        assert not await neighbours.is_there("new")
    assert (killed.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize(
    "text", ["", "none", f"{OTHER}.", f"../{OTHER[3:]}.{OTHER * 2}", f"{OTHER}.{OTHER * 2}\n"]
)
def test_what_is_no_name_of_a_session_opens_no_file(text: str) -> None:
    assert neighbours.session_id(text) is None
    assert str(neighbours.session_id(f"{OTHER}.{OTHER * 2}")) == f"{OTHER}.{OTHER * 2}"
