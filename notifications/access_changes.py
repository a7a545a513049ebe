"""What must be heard of access at once: every live process ends the streams it was revoked for."""

from collections.abc import Collection
from datetime import datetime

from notifications import log

# nobody may read it: only the hubs hear it
TOPIC = "access.changes"


def revoke(
    change: log.Change, *, at: datetime, who: str = "", topics: Collection[str] = ()
) -> None:
    """End the streams of `who` (`user:42`), and those that follow any of `topics`.

    Whoever still may read them comes back with the last cursor and has lost nothing.
    """
    data = {"who": who, "topics": sorted(topics)}
    change.event(TOPIC, "access.revoked", data, at=at)
