"""Answers messages: one run each, in this process, at once for those that were said here.

Other processes' messages are heard of on `assistant.waiting`, and those that a dead process has
left are found by the clock. Whoever answers has claimed the message, so each is answered once.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

from django.db import DatabaseError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from mcp_bridge.assistant import (
    cache,
    consents,
    correspondence,
    counts,
    history,
    intents,
    interpreting,
    leases,
    planning,
    shopkeeping,
    shopping,
    speakers,
    steps,
)
from mcp_bridge.assistant.conversations import STATE
from mcp_bridge.assistant.drafts import Draft
from mcp_bridge.assistant.intents import UNKNOWN
from mcp_bridge.assistant.interpreting import AGREE, ASK_AGAIN, DECLINE, Meaning
from mcp_bridge.assistant.leases import Lost, Stopped
from mcp_bridge.assistant.memory import Memory
from mcp_bridge.assistant.planning import Done, PlannerUnavailable, Task
from mcp_bridge.assistant.replies import Reply
from mcp_bridge.assistant.running import MustAsk, Refused, Run
from mcp_bridge.assistant.said import Said
from mcp_bridge.assistant.steps import Step, Steps
from mcp_bridge.models import Confirmation, Message
from mcp_bridge.registry import Answer, works_for_shop
from museo.access import context
from museo.access.access_tokens import InvalidToken
from museo.access.callers import Caller
from museo.access.problems import NotFound, Problem
from notifications.live.hub import in_thread

logger = logging.getLogger(__name__)
HANDLERS = {**shopping.HANDLERS, **shopkeeping.HANDLERS}
# who is less sure asks a planner, if there is one; 95 of 100 are right who are as sure (docs)
SURE = 0.7
MOST_ROUNDS = 8
MOST_AT_ONCE = 64
# how often leases are held on
BEAT_SECONDS = 3.0


class Answering:
    """The runs of one event loop."""

    def __init__(self) -> None:
        self.runner = uuid4().hex
        self._tasks: dict[int, asyncio.Task[None]] = {}
        # those that wait for a planner may be ended at once
        self._planning: set[int] = set()
        self._stopped: set[int] = set()
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._beating: asyncio.Task[None] | None = None

    def start(self, pk: int, message: Message | None = None) -> asyncio.Task[None]:
        """Answer a message that this runner holds; as it was kept, where it is at hand."""
        task = self._tasks.get(pk)
        if task is None:
            task = self._tasks[pk] = asyncio.create_task(self._answer(pk, message))
            task.add_done_callback(lambda _ended: self._tasks.pop(pk, None))
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat())
        return task

    async def take(self, pk: int) -> None:
        """Claim a message that is anybody's, and answer it; nothing if somebody else has it."""
        await self.take_soon(pk)
        if task := self._tasks.get(pk):
            await task

    async def hear_of(self, public_id: str) -> None:
        """The same by its public id; trouble is for the clock to mend."""
        try:
            rows = Message.objects.filter(public_id=public_id).values_list("pk", flat=True)
            pk = await in_thread(rows.first)()
            if pk is not None:
                await self.take(pk)
        except DatabaseError:
            logger.warning("message not taken: the database is away", exc_info=True)

    async def take_left_alone(self) -> int:
        """Answer what nobody answers; how many there were."""
        pks = await in_thread(leases.left_alone)(now=timezone.now())
        await asyncio.gather(*(self.take(pk) for pk in pks))
        return len(pks)

    async def idle(self) -> None:
        """Until nothing is at work, those that came behind others too."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    def stop(self, pk: int) -> None:
        """Its person has said Stop: a planner that is being asked need not answer."""
        if pk in self._planning and (task := self._tasks.get(pk)):
            self._stopped.add(pk)
            task.cancel()

    async def _beat(self) -> None:
        while self._tasks:
            await asyncio.sleep(BEAT_SECONDS)
            with suppress(DatabaseError):
                now = timezone.now()
                for pk in await in_thread(leases.keep_alive)(self.runner, now=now):
                    self.stop(pk)

    async def _answer(self, pk: int, message: Message | None) -> None:
        async with self._room:
            context.begin()
            try:
                following = await self._run(pk, message)
            except DatabaseError:
                # whoever finds the lease over takes it up
                logger.warning("message not answered: the database is away", exc_info=True)
                return
            finally:
                self._stopped.discard(pk)
            if following is not None:
                await self.take_soon(following)

    async def take_soon(self, pk: int) -> None:
        """Claim it, and let it be answered beside this one."""
        if await in_thread(leases.claim)(pk, self.runner, now=timezone.now()):
            self.start(pk)

    async def _run(self, pk: int, message: Message | None) -> int | None:
        """Answer it; the message that comes next in its conversation."""
        try:
            run, meaning = await in_thread(_understood)(pk, self.runner, message)
            has_more = await self._answer_in_words(run, meaning)
        except Lost:
            return None
        if run.message.channel:
            await in_thread(correspondence.reply)(run.message.pk, now=timezone.now())
        if not has_more:
            return None
        return await in_thread(leases.next_in)(run.message.conversation_id)

    async def _answer_in_words(self, run: Run, meaning: Meaning) -> bool:
        """In the language that was named, or else the one that was spoken; raise Lost.

        Whether something else has been said meanwhile.
        """
        with override(run.locale):
            reply, state, asked = await self._reply(run, meaning)
            return await in_thread(_end)(run, meaning, reply, state, asked)

    async def _reply(self, run: Run, meaning: Meaning) -> tuple[Reply, str, Confirmation | None]:
        try:
            if run.trouble:
                raise run.trouble
            run.memory.asked = ""
            return await self._do(run, meaning), STATE.DONE, None
        except MustAsk as must:
            return _asking(run, must), STATE.DONE, must.asked
        except Refused as refused:
            return _refused(refused.problem), STATE.DONE, None
        except Problem as problem:
            return _refused(problem), STATE.DONE, None
        except Stopped:
            return _has_stopped(), STATE.STOPPED, None
        except asyncio.CancelledError:
            if run.message.pk not in self._stopped:
                raise
            return _has_stopped(), STATE.STOPPED, None
        except (Lost, DatabaseError):
            raise
        except Exception:
            logger.exception("message failed", extra={"correlation": context.correlation_id()})
            said = _("Something went wrong in the shop. Try again in a moment.")
            return Reply(said, outcome="internal_error"), STATE.FAILED, None

    async def _do(self, run: Run, meaning: Meaning) -> Reply:
        if run.interrupted:
            raise Refused(run.interrupted, _unknown_end())
        if meaning.intent in (AGREE, DECLINE, ASK_AGAIN):
            return await _answered(run, meaning)
        planner = planning.planner()
        is_sure = meaning.confidence >= SURE and not meaning.is_several
        if planner is None or (is_sure and meaning.intent != UNKNOWN):
            return await _by_pattern(run, meaning)
        self._planning.add(run.message.pk)
        try:
            return await _by_plan(run, meaning, planner)
        except PlannerUnavailable as away:
            reply = await _by_pattern(run, meaning)
            return Reply(**{**vars(reply), "text": f"{away.detail}\n{reply.text}"})
        finally:
            self._planning.discard(run.message.pk)


def _understood(pk: int, runner: str, message: Message | None) -> tuple[Run, Meaning]:
    """The run, and what is meant; raise Lost."""
    run = load(pk, runner, message)
    if run.trouble:
        return run, Meaning(UNKNOWN, 0.0)
    with override(run.locale):
        return run, _meaning(run)


def load(pk: int, runner: str, message: Message | None = None) -> Run:
    """The message with what its conversation remembers; raise Lost if it is not the runner's."""
    if message is None:
        message = leases.held_by(runner, pk).select_related("conversation").first()
    if message is None:
        raise Lost
    if planning.planner():
        lasts = leases.LEASE.total_seconds()
        cache.hold(message.conversation.owner, message.public_id, seconds=lasts)
    now, said, conversation = timezone.now(), Said.of(message), message.conversation
    run = Run(
        message=message,
        said=said,
        caller=Caller(locale=message.locale),
        memory=Memory.read(conversation.sealed),
        runner=runner,
        told=Steps(message),
        interrupted=leases.interrupted(message, now=now),
    )
    try:
        run.caller = speakers.read(
            said.speaker, locale=message.locale, conversation=conversation.public_id, now=now
        )
    except InvalidToken as problem:
        run.trouble = problem
    return run


def _meaning(run: Run) -> Meaning:
    """What is meant; told with what is done next."""
    meaning = interpreting.meant(run.call_now(), run.said, run.memory, run.client)
    if not run.said.named_locale and meaning.language not in ("", run.locale.partition("-")[0]):
        run.spoken = meaning.language
    run.think(steps.UNDERSTOOD, intent=meaning.intent, confidence=meaning.confidence)
    return meaning


async def _by_pattern(run: Run, meaning: Meaning) -> Reply:
    intent = intents.ALL.get(meaning.intent)
    if intent and intent.is_for_staff and not works_for_shop(run.caller):
        run.memory.pending = {}
        return Reply(_("Only staff can use this."), outcome="refused")
    handler = HANDLERS.get(meaning.intent, shopping.unknown)
    before = dict(run.memory.pending)
    reply = await handler(run, meaning)
    if run.memory.pending == before:
        # what was asked for before is answered, or not wanted any more
        run.memory.pending = {} if reply.kind not in ("form", "choices") else before
    return reply


async def _answered(run: Run, meaning: Meaning) -> Reply:
    """A yes or a no to a question."""
    now = timezone.now()
    question = meaning.entities["question"]
    asked = await in_thread(consents.find)(run.message, question, now=now)
    if meaning.intent == ASK_AGAIN:
        run.memory.asked = asked.public_id
        said = _("Press the button to agree: so nothing happens by mistake.")
        return Reply(said, "confirm", consents.shown(asked), outcome="asked")
    if meaning.intent == DECLINE:
        await in_thread(consents.take)(asked.public_id, run.message, agree=False, now=now)
        return Reply(_("All right, nothing was changed."))
    consent = consents.read(asked)
    answer = await run.agree(consent)
    return _agreed(run, consent.tool, answer)


def _agreed(run: Run, tool: str, answer: Answer) -> Reply:
    if tool == "place_order":
        return shopping.placed(run, answer.data)
    if tool == "cancel_order":
        return Reply(answer.text, "order", answer.data)
    if tool == "create_from_file":
        return Reply(answer.text, "import", answer.data, quoted=["columns", "failure"])
    said = _("✅ Done.") if answer.text.startswith("{") else answer.text
    return Reply(said)


async def _by_plan(run: Run, meaning: Meaning, planner: planning.Planner) -> Reply:
    """Let a planner say what to do, until it answers; raise PlannerUnavailable."""
    done: list[Done] = []
    draft = Draft(run.begin_answer)
    before = await in_thread(history.turns)(run.message)
    for _round in range(MOST_ROUNDS):
        task = Task(
            conversation_id=run.message.conversation.public_id,
            message_id=run.message.public_id,
            message=run.said.text,
            locale=run.locale,
            client_type=run.client.name,
            history=before,
            tools=[tool.definition for tool in run.tools()],
            intent=meaning.intent,
            confidence=meaning.confidence,
            done=tuple(done),
            # what came by a channel is followed by nobody
            tell=None if run.message.channel else draft.grow,
        )
        plan = await planner.plan(task, run.caller)
        for thought in plan.thoughts:
            run.muse(thought)
        if not plan.calls:
            return _planned(plan.answer, done)
        calls = [replace(each, arguments=dict(each.arguments)) for each in plan.calls]
        outcomes = await run.call_all(calls)
        done += [run.done(call, each) for call, each in zip(calls, outcomes, strict=True)]
    return Reply(_("This takes too many steps. Ask for less at once."), outcome="refused")


def _planned(answer: str, done: list[Done]) -> Reply:
    """A planner's words, beside what the last tools have shown."""
    for each in reversed(done):
        if each.is_refused:
            continue
        if each.call.tool == "search_products":
            return Reply(answer, "products", {"results": each.data["results"]}, quoted=["results"])
        if each.call.tool in ("add_to_basket", "get_basket"):
            card = {k: v for k, v in each.data.items() if k not in ("token", "basket_token")}
            return Reply(answer, "basket", card, quoted=["lines"])
        if each.call.tool == "track_order":
            return Reply(answer, "order", dict(each.data))
    return Reply(answer)


def _has_stopped() -> Reply:
    return Reply(_("Stopped. Nothing more was done."), outcome="stopped")


def _asking(run: Run, must: MustAsk) -> Reply:
    run.memory.asked = must.asked.public_id
    said = must.question
    if not run.client.has_buttons:
        said = "\n".join([said, _("Answer yes or no.")])
    return Reply(said, "confirm", consents.shown(must.asked), outcome="asked")


def _refused(problem: Problem) -> Reply:
    """Why not, and what to do: the sentence of the problem, and those about its fields."""
    told = [each["detail"] for each in problem.errors if each["detail"] not in problem.detail]
    suggestions = [_("What can you do?")] if isinstance(problem, NotFound) else []
    return Reply(
        " ".join([problem.detail, *told]),
        suggestions=suggestions,
        outcome="refused",
        metadata={"code": problem.code},
    )


class UnknownEnd(Problem):
    """The process that was at work has died in the middle of what cannot be repeated."""

    status = 503
    code = "interrupted"


def _unknown_end() -> UnknownEnd:
    return UnknownEnd(
        _("I was interrupted and cannot say whether that was done. Look, and then say it again.")
    )


def _end(run: Run, meaning: Meaning, reply: Reply, state: str, asked: Confirmation | None) -> bool:
    """Write and tell the answer; raise Lost. Whether something else has been said meanwhile."""
    now = timezone.now()
    if reply.kind not in ("text",):
        run.told.add(Step(steps.ARTIFACT_CREATION, steps.SHOWN, {"kind": reply.kind}), part=0.95)
    response = leases.response(
        run.message,
        reply.words(run.client),
        outcome=reply.outcome,
        data=reply.data(),
        intent=meaning.intent,
        confidence=meaning.confidence,
        tools=run.called,
        quoted=list(reply.quoted),
        **reply.metadata,
    )
    has_more = leases.end(
        run.message,
        run.runner,
        run.told,
        state=state,
        outcome=reply.outcome,
        response=response,
        memory=run.memory.sealed(),
        ended=run.ended,
        asked=asked,
        now=now,
        intent=meaning.intent,
        confidence=meaning.confidence,
    )
    counts.MESSAGES.labels(run.client.name, meaning.intent, reply.outcome).inc()
    seconds = (now - run.message.at).total_seconds()
    counts.ANSWER_SECONDS.labels(reply.outcome).observe(max(0.0, seconds))
    if planning.planner():
        history.remember(run.message, run.said.text, response["message"])
    return has_more


_here: dict[asyncio.AbstractEventLoop, Answering] = {}


def here() -> Answering:
    """That of this event loop."""
    loop = asyncio.get_running_loop()
    for other in [each for each in _here if each.is_closed()]:
        del _here[other]
    if loop not in _here:
        _here[loop] = Answering()
    return _here[loop]


async def answer_left_alone() -> int:
    """For the clock: answer what nobody answers."""
    taken = await here().take_left_alone()
    await here().idle()
    return taken
