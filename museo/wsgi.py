"""Pages and API for a WSGI server; streams, WebSockets and MCP are served by `museo.asgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "museo.settings")

application = get_wsgi_application()
