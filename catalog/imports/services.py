"""Imports of products: started, checked, run, cancelled, undone; `working` does what is to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.imports import columns, files
from catalog.imports.cells import plain
from catalog.imports.models import PERMISSION, Import, ImportRow
from catalog.imports.problems import CannotImport
from museo.access.callers import Caller
from museo.access.permissions import may
from museo.access.problems import NotAllowed, NotFound, Problem
from museo.access.tokens import as_name
from notifications import log

State = Import.State
KEPT = timedelta(days=30)
# all hear of imports who may see products
EVERYBODYS = "staff.catalog"
MEANS_ANOTHER = gettext_lazy(
    "The columns mean something else than when they were checked. See first what would change."
)


class UnknownImport(NotFound):
    code = "unknown_import"


class NotNow(Problem):
    """The import is not in a state for this."""

    status = 409
    code = "not_now"


# starting


def require(caller: Caller) -> None:
    """Raise NotAllowed for who may not import."""
    if not may(caller, PERMISSION):
        raise NotAllowed(_("Only staff who may change products can import them."))


def start(
    caller: Caller,
    content: Iterable[bytes],
    *,
    file_name: str,
    mapping: Mapping[str, str] | None = None,
    dry_run: bool,
    now: datetime,
) -> Import:
    """Keep the file and begin with it: check it, or import it at once.

    `mapping` names the fields of columns; of the others they are guessed. Raises CannotImport for a
    file that is none, and NotAllowed.
    """
    require(caller)
    made = upload(content, file_name=file_name, owner_id=caller.user_id, now=now)
    try:
        fields = made.mapping if mapping is None else mapping_of(made, mapping)
        return begin(made, by=caller.who, mapping=fields, dry_run=dry_run, now=now)
    except CannotImport:
        _throw_away(made)
        raise


def upload(
    content: Iterable[bytes], *, file_name: str, owner_id: int | None, now: datetime
) -> Import:
    """Keep the file and look at its columns; nothing is begun."""
    stored_as = files.keep(content)
    try:
        reading, header, sample = files.examine(stored_as)
    except CannotImport:
        files.forget(stored_as)
        raise
    return Import.objects.create(
        owner_id=owner_id,
        file_name=plain(file_name)[:200],
        stored_as=stored_as,
        reading=reading.kept(),
        header=[plain(name) for name in header],
        sample=[[plain(cell)[:200] for cell in row] for row in sample],
        mapping=columns.guess(header),
        created_at=now,
    )


def begin(
    found: Import, *, by: str, mapping: Sequence[str], dry_run: bool, now: datetime
) -> Import:
    """Check the file under this mapping, or import it; raise CannotImport or NotNow.

    What is written then was done `by` this caller, says the trail.
    """
    columns.require_usable(mapping, found.header)
    to = State.CHECKING if dry_run else State.RUNNING
    is_anew = list(mapping) != found.mapping or not found.is_read
    with log.change() as change:
        _move(
            found,
            (State.UPLOADED, State.CHECKED),
            to,
            began_by=by,
            mapping=list(mapping),
            has_run=not dry_run,
            lease_until=now,
            **(NOT_READ if is_anew else {}),
            **NOTHING_DONE,
        )
        if is_anew:
            ImportRow.objects.filter(source=found).delete()
        tell(change, found, now)
    return found


NOT_READ = {"is_read": False, "records_read": 0, "total": 0}
NOTHING_DONE: dict[str, Any] = {
    "done": 0,
    "reached": "",
    "has_reached": False,
    "created": 0,
    "changed": 0,
    "unchanged": 0,
    "refused": 0,
    "worker": "",
}


def mapping_of(found: Import, named: Mapping[str, str]) -> list[str]:
    """What was guessed, but for the columns that are named; raise CannotImport."""
    unknown = next((name for name in named if name not in found.header), None)
    if unknown is not None:
        what = _("there is no column %(name)s.") % {"name": unknown[:80]}
        raise CannotImport("mapping_invalid", what=what)
    guessed = zip(found.header, found.mapping, strict=True)
    return [named.get(name, field) for name, field in guessed]


def find(caller: Caller, public_id: str) -> Import:
    """Raise UnknownImport, also for what the caller may not see."""
    rows = Import.objects.visible_to(caller).filter(public_id=as_name(public_id))
    found = rows.first()
    if found is None:
        raise UnknownImport(_("There is no such import."))
    return found


def check(caller: Caller, public_id: str, *, mapping: Sequence[str], now: datetime) -> Import:
    """See what the import would do under this mapping."""
    found = find(caller, public_id)
    return begin(found, by=caller.who, mapping=mapping, dry_run=True, now=now)


def run(
    caller: Caller, public_id: str, *, shown: Sequence[str] | None = None, now: datetime
) -> Import:
    """Import what was uploaded or checked; if a caller is shown another mapping, check that one."""
    found = find(caller, public_id)
    mapping = found.mapping if shown is None else list(shown)
    is_other = mapping != found.mapping
    return begin(found, by=caller.who, mapping=mapping, dry_run=is_other, now=now)


def cancel(caller: Caller, public_id: str, *, now: datetime) -> Import:
    """Stop: what is imported stays, and can be undone."""
    found = find(caller, public_id)
    with log.change() as change:
        _move(
            found,
            (State.UPLOADED, State.CHECKING, State.CHECKED, State.RUNNING),
            State.CANCELLED,
            finished_at=now,
        )
        forget_plans(found)
        tell(change, found, now)
    return found


def forget_plans(found: Import) -> None:
    """What a dry run had said of rows that then were not reached is not what became of them."""
    rows = found.rows.filter(product__gt=found.reached) if found.has_reached else found.rows.all()
    rows.exclude(outcome="").update(outcome="", changes={}, reasons=[])


def undo(caller: Caller, public_id: str, *, now: datetime) -> Import:
    """Take back what the import changed, as far as nobody has changed it since."""
    found = find(caller, public_id)
    with log.change() as change:
        _move(
            found,
            Import.HAS_ENDED if found.has_run else (),
            State.UNDOING,
            began_by=caller.who,
            lease_until=now,
            **{**NOT_DONE, "undone": 0, "kept": 0},
        )
        tell(change, found, now)
    return found


NOT_DONE: dict[str, Any] = {
    name: NOTHING_DONE[name] for name in ("done", "reached", "has_reached", "worker")
}


def _move(found: Import, states: Sequence[str], to: str, **fields: Any) -> None:
    """Change the state if it is one of these and all means what it did; raise NotNow."""
    seen = found.mapping
    same = Import.objects.filter(pk=found.pk, state__in=states, mapping=seen)
    moved = same.update(state=to, **fields)
    found.refresh_from_db()
    if not moved and found.mapping != seen:
        raise NotNow(str(MEANS_ANOTHER), state=found.state)
    if not moved:
        raise NotNow(
            _("The import is %(state)s; this is not possible now.")
            % {"state": found.get_state_display()},
            state=found.state,
        )


def _throw_away(made: Import) -> None:
    files.forget(made.stored_as)
    made.delete()


def forget_old(*, now: datetime) -> int:
    """Delete what was kept of imports to undo them; return how many were forgotten."""
    old = Import.objects.filter(created_at__lt=now - KEPT).exclude(state__in=Import.AT_WORK)
    found = list(old.order_by("pk")[:100])
    for each in found:
        files.forget(each.stored_as)
        each.delete()
    return len(found)


# telling


def summary(found: Import) -> dict[str, Any]:
    """How the import stands, in numbers; an event's data."""
    return {
        "import_id": found.public_id,
        "state": found.state,
        "is_read": found.is_read,
        "total": found.total,
        "done": found.done,
        "created": found.created,
        "changed": found.changed,
        "unchanged": found.unchanged,
        "refused": found.refused,
        "undone": found.undone,
        "kept": found.kept,
        "progress": found.progress,
    }


def tell(change: log.Change, found: Import, now: datetime) -> None:
    change.event(found.topic, "import.progress", summary(found), at=now, also=(EVERYBODYS,))
