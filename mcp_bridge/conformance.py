"""What the official conformance suite calls, by the names and with the answers that it expects.

Served at `/mcp-conformance` by the shop's own transport, for tests alone: with
`MUSEO_MCP_CONFORMANCE=1`, and never in a shop. The names and texts are those of
@modelcontextprotocol/conformance; nothing of the shop is behind them but its log, by which one
process tells the others' clients that a list has changed.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import mcp_types as types
import orjson
from django.utils import timezone
from mcp.server import Server
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import (
    ListenHandler,
    PromptsListChanged,
    ServerEvent,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError

from mcp_bridge import asking
from mcp_bridge.list_changes import CHANGES
from mcp_bridge.transport import Transport
from notifications import log
from notifications.live.hub import in_thread, running

NAME = "museo-conformance"
TOPIC = "process.conformance"
HINT = CacheHint(ttl_ms=1_000, scope="private")
PAUSE_SECONDS = 0.05
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5E"
    "rkJggg=="
)
WAV = base64.b64encode(
    b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0D\xac\0\0\x88X\1\0\2\0\x10\0data\0\0\0\0"
).decode()
TEMPLATE = "test://template/{id}/data"
TEMPLATED = re.compile(r"test://template/([^/]+)/data")

Context = ServerRequestContext[Any, Any]
Call = types.CallToolRequestParams
ToolAnswer = types.CallToolResult | types.InputRequiredResult
PromptAnswer = types.GetPromptResult | types.InputRequiredResult


@dataclass(frozen=True)
class Tool:
    run: Callable[[Context, Call], Awaitable[ToolAnswer]]
    # it tells something before it answers, so its answer is worth a stream
    is_streaming: bool = False
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"})


@dataclass(frozen=True)
class Prompt:
    get: Callable[[types.GetPromptRequestParams], PromptAnswer]
    arguments: tuple[str, ...] = ()


def transport() -> Transport:
    return Transport(server, is_streaming=lambda name: name in TOOLS and TOOLS[name].is_streaming)


# contents


def _text(text: str) -> types.TextContent:
    return types.TextContent(type="text", text=text)


def _image() -> types.ImageContent:
    return types.ImageContent(type="image", data=PNG, mime_type="image/png")


def _embedded(uri: str, text: str, mime_type: str = "text/plain") -> types.EmbeddedResource:
    contents = types.TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return types.EmbeddedResource(type="resource", resource=contents)


def _done(*content: types.ContentBlock, is_error: bool = False) -> types.CallToolResult:
    return types.CallToolResult(content=list(content), is_error=is_error)


def _saying(*content: types.ContentBlock, **of: Any) -> Tool:
    """A tool that always answers the same."""

    async def run(_ctx: Context, _call: Call) -> ToolAnswer:
        return _done(*content, **of)

    return Tool(run)


# tools that tell or ask while they run


async def _logging(ctx: Context, _call: Call) -> ToolAnswer:
    for said in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.session.send_log_message("info", said, related_request_id=ctx.request_id)
        await asyncio.sleep(PAUSE_SECONDS)
    return _done(_text("It has told."))


async def _progress(ctx: Context, _call: Call) -> ToolAnswer:
    for progress in (0, 50, 100):
        await ctx.session.report_progress(progress, 100)
        await asyncio.sleep(PAUSE_SECONDS)
    return _done(_text("It has progressed."))


async def _sampling(ctx: Context, call: Call) -> ToolAnswer:
    asked = types.SamplingMessage(role="user", content=_text((call.arguments or {})["prompt"]))
    answer = await ctx.session.create_message(
        [asked], max_tokens=100, related_request_id=ctx.request_id
    )
    content = answer.content
    said = content.text if isinstance(content, types.TextContent) else ""
    return _done(_text(f"LLM response: {said}"))


def _eliciting(title: str, properties: Mapping[str, Any], required: tuple[str, ...] = ()) -> Tool:
    """A tool that asks a person by a form, before 2026-07-28."""
    form = {"type": "object", "properties": dict(properties), "required": list(required)}

    async def run(ctx: Context, call: Call) -> ToolAnswer:
        message = (call.arguments or {}).get("message", "Please fill this in.")
        answer = await ctx.session.elicit_form(message, form, related_request_id=ctx.request_id)
        content = orjson.dumps(answer.content).decode()
        return _done(_text(f"{title}: action={answer.action}, content={content}"))

    return Tool(run, schema=_object(message={"type": "string"}))


async def _reconnection(ctx: Context, _call: Call) -> ToolAnswer:
    if ctx.close_sse_stream:
        await ctx.close_sse_stream()
    await asyncio.sleep(2 * PAUSE_SECONDS)
    return _done(_text("Reconnection test completed"))


async def _missing_capability(ctx: Context, _call: Call) -> ToolAnswer:
    wanted = types.ClientCapabilities(sampling=types.SamplingCapability())
    if not ctx.session.check_client_capability(wanted):
        data = types.MissingRequiredClientCapabilityErrorData(required_capabilities=wanted)
        raise MCPError(
            types.MISSING_REQUIRED_CLIENT_CAPABILITY,
            "This tool needs a client that can sample.",
            data.model_dump(by_alias=True, exclude_none=True),
        )
    return _done(_text("The client can sample."))


def _publishing(event: ToolsListChanged | PromptsListChanged) -> Tool:
    async def run(_ctx: Context, _call: Call) -> ToolAnswer:
        await bus.publish(event)
        return _done(_text("It has changed."))

    return Tool(run)


# input that is required, since 2026-07-28


def _form(message: str, key: str, kind: str = "string") -> types.ElicitRequest:
    schema = {"type": "object", "properties": {key: {"type": kind}}, "required": [key]}
    return types.ElicitRequest(
        params=types.ElicitRequestFormParams(message=message, requested_schema=schema)
    )


def _sample(text: str, most: int = 100) -> types.CreateMessageRequest:
    asked = types.SamplingMessage(role="user", content=_text(text))
    return types.CreateMessageRequest(
        params=types.CreateMessageRequestParams(messages=[asked], max_tokens=most)
    )


NAME_ASKED: dict[str, types.InputRequest] = {"user_name": _form("What is your name?", "name")}
CAPITAL_ASKED: dict[str, types.InputRequest] = {
    "capital_question": _sample("What is the capital of France?")
}
ROOTS_ASKED: dict[str, types.InputRequest] = {"client_roots": types.ListRootsRequest()}
CONFIRM_ASKED: dict[str, types.InputRequest] = {"confirm": _form("Please confirm", "ok", "boolean")}


def _asking(asked: dict[str, types.InputRequest], says: str, state: str | None = None) -> Tool:
    """A tool that asks once more until each question has an answer of its kind."""

    async def run(_ctx: Context, call: Call) -> ToolAnswer:
        if _is_answered(asked, call) and call.request_state == state:
            return _done(_text(says))
        return types.InputRequiredResult(input_requests=asked, request_state=state)

    return Tool(run)


def _is_answered(
    asked: Mapping[str, types.InputRequest], given: types.InputResponseRequestParams
) -> bool:
    answers = given.input_responses or {}
    return all(isinstance(answers.get(key), _kind(request)) for key, request in asked.items())


def _kind(request: types.InputRequest) -> tuple[type, ...]:
    if isinstance(request, types.ElicitRequest):
        return (types.ElicitResult,)
    if isinstance(request, types.ListRootsRequest):
        return (types.ListRootsResult,)
    return (types.CreateMessageResult, types.CreateMessageResultWithTools)


STEPS: dict[str | None, tuple[str, dict[str, types.InputRequest]]] = {
    None: ("1", {"step1": _form("Step 1: What is your name?", "name")}),
    "1": ("2", {"step2": _form("Step 2: What is your favorite color?", "color")}),
}


async def _rounds(_ctx: Context, call: Call) -> ToolAnswer:
    if call.request_state not in STEPS:
        return _done(_text("Both steps are done."))
    state, asked = STEPS[call.request_state]
    return types.InputRequiredResult(input_requests=asked, request_state=state)


async def _by_capability(ctx: Context, _call: Call) -> ToolAnswer:
    """Asks for what the client can be asked for, and for nothing else."""
    able = ctx.session.client_capabilities or types.ClientCapabilities()
    asked = {
        **(NAME_ASKED if able.elicitation is not None else {}),
        **(CAPITAL_ASKED if able.sampling is not None else {}),
        **(ROOTS_ASKED if able.roots is not None else {}),
    }
    if not asked:
        return _done(_text("There is nothing to ask this client for."))
    return types.InputRequiredResult(input_requests=asked)


# schemas


def _object(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


CONTACT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
IN_HEADER = _object("region", region={"type": "string", "x-mcp-header": "Region"})
USER = {
    "username": {"type": "string", "description": "User's response"},
    "email": {"type": "string", "description": "User's email address"},
}
DEFAULTS = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}


def _titled(*titles: str) -> list[dict[str, str]]:
    return [{"const": f"value{at}", "title": title} for at, title in enumerate(titles, 1)]


ENUMS = {
    "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
    "titledSingle": {
        "type": "string",
        "oneOf": _titled("First Option", "Second Option", "Third Option"),
    },
    "legacyEnum": {
        "type": "string",
        "enum": ["opt1", "opt2", "opt3"],
        "enumNames": ["Option One", "Option Two", "Option Three"],
    },
    "untitledMulti": {
        "type": "array",
        "items": {"type": "string", "enum": ["option1", "option2", "option3"]},
    },
    "titledMulti": {
        "type": "array",
        "items": {"anyOf": _titled("First Choice", "Second Choice", "Third Choice")},
    },
}

TOOLS = {
    "test_simple_text": _saying(_text("This is a simple text response for testing.")),
    "test_image_content": _saying(_image()),
    "test_audio_content": _saying(
        types.AudioContent(type="audio", data=WAV, mime_type="audio/wav")
    ),
    "test_embedded_resource": _saying(
        _embedded("test://embedded-resource", "This is an embedded resource content.")
    ),
    "test_multiple_content_types": _saying(
        _text("Multiple content types test:"),
        _image(),
        _embedded(
            "test://mixed-content-resource", '{"test":"data","value":123}', "application/json"
        ),
    ),
    "test_error_handling": _saying(
        _text("This tool intentionally returns an error for testing"), is_error=True
    ),
    "test_tool_with_logging": Tool(_logging, is_streaming=True),
    "test_logging_tool": Tool(_logging, is_streaming=True),
    "test_tool_with_progress": Tool(_progress, is_streaming=True),
    "test_streaming_elicitation": Tool(_progress, is_streaming=True),
    "test_sampling": Tool(_sampling, schema=_object("prompt", prompt={"type": "string"})),
    "test_elicitation": _eliciting("User response", USER, ("username", "email")),
    "test_elicitation_sep1034_defaults": _eliciting("Elicitation completed", DEFAULTS),
    "test_elicitation_sep1330_enums": _eliciting("Elicitation completed", ENUMS),
    "test_reconnection": Tool(_reconnection),
    "test_missing_capability": Tool(_missing_capability),
    "test_trigger_tool_change": _publishing(ToolsListChanged()),
    "test_trigger_prompt_change": _publishing(PromptsListChanged()),
    "test_input_required_result_elicitation": _asking(NAME_ASKED, "Hello!"),
    "test_input_required_result_sampling": _asking(CAPITAL_ASKED, "It was sampled."),
    "test_input_required_result_list_roots": _asking(ROOTS_ASKED, "The roots are known."),
    "test_input_required_result_request_state": _asking(CONFIRM_ASKED, "state-ok", "asked"),
    "test_input_required_result_tampered_state": _asking(CONFIRM_ASKED, "state-ok", "asked"),
    "test_input_required_result_multiple_inputs": _asking(
        {**NAME_ASKED, "greeting": _sample("Generate a greeting", 50), **ROOTS_ASKED},
        "All is answered.",
        "asked",
    ),
    "test_input_required_result_multi_round": Tool(_rounds),
    "test_input_required_result_capabilities": Tool(_by_capability),
    "json_schema_2020_12_tool": Tool(_saying(_text("ok")).run, schema=CONTACT),
    "test_custom_headers": Tool(_saying(_text("ok")).run, schema=IN_HEADER),
}


async def list_tools(
    _ctx: Context, _params: types.PaginatedRequestParams | None
) -> types.ListToolsResult:
    return types.ListToolsResult(
        tools=[
            types.Tool(name=name, description=f"The fixture {name}", input_schema=dict(tool.schema))
            for name, tool in TOOLS.items()
        ]
    )


async def call_tool(ctx: Context, params: Call) -> ToolAnswer:
    if params.name not in TOOLS:
        raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {params.name[:80]}")
    return await TOOLS[params.name].run(ctx, params)


# resources

RESOURCES: dict[str, types.TextResourceContents | types.BlobResourceContents] = {
    "test://static-text": types.TextResourceContents(
        uri="test://static-text",
        mime_type="text/plain",
        text="This is the content of the static text resource.",
    ),
    "test://static-binary": types.BlobResourceContents(
        uri="test://static-binary", mime_type="image/png", blob=PNG
    ),
    "test://watched-resource": types.TextResourceContents(
        uri="test://watched-resource", mime_type="text/plain", text="It is watched."
    ),
}


async def list_resources(
    _ctx: Context, _params: types.PaginatedRequestParams | None
) -> types.ListResourcesResult:
    return types.ListResourcesResult(
        resources=[
            types.Resource(uri=uri, name=uri, description=f"The fixture {uri}") for uri in RESOURCES
        ]
    )


async def list_resource_templates(
    _ctx: Context, _params: types.PaginatedRequestParams | None
) -> types.ListResourceTemplatesResult:
    template = types.ResourceTemplate(
        uri_template=TEMPLATE, name=TEMPLATE, description=f"The fixture {TEMPLATE}"
    )
    return types.ListResourceTemplatesResult(resource_templates=[template])


async def read_resource(
    _ctx: Context, params: types.ReadResourceRequestParams
) -> types.ReadResourceResult:
    uri = str(params.uri)
    if found := TEMPLATED.fullmatch(uri):
        body = {"id": found[1], "templateTest": True, "data": f"Data for ID: {found[1]}"}
        text = types.TextResourceContents(
            uri=uri, mime_type="application/json", text=orjson.dumps(body).decode()
        )
        return types.ReadResourceResult(contents=[text])
    if uri not in RESOURCES:
        raise MCPError(types.INVALID_PARAMS, "There is no such resource.", {"uri": uri})
    return types.ReadResourceResult(contents=[RESOURCES[uri]])


async def subscribe_or_unsubscribe(
    _ctx: Context, _params: types.SubscribeRequestParams | types.UnsubscribeRequestParams
) -> types.EmptyResult:
    return types.EmptyResult()


# prompts


def _prompt(*content: types.ContentBlock) -> types.GetPromptResult:
    said = [types.PromptMessage(role="user", content=each) for each in content]
    return types.GetPromptResult(messages=said)


def _with_arguments(params: types.GetPromptRequestParams) -> PromptAnswer:
    given = params.arguments or {}
    return _prompt(_text(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'"))


def _with_resource(params: types.GetPromptRequestParams) -> PromptAnswer:
    uri = (params.arguments or {})["resourceUri"]
    return _prompt(
        _embedded(uri, "Embedded resource content for testing."),
        _text("Please process the embedded resource above."),
    )


def _asking_prompt(params: types.GetPromptRequestParams) -> PromptAnswer:
    asked: dict[str, types.InputRequest] = {
        "user_context": _form("What context should the prompt use?", "context")
    }
    if not _is_answered(asked, params):
        return types.InputRequiredResult(input_requests=asked)
    return _prompt(_text("This is a prompt with a context."))


PROMPTS = {
    "test_simple_prompt": Prompt(lambda _: _prompt(_text("This is a simple prompt for testing."))),
    "test_prompt_with_arguments": Prompt(_with_arguments, ("arg1", "arg2")),
    "test_prompt_with_embedded_resource": Prompt(_with_resource, ("resourceUri",)),
    "test_prompt_with_image": Prompt(
        lambda _: _prompt(_image(), _text("Please analyze the image above."))
    ),
    "test_input_required_result_prompt": Prompt(_asking_prompt),
}


async def list_prompts(
    _ctx: Context, _params: types.PaginatedRequestParams | None
) -> types.ListPromptsResult:
    return types.ListPromptsResult(
        prompts=[
            types.Prompt(
                name=name,
                description=f"The fixture {name}",
                arguments=[
                    types.PromptArgument(name=each, description=each, required=True)
                    for each in prompt.arguments
                ],
            )
            for name, prompt in PROMPTS.items()
        ]
    )


async def get_prompt(_ctx: Context, params: types.GetPromptRequestParams) -> PromptAnswer:
    prompt = PROMPTS.get(params.name)
    if prompt is None or not set(prompt.arguments) <= set(params.arguments or {}):
        raise MCPError(types.INVALID_PARAMS, "No such prompt, or an argument is missing.")
    return prompt.get(params)


# the rest


async def complete(_ctx: Context, _params: types.CompleteRequestParams) -> types.CompleteResult:
    return types.CompleteResult(completion=types.Completion(values=[], total=0, has_more=False))


async def set_level(_ctx: Context, _params: types.SetLevelRequestParams) -> types.EmptyResult:
    return types.EmptyResult()


def input_schema(name: str) -> Mapping[str, Any] | None:
    return TOOLS[name].schema if name in TOOLS else None


class _LogBus:
    """What listen streams subscribe to: the hub, which every process has."""

    async def publish(self, event: ServerEvent) -> None:
        kind = next(kind for kind, change in CHANGES.items() if change == event)

        def note() -> None:
            with log.change() as change:
                change.event(TOPIC, "progress", {"message": kind}, at=timezone.now())

        await in_thread(note)()

    def subscribe(self, listener: Callable[[ServerEvent], None]) -> Callable[[], None]:
        hub = running()
        assert hub  # noqa: S101  a server has one before its first client is answered
        hears = hub.join({TOPIC}, lambda frame: listener(CHANGES[frame.event.data["message"]]))
        return lambda: hub.leave(hears)


bus = _LogBus()
server: Server[dict[str, Any]] = Server(
    NAME,
    version="1.0.0",
    cache_hints={
        "tools/list": HINT,
        "prompts/list": HINT,
        "resources/list": HINT,
        "resources/templates/list": HINT,
        "resources/read": HINT,
    },
    get_tool_input_schema=input_schema,
    on_list_tools=list_tools,
    on_call_tool=call_tool,
    on_list_prompts=list_prompts,
    on_get_prompt=get_prompt,
    on_list_resources=list_resources,
    on_list_resource_templates=list_resource_templates,
    on_read_resource=read_resource,
    on_subscribe_resource=subscribe_or_unsubscribe,
    on_unsubscribe_resource=subscribe_or_unsubscribe,
    on_completion=complete,
    on_subscriptions_listen=ListenHandler(bus),
)
server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, set_level)
# nobody in particular calls
server.middleware.append(asking.boundary(lambda _ctx: "", audience=NAME))
