"""The addresses of this app in /api/v1; `museo.asgi` routes the streams of the same names."""

from django.urls import URLPattern, path

from notifications import access_api
from notifications import api as rest

api: list[URLPattern] = [
    path("auth/token", access_api.token),
    path("auth/refresh", access_api.refresh),
    path("auth/revoke", access_api.revoke),
    path("events", rest.events),
    path("events/tickets", rest.stream_ticket),
    path("notifications/ack", rest.acknowledge),
    path("orders/<str:number>/events", rest.order_events),
]
