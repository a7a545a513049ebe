"""How the addresses of calls are looked up: by their first word."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property

from django.urls import Resolver404, ResolverMatch, URLPattern, URLResolver
from django.urls.resolvers import RoutePattern


class ByFirstWord(URLResolver):
    """The addresses below `beginning`, of which only those with the word asked for are tried.

    Django tries all in turn, which for a hundred of them takes longer than many an answer.
    """

    def __init__(self, beginning: str, patterns: Sequence[URLPattern]) -> None:
        super().__init__(RoutePattern(beginning), list(patterns))
        self._patterns = patterns

    @cached_property
    def _words(self) -> dict[str, URLResolver]:
        groups: dict[str, list[URLPattern]] = defaultdict(list)
        for each in self._patterns:
            groups[_word(str(each.pattern))].append(each)
        return {word: URLResolver(self.pattern, group) for word, group in groups.items()}

    def resolve(self, path: str) -> ResolverMatch:
        word = _word(str(path).removeprefix(str(self.pattern)))
        if word in self._words:
            with suppress(Resolver404):
                return self._words[word].resolve(path)
        return super().resolve(path)


def _word(address: str) -> str:
    return address.partition("/")[0]
