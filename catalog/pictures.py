"""Which pictures staff may upload, told by their first bytes and not by their name."""

from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import Any

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

LARGEST_LOGO = 512 * 1024


def check(picture: Any) -> None:
    """Give an upload the ending that it deserves; raise ValidationError."""
    held = picture.read()
    picture.seek(0)
    ending = next((ending for ending, is_one in KINDS.items() if is_one(held)), None)
    if ending is None:
        raise ValidationError(_("Choose a picture: PNG, JPEG, WebP or SVG."))
    picture.name = f"{Path(picture.name).stem}.{ending}"


def check_logo(picture: Any) -> None:
    """The same, for the picture of every page; its name is its own, for it is kept for long."""
    if picture.size > LARGEST_LOGO:
        raise ValidationError(_("A logo may have 500 KB. Make it smaller."))
    picture.name = f"logo-{token_hex(6)}"
    check(picture)


def _is_svg(held: bytes) -> bool:
    try:
        root = fromstring(held)
    except (ParseError, DefusedXmlException, ValueError):
        return False
    return str(root.tag).rpartition("}")[2] == "svg"


KINDS: dict[str, Callable[[bytes], bool]] = {
    "png": lambda held: held.startswith(b"\x89PNG\r\n\x1a\n"),
    "jpg": lambda held: held.startswith(b"\xff\xd8\xff"),
    "webp": lambda held: held.startswith(b"RIFF") and held[8:12] == b"WEBP",
    "svg": _is_svg,
}
