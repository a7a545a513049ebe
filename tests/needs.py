"""What the tests need beside Python: found, installed on Debian, or knowingly left out."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from museo.ops import valkey
from tests import debian, services


@dataclass(frozen=True)
class Need:
    # as in MUSEO_TEST_WITHOUT
    name: str
    what: str
    find: Callable[[], Path | None]
    how: str
    # empty: it would come with a service of its own, or with much else, so it is not installed
    # unasked
    debian_package: str = ""
    # installed with it, and done without where there is none
    also: str = ""
    is_for_long_runs: bool = False


NEEDS = (
    Need(
        "postgresql",
        "PostgreSQL",
        services.find_postgresql,
        "apt-get install postgresql (Debian, Ubuntu) or brew install postgresql (macOS)",
        "postgresql",
    ),
    Need(
        "browser",
        "Chromium",
        services.find_chromium,
        "apt-get install chromium (Debian, Ubuntu) or brew install chromium (macOS)",
        "chromium",
        also="chromium-headless-shell",
    ),
    Need(
        "browser",
        "the library of the browser's driver",
        services.find_driver,
        "apt-get install libatomic1 (Debian, Ubuntu)",
        "libatomic1",
    ),
    Need(
        "nginx",
        "nginx",
        services.find_nginx,
        "apt-get install nginx (Debian, Ubuntu) or brew install nginx (macOS)",
        "nginx",
    ),
    Need(
        "curl",
        "curl, which the examples are for",
        services.find_curl,
        "apt-get install curl (Debian, Ubuntu) or brew install curl (macOS)",
        "curl",
    ),
    Need(
        "valkey",
        "Valkey",
        valkey.server,
        "apt-get install redis-server (Debian, Ubuntu) or brew install valkey (macOS)",
    ),
    Need(
        "npm",
        "npm, which brings clients of others",
        services.find_npm,
        "apt-get install npm (Debian, Ubuntu) or brew install node (macOS)",
        is_for_long_runs=True,
    ),
)


def left_out(names: str) -> list[Need]:
    """The needs named in MUSEO_TEST_WITHOUT."""
    words = {word.strip() for word in names.split(",") if word.strip()}
    unknown = sorted(words - {need.name for need in NEEDS})
    if unknown:
        known = ", ".join(dict.fromkeys(need.name for need in NEEDS))
        sys.exit(f"museo: MUSEO_TEST_WITHOUT names {unknown[0]}; what it knows is {known}.")
    return [need for need in NEEDS if need.name in words]


def provide(needs: Sequence[Need], *, may_install: bool) -> Mapping[str, Path]:
    """Where each is; stop with the line to type where one is missing."""
    found = [(need, need.find() or _install(need, may_install)) for need in needs]
    missing = [need for need, path in found if not path]
    for need in missing:
        print(
            f"museo: the tests need {need.what}. Type: {need.how}. "
            f"Or leave it out knowingly: MUSEO_TEST_WITHOUT={need.name} scripts/test",
            file=sys.stderr,
        )
    if missing:
        sys.exit(1)
    return {need.name: path for need, path in found if path}


def _install(need: Need, may_install: bool) -> Path | None:
    if not (may_install and need.debian_package and debian.can_install()):
        return None
    print(
        f"{need.what} is missing: installing Debian's package {need.debian_package}; "
        "no service of it is set up or started.",
        flush=True,
    )
    debian.install(need.debian_package)
    if need.also:
        debian.install(need.also)
    return need.find()
