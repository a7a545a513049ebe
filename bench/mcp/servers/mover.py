"""Moves an order for each line, `NUMBER STATUS`, as staff do; answers when it began, in ns."""

from __future__ import annotations

import sys
import time

from django.utils import timezone

from museo.access.callers import caller_for_user
from museo.access.models import User
from orders import services


def main() -> None:
    user = User.objects.get(email="bench@example.org")
    staff = caller_for_user(user, locale="en", sales_channel="mcp")
    _say("ready")
    for line in sys.stdin:
        number, status = line.split()
        began_at = time.monotonic_ns()
        services.advance(staff, number, to=status, now=timezone.now())
        _say(str(began_at))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
