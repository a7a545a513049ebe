"""The addresses of this app: its part of /api/v1. MCP and WebSockets are routed in `museo.asgi`."""

from django.urls import URLPattern, path

from mcp_bridge.assistant import api as assistant

api: list[URLPattern] = [
    path("assistant/messages", assistant.message_list),
    path("assistant/messages/<str:message_id>", assistant.message_detail),
    path("assistant/messages/<str:message_id>/stop", assistant.message_stop),
    path("assistant/conversations/<str:conversation_id>", assistant.conversation_detail),
]
