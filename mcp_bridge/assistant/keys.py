"""Whether the shop has a model: asked before anything of a provider is loaded."""

from django.conf import settings


def are_there() -> bool:
    own, anthropic, groq = (
        settings.MUSEO_AI_URL,
        settings.MCP_ANTHROPIC_API_KEY,
        settings.MCP_GROQ_API_KEY,
    )
    return bool(own or anthropic or groq)
