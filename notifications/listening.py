"""Hears that the log has grown, so that what follows from it need not wait for the next tick.

Of many wake-ups in a row there is one for each pause. One that is lost costs a second: beat calls,
too.
"""

import logging
import threading
from collections.abc import Callable

import redis

from museo import broker
from notifications.live.wake import CHANNEL

logger = logging.getLogger(__name__)
# between two calls, in which more may happen
PAUSE_SECONDS = 0.1
# how often it looks whether it is to stop
LOOKS_EVERY_SECONDS = 1.0


class Ear(threading.Thread):
    """Calls `act` soon after each commit with events, from a thread of its own."""

    def __init__(self, url: str, act: Callable[[], object]) -> None:
        super().__init__(name="ear", daemon=True)
        self._url, self._act = url, act
        self._is_over = threading.Event()
        self.hears = threading.Event()

    def run(self) -> None:
        while not self._is_over.is_set():
            try:
                self._listen()
            except redis.RedisError as problem:
                logger.warning("wake-ups not heard", extra={"reason": type(problem).__name__})
            self.hears.clear()
            self._is_over.wait(LOOKS_EVERY_SECONDS)

    def stop(self) -> None:
        self._is_over.set()

    def _listen(self) -> None:
        with broker.client(self._url) as client, client.pubsub() as heard:
            heard.subscribe(broker.channel(self._url, CHANNEL))
            while not self._is_over.is_set():
                told = heard.get_message(timeout=LOOKS_EVERY_SECONDS)
                if told is None:
                    continue
                # what was missed before it heard anything counts as one
                if told["type"] == "subscribe":
                    self.hears.set()
                self._is_over.wait(PAUSE_SECONDS)
                while heard.get_message(timeout=0):
                    # what happened meanwhile is done together
                    continue
                self._do()

    def _do(self) -> None:
        try:
            self._act()
        except Exception:
            logger.exception("not delivered at once")
