"""Files as agents bring them: base64 in an argument, or one that was uploaded before."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime

from django.utils.translation import gettext as _

from catalog.imports import services
from catalog.imports.models import Import
from museo.access.callers import Caller
from museo.access.problems import Invalid, field_error

# what fits into a body of 4 MiB beside all else
LONGEST = 4_000_000


def decoded(file: str) -> bytes:
    """Raise Invalid for what is not base64, or empty."""
    try:
        content = base64.b64decode("".join(file.split()), validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if not content:
        raise _invalid("/file", _("Send the file as base64, or the import_id of one uploaded."))
    return content


def go_on(
    caller: Caller,
    import_id: str,
    *,
    mapping: Mapping[str, str] | None,
    dry_run: bool,
    now: datetime,
) -> Import:
    """Check an uploaded file once more, or import it as it was checked."""
    if dry_run:
        found = services.find(caller, import_id)
        fields = services.mapping_of(found, mapping or {})
        return services.check(caller, import_id, mapping=fields, now=now)
    if mapping:
        raise _invalid("/mapping", _("Check another mapping by a dry run first."))
    return services.run(caller, import_id, now=now)


def _invalid(pointer: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[field_error(pointer, "invalid", detail)])
