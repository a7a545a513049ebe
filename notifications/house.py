"""Whom letters are from: the shop's name and its clock, as the app says that knows the shop."""

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class House:
    name: str
    zone: ZoneInfo


def _unknown() -> House:
    return House("Museo", ZoneInfo("UTC"))


_read: Callable[[], House] = _unknown


def register(read: Callable[[], House]) -> None:
    global _read
    _read = read


def current() -> House:
    return _read()
