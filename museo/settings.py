"""Every setting of Museo. Names and meanings: docs/settings.md."""

import sys
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from celery.schedules import crontab
from django.utils.translation import gettext_lazy as _

from museo import broker, connecting, environment, mcp_servers

environment.refuse_unknown()

BASE_DIR = Path(__file__).resolve().parent.parent
MUSEO_HOME = environment.home(BASE_DIR / "var")
MUSEO_CLOCK_SPEED = environment.positive("MUSEO_CLOCK_SPEED", 1.0)
MUSEO_PUBLIC_URL = environment.address("MUSEO_PUBLIC_URL", "http://127.0.0.1:8000")
MUSEO_TRUSTED_PROXIES = environment.networks("MUSEO_TRUSTED_PROXIES")
MUSEO_LOG_DAYS = environment.positive("MUSEO_LOG_DAYS", 90)
MUSEO_DELIVERY_DAYS = environment.positive("MUSEO_DELIVERY_DAYS", 30)
MUSEO_INBOX_DAYS = environment.positive("MUSEO_INBOX_DAYS", 365)
MUSEO_CONVERSATION_DAYS = environment.positive("MUSEO_CONVERSATION_DAYS", 30)
MUSEO_TRAIL_DAYS = environment.positive("MUSEO_TRAIL_DAYS", 365)
MUSEO_STREAMS_PER_CALLER = environment.count("MUSEO_STREAMS_PER_CALLER", 500)
MUSEO_CALLS_PER_MINUTE = environment.count("MUSEO_CALLS_PER_MINUTE", 600)
# answers of the catalogue that a process keeps to give them again
MUSEO_ANSWERS_MB = environment.amount("MUSEO_ANSWERS_MB", 32)
MUSEO_SIGN_INS_PER_MINUTE = environment.count("MUSEO_SIGN_INS_PER_MINUTE", 20)
# whether people who work here may show a second factor when they sign in, or must
MUSEO_STAFF_SECOND_FACTOR = environment.choice(
    "MUSEO_STAFF_SECOND_FACTOR", ("optional", "required"), default="optional"
)
# where webhooks may go although it is not public
MUSEO_WEBHOOK_ALLOW = environment.endpoints("MUSEO_WEBHOOK_ALLOW")

# MCP servers whose tools are served beside the shop's
MUSEO_MCP_SERVERS = mcp_servers.read("MUSEO_MCP_SERVERS")

# models of the assistant: without a key or an address it goes by patterns alone
MCP_ANTHROPIC_API_KEY = environment.text("MCP_ANTHROPIC_API_KEY")
ANTHROPIC_API_BASE = environment.address("ANTHROPIC_API_BASE", "https://api.anthropic.com")
MUSEO_ANTHROPIC_MODEL = environment.text("MUSEO_ANTHROPIC_MODEL", "claude-haiku-5-5")
MCP_GROQ_API_KEY = environment.text("MCP_GROQ_API_KEY")
GROQ_API_BASE = environment.address("GROQ_API_BASE", "https://api.groq.com/openai/v1")
MUSEO_GROQ_MODEL = environment.text("MUSEO_GROQ_MODEL", "openai/gpt-oss-120b")
MUSEO_AI_URL = environment.address("MUSEO_AI_URL")
MUSEO_AI_KEY = environment.text("MUSEO_AI_KEY")
MUSEO_AI_MODEL = environment.needed_with("MUSEO_AI_URL", "MUSEO_AI_MODEL")
# what an answer may take: seconds with all its tools; tokens of a conversation, and of all in a day
MUSEO_AI_SECONDS = environment.positive("MUSEO_AI_SECONDS", 30)
MUSEO_AI_TOKENS = environment.count("MUSEO_AI_TOKENS", 50_000)
MUSEO_AI_TOKENS_A_DAY = environment.count("MUSEO_AI_TOKENS_A_DAY", 2_000_000)
MUSEO_AI_MESSAGES_PER_MINUTE = environment.count("MUSEO_AI_MESSAGES_PER_MINUTE", 10)
# how long an answer is given again to whoever asks just the same
MUSEO_AI_ANSWER_SECONDS = environment.amount("MUSEO_AI_ANSWER_SECONDS", 60)
# whether they read what people write to the shop
MUSEO_AI_MAIL = environment.flag("MUSEO_AI_MAIL", default=True)

# payments: without a key of Stripe's, the shop plays
STRIPE_SECRET_KEY = environment.text("STRIPE_SECRET_KEY")
STRIPE_WEBHOOK_SECRET = environment.text("STRIPE_WEBHOOK_SECRET")
STRIPE_API_BASE = environment.address("STRIPE_API_BASE", "https://api.stripe.com")
MUSEO_PAYMENT_PROVIDERS = environment.choices(
    "MUSEO_PAYMENT_PROVIDERS",
    ("demo", "manual", "stripe"),
    default="stripe,manual" if STRIPE_SECRET_KEY else "demo,manual",
)
# whether an agent may buy after a second call of its own where it can ask nobody
MUSEO_AGENT_CHECKOUT = environment.choice(
    "MUSEO_AGENT_CHECKOUT",
    ("confirm", "link"),
    default="confirm" if "demo" in MUSEO_PAYMENT_PROVIDERS else "link",
)

# channels: without its settings each says that it is not configured
MUSEO_MAIL = environment.text("MUSEO_MAIL", "console")
EMAIL_BACKEND = environment.mail_backend(MUSEO_MAIL)
globals().update(environment.smtp())
DEFAULT_FROM_EMAIL = environment.text("MUSEO_MAIL_FROM", "Museo <orders@localhost>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
ANYMAIL = environment.of_anymail()
TWILIO_ACCOUNT_SID = environment.text("TWILIO_ACCOUNT_SID")
TWILIO_AUTH_TOKEN = environment.text("TWILIO_AUTH_TOKEN")
TWILIO_FROM = environment.text("TWILIO_FROM")
TWILIO_API_BASE = environment.address("TWILIO_API_BASE", "https://api.twilio.com")
META_APP_SECRETS = environment.words("META_APP_SECRET")
META_VERIFY_TOKEN = environment.text("META_VERIFY_TOKEN")
WHATSAPP_TOKEN = environment.text("WHATSAPP_TOKEN")
WHATSAPP_PHONE_NUMBER_ID = environment.text("WHATSAPP_PHONE_NUMBER_ID")
WHATSAPP_API_BASE = environment.address("WHATSAPP_API_BASE", "https://graph.facebook.com/v23.0")
INSTAGRAM_TOKEN = environment.text("INSTAGRAM_TOKEN")
INSTAGRAM_ACCOUNT_ID = environment.text("INSTAGRAM_ACCOUNT_ID")
INSTAGRAM_API_BASE = environment.address("INSTAGRAM_API_BASE", "https://graph.instagram.com/v23.0")
VAPID_PRIVATE_KEY = environment.signing_key("VAPID_PRIVATE_KEY", MUSEO_HOME / "vapid-key")

DEBUG = environment.flag("MUSEO_DEBUG")
MUSEO_MCP_CONFORMANCE = environment.flag("MUSEO_MCP_CONFORMANCE")
SECRET_KEY, *SECRET_KEY_FALLBACKS = environment.keys("MUSEO_SECRET_KEYS", MUSEO_HOME / "secret-key")
MUSEO_ENCRYPTION_KEYS = environment.keys("MUSEO_ENCRYPTION_KEYS", MUSEO_HOME / "encryption-key")
# what signs the tokens of service accounts, if other programs are to read them
MCP_JWT_SECRETS = environment.shared_secrets("MCP_JWT_SECRET")
# the Museo that `mcp_stdio` passes everything on to, if it is not this one
MCP_MUSEO_API_URL = environment.address("MCP_MUSEO_API_URL")
MCP_API_KEY = environment.text("MCP_API_KEY")
MCP_API_SECRET = environment.text("MCP_API_SECRET")
# `manage.py up` listens there, too; 0 for nowhere
MCP_ORCHESTRATOR_PORT = environment.amount("MCP_ORCHESTRATOR_PORT", 0)
ALLOWED_HOSTS = environment.words("MUSEO_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
# whoever collects the figures of each process asks it by its address
MUSEO_METRICS_NETWORKS = environment.networks("MUSEO_METRICS_NETWORKS")
if MUSEO_METRICS_NETWORKS:
    ALLOWED_HOSTS += environment.own_addresses()
IS_PUBLIC = MUSEO_PUBLIC_URL.startswith("https://")
# whom a push service asks if something is wrong (RFC 8292, section 2.1)
VAPID_SUBJECT = environment.text(
    "VAPID_SUBJECT",
    MUSEO_PUBLIC_URL if IS_PUBLIC else f"mailto:{parseaddr(DEFAULT_FROM_EMAIL)[1]}",
)
CSRF_TRUSTED_ORIGINS = [MUSEO_PUBLIC_URL]

INSTALLED_APPS = [
    "oauth2_provider",
    "museo.access",
    "unfold",
    # what it shows is looked for where it is served (`museo.urls`): others need not load it
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "treebeard",
    "parler",
    "rest_framework",
    "drf_spectacular_sidecar",
    "notifications",
    "catalog",
    "orders",
    "mcp_bridge",
    "museo.ops",
]
if "runserver" in sys.argv:
    # its runserver serves streams and sockets too; nobody else needs what it loads
    INSTALLED_APPS.insert(0, "daphne")
MIDDLEWARE = [
    "museo.ops.requests.measured",
    "museo.access.heads.with_head",
    "museo.access.admission.with_allowance",
    "catalog.answers.given_again",
    "django.middleware.security.SecurityMiddleware",
    "museo.statics.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "catalog.context.AtHome",
    "museo.access.common.Common",
    "django.middleware.csrf.CsrfViewMiddleware",
    "museo.access.sessions.Authentication",
    "museo.access.notices.Notices",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "museo.urls"
ASGI_APPLICATION = "museo.asgi.application"
WSGI_APPLICATION = "museo.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "catalog.context.shop",
                "orders.context.basket",
                "orders.context.under_way",
                "notifications.context.inbox",
            ],
        },
    },
]

# database
DATABASES: dict[str, dict[str, Any]] = {"default": {**environment.database(MUSEO_HOME)}}
_database = DATABASES["default"]
if _database["ENGINE"] == "museo.sqlite":
    _database["OPTIONS"] = {"gate": str(MUSEO_HOME / "write.lock")}
    # a file, because races need several connections
    _database["TEST"] = {"NAME": str(MUSEO_HOME / "test.sqlite3")}
else:
    _database["CONN_MAX_AGE"] = connecting.seconds()
    _database["OPTIONS"] = {**connecting.options(), **_database.get("OPTIONS", {})}
    # what is asked often is prepared (`museo.wire`), others never: psycopg would throw its own away
    # with every ROLLBACK, and all others with them. It is planned once, too: left to itself,
    # PostgreSQL plans a list anew each time, which takes most of it
    _database["OPTIONS"]["prepare_threshold"] = None
    _given = _database["OPTIONS"].get("options", "")
    # to compile what is asked once takes it longer than the answer: a third of a second
    _settled = "-c plan_cache_mode=force_generic_plan -c jit=off"
    _database["OPTIONS"]["options"] = f"{_given} {_settled}".strip()
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "access.User"
AUTHENTICATION_BACKENDS = ["museo.access.sessions.Accounts"]

# Redis or Valkey: wakes people up, is never the truth
REDIS_URL = environment.redis()
# what libraries keep for a minute; each process for itself, so that it is there without Redis
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            "hosts": [broker.for_channels(REDIS_URL)],
            "prefix": broker.channel(REDIS_URL, "groups"),
        },
    }
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}

# Celery: `clock` advances orders, `work` sends and computes
CELERY_BROKER_URL, CELERY_BROKER_TRANSPORT_OPTIONS = environment.celery_broker(
    REDIS_URL, MUSEO_HOME
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_DEFAULT_QUEUE = "work"
CELERY_TASK_ROUTES = {"orders.*": {"queue": "clock"}}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# letters that are shown instead of sent are no lines of the log
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    # a tick older than 10 s is dropped: the next one finds the same orders due
    "advance due orders": {
        "task": "orders.advance_due_orders",
        "schedule": 1.0,
        "options": {"expires": 10, "queue": "clock"},
    },
    "tell overdue orders": {
        "task": "orders.tell_overdue_orders",
        "schedule": 5.0,
        "options": {"expires": 10, "queue": "clock"},
    },
    # any number may run: events are read by one at a time, deliveries are claimed
    "deliver": {
        "task": "notifications.deliver",
        "schedule": 1.0,
        "options": {"expires": 10, "queue": "work"},
    },
    "keep statistics": {
        "task": "notifications.keep_statistics",
        "schedule": 2.0,
        "options": {"expires": 10, "queue": "work"},
    },
    "forget old events": {
        "task": "notifications.forget_old_events",
        "schedule": 3600.0,
        "options": {"expires": 600, "queue": "work"},
    },
    "end expired callbacks": {
        "task": "notifications.end_expired_callbacks",
        "schedule": 3600.0,
        "options": {"expires": 600, "queue": "work"},
    },
    "forget old deliveries": {
        "task": "notifications.forget_old_deliveries",
        "schedule": crontab(hour=4, minute=10),
        "options": {"expires": 3600, "queue": "work"},
    },
    # one that was started is taken up within a second, one whose worker died when its lease is over
    "work on imports": {
        "task": "catalog.work_on_imports",
        "schedule": 1.0,
        "options": {"expires": 10, "queue": "work"},
    },
    "forget old imports": {
        "task": "catalog.forget_old_imports",
        "schedule": 3600.0,
        "options": {"expires": 600, "queue": "work"},
    },
    # at night, by UTC
    "audit": {
        "task": "ops.audit",
        "schedule": crontab(hour=3, minute=40),
        "options": {"expires": 3600, "queue": "work"},
    },
    "refresh prices": {
        "task": "catalog.refresh_prices",
        "schedule": 10.0,
        "options": {"expires": 10, "queue": "work"},
    },
    "fold catalogue writes": {
        "task": "catalog.fold_writes",
        "schedule": 10.0,
        "options": {"expires": 10, "queue": "work"},
    },
    "expire tickets": {
        "task": "orders.expire_tickets",
        "schedule": 3600.0,
        "options": {"expires": 60, "queue": "clock"},
    },
    "forget ended tokens": {
        "task": "access.forget_ended_tokens",
        "schedule": 3600.0,
        "options": {"expires": 600, "queue": "work"},
    },
    "forget old calls": {
        "task": "access.forget_old_calls",
        "schedule": crontab(hour=4, minute=20),
        "options": {"expires": 3600, "queue": "work"},
    },
    "forget ended sessions": {
        "task": "mcp_bridge.forget_ended_sessions",
        "schedule": 3600.0,
        "options": {"expires": 600, "queue": "work"},
    },
    "answer messages that were left alone": {
        "task": "mcp_bridge.answer_left_alone",
        "schedule": 2.0,
        "options": {"expires": 5, "queue": "work"},
    },
    "analyze mail": {
        "task": "mcp_bridge.analyze_mail",
        "schedule": 2.0,
        "options": {"expires": 5, "queue": "work"},
    },
    "forget ended conversations": {
        "task": "mcp_bridge.forget_conversations",
        "schedule": 3600.0,
        "options": {"expires": 600, "queue": "work"},
    },
    "expire baskets": {
        "task": "orders.expire_baskets",
        "schedule": 600.0,
        "options": {"expires": 60, "queue": "clock"},
    },
    "settle refunds": {
        "task": "orders.settle_refunds",
        "schedule": 30.0,
        "options": {"expires": 30, "queue": "work"},
    },
    "look after payments": {
        "task": "orders.look_after_payments",
        "schedule": 10.0,
        "options": {"expires": 10, "queue": "work"},
    },
    "play the demo bank": {
        "task": "orders.play_the_demo_bank",
        "schedule": 2.0,
        "options": {"expires": 5, "queue": "work"},
    },
    "release expired reservations": {
        "task": "orders.release_expired_reservations",
        "schedule": 10.0,
        "options": {"expires": 10, "queue": "clock"},
    },
}

# who comes in
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_PUBLIC
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = False  # the proxy in front redirects; behind it everything is plain HTTP
SECURE_HSTS_SECONDS = 31_536_000 if IS_PUBLIC else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_PUBLIC
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if MUSEO_TRUSTED_PROXIES else None
# not "no-referrer": browsers would then send our forms without saying that they are ours
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# see SECURE_SSL_REDIRECT; http goes to a person's own machine only (`museo.oauth.clients`)
SILENCED_SYSTEM_CHECKS = ["security.W008", "oauth2_provider.W008"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

# language and time
LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", _("English")),
    ("de", _("German")),
    ("fr", _("French")),
    ("es", _("Spanish")),
    ("ar", _("Arabic")),
]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "museo.formats"
PARLER_LANGUAGES: dict[Any, Any] = {
    None: tuple({"code": code} for code, _name in LANGUAGES),
    "default": {"fallbacks": [LANGUAGE_CODE], "hide_untranslated": False},
}
PARLER_DEFAULT_LANGUAGE_CODE = LANGUAGE_CODE
# its cache would outlive a rollback
PARLER_ENABLE_CACHING = False
# everything is kept in UTC; pages show times on the shop's own clock (`catalog.shop`)
TIME_ZONE = "UTC"
USE_TZ = True

# files
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = MUSEO_HOME / "static"
WHITENOISE_USE_FINDERS = True
MEDIA_URL = "/media/"
MEDIA_ROOT = MUSEO_HOME / "media"

# people's agents: an authorization server after OAuth 2.1 (`museo.oauth`)
# its tables in one step instead of its history in twenty-two, which takes three times as long as
# all the rest; `makemigrations` says when another release of it needs more
MIGRATION_MODULES = {"oauth2_provider": "museo.oauth.migrations"}
OAUTH2_PROVIDER_APPLICATION_MODEL = "oauth2_provider.Application"
OAUTH2_PROVIDER_ACCESS_TOKEN_MODEL = "oauth2_provider.AccessToken"  # noqa: S105  a name
OAUTH2_PROVIDER_REFRESH_TOKEN_MODEL = "oauth2_provider.RefreshToken"  # noqa: S105  a name
OAUTH2_PROVIDER_ID_TOKEN_MODEL = "oauth2_provider.IDToken"  # noqa: S105  a name
OAUTH2_PROVIDER_GRANT_MODEL = "oauth2_provider.Grant"
OAUTH2_PROVIDER: dict[str, Any] = {
    "SCOPES_BACKEND_CLASS": "museo.oauth.tokens.Scopes",
    # codes and refresh tokens, and nothing else: a grant by password would tell whose it is
    "OAUTH2_SERVER_CLASS": "oauthlib.oauth2.WebApplicationServer",
    "OAUTH2_VALIDATOR_CLASS": "museo.oauth.validator.Validator",
    "ACCESS_TOKEN_GENERATOR": "museo.oauth.tokens.access_token",
    "REFRESH_TOKEN_GENERATOR": "museo.oauth.tokens.refresh_token",
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 30 * 24 * 3600,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "OIDC_ISS_ENDPOINT": MUSEO_PUBLIC_URL,
    # https; http to the person's own machine (`museo.oauth.clients`); apps that are installed on it
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https", "http", "cursor", "vscode", "vscode-insiders"],
    "ALLOW_LOCALHOST_LOOPBACK": True,
    "CIMD_ENABLED": True,
    "CIMD_METADATA_FETCHER": "museo.oauth.validator.Documents",
    "CIMD_REGISTRATION_PERMISSION_CLASSES": ["museo.oauth.validator.AtConsent"],
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
}

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_RENDERER_CLASSES": ["museo.access.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["museo.access.parsers.JSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "museo.access.negotiation.Negotiation",
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "museo.access.admission.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["museo.access.admission.TakesScope"],
    "DEFAULT_THROTTLE_CLASSES": ["museo.access.admission.CallAllowance"],
    "EXCEPTION_HANDLER": "museo.access.rest.answer",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "Museo",
    "VERSION": "1",
    # what a body may be is not what an answer is
    "COMPONENT_SPLIT_REQUEST": True,
    # what a PATCH needs is needed
    "COMPONENT_SPLIT_PATCH": False,
    # choices stay where they are
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enum_id_removal"],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

# lightness and chroma of the shop's one vermilion, from wash to shade
VERMILION = {
    "50": "97% .014",
    "100": "94% .032",
    "200": "88% .062",
    "300": "80% .105",
    "400": "70% .155",
    "500": "60% .19",
    "600": "54% .19",
    "700": "47% .17",
    "800": "41% .145",
    "900": "36% .12",
    "950": "27% .09",
}
# the greys of the shop's walls, from light to dark
WALLS = {
    "50": "#f7f8f8",
    "100": "#eceef0",
    "200": "#dcdfe3",
    "300": "#c3c8ce",
    "400": "#858b95",
    "500": "#6c727c",
    "600": "#555b64",
    "700": "#2c3136",
    "800": "#22262a",
    "900": "#1a1d20",
    "950": "#121416",
}
UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "catalog.context.name",
    "SITE_HEADER": "catalog.context.name",
    "SITE_SYMBOL": "museum",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "/static/icon.svg"}],
    "SIDEBAR": {"navigation": "museo.ops.sidebar.navigation"},
    "LOGIN": {"form": "museo.access.forms.AdminSignInForm"},
    "ACCOUNT": {
        "navigation": [
            {"title": _("Change the password"), "link": "/account/password"},
            {"title": _("Second factor"), "link": "/account/second-factor"},
        ]
    },
    "SHOW_LANGUAGES": True,
    "STYLES": ["/static/css/admin.css"],
    "COLORS": {
        "base": WALLS,
        "primary": {shade: f"oklch({light} 36)" for shade, light in VERMILION.items()},
    },
}

# lines of the log
_log_format = environment.choice("MUSEO_LOG_FORMAT", ("line", "json"), default="line")
_log_level = environment.choice(
    "MCP_LOG_LEVEL", ("debug", "info", "warn", "warning", "error"), default="info"
)
_handlers: dict[str, dict[str, Any]] = {
    "stderr": {"class": "logging.StreamHandler", "formatter": _log_format}
}
if _loki := environment.text("MCP_LOKI_HOST"):
    _handlers["loki"] = {
        "class": "museo.ops.loki.Loki",
        "host": _loki,
        "port": environment.count("MCP_LOKI_PORT", 3100),
        "process": environment.text("MUSEO_PROCESS", "museo"),
    }
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {_log_format: {"()": f"museo.ops.logs.{_log_format.title()}"}},
    "handlers": _handlers,
    "root": {"handlers": [*_handlers], "level": _log_level.upper()},
    "loggers": {
        # Django writes for itself: once more, and in its own way
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"handlers": [], "propagate": True},
        # a 4xx is the caller's business
        "django.request": {"level": "ERROR"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "mcp": {"level": "WARNING"},
        "oauth2_provider": {"level": "WARNING"},
        # it writes down whom it calls, and a browser's address opens that browser
        "httpx2": {"level": "WARNING"},
        # they write down what they send
        "anthropic": {"level": "WARNING"},
        "openai": {"level": "WARNING"},
    },
}
