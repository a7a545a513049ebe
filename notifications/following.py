"""What a caller asks to follow, checked: topics and a cursor, the same for pages and streams."""

from collections.abc import Collection

from django.utils.translation import gettext as _

from museo.access.callers import Caller
from museo.access.problems import BadCursor, Invalid, NotFound
from notifications import log, topics

MOST_TOPICS = 100


class TooManyTopics(Invalid):
    code = "too_many_topics"


def words(listed: str) -> set[str]:
    """`a,b` as a set, without blanks."""
    return {word.strip() for word in listed.split(",") if word.strip()}


def parse_cursor(text: str) -> log.Cursor | None:
    """None without one; raise BadCursor for what is none."""
    if not text:
        return None
    try:
        return log.Cursor.parse(text)
    except log.BadCursor as error:
        detail = _("This is no cursor. Send the last one you were given, or leave it out.")
        raise BadCursor(detail, at="after") from error


def readable(caller: Caller, names: Collection[str]) -> set[str]:
    """Those topics that the caller may read; raise NotFound if none, or TooManyTopics."""
    require_few(names)
    return some_of(caller, names, topics.readable(caller, names))


def require_few(names: Collection[str]) -> None:
    if len(names) > MOST_TOPICS:
        detail = _("Follow at most %(most)s topics at once.") % {"most": MOST_TOPICS}
        raise TooManyTopics(detail)


def some_of(caller: Caller, names: Collection[str], found: set[str]) -> set[str]:
    """What was found and what a stream ticket has granted of the names; raise NotFound if none."""
    found = found | (caller.granted & set(names))
    if not found:
        raise NotFound(
            _("There is nothing to follow here, or you may not see it. Check topic and ticket.")
        )
    return found
