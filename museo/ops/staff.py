"""The first staff login: made once, kept in a file that only its owner can read."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from museo.access.models import User

EMAIL = "staff@museo.example"


@dataclass(frozen=True)
class Login:
    email: str
    # None: made elsewhere, so nobody but its owner knows it
    password: str | None


def ensure(folder: Path) -> Login:
    """The login kept in `folder`; its user is made where the database has none."""
    kept = folder / "staff-login"
    user = User.objects.filter(email__iexact=EMAIL).first()
    if user and not kept.exists():
        return Login(EMAIL, None)
    password = _kept_password(kept)
    if not user:
        User.objects.create_superuser(EMAIL, password)
    return Login(EMAIL, password)


def _kept_password(path: Path) -> str:
    if not path.exists():
        made = secrets.token_urlsafe(12)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{EMAIL} {made}\n")
    return path.read_text().split()[1]
