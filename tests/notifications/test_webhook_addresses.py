"""Which addresses may be webhooks: none by which somebody could look around in our network."""

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address
from threading import Event
from typing import Any

import pytest

from notifications.channels import webhook
from notifications.channels.webhook import BadWebhook, NoSuchHost, Target

SOON = timedelta(seconds=5)
PUBLIC = "192.0.32.8"
LeadTo = Callable[..., None]
# what says by itself that it is no webhook
REFUSED = [
    # not written as an address
    "",
    "example.com",
    "https://",
    "https://[::1",
    "https://example.com:port/",
    "https://example.com:99999/",
    "https://exa mple.com/",
    "https://example.com/\x00",
    "https://example.com/\n",
    "https://example.com\\@127.0.0.1/",
    "https://example.com/#here",
    "https://somebody:secret@example.com/",
    "https://bücher.example/",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://example.com/" + "x" * 1000,
    # not https, or not its port
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "https://example.com:22/",
    "https://example.com:8443/",
    # this machine
    "https://localhost/",
    "https://shop.localhost/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://0.0.0.0/",
    "https://[::]/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:8.8.8.8]/",
    # our network, and others that nobody outside reaches
    "https://10.0.0.7/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://192.0.0.8/",
    "https://192.88.99.1/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[fd00::1]/",
    "https://[ff02::1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://redis/",
    "https://metadata.google.internal/",
    "https://printer.local/",
    "https://router.home.arpa/",
    "https://example.com./",
    "https://-example.com/",
    # an address within an address, or letters that only look like others
    "https://example.com@127.0.0.1/",
    "https://127.0.0.1%2f@example.com/",
    "https://example.com:443@127.0.0.1/",
    "https://localhost%00.example.com/",
    "https://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/",
    "https://127\u30020\u30020\u30021/",
    "https://l\u043ecalhost/",
    "https://xn--lcalhost-54g/",
    "https://example\u2024com/",
    "https://example.com:0/",
    "https://example.com:443:22/",
    "https://[::ffff:7f00:1]/",
    "https://[::7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[3fff::1]/",
    "https://[5f00::1]/",
    "https://[2001:db8::1]/",
    "https://localhost./",
    "https://LOCALHOST/",
    "https://127.0.0.1./",
    "https://127.0.0.1:443/",
    "https://169.254.169.254:443/",
    "https://2852039166/latest/meta-data/",
    "https://0xa9fea9fe/",
    "https://0251.0376.0251.0376/",
    "https://0/",
]


@pytest.fixture
def lead_to(monkeypatch: pytest.MonkeyPatch) -> LeadTo:
    """Lets every name lead to these network addresses; to none it is not known."""

    def lead_to(*numbers: str) -> None:
        def look_up(host: str, port: int) -> Any:
            if not numbers:
                raise OSError("not known")
            return [ip_address(number) for number in numbers]

        monkeypatch.setattr(webhook, "_look_up", look_up)

    return lead_to


@pytest.mark.parametrize("url", REFUSED)
def test_what_can_be_no_webhook_is_refused_without_a_look_at_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(webhook, "_look_up", lambda host, port: asked.append(host))

    with pytest.raises(BadWebhook) as refused:
        webhook.check(url)

    assert refused.value.errors[0]["pointer"] == "/webhook_url"
    assert asked == []


@pytest.mark.parametrize(
    "url",
    [
        f"https://{PUBLIC}/",
        "https://[2a00:1450:4026:803::200e]/hook",
        "https://example.com",
        "https://EXAMPLE.com:443/orders/@us?key=a+b%20c",
        "https://xn--bcher-kva.example/",
    ],
)
def test_a_public_address_is_a_webhook(url: str, lead_to: LeadTo) -> None:
    lead_to(PUBLIC)

    webhook.check(url)


@pytest.mark.parametrize("numbers", [["10.0.0.7"], [PUBLIC, "::1"], ["fe80::1"]])
def test_a_name_that_leads_inside_is_refused(lead_to: LeadTo, numbers: list[str]) -> None:
    lead_to(*numbers)

    with pytest.raises(BadWebhook):
        webhook.check("https://example.com/")


def test_a_name_that_is_not_known_yet_may_be_registered_but_leads_nowhere(lead_to: LeadTo) -> None:
    lead_to()

    webhook.check("https://example.com/")
    with pytest.raises(NoSuchHost):
        webhook.addresses(webhook.read("https://example.com/"), within=SOON)


def test_nobody_waits_for_a_slow_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Event()
    monkeypatch.setattr(webhook, "_look_up", lambda host, port: answers.wait(20) and [])

    with pytest.raises(NoSuchHost):
        webhook.addresses(webhook.read("https://example.com/"), within=timedelta(milliseconds=1))

    answers.set()


def test_development_may_except_single_places(settings: Any) -> None:
    settings.MUSEO_WEBHOOK_ALLOW = frozenset({"localhost:9000", "::1:443"})

    hook = webhook.read("http://localhost:9000/hook")

    assert hook == Target("localhost", 9000, is_excepted=True)
    assert set(webhook.addresses(hook, within=SOON)) <= {"127.0.0.1", "::1"}
    webhook.check("https://[::1]/")
    for url in ("http://localhost:9001/", "http://127.0.0.1:9000/", "ftp://localhost:9000/"):
        with pytest.raises(BadWebhook):
            webhook.check(url)
