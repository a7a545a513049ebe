"""fastmcp with one tool, as its documentation serves it, without sessions and with JSON answers."""

from typing import Any

from fastmcp import FastMCP

server: Any = FastMCP("echo")


@server.tool  # type: ignore[untyped-decorator]  # fastmcp lives in an environment of its own
def echo(text: str) -> dict[str, str]:
    return {"text": text}


application = server.http_app(path="/mcp", stateless_http=True, json_response=True)
