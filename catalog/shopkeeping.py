"""What staff write of the shop itself: the one place that changes its settings."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from catalog import shop
from catalog.models import ShopSettings
from catalog.search import index
from catalog.search.models import SearchEntry
from museo.access import trail
from museo.access.callers import Caller
from museo.access.problems import Problem


class EditedMeanwhile(Problem):
    status = 409
    code = "edited_meanwhile"


def begin(fields: Mapping[str, Any], *, now: datetime) -> ShopSettings:
    """Make the row, with these fields; what is there already stays."""
    with transaction.atomic():
        row, is_new = ShopSettings.objects.get_or_create(id=1, defaults=dict(fields))
        if is_new:
            unset = shop.Shop()
            _follow(unset.currency, unset.default_language, row, now=now)
        shop.heard()
    return row


def change(
    caller: Caller,
    fields: Mapping[str, Any],
    *,
    step: int = 0,
    seen: int | None = None,
    now: datetime,
) -> ShopSettings:
    """Write these fields, and that a step of the first run is done; the row is there.

    `seen` is the revision that an editor saw. Raises EditedMeanwhile.
    """
    with transaction.atomic():
        # locked: two who do their steps at once both count
        row = ShopSettings.objects.select_for_update().get()
        if seen not in (None, row.revision):
            raise EditedMeanwhile(
                _("Somebody else has saved these settings meanwhile. Look at them again.")
            )
        before = row.currency, row.default_language
        done = {"steps_done": max(row.steps_done, step), "revision": row.revision + 1}
        for name, value in {**fields, **done}.items():
            setattr(row, name, value)
        row.save(update_fields=[*fields, *done])
        _follow(*before, row, now=now)
        trail.leave(caller, "shop.changed", "shop", fields=fields, at=now)
        shop.heard()
    return row


def _follow(currency: str, language: str, row: ShopSettings, *, now: datetime) -> None:
    """What is found by its price or name has them in the shop's currency and language."""
    if currency != row.currency:
        priced = SearchEntry.objects.order_by("pk").values_list("pk", flat=True)
        index.reprice(priced, currency=row.currency, now=now)
    if language != row.default_language:
        index.rename(language=row.default_language)


def open_doors(*, now: datetime) -> bool:
    """End the first run; False if the shop was open already."""
    opened = ShopSettings.objects.filter(opened_at=None).update(opened_at=now)
    shop.heard()
    return bool(opened)
