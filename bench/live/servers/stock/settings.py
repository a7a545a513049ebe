"""A project that uses Channels as its documentation shows."""

import os

SECRET_KEY = "only for measuring"  # noqa: S105
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["channels"]
ROOT_URLCONF = "bench.live.servers.stock.asgi"
LOGGING_CONFIG = None
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": os.environ["BENCH_LAYER"],
        "CONFIG": {"hosts": [f"redis://127.0.0.1:{os.environ['BENCH_REDIS_PORT']}/0"]},
    }
}
