"""An MCP server of the older kind without any library, which starts in a moment.

It has `pid`, `die` (ends in mid-call), `hang` (never answers) and `learn` (has one more tool then,
and says so). `plain_child.py stays` does not end when nobody speaks to it any more.
"""

import json
import os
import signal
import sys
from typing import Any

TOOLS = [
    {"name": name, "description": f"{name}.", "inputSchema": {"type": "object"}}
    for name in ("pid", "die", "hang", "learn")
]


def answer(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    if method == "initialize":
        return {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {"listChanged": True}},
            "serverInfo": {"name": "plain", "version": "1"},
        }
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call" and params["name"] == "pid":
        return {"content": [{"type": "text", "text": str(os.getpid())}]}
    if method == "tools/call" and params["name"] == "learn":
        TOOLS.append({**TOOLS[0], "name": "learned"})
        say({"method": "notifications/tools/list_changed"})
        return {"content": []}
    if method == "tools/call" and params["name"] == "die":
        os._exit(3)
    return None


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    reply = {"id": message["id"]}
    result = answer(message["method"], message.get("params", {}))
    if result is not None:
        say({**reply, "result": result})
    elif message["method"] != "tools/call":
        say({**reply, "error": {"code": -32601, "message": "no such method"}})

if sys.argv[1:] == ["stays"]:
    signal.pause()
