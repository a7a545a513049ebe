"""Compiles the translations; Babel does it, because a bare machine has no gettext.

`python -m museo.ops.translations` compiles those of the shop, for an image.
"""

import os
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from museo.ops.preflight import ROOT


def compile_changed(folder: Path) -> list[Path]:
    """Write the `.mo` of every `.po` under `folder` that is newer; return those written."""
    changed = [po for po in sorted(folder.glob("*/LC_MESSAGES/*.po")) if _is_newer(po)]
    return [_compile(po) for po in changed]


def _is_newer(po: Path) -> bool:
    mo = po.with_suffix(".mo")
    return not mo.exists() or po.stat().st_mtime > mo.stat().st_mtime


def _compile(po: Path) -> Path:
    with po.open("rb") as source:
        catalog = read_po(source, locale=po.parent.parent.name)
    mo = po.with_suffix(".mo")
    draft = po.with_suffix(f".{os.getpid()}.mo")
    with draft.open("wb") as target:
        write_mo(target, catalog)
    # whoever reads meanwhile has the old one or the new one, never half of it
    return draft.replace(mo)


if __name__ == "__main__":
    compile_changed(ROOT / "locale")
