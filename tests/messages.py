"""The texts that the code and the templates ask to be translated."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from django.utils.translation.template import templatize

from orders import lifecycle

ROOT = Path(__file__).parents[1]
CODE = ("museo", "catalog", "orders", "notifications", "mcp_bridge")
KEYWORDS = dict.fromkeys(("gettext", "_", "gettext_lazy", "gettext_noop")) | {"ngettext": (1, 2)}
# gettext keys that are put together from a status
KINDS = ("label", "headline", "message", "chat")
KEY = re.compile(r"[a-z_]+(\.[a-z_]+)+")


@cache
def wanted() -> Catalog:
    """Every text once, with its plural where it has one."""
    catalog = Catalog(charset="utf-8")
    for status in lifecycle.STATUSES:
        for kind in KINDS:
            catalog.add(lifecycle.text_key(status, kind))
    catalog.add(lifecycle.text_key(lifecycle.REFUNDED, lifecycle.WAIVED))
    for reason in lifecycle.NEW_TIMES:
        catalog.add(lifecycle.text_key("eta_changed", reason))
    for source in _sources():
        for _line, message, _comments, _context in extract(
            "python", BytesIO(source.encode()), keywords=KEYWORDS
        ):
            catalog.add(message)
    return catalog


def put_together() -> Iterator[str]:
    """The texts that code fills in itself, each place by the last name in it: `{rows}`."""
    for app in CODE:
        for path in _modules(app):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    yield "".join(map(_part, node.values))


def _part(part: ast.expr) -> str:
    if isinstance(part, ast.FormattedValue):
        names = re.findall(r"[A-Za-z_]\w*", ast.unparse(part.value))
        return f"{{{names[-1] if names else 'value'}}}"
    return str(part.value) if isinstance(part, ast.Constant) else ""


def is_key(text: str) -> bool:
    """A key needs its text in English too."""
    return KEY.fullmatch(text) is not None


def _sources() -> Iterator[str]:
    for app in CODE:
        for path in _modules(app):
            yield path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "templates").rglob("*.html")):
        # what is no text to translate becomes filler, which is Python once it is not indented
        lines = templatize(path.read_text(encoding="utf-8")).splitlines()
        yield "\n".join(line.strip() for line in lines)


def _modules(app: str) -> Iterator[Path]:
    for path in sorted((ROOT / app).rglob("*.py")):
        if "migrations" not in path.parts:
            yield path
