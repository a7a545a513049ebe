"""What is kept as JSON, typed as people write lists: words with commas, a line for each name."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget

# of a column: what it holds, and what is under each of its names, where that is not any value
LISTS = {
    "alts": (dict, str),
    "attributes": (dict, None),
    "facts": (dict, dict),
    "labels": (dict, str),
    "names": (dict, str),
    "tags": (list, None),
}
SAID = {
    (dict, None): gettext_lazy("One on each line: Material: Stoneware"),
    (dict, str): gettext_lazy("One on each line, after its language: de: Farbe"),
    (dict, dict): gettext_lazy("One on each line, after its language: de: Material: Steinzeug"),
    (list, None): gettext_lazy("Words with commas between them: new, gift"),
}


class LinesField(forms.JSONField):
    """Shows and takes lines; what lines cannot say, such as a number, is JSON as before."""

    widget = UnfoldAdminTextareaWidget

    def __init__(self, *, column: str, **options: Any) -> None:
        self.holds, self.of = LISTS[column]
        attrs = {"rows": 2, "placeholder": SAID[self.holds, self.of]}
        super().__init__(**{**options, "widget": self.widget(attrs=attrs)})

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return value
        text = _written(value)
        return text if self._is_read_as(text, value) else super().prepare_value(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        return data

    def to_python(self, value: Any) -> Any:
        text = value.strip() if isinstance(value, str) else value
        if text in self.empty_values or text == "null":
            return self.holds()
        if isinstance(text, str) and not text.startswith(("{", "[")):
            found = self._read(text)
        else:
            found = super().to_python(text)
        if not isinstance(found, self.holds) or not self._holds_its_kind(found):
            raise ValidationError(SAID[self.holds, self.of])
        return found

    def _is_read_as(self, text: str, value: Any) -> bool:
        try:
            return bool(self.to_python(text) == value)
        except ValidationError:
            return False

    def _read(self, text: str) -> Any:
        """The value of such lines; None for what is none."""
        if self.holds is list:
            words = (word.strip() for word in text.split(","))
            return [word for word in words if word]
        try:
            return _pairs(text, deep=self.of is dict)
        except ValueError:
            return None

    def _holds_its_kind(self, found: Any) -> bool:
        return self.of is None or all(isinstance(value, self.of) for value in found.values())


def _pairs(text: str, *, deep: bool) -> dict[str, Any]:
    """Raises ValueError for a line without a colon, and for a name that is there twice."""
    found: dict[str, Any] = {}
    for line in filter(str.strip, text.splitlines()):
        name, rest = _pair(line)
        if deep:
            inner, value = _pair(rest)
            found.setdefault(name, {})
            _put(found[name], inner, value)
        else:
            _put(found, name, rest)
    return found


def _pair(line: str) -> tuple[str, str]:
    name, rest = line.split(":", 1)
    return name.strip(), rest.strip()


def _put(found: dict[str, Any], name: str, value: str) -> None:
    if name in found:
        raise ValueError(name)
    found[name] = value


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "\n".join(
        f"{name}: {line}"
        for name, inner in (value or {}).items()
        for line in (_written(inner).split("\n") if isinstance(inner, dict) else [inner])
    )
