from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from museo.access import scopes


class McpBridgeConfig(AppConfig):
    name = "mcp_bridge"

    def ready(self) -> None:
        """Scopes are above the settings, which therefore cannot know them."""
        from mcp_bridge.assistant import conversations, topics
        from notifications import erasure

        topics.register()
        erasure.register(conversations.erase)
        asked = (server.scope for server in settings.MUSEO_MCP_SERVERS)
        if unknown := scopes.unknown(asked):
            known = ", ".join(scopes.SCOPES)
            raise ImproperlyConfigured(
                f"MUSEO_MCP_SERVERS asks for the scope {unknown[0]!r}; choose one of: {known}."
            )
