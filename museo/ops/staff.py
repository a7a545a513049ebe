"""The first staff login: made once, kept in a file that only its owner can read."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from museo.access import people
from museo.access.models import User

EMAIL = "staff@museo.example"


@dataclass(frozen=True)
class Login:
    email: str
    # None: made or changed elsewhere, so nobody but its owner knows it
    password: str | None


def ensure(folder: Path) -> Login | None:
    """The login kept in `folder`, made where nobody owns the shop; None where others do instead."""
    kept = folder / "staff-login"
    user = User.objects.filter(email__iexact=EMAIL).first()
    if user is None:
        if people.has_owner():
            return None
        user = User.objects.create_superuser(EMAIL, _kept_password(kept))
    elif not kept.exists():
        return Login(EMAIL, None)
    password = _kept_password(kept)
    return Login(EMAIL, password if user.check_password(password) else None)


def _kept_password(path: Path) -> str:
    if not path.exists():
        made = secrets.token_urlsafe(12)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{EMAIL} {made}\n")
    return path.read_text().split()[1]
