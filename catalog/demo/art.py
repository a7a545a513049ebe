"""Pictures of products, drawn by code: one drawer a kind, its colours chosen by the SKU.

Every object stands on a plinth or hangs on the wall, lit from above; the wall itself is the
page's, so the picture is transparent. Each is a file of its own of a few KB at most.
"""

import random
from collections.abc import Callable
from types import ModuleType

from catalog.demo import devices, dishes, objects
from catalog.demo.drawing import PLINTH

Drawer = Callable[[random.Random], str]

LIGHT = (
    '<defs><radialGradient id="light" cx=".5" cy=".12" r=".85">'
    '<stop offset="0" stop-color="#fff" stop-opacity=".42"/>'
    '<stop offset=".55" stop-color="#fff" stop-opacity=".08"/>'
    '<stop offset="1" stop-opacity=".22"/></radialGradient>'
    '<linearGradient id="round" x1="0" x2="1"><stop stop-color="#fff" stop-opacity=".5"/>'
    '<stop offset=".38" stop-color="#fff" stop-opacity="0"/>'
    '<stop offset="1" stop-opacity=".38"/></linearGradient></defs>'
)


def draw(kind: str, seed: str) -> str:
    """The picture of a product as an SVG document; the same seed draws the same picture."""
    body = DRAWERS[kind](random.Random(f"{kind} {seed}"))  # noqa: S311  # colours are no secrets
    ground = "" if kind in HUNG else PLINTH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 500">{LIGHT}'
        f'<rect width="400" height="500" fill="url(#light)"/>{ground}{body}</svg>'
    )


def _drawers(module: ModuleType) -> dict[str, Drawer]:
    """The public functions that the module itself defines."""
    return {
        name: drawer
        for name, drawer in vars(module).items()
        if not name.startswith("_") and getattr(drawer, "__module__", "") == module.__name__
    }


DRAWERS = _drawers(devices) | _drawers(dishes) | _drawers(objects)
# what hangs on the wall needs no plinth
HUNG = {
    "apron",
    "birches",
    "blanket",
    "boats",
    "calendar",
    "circles",
    "clock",
    "fern",
    "gift_card",
    "magnets",
    "member_card",
    "night",
    "poster",
    "scarf",
    "shirt",
    "socks",
    "ticket",
    "tile",
    "tote",
    "towel",
    "window",
}
