"""What must be true of the log, whatever happened: looked at in SQL, a whole table at a time."""

from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True)
class Invariant:
    """`count` says how much is looked at; `offenders` names what breaks it, the first few."""

    name: str
    count: str
    offenders: str


@dataclass(frozen=True)
class Finding:
    """How many were looked at, and what broke the invariant."""

    name: str
    looked_at: int
    offenders: list[str]


MOST_NAMED = 10

INVARIANTS = (
    Invariant(
        "positions have no hole",
        "SELECT head - floor FROM notifications_loghead",
        """
        SELECT 'position ' || missing FROM (
            SELECT position + 1 AS missing,
                   LEAD(position) OVER (ORDER BY position) AS following
            FROM notifications_event
            WHERE position > (SELECT floor FROM notifications_loghead)
        ) neighbours
        WHERE following <> missing
        UNION ALL
        SELECT 'position ' || (floor + 1) FROM notifications_loghead
        WHERE head > floor AND NOT EXISTS (
            SELECT 1 FROM notifications_event WHERE position = floor + 1
        )
        UNION ALL
        SELECT 'head ' || head FROM notifications_loghead
        WHERE head > floor AND head <> (SELECT MAX(position) FROM notifications_event)
        """,
    ),
    Invariant(
        "versions of each topic have no hole",
        "SELECT COUNT(*) FROM notifications_topic",
        """
        SELECT told.topic || ' has ' || told.events || ' events up to version ' || told.newest
        FROM (
            SELECT topic, COUNT(*) AS events, MIN(version) AS oldest, MAX(version) AS newest
            FROM notifications_event GROUP BY topic
        ) told
        JOIN notifications_topic counter ON counter.name = told.topic
        WHERE told.newest - told.oldest + 1 <> told.events
           OR told.newest <> counter.version
           OR (told.oldest <> 1 AND (SELECT floor FROM notifications_loghead) = 0)
        UNION ALL
        SELECT topic || ' has no counter' FROM notifications_event
        WHERE topic NOT IN (SELECT name FROM notifications_topic)
        """,
    ),
    Invariant(
        "every event is heard on its own topic",
        "SELECT COUNT(*) FROM notifications_event",
        """
        SELECT 'position ' || event.position FROM notifications_event event
        LEFT JOIN notifications_eventtopic heard
            ON heard.topic = event.topic AND heard.position = event.position
        WHERE heard.position IS NULL
        """,
    ),
    Invariant(
        "nothing is heard that was not told",
        "SELECT COUNT(*) FROM notifications_eventtopic",
        """
        SELECT heard.topic || ' at ' || heard.position FROM notifications_eventtopic heard
        LEFT JOIN notifications_event event ON event.position = heard.position
        WHERE event.position IS NULL
          AND heard.position > (SELECT floor FROM notifications_loghead)
        """,
    ),
)


def look(invariant: Invariant) -> Finding:
    few = f"SELECT * FROM ({invariant.offenders}) offenders LIMIT {MOST_NAMED}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(invariant.count)
        looked_at = cursor.fetchone()[0]
        cursor.execute(few)
        offenders = [str(row[0]) for row in cursor.fetchall()]
    return Finding(invariant.name, int(looked_at or 0), offenders)
