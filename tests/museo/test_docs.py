"""The docs say what there is: commands and options, routes, types of events; shell is shell."""

import ast
import json
import re
import subprocess
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from django.core.management import get_commands, load_command_class

from museo.ops.preflight import ROOT
from notifications.delivery_admin import REASONS
from orders.webhooks import TYPES
from tests.access.matrix import ROWS
from tests.museo.shell_lines import FENCE, TEXTS, listings

PACKAGES = ("museo", "catalog", "orders", "notifications", "mcp_bridge")
WHOLE = "\n".join(TEXTS.values())
README = ROOT / "README.md"
# a file of the repository, and a heading there
LINK = re.compile(r"\]\((?![a-z]+:)([^)#\s]*)(#[^)\s]+)?\)")
CALL = re.compile(r"manage\.py ([a-z_]+)((?: [^`\n|&;#]+)?)")
# where its type is said
TOLD_AT = {"event": 1, "tell": 2}
PARAMETER = re.compile(r"<[^>]+>")


def commands() -> dict[str, str]:
    """Of the shop itself, each with its app."""
    return {name: app for name, app in get_commands().items() if app.split(".")[0] in PACKAGES}


def test_every_page_is_on_the_map_of_the_readme() -> None:
    pages = [path for path in TEXTS if path.parent == ROOT / "docs"]
    assert len(pages) > 20

    assert [page.name for page in pages if f"(docs/{page.name})" not in TEXTS[README]] == []


def test_every_link_between_pages_leads_somewhere() -> None:
    wrong = [
        f"{page.name}: {target}"
        for page, text in TEXTS.items()
        for target, heading in LINK.findall(text)
        if not _is_there((page.parent / target).resolve() if target else page, heading[1:])
    ]
    assert wrong == []


def _is_there(file: Path, heading: str) -> bool:
    if not heading or file.suffix != ".md":
        return file.exists()
    headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE) if file.exists() else []
    return heading in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}


def test_every_command_is_in_the_docs() -> None:
    assert len(commands()) > 15
    assert [name for name in sorted(commands()) if f"manage.py {name}" not in WHOLE] == []


def test_every_call_of_a_command_in_the_docs_can_be_made() -> None:
    """There is one of its name, and it takes those options."""
    calls = [(path.name, *found) for path, text in TEXTS.items() for found in CALL.findall(text)]
    assert len(calls) >= 30
    known = get_commands()
    assert [(file, name) for file, name, _rest in calls if name not in known] == []
    wrong = [
        f"{file}: {name} {option}"
        for file, name, rest in calls
        for option in re.findall(r"(?<!\S)(--[a-z-]+)", rest)
        if option not in options(str(known[name]), name)
    ]
    assert wrong == []


@cache
def options(app: str, name: str) -> set[str]:
    return set(_options(load_command_class(app, name).create_parser("manage.py", name)))


def _options(parser: ArgumentParser) -> Iterator[str]:
    """Also of commands within a command."""
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action.choices, dict):
            for inner in action.choices.values():
                yield from _options(inner)


def test_every_listing_for_a_shell_is_shell_and_names_scripts_that_there_are() -> None:
    scripts = list(listings())
    assert len(scripts) > 30
    together = "\n".join(f"# {each.page}\n{each.script}\n:" for each in scripts)

    parsed = subprocess.run(["bash", "-n"], input=together, capture_output=True, text=True)

    assert parsed.stderr == ""
    named = set(re.findall(r"(?<![\w/])(?:scripts|deploy|bench|docs)/[\w./-]+", WHOLE))
    assert [name for name in sorted(named) if not (ROOT / name.rstrip(".")).exists()] == []


def test_every_listing_of_json_and_of_python_can_be_read() -> None:
    """What is left out of an object is written `{…}`, of a list `[…]`."""
    fences = [(path.name, *found) for path, text in TEXTS.items() for found in FENCE.findall(text)]
    read: dict[str, Callable[[str], object]] = {"json": _read_json, "python": ast.parse}
    wrong = []
    for page, language, code in fences:
        try:
            read.get(language, str)(code)
        except (ValueError, SyntaxError) as error:
            wrong.append(f"{page}: {error}")
    assert wrong == []
    assert {language for _page, language, _code in fences} >= set(read)


def _read_json(code: str) -> None:
    json.loads(re.sub(r"(?<=[{[])…(?=[]}])", "", code))


def test_every_route_is_in_the_docs() -> None:
    """Those of REST as docs/api.md has them, below `/api/v1`; what is put in has any name."""
    said = re.sub(r"\{[^}\n]+\}|<[^>\n]+>|…", "*", WHOLE)
    routes = {f"/{row.route}" for row in ROWS if not row.route.startswith("^")}
    assert len(routes) > 140

    short = {PARAMETER.sub("*", route).removeprefix("/api/v1") for route in routes}

    assert [route for route in sorted(short) if (route.rstrip("/") or "/") not in said] == []


def test_the_api_has_every_address_that_its_page_lists() -> None:
    table = TEXTS[ROOT / "docs" / "api.md"].partition("## What there is")[2].partition("\n## ")[0]
    listed = re.findall(r"`(/[^`]+)`", table)
    assert len(listed) > 70
    served = {PARAMETER.sub("*", f"/{row.route}").removeprefix("/api/v1") for row in ROWS}

    assert [each for each in listed if re.sub(r"\{[^}]+\}", "*", each) not in served] == []


def test_the_glossary_says_once_what_a_word_means() -> None:
    words = re.findall(r"^\| \*\*(.+?)\*\*", TEXTS[ROOT / "docs" / "glossary.md"], re.MULTILINE)

    assert [word for word, count in Counter(words).items() if count > 1] == []


def test_every_type_of_event_is_in_the_docs() -> None:
    """Those of orders, and all that the code names where it tells them."""
    told = {type_ for package in PACKAGES for type_ in told_in(ROOT / package)}
    assert {"stock.back", "notification", "payment.refunded"} <= told

    assert [type_ for type_ in sorted(told | set(TYPES)) if f"`{type_}`" not in WHOLE] == []


def test_every_reason_of_a_delivery_is_in_the_docs() -> None:
    assert len(REASONS) == len(set(REASONS))
    assert [reason for reason in REASONS if f"`{reason}`" not in WHOLE] == []


def told_in(folder: Path) -> Iterator[str]:
    """By `event(topic, type, …)` and `tell(change, about, type, …)`; names are of the module."""
    for file in folder.rglob("*.py"):
        tree = ast.parse(file.read_text())
        constants = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            called = getattr(node, "func", None)
            # of another module, or of its own
            name = getattr(called, "attr", getattr(called, "id", ""))
            place = TOLD_AT.get(name)
            if isinstance(node, ast.Call) and place is not None and len(node.args) > place:
                said = node.args[place]
                said = constants.get(said.id, said) if isinstance(said, ast.Name) else said
                if isinstance(said, ast.Constant):
                    yield str(said.value)
