"""What the environment says: each value read once, checked, with a sentence for what is wrong."""

import os
import secrets
import socket
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from museo import broker

MUSEO_NAMES = frozenset(
    {
        "MUSEO_AGENT_CHECKOUT",
        "MUSEO_AI_ANSWER_SECONDS",
        "MUSEO_AI_KEY",
        "MUSEO_AI_MAIL",
        "MUSEO_AI_MESSAGES_PER_MINUTE",
        "MUSEO_AI_MODEL",
        "MUSEO_AI_SECONDS",
        "MUSEO_AI_TOKENS",
        "MUSEO_AI_TOKENS_A_DAY",
        "MUSEO_AI_URL",
        "MUSEO_ALLOWED_HOSTS",
        "MUSEO_ANSWERS_MB",
        "MUSEO_ANTHROPIC_MODEL",
        "MUSEO_API_URL",
        "MUSEO_CALLS_PER_MINUTE",
        "MUSEO_CLOCK_SPEED",
        "MUSEO_CONVERSATION_DAYS",
        "MUSEO_DEBUG",
        "MUSEO_DELIVERY_DAYS",
        "MUSEO_ENCRYPTION_KEYS",
        "MUSEO_GROQ_MODEL",
        "MUSEO_HOME",
        "MUSEO_INBOX_DAYS",
        "MUSEO_LOG_DAYS",
        "MUSEO_LOG_FORMAT",
        "MUSEO_MAIL",
        "MUSEO_MAIL_FROM",
        "MUSEO_MCP_CONFORMANCE",
        "MUSEO_MCP_SERVERS",
        "MUSEO_METRICS_NETWORKS",
        "MUSEO_PAYMENT_PROVIDERS",
        "MUSEO_PROCESS",
        "MUSEO_PUBLIC_URL",
        "MUSEO_SECRET_KEYS",
        "MUSEO_SIGN_INS_PER_MINUTE",
        "MUSEO_STAFF_SECOND_FACTOR",
        "MUSEO_STREAMS_PER_CALLER",
        "MUSEO_TEST_WITHOUT",
        "MUSEO_TRAIL_DAYS",
        "MUSEO_TRUSTED_PROXIES",
        "MUSEO_WEBHOOK_ALLOW",
    }
)
# as many bytes as the digest that it keys (RFC 7518, section 3.2)
SHORTEST_SECRET = 32
# how many points the curve has that browsers' messages are signed on (FIPS 186-5)
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# who sends mail; all but the first two by django-anymail
MAIL = (
    "console",
    "smtp",
    "brevo",
    "mailersend",
    "mailgun",
    "mailjet",
    "mailtrap",
    "mandrill",
    "postal",
    "postmark",
    "resend",
    "scaleway",
    "sendgrid",
    "sparkpost",
    "unisender_go",
)

# settings that are not named after the shop
OTHER_NAMES = frozenset(
    {
        "ANTHROPIC_API_BASE",
        "ANTHROPIC_API_KEY",
        "API_PORT",
        "DATABASE_URL",
        "GROQ_API_BASE",
        "GROQ_API_KEY",
        "INSTAGRAM_ACCOUNT_ID",
        "INSTAGRAM_API_BASE",
        "INSTAGRAM_TOKEN",
        "LOG_LEVEL",
        "LOKI_HOST",
        "LOKI_PORT",
        "MCP_ANTHROPIC_API_KEY",
        "MCP_API_KEY",
        "MCP_API_SECRET",
        "MCP_GROQ_API_KEY",
        "MCP_JWT_SECRET",
        "MCP_LOG_LEVEL",
        "MCP_LOKI_HOST",
        "MCP_LOKI_PORT",
        "MCP_MUSEO_API_URL",
        "MCP_ORCHESTRATOR_PORT",
        "MCP_REDIS_URL",
        "META_APP_SECRET",
        "META_VERIFY_TOKEN",
        "REDIS_URL",
        "SMTP_URL",
        "STRIPE_API_BASE",
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRET",
        "TEST_DATABASE_URL",
        "TWILIO_ACCOUNT_SID",
        "TWILIO_API_BASE",
        "TWILIO_AUTH_TOKEN",
        "TWILIO_FROM",
        "VAPID_PRIVATE_KEY",
        "VAPID_SUBJECT",
        "WHATSAPP_API_BASE",
        "WHATSAPP_PHONE_NUMBER_ID",
        "WHATSAPP_TOKEN",
    }
)


# what else a setting may be called; its own name wins
ALIASES: Mapping[str, str] = {
    "MCP_ANTHROPIC_API_KEY": "ANTHROPIC_API_KEY",
    "MCP_GROQ_API_KEY": "GROQ_API_KEY",
    "MCP_LOG_LEVEL": "LOG_LEVEL",
    "MCP_LOKI_HOST": "LOKI_HOST",
    "MCP_LOKI_PORT": "LOKI_PORT",
    "MCP_MUSEO_API_URL": "MUSEO_API_URL",
    "REDIS_URL": "MCP_REDIS_URL",
}


def refuse_unknown(environ: Mapping[str, str] = os.environ) -> None:
    """A misspelt name would otherwise be ignored in silence."""
    unknown = sorted(
        name for name in environ if name.startswith("MUSEO_") and name not in MUSEO_NAMES
    )
    if unknown:
        known = ", ".join(sorted(MUSEO_NAMES))
        raise ImproperlyConfigured(f"{unknown[0]} is no setting of Museo. The names are: {known}.")


def text(name: str, default: str = "") -> str:
    """What is said under the name, else under its alias; empty is as good as not said."""
    return os.environ.get(said_as(name), "").strip() or default


def said_as(name: str) -> str:
    """Under which of its names a setting is said, for whoever has to look for it."""
    names = (name, ALIASES.get(name, name))
    return next((each for each in names if os.environ.get(each, "").strip()), name)


def address(name: str, default: str = "") -> str:
    """Where another server is."""
    url = text(name, default)
    parts = urlsplit(url)
    if url and not (parts.scheme in ("http", "https") and parts.hostname):
        raise ImproperlyConfigured(
            f"{said_as(name)} is not understood; write https://shop.example."
        )
    return url.rstrip("/")


def needed_with(other: str, name: str) -> str:
    """What must be said if another setting is."""
    if text(other) and not text(name):
        raise ImproperlyConfigured(f"{other} needs {name}, too.")
    return text(name)


def flag(name: str, *, default: bool = False) -> bool:
    value = text(name, "1" if default else "0").lower()
    if value not in {"0", "1", "true", "false", "yes", "no"}:
        raise ImproperlyConfigured(f"{name} is {value!r}; write 1 or 0.")
    return value in {"1", "true", "yes"}


def positive(name: str, default: float) -> float:
    value = text(name, str(default))
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        said = said_as(name)
        raise ImproperlyConfigured(f"{said} is {value!r}; write a number above 0, such as 1.")
    return number


def count(name: str, default: int) -> int:
    number = positive(name, default)
    if number != int(number):
        raise ImproperlyConfigured(f"{name} is {number}; write a whole number such as {default}.")
    return int(number)


def amount(name: str, default: int) -> int:
    """A whole number that may be 0."""
    return 0 if text(name, str(default)) == "0" else count(name, default)


def words(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def choices(name: str, known: Collection[str], *, default: str) -> list[str]:
    """Some of the known words, in their order."""
    chosen = words(name, default)
    if unknown := [word for word in chosen if word not in known]:
        raise ImproperlyConfigured(f"{name} names {unknown[0]!r}; choose from: {', '.join(known)}.")
    return chosen


def choice(name: str, known: Collection[str], *, default: str) -> str:
    """One of the known words."""
    chosen = text(name, default).strip().lower()
    if chosen not in known:
        said = said_as(name)
        raise ImproperlyConfigured(f"{said} is {chosen!r}; choose from: {', '.join(known)}.")
    return chosen


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Addresses (`10.0.0.7`) and networks (`10.0.0.0/8`)."""
    try:
        return [ip_network(word) for word in words(name)]
    except ValueError as problem:
        raise ImproperlyConfigured(
            f"{name}: {problem}. Write addresses such as 10.0.0.7 or networks such as 10.0.0.0/8."
        ) from problem


def own_addresses() -> list[str]:
    """By which others on its network know this machine; none if it does not know."""
    try:
        return socket.gethostbyname_ex(socket.gethostname())[2]
    except OSError:
        return []


def endpoints(name: str) -> frozenset[str]:
    """Hosts with their ports: `127.0.0.1:9000`, `[::1]:9000`; as a URL reads they are kept."""
    found = set()
    for word in words(name):
        host, colon, port = word.lower().rpartition(":")
        if not (host and colon and port.isdecimal() and 0 < int(port) < 65536):
            raise ImproperlyConfigured(f"{name} has {word!r}; write such as 127.0.0.1:9000.")
        found.add(f"{host.strip('[]')}:{port}")
    return frozenset(found)


def home(default: Path) -> Path:
    """The folder of everything that Museo writes, made on first use and closed to others."""
    folder = Path(text("MUSEO_HOME", str(default))).expanduser().resolve()
    try:
        for part in (folder, folder / "static", folder / "media"):
            part.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as problem:
        raise ImproperlyConfigured(
            f"MUSEO_HOME is {folder}, which cannot be made: {problem.strerror}."
        ) from problem
    return folder


def keys(name: str, kept_at: Path) -> list[str]:
    """The keys of a setting, newest first; without any, one is made once and kept in a file."""
    return words(name) or [_kept_secret(kept_at)]


def signing_key(name: str, kept_at: Path) -> str:
    """A private key of P-256 as its 32 bytes in base64 for URLs, made once and kept in a file."""
    key = text(name) or _kept_secret(kept_at, make=_new_signing_key)
    try:
        number = urlsafe_b64decode(f"{key.rstrip('=')}=")
    except ValueError:
        number = b""
    if len(number) != 32 or not 0 < int.from_bytes(number, "big") < P256_ORDER:
        raise ImproperlyConfigured(
            f"{name} is no private key; write 32 bytes in base64, or leave it out and find one in"
            f" {kept_at.name}."
        )
    return key


def _new_signing_key() -> str:
    number = 1 + secrets.randbelow(P256_ORDER - 1)
    return urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()


def _kept_secret(path: Path, make: Callable[[], str] = lambda: secrets.token_urlsafe(48)) -> str:
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(make())
        # whoever links first has made the key; the others read it
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text().strip()


def shared_secrets(name: str) -> list[str]:
    """Secrets that other programs have too, newest first; too short ones could be guessed."""
    found = words(name)
    if any(len(secret) < SHORTEST_SECRET for secret in found):
        raise ImproperlyConfigured(f"{name} is too short; write {SHORTEST_SECRET} characters.")
    return found


def database(folder: Path) -> dj_database_url.DBConfig:
    url = text("DATABASE_URL")
    if not url:
        return {"ENGINE": "museo.sqlite", "NAME": str(folder / "museo.sqlite3")}
    try:
        config = dj_database_url.parse(url)
    except Exception as problem:  # the library raises several kinds, all of them a bad URL
        raise ImproperlyConfigured(
            "DATABASE_URL is not understood; write postgres://user:password@host:5432/name."
        ) from problem
    if config["ENGINE"] == "django.db.backends.sqlite3":
        config["ENGINE"] = "museo.sqlite"
    elif config["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL must name PostgreSQL or SQLite.")
    return config


def redis() -> str:
    url = text("REDIS_URL")
    try:
        is_known = bool(broker.watched(url)) or url.startswith(("redis://", "rediss://", "unix://"))
    except ValueError:
        is_known = False
    if url and not is_known:
        raise ImproperlyConfigured(
            f"{said_as('REDIS_URL')} is not understood; write redis://host:6379/0,"
            " unix:///path?db=0 or sentinel://host:26379,host:26379/name."
        )
    return url


def mail_backend(way: str) -> str:
    """Django's name for a way to send mail."""
    if way not in MAIL:
        raise ImproperlyConfigured(f"MUSEO_MAIL is {way!r}; choose one of: {', '.join(MAIL)}.")
    if way == "console":
        return "notifications.channels.console.EmailBackend"
    library = "django.core.mail" if way == "smtp" else "anymail"
    return f"{library}.backends.{way}.EmailBackend"


def smtp(name: str = "SMTP_URL") -> dict[str, Any]:
    """Django's settings of a mail server: `smtp://user:password@host:587`, `smtps://…:465`."""
    url = text(name)
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    tls = parse_qs(parts.query).get("tls", ["yes"])[-1]
    is_url = parts.scheme in ("smtp", "smtps") and parts.hostname and port != 0
    if url and not (is_url and tls in ("yes", "no")):
        raise ImproperlyConfigured(
            f"{name} is not understood; write smtp://user:password@host:587, smtps://host:465, or"
            " smtp://host:25?tls=no for a server without TLS."
        )
    by_tls = parts.scheme == "smtps"
    return {
        "EMAIL_HOST": parts.hostname or "",
        "EMAIL_PORT": port or (465 if by_tls else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": by_tls,
        "EMAIL_USE_TLS": bool(url) and not by_tls and tls == "yes",
        "EMAIL_TIMEOUT": 15,
    }


def of_anymail(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a provider of mail needs: every `ANYMAIL_…`, as its documentation names it."""
    prefix = "ANYMAIL_"
    return {
        name.removeprefix(prefix): value.strip()
        for name, value in environ.items()
        if name.startswith(prefix) and value.strip()
    }


def celery_broker(redis_url: str, folder: Path) -> tuple[str, dict[str, object]]:
    """The broker's URL and its transport options; without Redis, files under `folder`."""
    # a worker killed mid-task gives its message back after 30 s, not after kombu's hour
    options: dict[str, object] = {
        "visibility_timeout": 30,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
    }
    if watched := broker.watched(redis_url):
        asked = {"socket_timeout": broker.SENTINEL_SECONDS}
        named = {"master_name": watched.name, "sentinel_kwargs": asked}
        return watched.celery_url(), {**options, **named}
    if redis_url:
        url = redis_url.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")
        return url, options
    queue = folder / "broker"
    for part in ("queue", "control", "processed"):
        (queue / part).mkdir(parents=True, exist_ok=True)
    return "filesystem://", {
        "data_folder_in": str(queue / "queue"),
        "data_folder_out": str(queue / "queue"),
        "control_folder": str(queue / "control"),
        "processed_folder": str(queue / "processed"),
        "polling_interval": 0.25,
    }
