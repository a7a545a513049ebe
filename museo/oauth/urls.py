"""The addresses of people's agents: what clients call, and two pages for people."""

from django.urls import URLPattern, path

from museo.oauth import connected, consent, endpoints, metadata

urlpatterns: list[URLPattern] = [
    path(".well-known/oauth-authorization-server", metadata.authorization_server),
    path(".well-known/oauth-protected-resource/<path:path>", metadata.protected_resource),
    path("oauth/authorize", consent.authorize, name="authorize"),
    path("oauth/token", endpoints.token),
    path("oauth/revoke", endpoints.revoke),
    path("oauth/register", endpoints.register),
    path("account/apps", connected.apps, name="apps"),
    path("account/apps/<int:connection_id>/disconnect", connected.disconnect, name="disconnect"),
]
