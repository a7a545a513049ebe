"""How far somebody says to have read: one receipt each, which only moves forward."""

from datetime import datetime

from django.utils.translation import gettext as _

from museo.access.callers import Caller
from museo.access.problems import Invalid, field_error
from museo.access.tokens import digest
from notifications import inbox, log
from notifications.audiences import user_topic
from notifications.models import Receipt
from notifications.preferences import READ


def acknowledge(caller: Caller, position: int, *, now: datetime) -> int:
    """Note that all up to `position` was received; return how far the receipt reaches now.

    What was new to a person and is no longer is told to whatever else they have open.
    """
    if not 0 <= position <= log.state().head:
        detail = _("There is no such position in the log. Acknowledge one you were given.")
        raise Invalid(detail, errors=[field_error("/position", "out_of_range", detail)])
    reader = reader_of(caller)
    with log.change() as change:
        before = _move(reader, position, now=now)
        # who acknowledges also that it was told has read nothing more: this ends
        if before < position and caller.user_id and inbox.has_between(caller, before, position):
            change.event(user_topic(caller.user_id), READ, {"position": position}, at=now)
    return max(before, position)


def _move(reader: str, position: int, *, now: datetime) -> int:
    """Move the receipt forward; return where it was."""
    mine = Receipt.objects.filter(reader=reader)
    _row, is_new = Receipt.objects.get_or_create(
        reader=reader, defaults={"position": position, "at": now}
    )
    if is_new:
        return 0
    before = mine.select_for_update(no_key=True).values_list("position", flat=True).get()
    mine.filter(position__lt=position).update(position=position, at=now)
    return before


def reader_of(caller: Caller) -> str:
    """Whose receipt it is: the person's, else the order ticket's, else the address's."""
    if who := caller.who or caller.granted_by:
        return who
    if caller.tickets:
        return f"ticket:{digest(caller.tickets[0])}"
    return f"process:{caller.process}"
