"""The figures beneath the board: what a chart shows and its table says, from one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from catalog import shop
from catalog.templatetags.money import money
from museo.access.callers import Caller
from orders import board, lifecycle, pricing, stats

MINUTE = timedelta(minutes=1)
MINUTES = 60
HOURS = 24


@dataclass(frozen=True)
class Figure:
    """One number of the strip on top."""

    name: str
    value: str
    unit: str = ""
    is_bad: bool = False


@dataclass(frozen=True)
class Cell:
    """What a chart draws, and how it is read."""

    value: float
    text: str


@dataclass(frozen=True)
class Row:
    label: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class Chart:
    """A line over time, or bars side by side; its table has a column for each series."""

    name: str
    title: str
    # what it is of: the last hour
    span: str
    # what a chart says to whoever does not see it
    summary: str
    first: str
    series: Sequence[str]
    rows: Sequence[Row]
    shape: str = "line"
    unit: str = ""


def strip(caller: Caller, columns: Sequence[board.Column], *, now: datetime) -> list[Figure]:
    """How the day goes, in a row of numbers; five queries at most."""
    board.require(caller)
    here = shop.current()
    morning = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    day = stats.today(morning, currency=here.currency)
    to_door = stats.seconds_to_door(stats.placed_since(now - stats.DAY))
    orders = sum(column.count for column in columns)
    late = sum(column.late for column in columns)
    minutes = "-" if to_door is None else f"{to_door / 60:.1f}"
    taken = money(pricing.money(day["kept"], here.currency))
    return [
        Figure(_("In progress"), str(orders), _counted(orders)),
        Figure(_("Late"), str(late), _("of %(count)s") % {"count": orders}, is_bad=late > 0),
        Figure(_("Time to door"), minutes, _("min, median")),
        Figure(_("Today"), str(day["orders"]), _counted(day["orders"])),
        Figure(_("Taken"), taken, _("today")),
    ]


def _counted(orders: int) -> str:
    """What stands beside their number."""
    return ngettext("order in all", "orders in all", orders)


def charts(caller: Caller, *, now: datetime) -> list[Chart]:
    """Orders per minute, time per step, late share; four queries."""
    board.require(caller)
    return [_per_minute(now), _per_step(now), _late_share(now)]


def _per_minute(now: datetime) -> Chart:
    begin = now.replace(second=0, microsecond=0) - (MINUTES - 1) * MINUTE
    told = {row["minute"]: row["orders"] for row in stats.per_minute(now)}
    found = {datetime.fromisoformat(at): count for at, count in told.items()}
    minutes = [begin + number * MINUTE for number in range(MINUTES)]
    counts = [found.get(minute, 0) for minute in minutes]
    summary = _("Orders a minute: %(least)s to %(most)s, now %(last)s.") % {
        "least": min(counts),
        "most": max(counts),
        "last": counts[-1],
    }
    return Chart(
        "per-minute",
        _("Orders per minute"),
        _("Last hour"),
        summary,
        _("Minute"),
        [_("Orders")],
        [
            Row(_clock(minute), [Cell(count, str(count))])
            for minute, count in zip(minutes, counts, strict=True)
        ],
    )


def _per_step(now: datetime) -> Chart:
    told = stats.step_seconds(stats.placed_since(now - stats.DAY))
    rows = [
        Row(
            _(lifecycle.text_key(status, "label")),
            [_minutes(seconds["p50"]), _minutes(seconds["p95"])],
        )
        for status, seconds in told.items()
    ]
    slowest = max(rows, key=lambda row: row.cells[1].value, default=None)
    return Chart(
        "per-step",
        _("Time per step"),
        _("Last day"),
        _("The slowest is %(step)s: 95 of 100 take at most %(minutes)s.")
        % {"step": slowest.label, "minutes": slowest.cells[1].text}
        if slowest
        else _("Nothing yet."),
        _("Step"),
        [_("Half take at most"), _("95 of 100 take at most")],
        rows,
        shape="bars",
        unit=_("min"),
    )


def _late_share(now: datetime) -> Chart:
    hours = stats.late_by_hour(now)
    told = {datetime.fromisoformat(each["hour"]): each for each in hours}
    here = timezone.localtime(now).replace(minute=0, second=0, microsecond=0)
    begin = here - (HOURS - 1) * stats.HOUR
    day = [begin + number * stats.HOUR for number in range(HOURS)]
    rows = [Row(_clock(hour), [_share(told.get(hour))]) for hour in day]
    orders = sum(each["orders"] for each in hours)
    late = sum(each["late"] for each in hours)
    return Chart(
        "late-share",
        _("Late share"),
        _("Last day, by the hour they were placed"),
        ngettext(
            "%(late)s of %(orders)s order became late.",
            "%(late)s of %(orders)s orders became late.",
            orders,
        )
        % {"late": late, "orders": orders},
        _("Hour"),
        [_("Late")],
        rows,
        shape="bars",
        unit="%",
    )


def _share(told: Mapping[str, Any] | None) -> Cell:
    if told is None:
        return Cell(0, "-")
    return Cell(round(100 * told["late"] / told["orders"], 1), _("%(late)s of %(orders)s") % told)


def _minutes(seconds: float) -> Cell:
    whole = round(seconds)
    return Cell(round(seconds / 60, 2), f"{whole // 60}:{whole % 60:02}")


def _clock(at: datetime) -> str:
    return date_format(timezone.localtime(at), "H:i")
