"""A project that uses django-eventstream with Redis, as its documentation shows."""

import os

SECRET_KEY = "only for measuring"  # noqa: S105
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["django_eventstream"]
ROOT_URLCONF = "bench.live.servers.eventstream.urls"
LOGGING_CONFIG = None
EVENTSTREAM_REDIS = {"host": "127.0.0.1", "port": int(os.environ["BENCH_REDIS_PORT"]), "db": 0}
