"""What clients find out by themselves: who gives tokens for `/mcp`, and how they are got.

Protected resource metadata (RFC 9728) and authorization server metadata (RFC 8414).
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from museo.access import problems
from museo.access.problems import NotFound
from museo.access.scopes import SCOPES
from museo.oauth import resources

# pages of others may read it: it is the same for everybody
HEADERS = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=300"}


@require_safe
def authorization_server(request: HttpRequest) -> HttpResponse:
    issuer = settings.MUSEO_PUBLIC_URL
    return _answer(
        {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/oauth/authorize",
            "token_endpoint": f"{issuer}/oauth/token",
            "revocation_endpoint": f"{issuer}/oauth/revoke",
            "registration_endpoint": f"{issuer}/oauth/register",
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "client_id_metadata_document_supported": True,
            "authorization_response_iss_parameter_supported": True,
            "ui_locales_supported": [code for code, _name in settings.LANGUAGES],
        }
    )


@require_safe
def protected_resource(request: HttpRequest, path: str) -> HttpResponse:
    resource = resources.named(path)
    scopes = resources.scopes_of(resource)
    if scopes is None:
        problem = NotFound(_("There is nothing here. Check the address."))
        return problems.response(problem, instance=request.path)
    return _answer(
        {
            "resource": resource,
            "authorization_servers": [settings.MUSEO_PUBLIC_URL],
            "scopes_supported": scopes,
            "bearer_methods_supported": ["header"],
        }
    )


def _answer(document: dict[str, Any]) -> HttpResponse:
    return JsonResponse(document, headers=HEADERS)
