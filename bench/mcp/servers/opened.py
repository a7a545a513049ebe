"""Museo as it is served. Importing it sets Django up, which whoever imports tools needs first."""

from museo.asgi import application

__all__ = ["application"]
