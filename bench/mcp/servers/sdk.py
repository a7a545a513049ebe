"""The SDK's own low-level server with one tool, and nothing around it."""

from collections.abc import Mapping
from typing import Any

import mcp_types as types
from mcp.server import Server
from mcp.server.context import ServerRequestContext
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
Context = ServerRequestContext[Any, Any]


async def list_tools(
    _ctx: Context, _params: types.PaginatedRequestParams | None
) -> types.ListToolsResult:
    return types.ListToolsResult(tools=[types.Tool(name="echo", input_schema=SCHEMA)])


async def call_tool(_ctx: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    text = (params.arguments or {})["text"]
    said = types.TextContent(type="text", text=text)
    return types.CallToolResult(content=[said], structured_content={"text": text})


def input_schema(_name: str) -> Mapping[str, Any]:
    return SCHEMA


server: Server[dict[str, Any]] = Server(
    "echo",
    version="1",
    on_list_tools=list_tools,
    on_call_tool=call_tool,
    get_tool_input_schema=input_schema,
)
manager = StreamableHTTPSessionManager(server, stateless=True, json_response=True)


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
    else:
        await manager.handle_request(scope, receive, send)


async def _live(receive: Any, send: Any) -> None:
    await receive()
    async with manager.run():
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})
