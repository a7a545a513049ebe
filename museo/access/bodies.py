"""What is said of a body that cannot be used: the shop's words in the place of REST framework's.

A serializer's field takes them from its class when it is made, which is for each body that cannot
be used, and fills in `{max_length}` and the like. They are in place once this module is loaded.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from django.utils.functional import lazy
from django.utils.translation import gettext, gettext_noop
from rest_framework import serializers

Words = Mapping[str, Any]


def _say(text: str, **places: str) -> str:
    return gettext(text) % places


_said = lazy(_say, str)
FILL_IN = _said(gettext_noop("Fill this in."))
TEXT = _said(gettext_noop("Write this as text."))
NUMBER = _said(gettext_noop("Write a whole number, such as 12."))
MOMENT = _said(gettext_noop("Write a day and time, such as 2026-11-20T20:10:00Z."))
LIST = _said(gettext_noop("Send a list."))
OBJECT = _said(gettext_noop("Send an object: names with their values."))
FILE = _said(gettext_noop("Send a form (multipart/form-data) with the file in `file`."))
SHOWN = gettext_noop("This text has characters that cannot be shown. Take them out.")
LONGEST = _said(gettext_noop("Write at most %(most)s characters."), most="{max_length}")

OF_LISTS: Words = {
    "not_a_list": LIST,
    "empty": _said(gettext_noop("Name at least one.")),
    "min_length": _said(gettext_noop("Name at least one.")),
    "max_length": _said(gettext_noop("At most %(most)s are allowed here."), most="{max_length}"),
}
WORDS: Mapping[type[Any], Words] = {
    serializers.Field: {"required": FILL_IN, "null": FILL_IN},
    serializers.BooleanField: {"invalid": _said(gettext_noop("Write true or false."))},
    serializers.CharField: {"invalid": TEXT, "blank": FILL_IN, "max_length": LONGEST},
    serializers.IntegerField: {
        "invalid": NUMBER,
        "max_string_length": NUMBER,
        "min_value": _said(gettext_noop("Write %(least)s or more."), least="{min_value}"),
        "max_value": _said(gettext_noop("Write %(most)s or less."), most="{max_value}"),
    },
    serializers.DateTimeField: dict.fromkeys(("invalid", "date", "make_aware", "overflow"), MOMENT),
    serializers.FileField: {
        **dict.fromkeys(("required", "invalid", "no_name"), FILE),
        "empty": _said(gettext_noop("This file is empty. Send another one.")),
        "max_length": _said(
            gettext_noop("Give the file a name of at most %(most)s characters."),
            most="{max_length}",
        ),
    },
    serializers.JSONField: {"invalid": _said(gettext_noop("Write this as JSON."))},
    serializers.ListField: OF_LISTS,
    serializers.ListSerializer: OF_LISTS,
    serializers.DictField: {"not_a_dict": OBJECT, "empty": OBJECT},
    serializers.Serializer: {"invalid": OBJECT},
}
# of validators that every text has, and that say it by themselves
OF_CODES = dict.fromkeys(("null_characters_not_allowed", "surrogate_characters_not_allowed"), SHOWN)


for _kind, _words in WORDS.items():
    _kind.default_error_messages = {**getattr(_kind, "default_error_messages", {}), **_words}


def worded(said: str, code: str) -> str:
    """What a field said; for some codes in the shop's words, which no field can be given."""
    return gettext(OF_CODES[code]) if code in OF_CODES else said


class OneOf(serializers.ChoiceField):
    """One of several words; says which there are."""

    def fail(self, key: str, **facts: Any) -> NoReturn:
        if key == "invalid_choice":
            choices: Iterable[Any] = self.choices
            said = gettext("Choose one of: %(choices)s.")
            said %= {"choices": ", ".join(str(each) for each in choices)}
            raise serializers.ValidationError(said, code=key)
        super().fail(key, **facts)
