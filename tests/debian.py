"""Installs what the tests need on Debian and its kin, so that nothing of it runs afterwards."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

POLICY = Path("/usr/sbin/policy-rc.d")
# packages that bring a service
SERVICES = {"postgresql", "nginx"}
NO_CLUSTER = Path("/etc/postgresql-common/createcluster.d/museo-tests.conf")


def can_install() -> bool:
    return os.getuid() == 0 and shutil.which("apt-get") is not None


def install(package: str) -> None:
    with _file(POLICY, "#!/bin/sh\nexit 101\n"), _file(NO_CLUSTER, "create_main_cluster = off\n"):
        # the machine's lists may be older than its mirror; only then fetch them anew
        if _apt("install", package):
            sys.stderr.write(_apt("update") + _apt("install", package))
    if package in SERVICES:
        # nobody asked for one at the next boot
        subprocess.run(["update-rc.d", package, "disable"], capture_output=True, check=False)


def _apt(verb: str, *packages: str) -> str:
    """What it complained of; empty when all went well."""
    quietly = ("-q=2", "-o=Dpkg::Use-Pty=0", "--no-install-recommends")
    done = subprocess.run(
        ["apt-get", verb, "--yes", *quietly, *packages],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr if done.returncode else ""


@contextmanager
def _file(path: Path, content: str) -> Iterator[None]:
    """A file that is there meanwhile; afterwards all is as it was before."""
    before = path.rename(path.with_name(f"{path.name}.museo-kept")) if path.exists() else None
    folder_is_ours = not path.parent.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(0o755)
    try:
        yield
    finally:
        path.unlink()
        if before:
            before.rename(path)
        if folder_is_ours:
            # a package may have put something there, or taken the folder over
            with suppress(OSError):
                path.parent.rmdir()
