"""How far somebody says to have read: one receipt each, which only moves forward."""

from datetime import datetime

from django.utils.translation import gettext as _

from museo.access.callers import Caller
from museo.access.problems import Invalid, field_error
from museo.access.tokens import digest
from notifications import log
from notifications.models import Receipt


def acknowledge(caller: Caller, position: int, *, now: datetime) -> int:
    """Note that all up to `position` was received; return how far the receipt reaches now."""
    if not 0 <= position <= log.state().head:
        detail = _("There is no such position in the log. Acknowledge one you were given.")
        raise Invalid(detail, errors=[field_error("/position", "out_of_range", detail)])
    reader = reader_of(caller)
    _row, is_new = Receipt.objects.get_or_create(
        reader=reader, defaults={"position": position, "at": now}
    )
    if not is_new:
        behind = Receipt.objects.filter(reader=reader, position__lt=position)
        behind.update(position=position, at=now)
    return Receipt.objects.values_list("position", flat=True).get(reader=reader)


def reader_of(caller: Caller) -> str:
    """Whose receipt it is: the person's, else the order ticket's, else the address's."""
    if who := caller.who or caller.granted_by:
        return who
    if caller.tickets:
        return f"ticket:{digest(caller.tickets[0])}"
    return f"process:{caller.process}"
