import gettext
import os
from pathlib import Path

from museo.ops.translations import compile_changed

GERMAN = """
msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\n"

msgid "Basket"
msgstr "Warenkorb"
"""


def write(folder: Path, text: str) -> Path:
    po = folder / "de" / "LC_MESSAGES" / "django.po"
    po.parent.mkdir(parents=True, exist_ok=True)
    po.write_text(text)
    return po


def test_a_translation_is_compiled_and_says_what_was_written(tmp_path: Path) -> None:
    po = write(tmp_path, GERMAN)

    assert compile_changed(tmp_path) == [po.with_suffix(".mo")]

    with po.with_suffix(".mo").open("rb") as compiled:
        assert gettext.GNUTranslations(compiled).gettext("Basket") == "Warenkorb"


def test_only_what_changed_is_compiled_again(tmp_path: Path) -> None:
    po = write(tmp_path, GERMAN)
    compile_changed(tmp_path)
    assert compile_changed(tmp_path) == []

    later = po.with_suffix(".mo").stat().st_mtime + 1
    os.utime(po, (later, later))

    assert compile_changed(tmp_path) == [po.with_suffix(".mo")]


def test_no_translations_are_no_trouble(tmp_path: Path) -> None:
    assert compile_changed(tmp_path) == []
    assert compile_changed(tmp_path / "nowhere") == []
