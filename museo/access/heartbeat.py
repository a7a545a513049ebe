"""When the parts of the shop last finished a round; health asks here."""

from datetime import datetime, timedelta

from museo import sql
from museo.access.models import Heartbeat

RECORD = """
INSERT INTO access_heartbeat (name, at) VALUES (%s, %s)
ON CONFLICT (name) DO UPDATE SET at = EXCLUDED.at
"""


def record(name: str, now: datetime) -> None:
    # it is said every second, and nobody asks for it after a power cut
    sql.write_asynchronously(RECORD, [name, now])


def last(name: str) -> datetime | None:
    """None before the first round."""
    return Heartbeat.objects.filter(name=name).values_list("at", flat=True).first()


def last_of_all() -> dict[str, datetime]:
    """By the names of those that had a round."""
    return dict(Heartbeat.objects.values_list("name", "at"))


def take_turn(name: str, *, now: datetime, every: timedelta) -> bool:
    """Whether a round may begin that only one shall make in that time, whoever asks."""
    if Heartbeat.objects.filter(name=name, at__lte=now - every).update(at=now):
        return True
    _row, is_first = Heartbeat.objects.get_or_create(name=name, defaults={"at": now})
    return is_first
