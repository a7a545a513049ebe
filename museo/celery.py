"""The Celery application: `celery -A museo`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "museo.settings")

app = Celery("museo")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
