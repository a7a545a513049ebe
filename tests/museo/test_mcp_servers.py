"""What `MUSEO_MCP_SERVERS` may say, and what stops the start."""

import json
from typing import Any

import pytest
from django.apps import apps
from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured

from museo import mcp_servers
from museo.mcp_servers import ChildServer

PROGRAM = {"command": "x"}


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("/no/such/file", "has no JSON and names no file"),
        ("{broken", "is not JSON"),
        ([], "holds no object of servers"),
        ({"mcpServers": 5}, "holds no object of servers"),
        ({"a_b": PROGRAM}, "small letters, digits and hyphens only"),
        ({"a": "x"}, "which is no object"),
        ({"a": {}}, "needs a command or a url, and not both"),
        ({"a": {**PROGRAM, "url": "http://x"}}, "needs a command or a url, and not both"),
        ({"a": {**PROGRAM, "headers": {}}}, "has a command, and so no headers"),
        ({"a": {"url": "http://x", "env": {}}}, "has a url, and so no env"),
        ({"a": {**PROGRAM, "type": "http"}}, "whose type does not fit"),
        ({"a": {**PROGRAM, "type": []}}, "whose type does not fit"),
        ({"a": {**PROGRAM, "cmd": "y"}}, "with 'cmd'; it may have args, command"),
        ({"a": {"command": " "}}, "whose command is not the path of a program"),
        ({"a": {**PROGRAM, "args": "y"}}, "whose args is not a list of texts"),
        ({"a": {**PROGRAM, "env": {"A": 1}}}, "whose env is not an object of texts"),
        ({"a": {"url": "ftp://x"}}, "whose url is not an address"),
        ({"a": {"url": "http://[x"}}, "whose url is not an address"),
        ({"a": {**PROGRAM, "pool": 0}}, "whose pool is not a whole number from 1 to 16"),
        ({"a": {**PROGRAM, "pool": True}}, "whose pool is not"),
        ({"a": {**PROGRAM, "timeout": 0}}, "whose timeout is not"),
    ],
)
def test_what_cannot_be_used_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, said: Any, sentence: str
) -> None:
    text = said if isinstance(said, str) else json.dumps(said)
    monkeypatch.setenv("MUSEO_MCP_SERVERS", text)

    with pytest.raises(ImproperlyConfigured) as wrong:
        mcp_servers.read("MUSEO_MCP_SERVERS")

    assert sentence in str(wrong.value)


def test_an_unknown_scope_stops_the_start(settings: LazySettings) -> None:
    settings.MUSEO_MCP_SERVERS = (ChildServer("a", command="x", scope="everything"),)

    with pytest.raises(ImproperlyConfigured, match="asks for the scope 'everything'; choose one"):
        apps.get_app_config("mcp_bridge").ready()


def test_secrets_are_not_shown() -> None:
    server = ChildServer("a", url="https://u:pw@x", headers={"Authorization": "sesame"})

    assert "sesame" not in repr(server)
    assert "pw" not in repr(server)
