"""Pages of the admin as those see them who may look and change nothing."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib.admin.options import BaseModelAdmin, InlineModelAdmin
from django.http import HttpRequest


class AsWritten(BaseModelAdmin):
    """They see amounts and rates as people write them, not as they are kept."""

    # of a field: what shows it
    shown: ClassVar[dict[str, str]] = {}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if self._is_to_write(request, obj):
            return fieldsets
        return [(title, {**how, "fields": self._shown(how["fields"])}) for title, how in fieldsets]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        own = super().get_readonly_fields(request, obj)
        return own if self._is_to_write(request, obj) else [*own, *self.shown.values()]

    def _is_to_write(self, request: HttpRequest, obj: Any) -> bool:
        """Some may add and not change: of a part, `obj` is the whole."""
        if self.has_change_permission(request, obj):
            return True
        if isinstance(self, InlineModelAdmin):
            return bool(self.has_add_permission(request, obj))
        return obj is None and self.has_add_permission(request)

    def _shown(self, fields: Sequence[Any]) -> list[Any]:
        names = [self.shown.get(name, name) if isinstance(name, str) else name for name in fields]
        # two fields may be one thing to see
        return list(dict.fromkeys(names))
