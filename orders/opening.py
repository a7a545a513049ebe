"""Whether the shop takes orders now, and from when on it makes what was ordered.

An order may be placed at any time of the day: while a kitchen is closed, it is promised for when it
opens, as people know it from shops of food. A pause is what refuses orders; what is being paid by
then may still be paid.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from catalog import shop
from catalog.models import Master
from museo.access.problems import Problem

# what is made when it is ordered
FOOD = str(Master.Kind.FOOD)


class ShopNotOpen(Problem):
    """Its first run is not over."""

    status = 409
    code = "shop_not_open"


class ShopPaused(Problem):
    """Staff take no orders for the moment."""

    status = 409
    code = "shop_paused"


def refusal() -> Problem | None:
    """Why no order can be begun now."""
    here = shop.current()
    if not here.is_open:
        return ShopNotOpen(_("This shop opens soon. It takes no orders yet."))
    if here.is_paused:
        told = _("We take no orders for the moment. What is in your basket stays there.")
        return ShopPaused(f"{told} {here.pause_text}".strip())
    return None


def require() -> None:
    """Raise ShopNotOpen or ShopPaused."""
    if problem := refusal():
        raise problem


def wait(kinds: Collection[str], *, now: datetime) -> timedelta:
    """How long it is until somebody makes it; on the real clock, whatever the shop's speed."""
    return shop.current().opens_next(now) - now if FOOD in kinds else timedelta(0)


def messages(kinds: Collection[str], *, now: datetime) -> list[dict[str, Any]]:
    """What to know of it before paying, as messages of a basket."""
    if problem := refusal():
        return [{"type": "warning", "code": problem.code, "detail": problem.detail}]
    if not wait(kinds, now=now):
        return []
    here = shop.current()
    opens_at = timezone.localtime(here.opens_next(now), here.zone)
    told = {"day": formats.date_format(opens_at, "l"), "time": f"{opens_at:%H:%M}"}
    detail = _("We are closed now. Order already: we begin on %(day)s at %(time)s.") % told
    return [{"type": "info", "code": "shop_closed", "detail": detail}]
