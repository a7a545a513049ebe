"""What a subscription wants of what its topic hears."""

from typing import Any

import pytest

from notifications.wishes import wants


@pytest.mark.parametrize(
    ("types", "where", "is_wanted"),
    [
        ([], {}, True),
        (["order.placed", "order.delivered"], {}, True),
        (["order.delivered"], {}, False),
        ([], {"status": ["placed"]}, True),
        ([], {"status": ["delivered", "placed"], "late": [False]}, True),
        ([], {"status": ["delivered"]}, False),
        ([], {"status": []}, False),
        ([], {"status": ["placed"], "late": [True]}, False),
        ([], {"nothing": ["placed"]}, False),
        ([], {"nothing": [None]}, True),
        ([], {"late": [0]}, False),
        ([], {"step": [True]}, False),
        ([], {"step": [1]}, True),
        (["order.delivered"], {"status": ["placed"]}, False),
    ],
)
def test_types_and_each_field_of_the_filter_must_fit(
    types: list[str], where: dict[str, Any], is_wanted: bool
) -> None:
    data = {"status": "placed", "late": False, "step": 1}

    assert wants("order.placed", data, types=types, where=where) is is_wanted
