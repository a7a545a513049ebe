from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from museo.access import scopes
from museo.lazy import Lazy


def _ask_models() -> None:
    """Who has no key loads nothing of theirs."""
    from mcp_bridge.assistant import keys, planning

    if not keys.are_there():
        return
    from mcp_bridge.assistant import providers

    if providers.configured():
        planner: Any = Lazy("mcp_bridge.assistant.model_planner")
        planning.register(planner)


class McpBridgeConfig(AppConfig):
    name = "mcp_bridge"

    def ready(self) -> None:
        """Scopes are above the settings, which therefore cannot know them."""
        from mcp_bridge.assistant import conversations, topics
        from notifications import erasure
        from orders import takeout

        topics.register()
        erasure.register(conversations.erase)
        takeout.register("conversations", conversations.exported)
        _ask_models()
        asked = (server.scope for server in settings.MUSEO_MCP_SERVERS)
        if unknown := scopes.unknown(asked):
            known = ", ".join(scopes.SCOPES)
            raise ImproperlyConfigured(
                f"MUSEO_MCP_SERVERS asks for the scope {unknown[0]!r}; choose one of: {known}."
            )
