"""What people wrote to the shop, for staff: it appears by itself, and who opens it is noted."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from museo.access.callers import caller_from_request
from notifications import correspondence
from notifications.channels.news import INBOX, Said
from notifications.envelope import REMOVED
from notifications.models import InboundMessage
from notifications.watching import WatchedAdmin, moment, stays_fresh


@admin.register(InboundMessage)
class InboundMessageAdmin(WatchedAdmin):
    """The list says nothing of what they say; a message is opened by its own page."""

    class Media:
        js = [stays_fresh(follows=INBOX)]

    list_display = ["received", "channel", "shown_word", "shown_id"]
    list_filter = ["channel", "word"]
    search_fields = ["public_id__exact"]
    fields = ["received", "channel", "shown_id", "sender", "subject", "text", "read_by"]

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Opened, which is noted."""
        found: Any = super().get_object(request, object_id, from_field)
        if found is not None and self.has_view_permission(request, found):
            caller = caller_from_request(request)
            found.said = correspondence.read(caller, found, now=timezone.now())
        return found

    @display(description=gettext_lazy("received"))
    def received(self, message: InboundMessage) -> str:
        return moment(message.received_at)

    @display(description=gettext_lazy("message"))
    def shown_id(self, message: InboundMessage) -> str:
        return message.public_id

    @display(description=gettext_lazy("says only"))
    def shown_word(self, message: InboundMessage) -> str:
        return message.word.upper() or "-"

    @display(description=gettext_lazy("sender"))
    def sender(self, message: Any) -> SafeString:
        return _as_written(message, _said(message).sender)

    @display(description=gettext_lazy("subject"))
    def subject(self, message: Any) -> SafeString:
        return _as_written(message, _said(message).subject)

    @display(description=gettext_lazy("text"))
    def text(self, message: Any) -> SafeString:
        return _as_written(message, _said(message).text)

    @display(description=gettext_lazy("opened by"))
    def read_by(self, message: InboundMessage) -> SafeString:
        seen = correspondence.readers(message)
        rows = ((moment(each.at), each.name or each.who) for each in seen)
        return format_html_join("", "<p>{} {}</p>", rows)


def _said(message: Any) -> Said:
    said: Said = getattr(message, "said", Said())
    return said


def _as_written(message: InboundMessage, text: str) -> SafeString:
    """In its own direction, with its lines; what was erased says so."""
    shown = (text or "-") if message.sealed else REMOVED
    return format_html('<span class="as-written" dir="auto">{}</span>', shown)
