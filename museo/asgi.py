"""The one ASGI application: everything that is served."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "museo.settings")

application = get_asgi_application()
