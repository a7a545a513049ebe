"""Models over HTTP: both APIs as their references have them, and all that goes wrong with them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import anthropic.resources.messages
import openai.resources.chat
import pytest

from mcp_bridge import apps
from mcp_bridge.assistant import model_planner, planning, providers
from mcp_bridge.assistant.providers import patience
from mcp_bridge.assistant.providers.anthropic_messages import Messages
from mcp_bridge.assistant.providers.asking import Desk, NoModel
from mcp_bridge.assistant.providers.chat_completions import Completions
from mcp_bridge.assistant.providers.patience import Breaker
from mcp_bridge.assistant.providers.talk import Offer, Provider, Request, Result, Turn, Wish
from tests.mcp_bridge.assistant.models import anthropic_api, openai_api
from tests.mcp_bridge.assistant.models.loopback import (
    Answer,
    Scene,
    Server,
    events,
    in_turn,
    of_json,
    serve,
)

SEARCH = Offer(
    "search_products",
    "Find products.",
    {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
)
ASKED = Request("Help.", [Turn("person", "Do you have mugs?")], [SEARCH])
SECRET = "person@example.org"
# so long a test may wait for what does not come
PATIENCE = 60.0


@dataclass(frozen=True)
class Api:
    """A provider's client, and its API as the test plays it."""

    played: Any
    # loaded before the clock runs
    library: Any
    make: Callable[..., Any]

    def checked(self, answer: Answer) -> Answer:
        return lambda asked: self.played.require_right(asked) or answer(asked)

    def provider(self, url: str, key: str = "") -> Any:
        return self.make(name="own", model="loopback", url=url, key=key or self.played.KEY)


APIS = {
    "anthropic": Api(anthropic_api, anthropic, Messages),
    "openai": Api(openai_api, openai, Completions),
}


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> Api:
    return APIS[request.param]


class Clock:
    """Time passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class At:
    server: Server
    desk: Desk
    clock: Clock
    provider: Provider


@asynccontextmanager
async def at(api: Api, *scenes: Scene | Answer, key: str = "") -> AsyncIterator[At]:
    async with serve(api.checked(in_turn(*scenes))) as server:
        provider, clock = api.provider(server.url, key), Clock()
        desk = Desk(lambda: [provider], clock, clock.sleep, Random(1))  # noqa: S311
        try:
            yield At(server, desk, clock, provider)
        finally:
            await provider.close()


async def test_a_reply_is_told_as_it_comes(api: Api) -> None:
    told: list[str] = []

    async def tell(text: str) -> None:
        told.append(text)

    async with at(api, api.played.reply("Yes, ", "three.")) as here:
        reply = await here.desk.ask(ASKED, within=PATIENCE, tell=tell)

    assert told == ["Yes, ", "Yes, three."]
    assert (reply.text, reply.wishes, reply.tokens, reply.is_cut) == ("Yes, three.", [], 40, False)


async def test_a_tool_is_wished_for_and_its_result_told(api: Api) -> None:
    wish = api.played.wish("search_products", {"query": "mugs"}, text="I look.")
    async with at(api, wish, api.played.reply("There are 3.")) as here:
        first = await here.desk.ask(ASKED, within=PATIENCE)
        (wished,) = first.wishes
        results = Turn("tools", results=[Result(wished.id, "3 found")])
        turns = [*ASKED.turns, first.turn(), results]
        last = await here.desk.ask(
            Request("Help.", turns, [SEARCH], may_wish=False), within=PATIENCE
        )

    assert first.text == "I look."
    assert (wished.tool, wished.arguments) == ("search_products", {"query": "mugs"})
    assert last.text == "There are 3."


async def test_what_another_model_wished_for_can_be_told(api: Api) -> None:
    """A conversation goes on with whoever is there."""
    before = Turn("model", wishes=[Wish("w1", "search_products", {"query": "mugs"})])
    turns = [*ASKED.turns, before, Turn("tools", results=[Result("w1", "none", is_error=True)])]
    async with at(api, api.played.reply("None.")) as here:
        reply = await here.desk.ask(Request("Help.", turns, [SEARCH]), within=PATIENCE)

    assert reply.text == "None."


async def test_thoughts_are_given_back_as_they_were() -> None:
    api = APIS["anthropic"]
    parts = [
        *anthropic_api.thought(0, "Mugs?"),
        *anthropic_api.wished(1, "search_products", '{"query": "mugs"}'),
    ]
    scene = events([anthropic_api.begun(), *parts, *anthropic_api.ended("tool_use")])
    async with at(api, scene, anthropic_api.reply("None.")) as here:
        first = await here.desk.ask(ASKED, within=PATIENCE)
        turns = [*ASKED.turns, first.turn(), Turn("tools", results=[Result("toolu_1", "none")])]
        await here.desk.ask(Request("Help.", turns, [SEARCH]), within=PATIENCE)

    assert here.server.asked[1].body["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "Mugs?", "signature": "EqQBCgIYAhIM"},
        {
            "type": "tool_use",
            "id": "toolu_1",
            "name": "search_products",
            "input": {"query": "mugs"},
        },
    ]


async def test_two_tools_may_be_wished_for_at_once() -> None:
    api = APIS["openai"]
    parts = [
        *openai_api.said(),
        *openai_api.wished(0, "search_products", '{"query":', '"mugs"}'),
        *openai_api.wished(1, "search_products", '{"query":"cups"}', id="call_2"),
        *openai_api.ended("tool_calls"),
    ]
    async with at(api, events(parts)) as here:
        reply = await here.desk.ask(ASKED, within=PATIENCE)

    assert [(each.id, each.arguments["query"]) for each in reply.wishes] == [
        ("call_1", "mugs"),
        ("call_2", "cups"),
    ]


async def test_who_is_too_busy_is_asked_again_when_it_says(api: Api) -> None:
    busy = api.played.error(429, {"retry-after": "7"})
    async with at(api, busy, api.played.reply("Yes.")) as here:
        reply = await here.desk.ask(ASKED, within=PATIENCE)

    assert reply.text == "Yes."
    assert here.clock.slept == [7.0]


async def test_who_is_too_busy_for_longer_than_there_is_time_is_given_up(api: Api) -> None:
    async with at(api, api.played.error(429, {"retry-after": "90"})) as here:
        with pytest.raises(NoModel):
            await here.desk.ask(ASKED, within=PATIENCE)

    assert here.clock.slept == []
    assert len(here.server.asked) == 1


async def test_who_fails_is_asked_three_times_with_growing_pauses(api: Api) -> None:
    async with at(api, api.played.error(500)) as here:
        with pytest.raises(NoModel):
            await here.desk.ask(ASKED, within=PATIENCE)

    assert len(here.server.asked) == 3
    first, second = here.clock.slept
    assert 0.25 <= first <= 0.5 <= second <= 1.0


def _cut(api: Api) -> Scene:
    parts = [*api.played.wish("search_products", {"query": "mugs"}).parts]
    return events(parts[: len(parts) // 2], is_whole=False)


def _ended_early(api: Api) -> Scene:
    """The connection ends as it should, the reply does not."""
    return events([*api.played.reply("Yes", ".").parts][:3])


def _malformed(api: Api) -> Scene:
    return events(["event: message_start\ndata: {not json\n\n"])


def _other(api: Api) -> Scene:
    return events(['event: message_start\ndata: {"type": "message_start", "choices": 7}\n\n'])


def _page(api: Api) -> Scene:
    return Scene(200, ["<html>Welcome"], {"content-type": "text/html"})


def _wrong_arguments(api: Api) -> Scene:
    if api.played is anthropic_api:
        parts = anthropic_api.wished(0, "search_products", '{"query": "mu')
        return events([anthropic_api.begun(), *parts, *anthropic_api.ended("tool_use")])
    parts = openai_api.wished(0, "search_products", '{"query": "mu')
    return events([*openai_api.said(), *parts, *openai_api.ended("tool_calls")])


def _listed_arguments(api: Api) -> Scene:
    return Scene(
        200,
        [part.replace('\\"query\\"', "[") for part in _wrong_arguments(api).parts],
        {"content-type": "text/event-stream"},
    )


def _failing_in_the_middle(api: Api) -> Scene:
    if api.played is anthropic_api:
        told = {"type": "overloaded_error", "message": "Overloaded"}
        failing = anthropic_api.event("error", error=told)
        return events([anthropic_api.begun(), *anthropic_api.said(0, "Y"), failing])
    return events([*openai_api.said("Y"), 'data: {"error": {"message": "Overloaded"}}\n\n'])


@pytest.mark.parametrize(
    "scene",
    [
        _cut,
        _ended_early,
        _malformed,
        _other,
        _page,
        _wrong_arguments,
        _listed_arguments,
        _failing_in_the_middle,
    ],
)
async def test_what_is_no_whole_reply_is_asked_for_again(
    api: Api, scene: Callable[[Api], Scene]
) -> None:
    async with at(api, scene(api), api.played.reply("Yes.")) as here:
        reply = await here.desk.ask(ASKED, within=PATIENCE)

    assert (reply.text, reply.wishes) == ("Yes.", [])
    assert len(here.server.asked) == 2


async def test_who_says_nothing_is_given_up_in_time(api: Api) -> None:
    scene = events([*api.played.reply("Yes.").parts][:2], waits=True)
    async with serve(api.checked(in_turn(scene))) as server:
        provider = api.provider(server.url)
        desk = Desk(lambda: [provider])
        with pytest.raises(NoModel):
            await asyncio.wait_for(desk.ask(ASKED, within=0.3), PATIENCE)
        await provider.close()


async def test_a_wrong_key_is_not_tried_twice_and_the_next_model_is_asked(api: Api) -> None:
    async with serve(api.checked(in_turn(api.played.reply("Yes.")))) as server:
        wrong, right = api.provider(server.url, "wrong"), api.provider(server.url)
        desk = Desk(lambda: [wrong, right])
        reply = await desk.ask(ASKED, within=PATIENCE)
        await wrong.close()
        await right.close()

    assert reply.text == "Yes."
    assert len(server.asked) == 2


async def test_a_server_that_sends_elsewhere_does_not_get_the_key_there(api: Api) -> None:
    async with (
        serve(in_turn(api.played.reply("Yes."))) as elsewhere,
        at(api, of_json(307, {}, {"location": f"{elsewhere.url}{api.played.PATH}"})) as here,
    ):
        with pytest.raises(NoModel):
            await here.desk.ask(ASKED, within=PATIENCE)

    assert elsewhere.asked == []


async def test_who_keeps_failing_is_left_alone_until_one_question_finds_out(api: Api) -> None:
    answers = [api.played.error(500)] * 6 + [api.played.reply("Yes.")]
    async with at(api, *answers) as here:
        for _again in range(2):
            with pytest.raises(NoModel):
                await here.desk.ask(ASKED, within=PATIENCE)
        assert len(here.server.asked) == patience.BREAKS_AFTER
        assert not here.desk.is_open()

        with pytest.raises(NoModel):
            await here.desk.ask(ASKED, within=PATIENCE)
        assert len(here.server.asked) == patience.BREAKS_AFTER

        here.clock.now += patience.RESTS_FOR
        with pytest.raises(NoModel):
            await here.desk.ask(ASKED, within=PATIENCE)
        assert len(here.server.asked) == patience.BREAKS_AFTER + 1

        here.clock.now += patience.RESTS_FOR
        assert (await here.desk.ask(ASKED, within=PATIENCE)).text == "Yes."
        assert here.desk.is_open()


def test_one_of_many_finds_out() -> None:
    breaker = Breaker()
    for _failure in range(patience.BREAKS_AFTER):
        breaker.failed(0.0)

    after = patience.RESTS_FOR
    assert [breaker.lets_through(after) for _each in range(3)] == [True, False, False]
    breaker.worked()
    assert breaker.lets_through(after)


async def test_nothing_secret_is_written_down(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the key nor what was asked, nor what a provider says of it."""
    caplog.set_level(logging.INFO)
    request = Request(f"Of {SECRET}.", [Turn("person", SECRET)], [SEARCH])
    scenes = [api.played.error(500, message=SECRET), _malformed(api), api.played.error(400)]
    async with at(api, *scenes) as here:
        with pytest.raises(NoModel):
            await here.desk.ask(request, within=PATIENCE)

    formatter = logging.Formatter()
    written = [f"{formatter.format(each)} {each.__dict__}" for each in caplog.records]
    assert len(written) >= 3
    assert not [each for each in written if SECRET in each or api.played.KEY in each]


def test_whose_key_is_there_is_asked_in_order(settings: Any) -> None:
    """And with none of them nobody plans."""
    apps._ask_models()
    assert planning.planner() is None

    settings.MCP_GROQ_API_KEY, settings.MCP_ANTHROPIC_API_KEY = "gsk", "sk-ant"
    settings.MUSEO_AI_URL, settings.MUSEO_AI_MODEL = "http://127.0.0.1:9/v1", "small"
    try:
        apps._ask_models()
        planner = planning.planner()
        assert planner
        assert planner.plan is model_planner.plan
    finally:
        planning.register(None)

    assert [(each.name, each.model) for each in providers.configured()] == [
        ("own", "small"),
        ("anthropic", "claude-haiku-5-5"),
        ("groq", "openai/gpt-oss-120b"),
    ]
