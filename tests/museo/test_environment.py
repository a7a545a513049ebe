"""What the environment says is checked, and every name of it is documented."""

import re
import stat
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from museo import environment

DOCS = Path(__file__).parents[2] / "docs"


def test_a_misspelt_name_stops_the_start() -> None:
    with pytest.raises(ImproperlyConfigured, match="MUSEO_CLOCKSPEED is no setting of Museo"):
        environment.refuse_unknown({"MUSEO_CLOCKSPEED": "60"})

    environment.refuse_unknown({"MUSEO_CLOCK_SPEED": "60", "PATH": "/bin"})


@pytest.mark.parametrize("value", ["fast", "0", "-1", "inf", "nan"])
def test_a_clock_speed_is_a_number_above_0(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("MUSEO_CLOCK_SPEED", value)

    with pytest.raises(ImproperlyConfigured, match="write a number above 0"):
        environment.positive("MUSEO_CLOCK_SPEED", 1.0)


def test_a_flag_is_1_or_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSEO_DEBUG", "maybe")

    with pytest.raises(ImproperlyConfigured, match="write 1 or 0"):
        environment.flag("MUSEO_DEBUG")


def test_a_models_address_needs_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def model() -> str:
        return environment.needed_with("MUSEO_AI_URL", "MUSEO_AI_MODEL")

    assert model() == ""
    monkeypatch.setenv("MUSEO_AI_URL", "http://127.0.0.1:11434/v1")
    with pytest.raises(ImproperlyConfigured, match="MUSEO_AI_URL needs MUSEO_AI_MODEL, too"):
        model()
    monkeypatch.setenv("MUSEO_AI_MODEL", "small")
    assert model() == "small"


@pytest.mark.parametrize("value", ["shop.example", "ftp://shop.example", "https://", "//shop"])
def test_what_is_no_address_stops_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("MUSEO_PUBLIC_URL", "https://shop.example/")
    assert environment.address("MUSEO_PUBLIC_URL") == "https://shop.example"

    monkeypatch.setenv("MUSEO_PUBLIC_URL", value)
    with pytest.raises(ImproperlyConfigured, match="MUSEO_PUBLIC_URL is not understood"):
        environment.address("MUSEO_PUBLIC_URL")


@pytest.mark.parametrize(("name", "alias"), environment.ALIASES.items())
def test_a_setting_goes_by_the_source_documents_name_too(
    monkeypatch: pytest.MonkeyPatch, name: str, alias: str
) -> None:
    monkeypatch.setenv(name, " ")
    monkeypatch.delenv(alias, raising=False)

    assert environment.text(name) == ""
    monkeypatch.setenv(alias, "second")
    assert environment.text(name) == "second"
    monkeypatch.setenv(name, "first")
    assert environment.text(name) == "first"


def test_a_choice_is_one_of_the_known_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen() -> str:
        return environment.choice("MUSEO_AGENT_CHECKOUT", ("confirm", "link"), default="link")

    assert chosen() == "link"
    monkeypatch.setenv("MUSEO_AGENT_CHECKOUT", "Confirm ")
    assert chosen() == "confirm"
    monkeypatch.setenv("MUSEO_AGENT_CHECKOUT", "always")
    with pytest.raises(ImproperlyConfigured, match="is 'always'; choose from: confirm, link"):
        chosen()


@pytest.mark.parametrize("url", ["nonsense", "mysql://a@b/c", "postgres://host:port/x"])
def test_a_database_url_that_cannot_be_used_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        environment.database(tmp_path)


def test_a_redis_url_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "localhost:6379")

    with pytest.raises(ImproperlyConfigured, match="REDIS_URL"):
        environment.redis()


@pytest.mark.parametrize("value", ["localhost", "localhost:", ":9000", "localhost:http", "a:70000"])
def test_what_may_be_private_is_named_with_its_port(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("MUSEO_WEBHOOK_ALLOW", "LocalHost:9000, [::1]:80")
    assert environment.endpoints("MUSEO_WEBHOOK_ALLOW") == {"localhost:9000", "::1:80"}

    monkeypatch.setenv("MUSEO_WEBHOOK_ALLOW", value)
    with pytest.raises(ImproperlyConfigured, match="write such as"):
        environment.endpoints("MUSEO_WEBHOOK_ALLOW")


@pytest.mark.parametrize(
    ("redis_url", "broker"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("unix:///run/v.sock?db=0", "redis+socket:///run/v.sock?virtual_host=0"),
        ("", "filesystem://"),
    ],
)
def test_the_broker_follows_from_redis(tmp_path: Path, redis_url: str, broker: str) -> None:
    assert environment.celery_broker(redis_url, tmp_path)[0] == broker


def test_a_key_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    kept = tmp_path / "secret-key"

    first = environment.keys("MUSEO_SECRET_KEYS", kept)

    assert environment.keys("MUSEO_SECRET_KEYS", kept) == first
    assert len(first[0]) > 50
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]


def test_a_signing_key_is_made_once_and_is_one(tmp_path: Path) -> None:
    kept = tmp_path / "vapid-key"

    first = environment.signing_key("VAPID_PRIVATE_KEY", kept)

    assert environment.signing_key("VAPID_PRIVATE_KEY", kept) == first
    assert len(urlsafe_b64decode(f"{first}=")) == 32
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize("value", ["short", "A" * 43, "_" * 43, "ä" * 43])
def test_what_is_no_signing_key_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str
) -> None:
    monkeypatch.setenv("VAPID_PRIVATE_KEY", value)

    with pytest.raises(ImproperlyConfigured, match="VAPID_PRIVATE_KEY is no private key"):
        environment.signing_key("VAPID_PRIVATE_KEY", tmp_path / "vapid-key")


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "ssl"),
    [
        ("smtp://u%40x:p@mail.example:587", "mail.example", 587, True, False),
        ("smtps://u%40x:p@mail.example", "mail.example", 465, False, True),
        ("smtp://u%40x:p@127.0.0.1:25?tls=no", "127.0.0.1", 25, False, False),
    ],
)
def test_a_mail_server_is_a_url(
    monkeypatch: pytest.MonkeyPatch, url: str, host: str, port: int, tls: bool, ssl: bool
) -> None:
    monkeypatch.setenv("SMTP_URL", url)

    told = environment.smtp()

    assert (told["EMAIL_HOST"], told["EMAIL_PORT"]) == (host, port)
    assert (told["EMAIL_USE_TLS"], told["EMAIL_USE_SSL"]) == (tls, ssl)
    assert (told["EMAIL_HOST_USER"], told["EMAIL_HOST_PASSWORD"]) == ("u@x", "p")


@pytest.mark.parametrize("url", ["mail.example:25", "http://x", "smtp://x:port", "smtp://x?tls=o"])
def test_a_mail_server_that_cannot_be_used_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("SMTP_URL", url)

    with pytest.raises(ImproperlyConfigured, match="SMTP_URL is not understood"):
        environment.smtp()


@pytest.mark.parametrize("way", environment.MAIL)
def test_every_way_to_send_mail_is_there(way: str) -> None:
    assert import_string(environment.mail_backend(way))


def test_an_unknown_way_to_send_mail_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="MUSEO_MAIL is 'pigeon'; choose one of"):
        environment.mail_backend("pigeon")


def test_what_a_provider_of_mail_needs_is_handed_on() -> None:
    given = {"ANYMAIL_POSTMARK_SERVER_TOKEN": " t ", "ANYMAIL_EMPTY": "", "PATH": "/bin"}

    assert environment.of_anymail(given) == {"POSTMARK_SERVER_TOKEN": "t"}


def test_every_setting_is_in_the_docs() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (DOCS / "settings.md").read_text(), re.MULTILINE)

    assert set(rows) == environment.MUSEO_NAMES | environment.OTHER_NAMES


def test_what_is_wrong_is_named_as_it_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MCP_LOG_LEVEL", "MCP_MUSEO_API_URL", "MCP_LOKI_PORT", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOG_LEVEL", "loud")
    monkeypatch.setenv("MUSEO_API_URL", "shop:8000")
    monkeypatch.setenv("LOKI_PORT", "tcp://10.0.0.7:3100")
    monkeypatch.setenv("MCP_REDIS_URL", "redis:6379")

    with pytest.raises(ImproperlyConfigured, match=r"^LOG_LEVEL is 'loud'"):
        environment.choice("MCP_LOG_LEVEL", ("info",), default="info")
    with pytest.raises(ImproperlyConfigured, match=r"^MUSEO_API_URL is not understood"):
        environment.address("MCP_MUSEO_API_URL")
    with pytest.raises(ImproperlyConfigured, match=r"^LOKI_PORT is 'tcp"):
        environment.count("MCP_LOKI_PORT", 3100)
    with pytest.raises(ImproperlyConfigured, match=r"^MCP_REDIS_URL is not understood"):
        environment.redis()
