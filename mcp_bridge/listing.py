"""A shop's entry for the MCP Registry: what the registry will refuse, in words.

The repository's `server.json` is a template. Its schema is
https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json; that the name belongs
to whoever publishes it, the registry asks of the domain's DNS or of GitHub.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mcp_bridge.server import VERSION

TEMPLATE_OF = "com.example"
# the reverse of a domain, then a name
NAME = re.compile(r"([a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+)/[a-zA-Z0-9._-]+")
LONGEST = {"name": 200, "title": 100, "description": 100}


def troubles(file: Path, address: str) -> list[str]:
    """What stands in the way of listing the shop at `address` by this file."""
    try:
        entry = json.loads(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        return [f"{file} cannot be read ({type(error).__name__})."]
    except ValueError:
        return [f"{file} is not JSON."]
    if not isinstance(entry, dict):
        return [f"{file} holds no JSON object."]
    return list(_troubles(entry, address))


def _troubles(entry: dict[str, Any], address: str) -> Iterator[str]:
    named = NAME.fullmatch(str(entry.get("name", "")))
    if named is None:
        yield "Its name is not the reverse of a domain and a name: write such as org.myshop/museo."
    elif f"{named[1]}.".startswith(f"{TEMPLATE_OF}."):
        yield "Its name is still the template's: write the reverse of a domain of yours there."
    for field, most in LONGEST.items():
        if not 1 <= len(str(entry.get(field, ""))) <= most:
            yield f"Its {field} has 1 to {most} characters."
    if entry.get("version") != VERSION:
        yield f"Its version is not this server's, which is {VERSION}."
    urls = [remote.get("url") for remote in _remotes(entry)]
    if address not in urls:
        yield f"None of its addresses is {address}: write it as the url, without variables."


def _remotes(entry: dict[str, Any]) -> list[dict[str, Any]]:
    remotes = entry.get("remotes")
    return [each for each in remotes if isinstance(each, dict)] if isinstance(remotes, list) else []
