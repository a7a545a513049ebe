"""Imports of products, and what becomes of each row of their files."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from museo.access.callers import Caller
from museo.access.permissions import may
from museo.access.tokens import public_id

PERMISSION = "catalog.change_master"
LEFT_AFTER = timedelta(seconds=5)


def import_id() -> str:
    return public_id("imp")


class ImportQuerySet(models.QuerySet["Import"]):
    def visible_to(self, caller: Caller) -> Self:
        """Imports belong to the shop: whoever may change products sees them all."""
        return self if may(caller, PERMISSION) else self.none()


class Import(models.Model):
    """One file, from its upload to its undoing; its place is kept with each batch of rows."""

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("uploaded")
        CHECKING = "checking", _("being checked")
        CHECKED = "checked", _("checked")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        CANCELLED = "cancelled", _("cancelled")
        FAILED = "failed", _("failed")
        UNDOING = "undoing", _("being undone")
        UNDONE = "undone", _("undone")

    # what a worker has to do something for
    AT_WORK = (State.CHECKING, State.RUNNING, State.UNDOING)
    HAS_ENDED = (State.DONE, State.CANCELLED, State.FAILED)

    public_id = models.CharField(max_length=30, unique=True, default=import_id, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    file_name = models.CharField(_("file"), max_length=200)
    # who began what is being done, as the trail names callers; empty: the command did
    began_by = models.CharField(max_length=80, blank=True)
    # the name in our storage, and how its bytes are to be read: {"format", "encoding", …}
    stored_as = models.CharField(max_length=100)
    reading = models.JSONField(default=dict)
    header = models.JSONField(default=list)
    # the first rows, to choose the columns' meanings by
    sample = models.JSONField(default=list)
    # the field of each column of the header; empty: not imported
    mapping = models.JSONField(default=list)
    state = models.CharField(
        _("state"), max_length=10, choices=State, default=State.UPLOADED, db_index=True
    )
    # a dry run has changed nothing that could be undone
    has_run = models.BooleanField(default=False)
    # why it failed: {"code", …facts}
    failure = models.JSONField(default=dict)
    # the place: records of the file that are read; then rows done, and the product they end with
    records_read = models.PositiveIntegerField(default=0)
    is_read = models.BooleanField(default=False)
    total = models.PositiveIntegerField(_("rows"), default=0)
    done = models.PositiveIntegerField(default=0)
    reached = models.CharField(max_length=120, blank=True)
    has_reached = models.BooleanField(default=False)
    # what became of the rows
    created = models.PositiveIntegerField(_("new"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    refused = models.PositiveIntegerField(_("refused"), default=0)
    undone = models.PositiveIntegerField(default=0)
    kept = models.PositiveIntegerField(default=0)
    # whoever works on it must renew the lease; when it is over, another one takes it up. Until
    # somebody has it, the time from which it waits
    worker = models.CharField(max_length=40, blank=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(_("uploaded at"))
    finished_at = models.DateTimeField(null=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")

    def __str__(self) -> str:
        return self.file_name

    @property
    def topic(self) -> str:
        return f"import.{self.public_id}"

    @property
    def can_be_undone(self) -> bool:
        return self.has_run and self.state in self.HAS_ENDED

    @property
    def progress(self) -> int:
        """Percent of what is being done; rows are counted until the file is read."""
        if self.state in (self.State.UNDOING, self.State.UNDONE):
            whole = self.created + self.changed
        else:
            whole = self.total if self.is_read else 0
        return min(100, self.done * 100 // whole) if whole else 0

    def is_left(self, now: datetime) -> bool:
        """Whether nobody does what is to be done, though a worker looks for it each second."""
        if self.state not in self.AT_WORK or self.lease_until is None:
            return False
        return now - self.lease_until > LEFT_AFTER

    @property
    def reference(self) -> str:
        """Who moved the stock."""
        return f"import:{self.public_id}"


class ImportRow(models.Model):
    """A row of a file; rows of one product are worked on together."""

    class Outcome(models.TextChoices):
        CREATE = "create", _("new")
        CHANGE = "change", _("changed")
        UNCHANGED = "unchanged", _("unchanged")
        REFUSED = "refused", _("refused")

    source = models.ForeignKey(
        Import, on_delete=models.CASCADE, related_name="rows", db_index=False
    )
    # as a spreadsheet numbers it
    number = models.PositiveIntegerField()
    sku = models.CharField(max_length=64, blank=True)
    product = models.CharField(max_length=120)
    # an earlier row of the file with the same SKU
    twin = models.PositiveIntegerField(null=True)
    # texts, in the order of the header
    cells = models.JSONField(default=list)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    # by field what was and what is
    changes = models.JSONField(default=dict)
    # what stood in the way, or staff should know of it: field, code and facts of each
    reasons = models.JSONField(default=list)
    was_undone = models.BooleanField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "number"], name="one_import_row_per_number"),
            models.CheckConstraint(
                condition=Q(twin=None) | Q(twin__lt=models.F("number")),
                name="import_row_twin_comes_before",
            ),
        ]
        indexes = [models.Index(fields=["source", "product", "number"], name="import_row_product")]
