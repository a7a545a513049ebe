"""The channels that reach people: one module each, one line in CHANNELS."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from museo.access.problems import Problem
from notifications.channels import email, instagram, sms, webpush, whatsapp
from notifications.channels.message import Message


class NotConfigured(Problem):
    """There is no such channel, or its settings are missing."""

    status = 409
    code = "channel_not_configured"


@dataclass(frozen=True)
class Channel:
    """Called outside of any transaction, and perhaps again for the same key.

    `send` returns the provider's name of the message, by which reports come back
    (`news.Status`), and raises NotSent. `check` returns an address as it is kept, and raises
    BadAddress; it asks nobody.
    """

    send: Callable[[Message], str]
    check: Callable[[str], str]
    label: Callable[[], str]
    # the names of settings without which it does not work
    missing: Callable[[], list[str]] = list


CHANNELS = {
    email.NAME: Channel(email.send, email.check, email.label, email.missing),
    sms.NAME: Channel(sms.send, sms.check, sms.label, sms.missing),
    whatsapp.NAME: Channel(whatsapp.send, whatsapp.check, whatsapp.label, whatsapp.missing),
    instagram.NAME: Channel(instagram.send, instagram.check, instagram.label, instagram.missing),
    # its keys are made at first use
    webpush.NAME: Channel(webpush.send, webpush.check, webpush.label),
}


def require(code: str) -> Channel:
    """The channel, ready to send; raise NotConfigured that says what is missing."""
    channel = CHANNELS.get(code)
    if channel is None:
        raise NotConfigured(
            _("This shop sends nothing by %(channel)s. Choose one of: %(others)s.")
            % {"channel": code[:20], "others": ", ".join(CHANNELS)}
        )
    require_settings(channel.label(), channel.missing())
    return channel


def require_settings(label: str, missing: list[str]) -> None:
    """Raise NotConfigured if any is missing."""
    if missing:
        raise NotConfigured(
            _("%(provider)s is not configured. Set %(names)s.")
            % {"provider": label, "names": ", ".join(missing)}
        )


def describe() -> list[dict[str, Any]]:
    """Every channel, in the active language, and whether it works in this shop."""
    return [
        {
            "code": code,
            "label": channel.label(),
            "configured": not channel.missing(),
            "missing": channel.missing(),
        }
        for code, channel in CHANNELS.items()
    ]
