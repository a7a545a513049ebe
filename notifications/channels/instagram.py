"""Messages on Instagram, to people who wrote to the shop within a day; it has no templates.

Keeps to developers.facebook.com/docs/instagram-platform: instagram-api-with-instagram-login/
messaging-api (a thousand bytes of text, `recipient.id` as the webhook told it).
"""

from __future__ import annotations

import re

from django.conf import settings
from django.utils.translation import gettext as _

from notifications.channels import meta
from notifications.channels.message import BadAddress, Message, NotSent

NAME = "instagram"
LONGEST_BYTES = 1000
SCOPED_ID = re.compile(r"[0-9]{1,40}")


def label() -> str:
    return _("Instagram")


def missing() -> list[str]:
    names = ("INSTAGRAM_TOKEN", "INSTAGRAM_ACCOUNT_ID")
    return [name for name in names if not getattr(settings, name)]


def check(address: str) -> str:
    """The number by which Instagram knows the person to this shop; raise BadAddress."""
    if not SCOPED_ID.fullmatch(address.strip()):
        raise BadAddress(_("Write the number by which Instagram knows the person."))
    return address.strip()


def send(message: Message) -> str:
    """Meta's id of the message; raise NotSent."""
    if not meta.is_open(message):
        raise NotSent("window_closed", permanent=True)
    told = meta.post(
        f"{settings.INSTAGRAM_API_BASE}/{settings.INSTAGRAM_ACCOUNT_ID}/messages",
        token=settings.INSTAGRAM_TOKEN,
        body={"recipient": {"id": message.address}, "message": {"text": _text(message)}},
        now=message.now,
    )
    return str(told.get("message_id", ""))


def _text(message: Message) -> str:
    content = message.content
    link = f"\n{content.url}" if content.url else ""
    room = LONGEST_BYTES - len(link.encode())
    said = (content.chat or content.text).encode()[:room].decode(errors="ignore")
    return said + link
