"""A module that is loaded when something of it is first asked for."""

from importlib import import_module
from types import ModuleType
from typing import Any


class Lazy(ModuleType):
    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)
