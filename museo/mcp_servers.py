"""Other MCP servers that work behind the shop's own: what `MUSEO_MCP_SERVERS` says of them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from json import JSONDecodeError
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from museo import environment

# no underscore: what stands before the first one of a tool's name is the server's
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
OF_PROGRAMS = {"command", "args", "env"}
OF_ADDRESSES = {"url", "headers"}
OF_ALL = {"type", "scope", "pool", "timeout"}
KINDS = {"stdio": "command", "http": "url", "streamable-http": "url"}
LARGEST_POOL = 16


@dataclass(frozen=True)
class ChildServer:
    """A program that is run, or an address that is called; `timeout` in seconds."""

    name: str
    command: str = ""
    args: tuple[str, ...] = ()
    # both may hold secrets
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    url: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    scope: str = "admin"
    pool: int = 1
    timeout: float = 60.0


def read(setting: str) -> tuple[ChildServer, ...]:
    """The servers that a setting names: JSON, or the path of a file with it."""
    said = environment.text(setting)
    if not said:
        return ()
    try:
        if not said.startswith(("{", "[")):
            said = Path(said).expanduser().read_text()
        told = json.loads(said)
    except OSError as problem:
        raise _wrong(setting, f"has no JSON and names no file: {problem.strerror}") from None
    except (JSONDecodeError, UnicodeDecodeError) as problem:
        raise _wrong(setting, f"is not JSON: {problem}") from None
    servers = told.get("mcpServers", told) if isinstance(told, dict) else told
    if not isinstance(servers, dict):
        raise _wrong(setting, "holds no object of servers by name")
    return tuple(_server(setting, name, entry) for name, entry in servers.items())


def _server(setting: str, name: str, entry: Any) -> ChildServer:
    where = f"names the server {name!r}, "
    if not NAME.fullmatch(name):
        raise _wrong(setting, f"{where}whose name may have small letters, digits and hyphens only")
    if not isinstance(entry, dict):
        raise _wrong(setting, f"{where}which is no object")
    if unknown := sorted(entry.keys() - OF_PROGRAMS - OF_ADDRESSES - OF_ALL):
        known = ", ".join(sorted(OF_PROGRAMS | OF_ADDRESSES | OF_ALL))
        raise _wrong(setting, f"{where}with {unknown[0]!r}; it may have {known}")
    _require_one_way(setting, where, entry)
    for key, is_right, words in SHAPES:
        if key in entry and not is_right(entry[key]):
            raise _wrong(setting, f"{where}whose {key} is not {words}")
    return ChildServer(
        name=name,
        command=entry.get("command", ""),
        args=tuple(entry.get("args", ())),
        env=entry.get("env", {}),
        url=entry.get("url", ""),
        headers=entry.get("headers", {}),
        scope=entry.get("scope", "admin"),
        pool=entry.get("pool", 1),
        timeout=float(entry.get("timeout", 60)),
    )


def _require_one_way(setting: str, where: str, entry: Mapping[str, Any]) -> None:
    is_program = "command" in entry
    if is_program == ("url" in entry):
        raise _wrong(setting, f"{where}which needs a command or a url, and not both")
    if others := entry.keys() & (OF_ADDRESSES if is_program else OF_PROGRAMS):
        way = "a command" if is_program else "a url"
        raise _wrong(setting, f"{where}which has {way}, and so no {min(others)}")
    kind = entry.get("type", "stdio" if is_program else "http")
    if not isinstance(kind, str) or KINDS.get(kind) not in entry:
        raise _wrong(setting, f"{where}whose type does not fit: stdio has a command, http a url")


def _wrong(setting: str, what: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f'{setting} {what}. Write {{"mcpServers": {{"NAME": {{"command": "…", "args": []}}}}}}, '
        "as docs/mcp.md shows."
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and "\x00" not in value


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, str) and "\x00" not in each for each in value
    )


def _is_texts_by_name(value: Any) -> bool:
    return isinstance(value, dict) and _is_texts([*value.keys(), *value.values()])


def _is_address(value: Any) -> bool:
    if not _is_text(value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_POOL


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 3600


SHAPES = (
    ("command", _is_text, "the path of a program"),
    ("args", _is_texts, "a list of texts"),
    ("env", _is_texts_by_name, "an object of texts"),
    ("url", _is_address, "an address such as http://127.0.0.1:9000/mcp"),
    ("headers", _is_texts_by_name, "an object of texts"),
    ("scope", _is_text, "a scope such as admin"),
    ("pool", _is_size, f"a whole number from 1 to {LARGEST_POOL}"),
    ("timeout", _is_seconds, "a number of seconds, at most 3600"),
)
