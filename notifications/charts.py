"""Small drawings of numbers, as SVG without any library: where each bar stands."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600.0, 120.0
# of a bar's place, what it fills
FULL = 0.8


@dataclass(frozen=True)
class Bar:
    label: str
    value: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Chart:
    title: str
    bars: Sequence[Bar]
    # what the top stands for
    most: int
    total: int
    first: str
    last: str
    width: float = WIDTH
    height: float = HEIGHT


def chart(title: str, values: Sequence[tuple[str, int]]) -> Chart:
    """A bar for each label and value, from left to right; none at all is drawn as none."""
    most = max((value for _label, value in values), default=0)
    place = WIDTH / max(1, len(values))
    bars = [
        Bar(label, value, round(number * place, 2), HEIGHT - height, round(place * FULL, 2), height)
        for number, (label, value) in enumerate(values)
        for height in [round(HEIGHT * value / most, 2) if most else 0.0]
    ]
    total = sum(value for _label, value in values)
    first, last = (values[0][0], values[-1][0]) if values else ("", "")
    return Chart(title, bars, most, total, first, last)
