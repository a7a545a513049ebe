"""How a line of the log looks, and what never stands in one.

A line is JSON for machines and plain for people (`MUSEO_LOG_FORMAT`). It says what it is about by
ids: what opens something, and where people are reached, is taken out of every line, whoever wrote
it.
"""

import logging
import re
from datetime import UTC, datetime
from typing import Any

import orjson

from museo.access import context

# as S3 calls them
NAMES = {"DEBUG": "debug", "WARNING": "warn", "ERROR": "error", "CRITICAL": "error"}

# what every record has; the rest of one was given as `extra`
COMMON = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
SECRET, ADDRESS = "[secret]", "[address]"
HIDDEN = (
    # keys and secrets of ours, of webhooks and of providers; access tokens
    (re.compile(r"\b(?:msk|mss|msr|whsec|sk|rk)_[\w-]{8,}"), SECRET),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), SECRET),
    (re.compile(r"\b(Bearer|Basic|Ticket) [^\s'\",]+"), rf"\1 {SECRET}"),
    (re.compile(r"(?i)((?:ticket|token|key|secret|password)=)[^\s&'\",]+"), rf"\1{SECRET}"),
    # the password of a database, the key of a mail provider
    (re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"), SECRET),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), ADDRESS),
    (re.compile(r"(?<![\w.+-])\+\d[\d ()/-]{6,}\d"), ADDRESS),
)


def discreet(text: str) -> str:
    for pattern, instead in HIDDEN:
        text = pattern.sub(instead, text)
    return text


class Line(logging.Formatter):
    """For people: what it is about stands behind the message, as `name=value`."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name} {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        about = {**_call(), **_about(record)}
        return super().formatMessage(record) + "".join(f" {k}={about[k]}" for k in about)

    def format(self, record: logging.LogRecord) -> str:
        return discreet(super().format(record))


class Json(logging.Formatter):
    """For machines: `timestamp`, `level`, `message`, and what is known of the rest."""

    def format(self, record: logging.LogRecord) -> str:
        metadata = {"logger": record.name, **_about(record)}
        if record.exc_info and record.exc_info[0]:
            metadata["exception"] = self.formatException(record.exc_info)
        line = {
            "timestamp": _time(record.created),
            "level": NAMES.get(record.levelname, "info"),
            **_call(),
            "message": discreet(record.getMessage()),
            "metadata": {name: _plain(value) for name, value in metadata.items()},
        }
        return orjson.dumps(line).decode()


def _call() -> dict[str, str]:
    """Of the call that this line was written in, as far as it is known."""
    known = {
        "correlationId": context.correlation_id(),
        "userId": context.who(),
        "mcp": context.toolset(),
    }
    return {name: value for name, value in known.items() if value}


def _about(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in COMMON}


def _plain(value: Any) -> Any:
    """What JSON has, as it is; everything else by its words."""
    return value if isinstance(value, bool | int | float | None) else discreet(str(value))


def _time(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
