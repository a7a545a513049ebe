"""Asks a model: the first that replies within the time that there is."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random

import prometheus_client as metrics
from django.utils.translation import gettext as _

from mcp_bridge.assistant.providers import patience
from mcp_bridge.assistant.providers.patience import Breaker
from mcp_bridge.assistant.providers.talk import ModelTrouble, Provider, Reply, Request, Tell, untold
from museo.access.problems import Problem

logger = logging.getLogger(__name__)
REPLIES = metrics.Counter(
    "museo_model_replies", "Tries to get a reply from a model", ["provider", "outcome"]
)
SECONDS = metrics.Histogram("museo_model_seconds", "How long models take to reply", ["provider"])
TOKENS = metrics.Counter("museo_model_tokens", "Tokens that models took, both ways", ["provider"])

# who was given less has not failed
FAIR_SECONDS = 5.0
Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


class NoModel(Problem):
    """None is there, or none has replied in time; patterns still do what they can."""

    status = 503
    code = "model_not_available"


@dataclass
class Desk:
    """Where models are asked from; what it has learnt of each is this process's own."""

    providers: Callable[[], Sequence[Provider]]
    clock: Clock = time.monotonic
    sleep: Sleep = asyncio.sleep
    # nobody need be unable to guess it
    dice: Random = field(default_factory=Random)
    breakers: defaultdict[str, Breaker] = field(default_factory=lambda: defaultdict(Breaker))

    def is_open(self) -> bool:
        """Whether there is a model that would be asked now."""
        now = self.clock()
        return any(not self.breakers[each.name].is_open(now) for each in self.providers())

    async def ask(self, request: Request, *, within: float, tell: Tell = untold) -> Reply:
        """Raise NoModel; `within` is in seconds, over all tries and all models."""
        ends_at = self.clock() + within
        for provider in self.providers():
            if not self.breakers[provider.name].lets_through(self.clock()):
                continue
            reply = await self._try(provider, request, tell, ends_at)
            if reply is not None:
                return reply
        raise NoModel(_("No model answers right now. Say it in simpler words, or try again later."))

    async def _try(
        self, provider: Provider, request: Request, tell: Tell, ends_at: float
    ) -> Reply | None:
        tries = 0
        while (left := ends_at - self.clock()) > 0:
            tries += 1
            try:
                return await self._once(provider, request, tell, left)
            except ModelTrouble as error:
                trouble = error
                wait = patience.pause(tries, asked=trouble.retry_after, dice=self.dice)
            is_worth_it = trouble.is_passing and self._lets_through(provider)
            if wait is None or not is_worth_it or self.clock() + wait >= ends_at:
                return None
            await self.sleep(wait)
        return None

    def _lets_through(self, provider: Provider) -> bool:
        return self.breakers[provider.name].lets_through(self.clock())

    async def _once(self, provider: Provider, request: Request, tell: Tell, left: float) -> Reply:
        breaker, began = self.breakers[provider.name], self.clock()
        try:
            async with asyncio.timeout(left):
                reply = await provider.reply(request, tell)
        except (ModelTrouble, TimeoutError) as error:
            trouble = error if isinstance(error, ModelTrouble) else ModelTrouble("timeout")
            REPLIES.labels(provider.name, trouble.kind).inc()
            # what was refused is ours to mend
            if trouble.kind != "refused" and left >= FAIR_SECONDS:
                breaker.failed(self.clock())
            logger.warning(
                "model has not replied",
                extra={"provider": provider.name, "reason": trouble.kind},
            )
            raise trouble from None
        breaker.worked()
        REPLIES.labels(provider.name, "replied").inc()
        SECONDS.labels(provider.name).observe(self.clock() - began)
        TOKENS.labels(provider.name).inc(reply.tokens)
        return reply
