"""Who has bought what, and what can be bought: asked of the app above, which has the orders."""

from collections.abc import Callable

from django.utils.translation import gettext_lazy as _

from catalog.models import Master

# a user's id and a master's id: whether an order of theirs had it
HasBought = Callable[[int, int], bool]
# a kind of products: whether a way of delivery takes it
IsCarried = Callable[[str], bool]
NOT_CARRIED = _("No way of delivery takes what is of this kind: %(kind)s. Nobody can buy it.")
_answerers: list[tuple[HasBought, IsCarried]] = []


def register(has_bought: HasBought, is_carried: IsCarried) -> None:
    """For `AppConfig.ready()` of the app that sells."""
    _answerers.append((has_bought, is_carried))


def has_bought(user_id: int, master_id: int) -> bool:
    return any(answer(user_id, master_id) for answer, _is_carried in _answerers)


def is_carried(kind: str) -> bool:
    return any(answer(kind) for _has_bought, answer in _answerers)


def not_carried() -> frozenset[str]:
    """The kinds that no way of delivery takes."""
    return frozenset(kind for kind in Master.Kind.values if not is_carried(kind))


def warnings(master: Master, *, is_carried: IsCarried = is_carried) -> list[str]:
    """What staff should know of a product that is on sale: that nobody can buy it."""
    is_on_sale = master.status == Master.Status.ACTIVE and master.deleted_at is None
    return [not_carried_said(master.kind)] if is_on_sale and not is_carried(master.kind) else []


def not_carried_said(kind: str) -> str:
    """For staff, who can do something about it."""
    return str(NOT_CARRIED) % {"kind": Master.Kind(kind).label}
