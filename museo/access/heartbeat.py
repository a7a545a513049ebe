"""When the parts of the shop last finished a round; health asks here."""

from datetime import datetime, timedelta

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


def take_turn(name: str, *, now: datetime, every: timedelta) -> bool:
    """Whether a round may begin that only one shall make in that time, whoever asks."""
    if Heartbeat.objects.filter(name=name, at__lte=now - every).update(at=now):
        return True
    _row, is_first = Heartbeat.objects.get_or_create(name=name, defaults={"at": now})
    return is_first
