"""An MCP server of the older kind without any library, which starts in a moment.

It has `pid`, `die` (ends in mid-call) and `hang` (never answers). `plain_child.py stays` does not
end when nobody speaks to it any more.
"""

import json
import os
import signal
import sys
from typing import Any

TOOLS = [
    {"name": name, "description": f"{name}.", "inputSchema": {"type": "object"}}
    for name in ("pid", "die", "hang")
]


def answer(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    if method == "initialize":
        return {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "plain", "version": "1"},
        }
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call" and params["name"] == "pid":
        return {"content": [{"type": "text", "text": str(os.getpid())}]}
    if method == "tools/call" and params["name"] == "die":
        os._exit(3)
    return None


for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    reply = {"jsonrpc": "2.0", "id": message["id"]}
    result = answer(message["method"], message.get("params", {}))
    if result is not None:
        sys.stdout.write(json.dumps({**reply, "result": result}) + "\n")
    elif message["method"] != "tools/call":
        error = {"code": -32601, "message": "no such method"}
        sys.stdout.write(json.dumps({**reply, "error": error}) + "\n")
    sys.stdout.flush()

if sys.argv[1:] == ["stays"]:
    signal.pause()
