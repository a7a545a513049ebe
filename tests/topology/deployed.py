"""What deploy/ says, read as Docker and nginx read it, and moved to this machine's ports."""

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from museo.ops.preflight import ROOT

DEPLOY = ROOT / "deploy"
# `${NAME}`, `${NAME:-default}`, `${NAME:?what to do}`
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<how>:[-?])(?P<word>[^}]*))?\}")
SERVER = re.compile(r"^\s*server (?P<service>\w+):8000 resolve(?P<rest>[^;]*);$", re.MULTILINE)
LISTEN = re.compile(r"listen (?P<port>\d+)")


def compose(given: Mapping[str, str]) -> Any:
    """compose.yaml with what a .env file would say."""

    def value(found: re.Match[str]) -> str:
        if found["name"] in given:
            return given[found["name"]]
        assert found["how"] == ":-", f"{found['name']} has to be set: {found['word']}"
        return str(found["word"])

    return yaml.safe_load(VARIABLE.sub(value, (DEPLOY / "compose.yaml").read_text()))


def env_example() -> dict[str, str]:
    """The names of .env.example with their values."""
    lines = (DEPLOY / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def command(service: Mapping[str, Any], moved: Mapping[str, str]) -> list[str]:
    """Its words; each that is a key of `moved`, or ends with one, becomes what it says."""
    return [moved.get(word, word) for word in shlex.split(service["command"])]


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def nginx(servers: Mapping[str, Sequence[int]], ports: Mapping[str, int], folder: str) -> str:
    """nginx.conf, where a name of several containers has become the ports of several processes.

    Docker's own nginx asks for the names' addresses again and again; Debian's cannot, so here they
    are written down. `ports`: of the configuration -> of this machine.
    """
    text = (DEPLOY / "nginx.conf").read_text()

    def written_down(found: re.Match[str]) -> str:
        at = servers[found["service"]]
        return "\n".join(f"server 127.0.0.1:{port}{found['rest']};" for port in at)

    text = _replaced(SERVER, written_down, text, count=len(servers))
    text = _replaced(
        LISTEN, lambda found: f"listen 127.0.0.1:{ports[found['port']]}", text, count=len(ports)
    )
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    for old, new in {
        "pid /tmp/nginx.pid;": f"pid {folder}/pid;",
        "/dev/stderr crit;": f"{folder}/error.log crit;",
        "/dev/stdout museo;": f"{folder}/access.log museo;",
        "resolver 127.0.0.11 valid=2s ipv6=off;": temporary,
    }.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def _replaced(
    pattern: re.Pattern[str], new: Callable[[re.Match[str]], str], text: str, *, count: int
) -> str:
    text, found = pattern.subn(new, text)
    assert found == count, pattern.pattern
    return text
