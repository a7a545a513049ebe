"""The newest frames, by topic: most replays need no database."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable

from notifications.live.frames import Frame


class Ring:
    """The last `size` frames of the log, without a hole."""

    def __init__(self, size: int, *, after: int) -> None:
        self._size = size
        # every event after this position is here
        self._after = after
        self._frames: deque[Frame] = deque()
        self._by_topic: dict[str, deque[Frame]] = defaultdict(deque)

    def add(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            self._frames.append(frame)
            for topic in frame.topics:
                self._by_topic[topic].append(frame)
        while len(self._frames) > self._size:
            self._forget(self._frames.popleft())

    def reaches(self, position: int) -> bool:
        """Whether all events after `position` are here."""
        return position >= self._after

    def since(self, topics: Collection[str], position: int) -> list[Frame]:
        """What these topics heard after `position`, each event once, in order."""
        found = {
            frame.position: frame for topic in topics for frame in self._newer(topic, position)
        }
        return [found[position] for position in sorted(found)]

    def begins(self, topic: str) -> bool:
        """Whether the topic's first event is here, and so all of them are."""
        frames = self._by_topic.get(topic)
        if not frames:
            return False
        return frames[0].event.topic == topic and frames[0].event.version == 1

    def _newer(self, topic: str, position: int) -> Iterable[Frame]:
        for frame in reversed(self._by_topic.get(topic, ())):
            if frame.position <= position:
                return
            yield frame

    def _forget(self, oldest: Frame) -> None:
        self._after = oldest.position
        for topic in oldest.topics:
            self._by_topic[topic].popleft()
            if not self._by_topic[topic]:
                del self._by_topic[topic]
