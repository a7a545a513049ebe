"""Clients: programs that ask a person whether they may act for them.

A client says who it is by a metadata document at an https address of its own, which is its id
(draft-ietf-oauth-client-id-metadata-document), or it registers (RFC 7591). Either way anybody can:
what it says of itself is shown to the person as what it says, beside the address that it proves by
having the person sent there. All clients are public: they have no secret, and PKCE instead.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson
from django.conf import settings

from museo.access import connections
from museo.access.problems import Problem
from museo.access.tokens import public_id
from notifications.channels import outside

LONGEST_NAME = 80
LONGEST_ADDRESS = 500
LONGEST_ID = 255
MOST_ADDRESSES = 10
LARGEST_DOCUMENT = 16 * 1024
# all of it, however slowly it comes
PATIENCE_SECONDS = 5.0
# not what people put into some store of files, which have its address (the draft, section 4.1)
JSON = re.compile(r"application/([a-z0-9!#$&^_.+-]+\+)?json")
# packed, a little would unfold to very much
PLAIN = {"Accept": "application/json", "Accept-Encoding": "identity"}
# how long a document is believed; a client that changes its addresses waits so long
KEPT_SECONDS = 3600
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class BadClient(Problem):
    """It cannot be a client; `code` is RFC 7591's."""

    code = "invalid_client_metadata"


class BadAddress(BadClient):
    """People would be sent to an address that is none."""

    code = "invalid_redirect_uri"


def register(metadata: Mapping[str, Any]) -> Any:
    """A new client; raise BadClient."""
    application = connections.model("Application")
    return application.objects.create(
        client_id=public_id("app"),
        name=name(metadata),
        redirect_uris=" ".join(addresses(metadata)),
        client_type=application.CLIENT_PUBLIC,
        authorization_grant_type=application.GRANT_AUTHORIZATION_CODE,
        registration_source=application.RegistrationSource.DCR,
        client_secret="",
        hash_client_secret=False,
    )


def shown(client: Any) -> dict[str, Any]:
    """A registered client as RFC 7591, section 3.2.1, has it."""
    return {
        "client_id": client.client_id,
        "client_id_issued_at": int(client.created.timestamp()),
        "client_name": client.name,
        "redirect_uris": client.redirect_uris.split(),
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }


def fetch(client_id: str) -> tuple[dict[str, Any], int]:
    """The metadata document at this address, and for how many seconds it holds; raise BadClient.

    django-oauth-toolkit checks that it names the address, keeps it, and lets a bad one rest.
    """
    _require_id(client_id)
    document = _read(client_id)
    return {
        **document,
        "client_name": name(document),
        "redirect_uris": addresses(document),
        "grant_types": ["authorization_code"],
    }, KEPT_SECONDS


def name(metadata: Mapping[str, Any]) -> str:
    """What it calls itself, without what cannot be seen; empty if it says nothing."""
    said = metadata.get("client_name", "")
    if not isinstance(said, str):
        raise BadClient("A client_name is a text.")
    return "".join(filter(str.isprintable, said)).strip()[:LONGEST_NAME]


def addresses(metadata: Mapping[str, Any]) -> list[str]:
    """Where it may have people sent; raise BadClient."""
    _require_code(metadata)
    said = metadata.get("redirect_uris")
    if not isinstance(said, list) or not 0 < len(said) <= MOST_ADDRESSES:
        raise BadAddress("Name one to ten redirect_uris.")
    if not all(isinstance(each, str) and _is_address(each) for each in said):
        raise BadAddress(
            "A redirect_uri takes https, or http on the person's own machine; no fragment."
        )
    return list(dict.fromkeys(said))


def host(client: Any, *redirect_uris: str) -> str:
    """What is known of a client: whose address its id is, if it is one; where people are sent."""
    addresses = list(redirect_uris)
    if client.registration_source == client.RegistrationSource.CIMD:
        addresses.insert(0, client.client_id)
    hosts = [parts.hostname or f"{parts.scheme}:" for parts in map(urlsplit, addresses)]
    return " → ".join(dict.fromkeys(hosts))


def _require_code(metadata: Mapping[str, Any]) -> None:
    """It takes the authorization code grant, if it says anything about it."""
    for field, needed in (("grant_types", "authorization_code"), ("response_types", "code")):
        said = metadata.get(field, [needed])
        if not isinstance(said, list) or needed not in said:
            raise BadClient("Clients get an authorization code here, and nothing else.")


def _is_address(uri: str) -> bool:
    if len(uri) > LONGEST_ADDRESS or not uri.isascii() or not uri.isprintable():
        return False
    try:
        parts = urlsplit(uri)
        _port = parts.port
    except ValueError:
        return False
    if any(sign in uri for sign in ' #\\"<>') or "@" in parts.netloc:
        return False
    if parts.scheme == "http":
        return parts.hostname in LOOPBACK
    allowed = settings.OAUTH2_PROVIDER["ALLOWED_REDIRECT_URI_SCHEMES"]
    return parts.scheme in allowed and bool(parts.hostname)


def _require_id(client_id: str) -> None:
    """It is an https address of the world outside, with a path (section 3 of the draft)."""
    path = urlsplit(client_id).path
    is_one = (
        len(client_id) <= LONGEST_ID
        and client_id.startswith("https://")
        and outside.leads_outside(client_id)
        and path not in ("", "/")
        and not {".", ".."} & set(path.split("/"))
    )
    if not is_one:
        raise BadClient("A client's id is a public https address with a path.")


def _read(url: str) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE_SECONDS
    body = b""
    try:
        with outside.client().stream("GET", url, headers=PLAIN) as answer:
            kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            if answer.status_code != 200 or not JSON.fullmatch(kind):
                raise _no_document()
            for piece in answer.iter_raw():
                body += piece
                if len(body) > LARGEST_DOCUMENT or time.monotonic() > until:
                    raise _no_document()
        document = orjson.loads(body)
    except (httpx2.HTTPError, httpx2.InvalidURL, orjson.JSONDecodeError) as error:
        raise _no_document() from error
    if not isinstance(document, dict):
        raise _no_document()
    return document


def _no_document() -> BadClient:
    return BadClient("There is no client metadata document at this address.")
