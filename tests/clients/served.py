"""Pages for the clients of docs/, at the shop's own address but made of files of the repository."""

import json

from playwright.sync_api import BrowserContext, Page, Route

from tests.clients.conftest import CLIENTS

FOLDER = "/trial/"
TYPES = {".html": "text/html", ".js": "text/javascript"}
VENDOR = CLIENTS.parents[1] / "tests" / "clients" / "vendor" / "react-18.3.1"
REACT = """
export const { createElement, useEffect, useState } = window.React;
"""
PAGE = """<!doctype html>
<script src="react.production.min.js"></script>
<script src="react-dom.production.min.js"></script>
<script type="importmap">{"imports": {"react": "./react.js"}}</script>
<main></main>
<script>window.given = %s</script>
<script type="module" src="page.js"></script>
"""


def open_page(
    context: BrowserContext,
    address: str,
    name: str,
    *,
    script: str = "",
    **given: str,
) -> Page:
    """A page of docs/clients, or `page.html`, which runs `script` with `given` in the window."""
    page = context.new_page()
    made = {"react.js": REACT, "page.js": script, "page.html": PAGE % json.dumps(given)}

    def serve(route: Route) -> None:
        file = route.request.url.partition(FOLDER)[2]
        kind = TYPES[file[file.rindex(".") :]]
        folder = next((folder for folder in (CLIENTS, VENDOR) if (folder / file).exists()), CLIENTS)
        body = made[file] if file in made else (folder / file).read_text()
        route.fulfill(body=body, content_type=kind)

    page.route(f"**{FOLDER}*", serve)
    page.goto(f"{address}{FOLDER}{name}")
    return page
