"""When the parts of the shop last finished a round; health asks here."""

from datetime import datetime

from museo.access.models import Heartbeat


def record(name: str, now: datetime) -> None:
    Heartbeat.objects.update_or_create(name=name, defaults={"at": now})


def last(name: str) -> datetime | None:
    """None before the first round."""
    return Heartbeat.objects.filter(name=name).values_list("at", flat=True).first()
