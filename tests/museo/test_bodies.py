"""What cannot be used of a body is told in the shop's words, by every call and in its languages."""

from __future__ import annotations

import ast
import gettext
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import rest_framework
from django.conf import settings
from django.test import Client

from museo import openapi
from museo.access.operations import JSON
from tests.access.world import World

NAMES = re.compile(r"{(\w+)}")
LANGUAGES = [code for code, _name in settings.LANGUAGES]
FRAMEWORK = Path(rest_framework.__file__).parent
MODULES = ("exceptions", "fields", "relations", "serializers", "validators")
# of each kind, and mostly of no use; less of it further within
WRONG: list[Any] = [
    None,
    True,
    -1,
    10**30,
    "",
    "\0",
    "\ud800",
    "x" * 5000,
    [],
    [[], None, {}, 7, ""],
    {"x": [], "en": 7},
]
WITHIN: list[Any] = [None, 10**30, "x" * 5000, {"en": []}]
WORDS = {
    "Fill this in.",
    "Write true or false.",
    "Write this as text.",
    "Write a whole number, such as 12.",
    "Write a day and time, such as 2026-11-20T20:10:00Z.",
    "Send a list.",
    "Send an object: names with their values.",
    "This text has characters that cannot be shown. Take them out.",
    "Choose one of: approved, received, refused.",
}
# what a provider sends, in a shape of its own
UNREAD = {"channels/mail/inbound"}
# one of them is let in mostly
CALLERS = ("owner", "guest")


def own_texts() -> Iterator[str]:
    """What REST framework asks to be translated, and what Django says of texts with NUL."""
    for name in MODULES:
        for node in ast.walk(ast.parse((FRAMEWORK / f"{name}.py").read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_":
                (asked, *_more) = node.args
                if isinstance(asked, ast.Constant):
                    yield str(asked.value)
    yield "Null characters are not allowed."
    yield "Surrogate characters are not allowed: U+{code_point:X}."


def of_the_framework() -> re.Pattern[str]:
    """All of them in the shop's languages, with anything in their places."""
    folder, told = FRAMEWORK / "locale", set(own_texts())
    for language in LANGUAGES:
        words = gettext.translation("django", folder, [language], fallback=True)
        told |= {words.gettext(text) for text in set(own_texts())}
    return re.compile("|".join(re.sub(r"\\{.*?\\}", ".*", re.escape(text)) for text in told), re.S)


OF_THE_FRAMEWORK = of_the_framework()


def wrong(schema: Any, right: Any = None, *, depth: int = 0) -> Iterator[Any]:
    """Something of no use in the place of what the schema describes, and in each place within."""
    yield from WRONG if depth < 2 else WITHIN
    for part in parts(schema):
        if isinstance(inner := part.get("items"), dict):
            first = right[0] if isinstance(right, list) and right else None
            yield from ([each] for each in wrong(inner, first, depth=depth + 1))
        if isinstance(inner := part.get("additionalProperties"), dict):
            yield from ({"en": each} for each in wrong(inner, depth=depth + 1))
        given = right if isinstance(right, dict) else {}
        for name, inner in part.get("properties", {}).items():
            yield {key: value for key, value in given.items() if key != name}
            found = wrong(inner, given.get(name), depth=depth + 1)
            yield from ({**given, name: each} for each in found)


def parts(schema: Any) -> Iterator[Any]:
    """What a schema is put together from, without references."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = openapi.document()["components"]["schemas"][name]
    yield schema
    for how in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(how, ()):
            yield from parts(each)


def calls() -> Iterator[tuple[str, str, list[Any]]]:
    """Every call with a body of JSON, and bodies that it cannot use; of each shape once."""
    seen = set()
    for call, told in openapi.operations(openapi.document()):
        body = told.get("requestBody", {}).get("content", {}).get(JSON)
        shape = str(body and body["schema"]).replace("Patched", "")
        if body and shape not in seen:
            seen.add(shape)
            method, _space, path = call.partition(" ")
            right = next(iter(body["examples"].values()))["value"]
            yield method, path, list(wrong(body["schema"], right))


@dataclass
class Desk:
    """Sends bodies, in one language after the other; `told` is what was said, by the language."""

    world: World = field(default_factory=World)
    languages: Iterator[str] = field(default_factory=lambda: cycle(LANGUAGES))
    told: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def address(self, path: str) -> str:
        """With what is there, and is the guest's, for what it names."""
        names = {name: getattr(self.world, f"_{name}")("guest") for name in NAMES.findall(path)}
        return f"/api/v1/{path.format(**names)}"

    def send(self, method: str, address: str, bodies: list[Any]) -> bool:
        """Whether there was a caller whose bodies were refused for what they say."""
        for who in CALLERS:
            if self._is_refused(who, method, address, []):
                return sum(self._is_refused(who, method, address, body) for body in bodies) > 0
        return False

    def _is_refused(self, who: str, method: str, address: str, body: Any) -> bool:
        language = next(self.languages)
        client = Client()
        headers = {"Accept-Language": language, "Idempotency-Key": "k", "If-Match": "*"}
        if who == "guest":
            headers["X-Basket-Token"] = self.world.basket_tokens.get("guest", "")
            headers["Authorization"] = f"Ticket {self.world.tickets.get('guest', '')}"
        else:
            client.cookies[settings.SESSION_COOKIE_NAME] = self.world.session(who)
        answer = client.generic(method, address, json.dumps(body), JSON, headers=headers)
        assert answer.status_code < 500, (method, address, body)
        if answer.status_code != 400:
            return False
        problem = answer.json()
        self.told[language] |= {problem["detail"], *(each["detail"] for each in problem["errors"])}
        return True


def test_the_words_of_the_framework_are_known() -> None:
    for said in (
        "Ensure this field has no more than 40 characters.",
        'Expected a dictionary of items but got type "str".',
        "Eine gültige Ganzzahl ist erforderlich.",
        "Surrogate characters are not allowed: U+D800.",
    ):
        assert OF_THE_FRAMEWORK.fullmatch(said), said
    assert not OF_THE_FRAMEWORK.fullmatch("Write a whole number, such as 12.")


@pytest.mark.django_db
def test_nobody_reads_the_words_of_the_framework() -> None:
    desk = Desk()
    # before the calls can take the lamp out of the shop
    found = [(method, desk.address(path), path, bodies) for method, path, bodies in calls()]

    unread = {
        path for method, address, path, bodies in found if not desk.send(method, address, bodies)
    }

    said = {text for texts in desk.told.values() for text in texts}
    assert {text for text in said if OF_THE_FRAMEWORK.fullmatch(text)} == set()
    assert desk.told["en"] >= WORDS, WORDS - desk.told["en"]
    # each language says its own
    assert desk.told["en"] & desk.told["de"] == set()
    assert unread == UNREAD
