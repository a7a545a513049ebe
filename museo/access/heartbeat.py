"""When the parts of the shop last finished a round; health asks here."""

from datetime import datetime

from museo.access.models import Heartbeat


def record(name: str, now: datetime) -> None:
    # one statement, because it is said every second
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name, at=now)],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["at"],
    )


def last(name: str) -> datetime | None:
    """None before the first round."""
    return Heartbeat.objects.filter(name=name).values_list("at", flat=True).first()
