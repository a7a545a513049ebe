"""The addresses of this app: its pages and its part of /api/v1; the rest is in `museo.asgi`."""

from django.urls import URLPattern, path

from mcp_bridge.assistant import api as assistant
from mcp_bridge.assistant import pages as assistant_pages

api: list[URLPattern] = [
    path("assistant/messages", assistant.message_list),
    path("assistant/messages/<str:message_id>", assistant.message_detail),
    path("assistant/messages/<str:message_id>/stop", assistant.message_stop),
    path("assistant/conversations/<str:conversation_id>", assistant.conversation_detail),
]
pages: list[URLPattern] = [
    path("ask", assistant_pages.ask, name="ask"),
    path("ask/turns/<str:message_id>", assistant_pages.turn, name="ask_turn"),
    path("ask/turns/<str:message_id>/stop", assistant_pages.stop, name="ask_stop"),
]
