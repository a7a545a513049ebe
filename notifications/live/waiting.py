"""Long-polling: a JSON page that is asked for with `?wait=` is answered when there is news."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from museo.access.asgi import caller_from_scope, query
from museo.access.problems import Problem
from notifications import following, log
from notifications.following import parse_cursor, words
from notifications.live.hub import here, in_thread

LONGEST_SECONDS = 25


async def for_news(scope: Mapping[str, Any]) -> None:
    """Return when one of the topics has an event after the cursor, or the time is over.

    What is wrong with the call is not said here: the page that follows says it.
    """
    asked, number = query(scope), scope["url_route"]["kwargs"].get("number")
    seconds = asked.get("wait", "")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) < 4):
        return
    with suppress(Problem):
        cursor = parse_cursor(asked.get("after", ""))
        wanted = {f"order.{number}"} if number else words(asked.get("topics", ""))
        following.require_few(wanted)
        caller = await caller_from_scope(scope)
        found = await (await here()).readable.ask((caller, wanted))
        await _wait(found, cursor, min(int(seconds), LONGEST_SECONDS))


async def _wait(names: set[str], cursor: log.Cursor | None, seconds: int) -> None:
    hub, news = await here(), asyncio.Event()
    subscription = hub.join(names, lambda _frame: news.set(), news.set)
    try:
        state = await in_thread(log.state)()
        if cursor is None or not cursor.is_known(state):
            return
        if names and not await in_thread(log.read)(names, after=cursor.position, limit=1):
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await news.wait()
    finally:
        hub.leave(subscription)
