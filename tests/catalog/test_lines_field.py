"""What is kept as JSON is typed as lines, and comes back as it was."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from catalog.lines_field import LISTS, LinesField


@pytest.mark.parametrize(
    ("column", "typed", "kept"),
    [
        ("tags", "new,  gift ,", ["new", "gift"]),
        ("tags", '["new", "a, b"]', ["new", "a, b"]),
        ("tags", "", []),
        ("attributes", "Material: Stoneware\n\n Fits:  14:30 \r\n", None),
        ("attributes", '{"Weight": 5}', {"Weight": 5}),
        ("attributes", "null", {}),
        ("names", "de: Farbe\nfr: Couleur", {"de": "Farbe", "fr": "Couleur"}),
        (
            "facts",
            "de: Material: Steinzeug\nde: Breite: 9 cm\nfr: Matière: Grès",
            {"de": {"Material": "Steinzeug", "Breite": "9 cm"}, "fr": {"Matière": "Grès"}},
        ),
    ],
)
def test_lines_are_read_and_json_still_is(column: str, typed: str, kept: Any) -> None:
    kept = kept if kept is not None else {"Material": "Stoneware", "Fits": "14:30"}

    assert LinesField(column=column, required=False).clean(typed) == kept


@pytest.mark.parametrize(
    ("column", "typed"),
    [
        ("attributes", "Stoneware"),
        ("attributes", "Material: Stoneware\nMaterial: Clay"),
        ("attributes", "[1]"),
        ("attributes", "{"),
        ("facts", "de: Steinzeug"),
        ("facts", '{"de": "Steinzeug"}'),
        ("names", '{"de": 7}'),
        ("tags", '{"a": "b"}'),
    ],
)
def test_what_is_neither_is_refused(column: str, typed: str) -> None:
    with pytest.raises(ValidationError):
        LinesField(column=column, required=False).clean(typed)


TEXTS = st.text(max_size=12)
VALUES = {
    (list, None): st.lists(TEXTS, max_size=3),
    (dict, None): st.dictionaries(TEXTS, TEXTS | st.integers() | st.booleans(), max_size=3),
    (dict, str): st.dictionaries(TEXTS, TEXTS, max_size=3),
    (dict, dict): st.dictionaries(TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=2), max_size=2),
}


@pytest.mark.parametrize("value", [["{"], ["[", "new"], ["null"], []])
def test_words_that_look_like_json_are_shown_as_json(value: list[str]) -> None:
    field = LinesField(column="tags", required=False)

    assert field.clean(field.prepare_value(value)) == value


@given(data=st.data(), column=st.sampled_from(sorted(LISTS)))
def test_what_is_shown_is_read_back_as_it_was(data: st.DataObject, column: str) -> None:
    value, field = data.draw(VALUES[LISTS[column]]), LinesField(column=column, required=False)

    shown = field.prepare_value(value)

    assert field.clean(shown) == value
    assert not field.has_changed(value, shown)
