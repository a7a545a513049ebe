"""The page on which staff read what was done to a product: its trail."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from catalog.models import Master
from museo.access import trail
from museo.directions import isolated

WORDS = {
    "product.created": lambda: _("Made"),
    "product.changed": lambda: _("Changed"),
    "product.deleted": lambda: _("Deleted"),
    "product.restored": lambda: _("Restored"),
    "stock.counted": lambda: _("Stock counted"),
}


def view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """What was done to a product and its variants, newest first."""
    if not object_id.isdecimal() or len(object_id) > 18:
        object_id = "0"
    master = get_object_or_404(Master, pk=object_id)
    if not model_admin.has_view_or_change_permission(request, master):
        raise PermissionDenied
    variants = dict(master.variants.values_list("public_id", "sku"))
    traces = trail.of(master.public_id, *variants)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("What was done to %(name)s") % {"name": isolated(master)},
        "opts": model_admin.opts,
        "object": master,
        "traces": [
            {
                "at": trace.at,
                "who": " · ".join(
                    filter(None, [trace.name or trace.who or _("The shop"), trace.app])
                ),
                "what": WORDS[trace.what]() if trace.what in WORDS else trace.what,
                "fields": ", ".join(
                    [*filter(None, [variants.get(trace.target), trace.outcome]), *trace.fields]
                ),
            }
            for trace in traces
        ],
    }
    return render(request, "catalog/history.html", context)
